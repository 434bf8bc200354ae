"""How far apart two nucleotides can be and still change each other's importance.

Importance is a product of slopes along the paths from an input to the logit. A mutation
changes a slope only where it changes the input of a unit that is not linear (an activation
or a pooling), and it is felt only by the nucleotides that the same unit sees. Everything
here follows from the architecture alone and holds for references that the original and the
mutant share; with references of its own a mutant changes everywhere.
"""

from __future__ import annotations

import numpy as np

from dfim.attribution.plan import Plan
from dfim.attribution.steps import Activation, Conv, Dense, Pool, Step

Array = np.ndarray
_CELLS = 2**24  # pairs times units looked at together, bytes


def receptive_fields(plan: Plan) -> Array:
    """List what each of the last units that are not linear sees of the input.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    bool (U, L)
        One row a position of the last activation or pooling (its channels see the same),
        or a single row where a hidden dense layer joins all positions. A plan that is
        linear throughout has one row a nucleotide.
    """
    before, joined = _local_steps(plan)
    lengths = [plan.length]
    for step in before:
        lengths.append(step.length if isinstance(step, Conv | Pool) else lengths[-1])
    seen = np.ones((1, lengths[-1]), bool) if joined else np.eye(lengths[-1], dtype=bool)
    for step, length in zip(reversed(before), reversed(lengths[:-1]), strict=True):
        if isinstance(step, Conv):
            seen = _seen_before(seen, step.kernel.shape[0], 1, step.left, length)
        elif isinstance(step, Pool):
            seen = _seen_before(seen, step.size, step.stride, step.left, length)
    return seen


def structural_reach(plan: Plan) -> int | None:
    """Give the largest distance at which one nucleotide can change another's importance.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int or None
        In bp between the two nucleotides (neighbours are 1 apart); None where a hidden
        dense layer joins everything.

    Notes
    -----
    Between the centres of two intervals of a and b bp that is reach - 1 + (a + b) / 2. It
    is a ceiling: whether a pair that close is joined depends on where the pooling windows
    fall (`reachable`). For the TAL1/GATA1 network of the paper it is 69 bp: five valid
    convolutions of width 10 (46 bp) and a pooling by 25.
    """
    if _local_steps(plan)[1]:
        return None
    seen = receptive_fields(plan)
    first, last = seen.argmax(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
    return int((last - first).max())


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
    return seen_together(receptive_fields(plan), *pairs)


def seen_together(
    seen: Array,
    source_start: Array,
    source_end: Array,
    target_start: Array,
    target_end: Array,
) -> Array:
    """Tell of which pairs of intervals some unit sees a part of both.

    Parameters
    ----------
    seen : bool (U, L)
        What each unit sees of the input.
    source_start, source_end, target_start, target_end : int (P,)

    Returns
    -------
    bool (P,)

    Raises
    ------
    ValueError
        When an interval is empty or leaves the input.
    """
    length = seen.shape[1]
    count = np.zeros((length + 1, len(seen)), np.int32)
    np.cumsum(seen.T, axis=0, out=count[1:])
    pairs = [np.asarray(a) for a in (source_start, source_end, target_start, target_end)]
    for name, start, end in (("source", *pairs[:2]), ("target", *pairs[2:])):
        bad = np.flatnonzero((start < 0) | (end <= start) | (end > length))
        if bad.size:
            at = bad[0]
            raise ValueError(
                f"{name}: pair {at} has [{start[at]}, {end[at]}), expected 0 <= start < end "
                f"<= {length}"
            )
    out = np.empty(len(pairs[0]), bool)
    step = max(1, _CELLS // len(seen))
    for i in range(0, len(out), step):
        a, b, c, d = (array[i : i + step] for array in pairs)
        out[i : i + step] = ((count[b] > count[a]) & (count[d] > count[c])).any(axis=1)
    return out


def _local_steps(plan: Plan) -> tuple[tuple[Step, ...], bool]:
    """List the steps before the first dense one, up to the last that is not linear.

    The flag says that something behind a hidden dense layer is not linear: then everything
    that reaches the dense layer is joined, and all steps before it count.
    """
    curved = [i for i, s in enumerate(plan.steps) if isinstance(s, Activation | Pool)]
    dense = next(i for i, s in enumerate(plan.steps) if isinstance(s, Dense))
    last = curved[-1] + 1 if curved else 0
    return plan.steps[: min(last, dense)], last > dense


def _seen_before(seen: Array, size: int, stride: int, left: int, length: int) -> Array:
    """Carry (U, positions behind a step) to the `length` positions before it."""
    positions = seen.shape[1]
    padded = np.zeros((len(seen), left + length + size + (positions - 1) * stride), bool)
    for t in range(size):
        padded[:, t : t + (positions - 1) * stride + 1 : stride] |= seen
    return padded[:, left : left + length]
