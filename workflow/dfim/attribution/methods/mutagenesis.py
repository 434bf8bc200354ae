"""In silico mutagenesis (ISM): the logit after every substitution of a single base."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dfim.attribution.base import Attributor
from dfim.attribution.checks import ReferenceGroups, check_one_hot
from dfim.attribution.results import Array, Block, Wanted

_BASES = np.eye(4, dtype=np.uint8)
_PASSES = 16  # of a block, where one row needs fewer: the last one is padded


def mutagenesis(attributor: Attributor, X: Array) -> Array:
    """Score every substitution of a single base.

    Parameters
    ----------
    attributor : Attributor
        Gives the logits; its method does not matter.
    X : uint8 or float32 (N, L, 4)
        Columns may hold fractions or zeros.

    Returns
    -------
    float32 (N, L, 4)
        Logit with the base in that position minus logit of X; 0 at the bases of X. In a
        column without a base (N, or fractions) all four count as substitutions.

    Raises
    ------
    ValueError
        When X has another shape or type.

    Notes
    -----
    Cost: 3 L + 1 forward passes per sequence, of the attributor's one batch shape, so a row
    does not depend on the others. Memory: the result and a few batches.
    """
    check_one_hot("X", X, (None, attributor.length, 4))
    changes = np.empty(X.shape, np.float32)
    for rows, _, block in _changes(attributor, X):
        changes[rows] = block
    return changes


class Mutagenesis(Attributor):
    """Scores a base by its logit minus the mean logit of the three other bases (ISM).

    Parameters
    ----------
    predictor : Attributor
        Gives the logits.
    observed : bool
        As `dfim.attribution.make_attributor`.

    Notes
    -----
    The contribution of a base is logit(x) minus the mean logit of x with each of the three
    other bases in its place. With fractions in a column, each base counts by its fraction
    and in each case against the three others; N contributes 0. So the FIS of two
    nucleotides is their pairwise ISM: 0, but for rounding, where their effects add up. There
    is no reference, and no sum that contributions should have: the convergence delta is NaN.

    Cost: 3 L + 1 forward passes per profile; a map of W nucleotides has 3 W + 1 profiles.
    """

    needs_references = False

    def __init__(self, predictor: Attributor, *, observed: bool = True) -> None:
        self.method, self.observed = "mutagenesis", observed
        self.length, self.batch_size = predictor.length, predictor.batch_size
        self._predictor = predictor

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        return self._predictor.predict_logit(X)

    def reachable(  # noqa: D102 (see Attributor)
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        # What cannot change the other's slope does not interact with it either.
        return self._predictor.reachable(source_start, source_end, target_start, target_end)

    def structural_reach(self) -> int | None:  # noqa: D102 (see Attributor)
        return self._predictor.structural_reach()

    def _blocks(
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        for rows, target, changes in _changes(self._predictor, X):
            x = X[rows]
            others = (changes.sum(axis=2, keepdims=True) - changes) / np.float32(3)
            values = changes - others
            if wanted != "hypothetical":
                values = values * x
            if wanted == "scores":
                values = (values * x if self.observed else values).sum(axis=2)
            none = np.full((1, len(x)), np.nan, np.float32)
            yield Block(rows, values[None], target[None], none, none)


def _changes(attributor: Attributor, X: Array) -> Iterator[tuple[slice, Array, Array]]:
    """Rows, their logits, and changes (n, L, 4) of the logit by each base in each position."""
    size = attributor.batch_size
    rows_a_block = max(1, _PASSES * size // (3 * X.shape[1]))
    for start in range(0, len(X), rows_a_block):
        x = X[start : start + rows_a_block]
        target = attributor.predict_logit(x)
        changes = np.zeros(x.shape, np.float32)
        pure = (x == 0).sum(axis=2, keepdims=True) == 3
        substitutions = np.stack(np.nonzero(~(pure & (x == 1))))
        for first in range(0, substitutions.shape[1], size):
            row, position, base = substitutions[:, first : first + size]
            mutants = x[row]
            mutants[np.arange(len(row)), position] = _BASES[base]
            changes[row, position, base] = attributor.predict_logit(mutants) - target[row]
        yield slice(start, start + len(x)), target, changes
