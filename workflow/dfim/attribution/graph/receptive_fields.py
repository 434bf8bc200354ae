"""Receptive fields: which input positions each unit of a plan sees.

Everything here follows from the architecture alone.
"""

from __future__ import annotations

import numpy as np

from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.steps import (
    Activation,
    Average,
    Concat,
    Constant,
    Curve,
    Dense,
    Fit,
    Input,
    Linear,
    Node,
    Pool,
    Product,
    Reshape,
    Softmax,
)

Array = np.ndarray


def receptive_fields(plan: Plan) -> Array:
    """List the receptive fields of the units that are not linear.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    bool (U, L)
        One row per position of an activation, a max pooling, a softmax or a product, where
        the scored values look at it; rows within an interval that another row fills are
        left out. A plan that is linear throughout has one row per nucleotide.

    Notes
    -----
    A step that reorders positions (a reshape, a transposition, a dense layer on the whole)
    counts as joining all of them: then there may be more True here than there need be.
    Time and memory are positions times L per node.
    """
    varying, seen = plan.varying, inputs_seen(plan)
    units = [np.eye(plan.length, dtype=bool)]
    for node, own, used in zip(plan.nodes, seen, _all_used(plan), strict=True):
        if _bends(node, [varying[i] for i in node.inputs]):
            units.append(own[used])
    return _widest(np.concatenate(units))


def inputs_seen(plan: Plan) -> list[Array]:
    """Compute which bases each position of each node sees: bool (positions, L) per node."""
    seen: list[Array] = []
    for node in plan.nodes:
        seen.append(_seen(node, [seen[i] for i in node.inputs], plan))
    return seen


def _all_used(plan: Plan) -> list[Array]:
    """Find the positions of each node that scored values depend on: bool (positions,) each."""
    used = [np.zeros(_positions(node), bool) for node in plan.nodes]
    used[-1][:] = True
    for own, node in zip(used[::-1], plan.nodes[::-1], strict=True):
        before = [used[i] for i in node.inputs]
        window = step_window(node.step)
        match node.step:
            case Concat(axis=1) if len(node.shape) == 2:
                cuts = np.cumsum([len(one) for one in before])[:-1]
                for one, part in zip(before, np.split(own, cuts), strict=True):
                    one |= part
            case Fit(left, right):
                inside = own[max(0, left) : len(own) - max(0, right)]
                before[0][max(0, -left) : len(before[0]) - max(0, -right)] |= inside
            case _ if window is not None:
                read = window.positions[own].ravel()
                before[0][read[(read >= 0) & (read < len(before[0]))]] = True
            case _:
                joined = isinstance(node.step, Reshape | Linear | Dense | Softmax)
                for one in before:
                    one |= own if len(one) == len(own) and not joined else own.any()
    return used


def _positions(node: Node) -> int:
    """Positions of a node; a vector is one."""
    return node.shape[0] if len(node.shape) == 2 else 1


def _bends(node: Node, varying: list[bool]) -> bool:
    """Tell whether a node is not linear in what depends on the input."""
    match node.step:
        case Average():
            return False
        case Product():
            return sum(varying) > 1
        case _:
            return isinstance(node.step, Activation | Curve | Softmax | Pool) and any(varying)


def _seen(node: Node, before: list[Array], plan: Plan) -> Array:
    """Find what each position of a node sees: bool (positions, L); a vector is one position."""
    positions = _positions(node)
    window = step_window(node.step)
    match node.step:
        case Input():
            return np.eye(plan.length, dtype=bool)
        case Constant():
            return np.zeros((positions, plan.length), bool)
        case Concat(axis=1) if len(node.shape) == 2:
            return np.concatenate(before)
        case Fit(left, right):
            padded = np.pad(before[0], ((max(0, left), max(0, right)), (0, 0)))
            return padded[max(0, -left) : len(padded) - max(0, -right)]
        case _ if window is not None:
            return _through(before[0], window.positions)
        case Reshape() | Linear() | Dense():
            return np.repeat(before[0].any(axis=0, keepdims=True), positions, axis=0)
        case Softmax(axis=1):
            return np.repeat(before[0].any(axis=0, keepdims=True), positions, axis=0)
        case _:  # elementwise, of one tensor or of several
            return np.logical_or.reduce(np.broadcast_arrays(*before))


def _through(seen: Array, positions: Array) -> Array:
    """Join what the windows `positions` (length, size) read; outside there is nothing."""
    out = np.zeros((len(positions), seen.shape[1]), bool)
    for column in positions.T:
        inside = (column >= 0) & (column < len(seen))
        out[inside] |= seen[column[inside]]
    return out


def ends(seen: Array) -> tuple[Array, Array]:
    """Find the first and last True of each row."""
    return seen.argmax(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)


def _widest(seen: Array) -> Array:
    """Leave rows out that lie in an interval that another row fills."""
    seen = seen[seen.any(axis=1)]
    first, last = ends(seen)
    gaps = seen.sum(axis=1) < last - first + 1
    # Wide rows before narrow ones of the same beginning, whole ones before those with gaps.
    order = np.lexsort((gaps, -last, first))
    kept, filled = [], -1  # end of the whole rows so far
    for row in order:
        if last[row] > filled:
            kept.append(row)
            filled = filled if gaps[row] else last[row]
    return seen[kept]
