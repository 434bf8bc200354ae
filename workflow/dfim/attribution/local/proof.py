"""Comparison of windowed with whole profiles on random mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfim.sequences.mutations import put_columns

if TYPE_CHECKING:
    from dfim.attribution.local.cropped import Cropped
    from dfim.attribution.local.windowed import Windowed

SEQUENCES = 8
# Of the largest score: what is allowed for rounding. A wrong window is off by 1e-3.
TOLERANCE = 1e-5


class InexactWindowsError(RuntimeError):
    """Windows of a model do not give the differences of its whole profiles."""


def prove(windowed: Windowed | Cropped, what: str) -> None:
    """Refuse windows that differ from whole profiles of random mutants.

    Parameters
    ----------
    windowed : Windowed or Cropped
    what : str
        Name of the windows, for the error.

    Raises
    ------
    InexactWindowsError
        Where the largest error is above `TOLERANCE`, or no number.
    """
    worst = largest_error(windowed)
    if not worst <= TOLERANCE:
        raise InexactWindowsError(
            f"{what} differ from whole profiles by {worst:.1e} of the largest score, expected "
            f"at most {TOLERANCE:.0e}"
        )


def largest_error(windowed: Windowed | Cropped) -> float:
    """Mutate random sequences and compare all differences of their profiles.

    Parameters
    ----------
    windowed : Windowed or Cropped
        Its windows are compared with the whole profiles of its engine.

    Returns
    -------
    float
        Largest error at any position, as a fraction of the largest score. One interval lies
        at each end, and fractions are among the columns; so does a given target.

    Notes
    -----
    Cost: some 24 profiles and references, and building the graphs.
    """
    rng = np.random.default_rng(0)
    engine, width = windowed.engine, windowed.width
    n, length = SEQUENCES, engine.length
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, length))]
    rows = np.repeat(np.arange(n), 2)
    starts = rng.integers(0, length - width + 1, len(rows))
    targets = rng.integers(0, length - windowed.size + 1, len(rows))
    starts[:2], targets[2:4] = (0, length - width), (0, length - windowed.size)
    columns = rng.dirichlet(np.ones(4), (len(rows), width)).astype(np.float32)
    mutants = X[rows].astype(np.float32)
    put_columns(mutants, np.arange(len(rows)), columns, starts, np.full(len(rows), width))
    references = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, 1, length))]
    both = np.concatenate([X.astype(np.float32), mutants])
    whole = engine._profiles(both, references, np.append(np.arange(n), rows)).scores.reshape(
        engine.tasks, len(both), length
    )
    given = {} if windowed.reaches else {"targets": (np.arange(len(rows)), targets)}
    found = windowed.differences(
        X, rows, columns, starts, starts + width, references,
        reference_of=np.arange(n), **given,
    )  # fmt: skip
    error = whole[:, rows] - whole[:, n:]
    place = found.offset[:, None] + np.arange(windowed.size)
    index = np.arange(len(rows))[:, None], place
    rest = error[:, *index] - found.delta.reshape(engine.tasks, *place.shape)
    if windowed.reaches:
        error[:, *index] = rest  # elsewhere nothing may change
    else:
        error = rest
    return float(np.abs(error).max() / max(np.abs(whole).max(), np.finfo(np.float32).tiny))
