"""Which pairs of features interact: p and q of pair scores, and how far to trust them.

A pair's null is the same pair of positions in shuffled sequences (paper section
2.4). The null is narrow and heavy-tailed, so the share of null pairs that a test
calls is measured, on sequences that its null was not fitted to, and kept with it.
"""

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfim.pairs.scores import PairScores
from dfim.scoring.provenance import require_same_info
from dfim.statistics.significance import (
    FEW,
    fit_gaussian,
    p_empirical,
    p_gaussian,
)

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Reduce = Literal["sum", "max_abs"]
PairTail = Literal["two_sided", "upper", "min_tail", "empirical"]
Pool = Literal["per_task", "per_map", "global"]


@dataclass(frozen=True)
class PairClasses:
    """Unordered classes of pairs by the names of their features.

    Attributes
    ----------
    of_pair
        (P,) index of each pair's class.
    names
        The two names of each class, in alphabetical order.
    """

    of_pair: NDArray[np.int64]
    names: tuple[tuple[str, str], ...]

    def label(self, index: int) -> str:
        """Label a class for display: ELF1–SIX5."""
        return "–".join(self.names[index])

    def index_of(self, names: tuple[str, str] | list[str]) -> int:
        """Find the class of two names in any order; a `ValueError` if no pair has it."""
        wanted = tuple(sorted(names))
        if wanted not in self.names:
            raise ValueError(f"pair class {wanted}: no pair has it; there are {self.names}")
        return self.names.index(wanted)


def pair_classes(scores: PairScores) -> PairClasses:
    """Group ordered pairs into unordered classes by name."""
    names, code = np.unique(scores.features.name, return_inverse=True)
    a, b = code[scores.source], code[scores.target]
    key = np.minimum(a, b) * len(names) + np.maximum(a, b)
    found, of_pair = np.unique(key, return_inverse=True)
    pairs = tuple((str(names[k // len(names)]), str(names[k % len(names)])) for k in found)
    return PairClasses(of_pair, pairs)


def _values(scores: PairScores, reduce: Reduce) -> Floats:
    """Return the scores to test, NaN where no path of the network joins source and target.

    Such pairs have a FIS of exactly 0 whatever the weights, and would narrow the null.
    """
    chosen = scores.fis if reduce == "sum" else scores.fis_max_abs
    return np.where(scores.reachable, chosen.astype(np.float64), np.nan)


def _p(x: Floats, null: Floats, tail: PairTail, *, warn: bool = True) -> Floats:
    if tail == "empirical":
        return p_empirical(x, null, absolute=True)
    return p_gaussian(x, fit_gaussian(null, warn=warn), tail)


def _can_test(null: Floats, tail: PairTail) -> bool:
    known = null[np.isfinite(null)]
    return bool(known.size) and (tail == "empirical" or bool(np.ptp(known) > 0))


def pair_p_values(
    scores: PairScores,
    null: PairScores,
    *,
    reduce: Reduce = "sum",
    tail: PairTail = "two_sided",
    pool: Pool = "per_task",
) -> Floats:
    """Compute p-values of pair scores against scores of shuffled sequences.

    Parameters
    ----------
    scores, null
        Real and null scores of the same model output and settings.
    reduce
        `sum`: signed FIS over the target; `max_abs`: its largest absolute
        position, as the authors' notebook.
    tail
        `two_sided` (doubled), `upper`, `min_tail` (the original code: smaller
        tail, not doubled), or `empirical` on absolute values. Of `max_abs` only
        `empirical` is a fair test.
    pool
        `per_task` and `global`: one null of all sequences (an analysis scores
        one output, so they are the same); `per_map`: one per sequence, which
        needs many null shuffles.

    Returns
    -------
    (P,) p-values; NaN for pairs with no path between them, and, with `per_map`,
    for sequences whose null scores are all the same, which no Gaussian fits.

    Raises
    ------
    ValueError
        `max_abs` with a two-sided test; scores and null of different methods, models or
        settings; but for `per_map`, a null of which no pair has a path between its features.
    """
    require_same_info((scores.info, null.info), "compare")
    if reduce == "max_abs" and tail == "two_sided":
        raise ValueError(
            "tail: got 'two_sided' with reduce='max_abs', which has no sign; expected "
            "'empirical' (or 'upper', 'min_tail' for parity)"
        )
    if pool != "per_map" and not null.reachable.any():
        raise ValueError(
            f"null: no path of the network joins any of its {len(null)} pairs, so there is "
            "nothing to test; expected features near enough to interact"
        )
    return _p_by_pool(
        _values(scores, reduce), _owner(scores), _values(null, reduce), _owner(null), tail, pool
    )


def _owner(scores: PairScores) -> NDArray[np.int64]:
    """Return the sequence of each pair."""
    return scores.features.sequence[scores.source]


def _p_by_pool(
    x: Floats,
    owner: NDArray[np.int64],
    null: Floats,
    null_owner: NDArray[np.int64],
    tail: PairTail,
    pool: Pool,
) -> Floats:
    if pool != "per_map":
        return _p(x, null, tail)
    p = np.full(len(x), np.nan)
    order, null_order = np.argsort(owner, kind="stable"), np.argsort(null_owner, kind="stable")
    sequences = np.unique(owner)
    low, high = (np.searchsorted(owner[order], sequences, side=s) for s in ("left", "right"))
    null_low, null_high = (
        np.searchsorted(null_owner[null_order], sequences, side=s) for s in ("left", "right")
    )
    n_null = null_high - null_low
    if tail != "empirical" and n_null.min(initial=FEW) < FEW:
        few = int((n_null < FEW).sum())
        log.warning("%d of %d sequences have fewer than %d null scores", few, len(n_null), FEW)
    for i in range(len(sequences)):
        mine = order[low[i] : high[i]]
        own_null = null[null_order[null_low[i] : null_high[i]]]
        if np.isfinite(x[mine]).any() and _can_test(own_null, tail):
            p[mine] = _p(x[mine], own_null, tail, warn=False)
    return p


def realised_null_rate(
    null: PairScores, *, reduce: Reduce, tail: PairTail, alpha: float, pool: Pool = "per_task"
) -> Floats:
    """Test the pairs of the null against other pairs of the null (cross-fitted).

    The null is halved by sequences, or with `per_map` within each sequence (its
    first shuffles against its last); each half is tested against the other, so
    no pair is judged by a null that it helped to fit.

    Returns
    -------
    (P,) 1 where called, 0 where not, NaN where not tested (one sequence alone
    cannot be halved). Its mean is the realised false-positive rate, to compare
    with alpha.
    """
    x, owner = _values(null, reduce), _owner(null)
    called = np.full(len(x), np.nan)
    sequences, rank = np.unique(owner, return_inverse=True)
    if pool == "per_map":
        size = np.bincount(rank)
        order = np.argsort(rank, kind="stable")
        place = np.empty(len(x), np.int64)
        place[order] = np.arange(len(x)) - np.repeat(np.cumsum(size) - size, size)
        half = place < size[rank] // 2
    elif len(sequences) < 2:
        return called
    else:  # by rank, not by row number: the rows of an analysis may all be even
        half = (rank % 2).astype(bool)
    for mine in (half, ~half):
        p = _p_by_pool(x[mine], owner[mine], x[~mine], owner[~mine], tail, pool)
        called[mine] = np.where(np.isnan(p), np.nan, p < alpha)
    return called
