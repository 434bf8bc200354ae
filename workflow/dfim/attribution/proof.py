"""Comparison of cropped with whole profiles on random mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfim.attribution.crops import put_columns

if TYPE_CHECKING:
    from dfim.attribution.engine import Engine
    from dfim.attribution.windowed import Windowed

SEQUENCES = 8


def largest_error(windowed: Windowed, engine: Engine, width: int) -> float:
    """Mutate random sequences and compare all differences of their profiles.

    Parameters
    ----------
    windowed : Windowed
        The crops.
    engine : Engine
        The whole profiles that they stand for.
    width : int
        Bases of the intervals; one lies at each end, fractions are among the columns.

    Returns
    -------
    float
        Largest error at any position, as a fraction of the largest score.

    Notes
    -----
    Cost: some 24 profiles, and building the graphs (together below a second).
    """
    rng = np.random.default_rng(0)
    n, length = SEQUENCES, engine.length
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, length))]
    rows = np.repeat(np.arange(n), 2)
    starts = rng.integers(0, length - width + 1, len(rows))
    starts[:2] = 0, length - width
    columns = rng.dirichlet(np.ones(4), (len(rows), width)).astype(np.float32)
    mutants = X[rows].astype(np.float32)
    put_columns(mutants, np.arange(len(rows)), columns, starts, np.full(len(rows), width))
    references = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, 1, length))]
    whole = engine.profiles(
        np.concatenate([X.astype(np.float32), mutants]),
        references,
        reference_of=np.append(np.arange(n), rows),
    ).scores
    found = windowed.differences(
        X, rows, columns, starts, starts + width, references, reference_of=np.arange(n)
    )
    error = whole[rows] - whole[n:]
    place = found.offset[:, None] + np.arange(found.delta.shape[1])
    error[np.arange(len(rows))[:, None], place] -= found.delta
    return float(np.abs(error).max() / max(np.abs(whole).max(), np.finfo(np.float32).tiny))
