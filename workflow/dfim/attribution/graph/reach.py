"""Structural reach: how far apart two nucleotides can be and still interact.

Importance is a product of slopes along the paths from an input to the logit. A mutation
changes a slope only where it changes the input of a unit that is not linear (an activation
or a pooling), and only nucleotides that the same unit sees are affected. Everything here
follows from the architecture alone and holds for references that the original and the
mutant share; with references of its own a mutant changes everywhere.
"""

from __future__ import annotations

import numpy as np

from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.receptive_fields import ends, inputs_seen, receptive_fields

Array = np.ndarray
_CELLS = 2**24  # pairs times units looked at together, bytes


class PlanReach:
    """Answers what is reachable from a plan: a mixin of attribution methods.

    Attributes
    ----------
    plan : Plan or None
        The steps from the input to the logit; None where they are not known.
    """

    plan: Plan | None

    def reachable(  # noqa: D102 (see Attributor)
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        if self.plan is None:
            return np.ones(len(source_start), bool)
        return reachable(self.plan, source_start, source_end, target_start, target_end)

    def structural_reach(self) -> int | None:  # noqa: D102 (see Attributor)
        return None if self.plan is None else structural_reach(self.plan)


def structural_reach(plan: Plan) -> int | None:
    """Give the largest distance at which one nucleotide can change another's importance.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int or None
        In bp between the two nucleotides (neighbours are 1 apart); None where some unit
        sees all that the scored values depend on.

    Notes
    -----
    Between the centres of two intervals of a and b bp that is reach - 1 + (a + b) / 2. It
    is a ceiling: whether a pair that close is joined depends on where the pooling windows
    fall (`reachable`). For the TAL1/GATA1 network of the paper it is 69 bp: five valid
    convolutions of width 10 (46 bp) and a pooling by 25.
    """
    first, last = ends(receptive_fields(plan))
    (start,), (end,) = ends(np.logical_or.reduce(inputs_seen(plan)[-1], axis=0, keepdims=True))
    reach = int((last - first).max())
    return None if reach == end - start else reach


def reachable(
    plan: Plan,
    source_start: Array,
    source_end: Array,
    target_start: Array,
    target_end: Array,
) -> Array:
    """Tell which sources can change the importance of which targets at all.

    Parameters
    ----------
    plan : Plan
    source_start, source_end, target_start, target_end : int (P,)
        Half-open intervals of the input, 0-based.

    Returns
    -------
    bool (P,)
        Whether some unit sees a part of both; elsewhere the FIS is 0 whatever the weights.

    Raises
    ------
    ValueError
        When an interval is empty or leaves the input.

    Notes
    -----
    Time is pairs times units; memory stays below some 100 MB.
    """
    pairs = source_start, source_end, target_start, target_end
    return _seen_together(receptive_fields(plan), *pairs)


def _seen_together(
    seen: Array,
    source_start: Array,
    source_end: Array,
    target_start: Array,
    target_end: Array,
) -> Array:
    """Tell of which pairs of intervals some unit (U, L) sees a part of both."""
    length = seen.shape[1]
    count = np.zeros((length + 1, len(seen)), np.int32)
    np.cumsum(seen.T, axis=0, out=count[1:])
    pairs = [np.asarray(a) for a in (source_start, source_end, target_start, target_end)]
    _check_intervals("source", pairs[0], pairs[1], length)
    _check_intervals("target", pairs[2], pairs[3], length)
    out = np.empty(len(pairs[0]), bool)
    step = max(1, _CELLS // len(seen))
    for i in range(0, len(out), step):
        a, b, c, d = (array[i : i + step] for array in pairs)
        out[i : i + step] = ((count[b] > count[a]) & (count[d] > count[c])).any(axis=1)
    return out


def _check_intervals(name: str, start: Array, end: Array, length: int) -> None:
    bad = np.flatnonzero((start < 0) | (end <= start) | (end > length))
    if bad.size:
        at = bad[0]
        raise ValueError(
            f"{name}: pair {at} has [{start[at]}, {end[at]}), expected 0 <= start < end "
            f"<= {length}"
        )
