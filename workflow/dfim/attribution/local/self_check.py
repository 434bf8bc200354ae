"""Compare a local scorer with whole profiles on random mutants before it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from dfim.attribution.checks import ReferenceGroups
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.results import Differences
from dfim.sequences.mutations import put_columns

Array = np.ndarray
SEQUENCES = 8  # of two mutants each
# Of the largest score: what is allowed for rounding, of which up to 1.2e-6 was seen (untrained
# network of the paper's shape). A wrong position is off by 1e-3 and more.
TOLERANCE = 1e-5


class SelfCheckError(RuntimeError):
    """A local scorer and the whole profiles of its model differ."""


class LocalScorer(Protocol):
    """Scores mutants without computing whole profiles of them.

    Attributes
    ----------
    engine : Engine
        Whose profiles are meant.
    width : int
        Bases of the widest mutated interval that it was made for.
    size : int
        Bases of a target.
    reaches : bool
        Whether the target of a mutant is all that it can change; else targets are given.
    """

    engine: Engine
    width: int
    size: int
    reaches: bool

    def differences(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        targets: tuple[Array, Array] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Differences:
        """Compare mutants with their originals: see `windowed.Windowed.differences`."""
        ...


def self_check(scorer: LocalScorer, name: str) -> None:
    """Raise where a scorer differs from whole profiles of 16 random mutants.

    Parameters
    ----------
    scorer : LocalScorer
    name : str
        What it scores by, for the error.

    Raises
    ------
    SelfCheckError
        Where the largest error is above `TOLERANCE`, or not a number.

    Notes
    -----
    Passing is evidence, not proof: other sequences, references and widths are not compared.
    """
    worst = largest_error(scorer)
    if not worst <= TOLERANCE:
        raise SelfCheckError(
            f"{name} differ from whole profiles by {worst:.1e} of the largest score, expected "
            f"at most {TOLERANCE:.0e}"
        )


def largest_error(scorer: LocalScorer) -> float:
    """Mutate random sequences and compare all differences of their profiles.

    Parameters
    ----------
    scorer : LocalScorer
        Compared with the whole profiles of its engine.

    Returns
    -------
    float
        Largest error at any position, as a fraction of the largest score. Two of the 16
        intervals lie at the ends of the sequence, as do two of the given targets; columns hold
        fractions.

    Notes
    -----
    Cost: 24 profiles with one reference each, and building the graphs.
    """
    rng = np.random.default_rng(0)
    engine, width = scorer.engine, scorer.width
    n, length = SEQUENCES, engine.length
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, length))]
    rows = np.repeat(np.arange(n), 2)
    starts = rng.integers(0, length - width + 1, len(rows))
    targets = rng.integers(0, length - scorer.size + 1, len(rows))
    starts[:2], targets[2:4] = (0, length - width), (0, length - scorer.size)
    columns = rng.dirichlet(np.ones(4), (len(rows), width)).astype(np.float32)
    mutants = X[rows].astype(np.float32)
    put_columns(mutants, np.arange(len(rows)), columns, starts, np.full(len(rows), width))
    references = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, 1, length))]
    both = np.concatenate([X.astype(np.float32), mutants])
    groups = ReferenceGroups(references, np.append(np.arange(n), rows))
    profiles = engine._profiles(both, groups if engine.needs_references else None)
    whole = profiles.scores.reshape(engine.tasks, len(both), length)
    differences = scorer.differences(
        X, rows, columns, starts, starts + width, references,
        reference_of=np.arange(n),
        targets=None if scorer.reaches else (np.arange(len(rows)), targets),
    )  # fmt: skip
    error = whole[:, rows] - whole[:, n:]
    place = differences.offset[:, None] + np.arange(scorer.size)
    index = np.arange(len(rows))[:, None], place
    rest = error[:, *index] - differences.delta.reshape(engine.tasks, *place.shape)
    if scorer.reaches:
        error[:, *index] = rest  # elsewhere nothing may change
    else:
        error = rest
    return float(np.abs(error).max() / max(np.abs(whole).max(), np.finfo(np.float32).tiny))
