"""Fold affine steps into the layers beside them where that is exact; drop unused nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dfim.attribution.graph_steps import Depthwise, GraphStep, Node, Reshape
from dfim.attribution.steps import Affine, Conv, Dense


def fold(nodes: Sequence[Node]) -> list[Node]:
    """Fold what can be folded: nodes that only one other reads.

    Parameters
    ----------
    nodes : sequence of Node
        The last is the result.

    Returns
    -------
    list of Node
        The first, and all that the last depends on, with the same folds as
        `dfim.attribution.plan` makes in a chain.
    """
    nodes = _used(nodes)
    readers = np.bincount([i for node in nodes for i in node.inputs], minlength=len(nodes))
    done: list[Node] = []
    place: list[int] = []
    for node in nodes:
        inputs = tuple(place[i] for i in node.inputs)
        merged = None
        if len(inputs) == 1 and readers[node.inputs[0]] == 1:
            node = _flattened_first(done, inputs[0], node)
            merged = _merged(done[inputs[0]].step, node.step)
        if merged is None:
            place.append(len(done))
            done.append(replace(node, inputs=inputs))
        else:
            place.append(inputs[0])
            done[inputs[0]] = Node(merged, done[inputs[0]].inputs, node.shape)
    return done


def _used(nodes: Sequence[Node]) -> list[Node]:
    """Keep the first node and those that the last depends on."""
    used = {0, len(nodes) - 1}
    for i in range(len(nodes) - 1, 0, -1):
        if i in used:
            used.update(nodes[i].inputs)
    place = {old: new for new, old in enumerate(sorted(used))}
    return [
        replace(nodes[old], inputs=tuple(place[i] for i in nodes[old].inputs)) for old in place
    ]


def _flattened_first(done: list[Node], at: int, node: Node) -> Node:
    """Let a Flatten go before an affine step, so that a dense layer behind can take it."""
    before = done[at]
    flatten = isinstance(node.step, Reshape) and len(node.shape) == 1
    if not (flatten and isinstance(before.step, Affine) and before.step.scale.ndim == 1):
        return node
    times = node.shape[0] // len(before.step.scale)
    done[at] = Node(node.step, before.inputs, node.shape)
    scale, shift = (np.tile(v, times) for v in (before.step.scale, before.step.shift))
    return Node(Affine(scale, shift), (at,), node.shape)


def _merged(before: GraphStep, step: GraphStep) -> GraphStep | None:
    """One step that does what two do, None where there is none."""
    match before, step:
        case Conv() | Dense() | Depthwise(), Affine(scale, shift) if scale.ndim == 1:
            own = (
                scale.reshape(before.kernel.shape[1:])
                if isinstance(before, Depthwise)
                else scale
            )
            return replace(
                before,
                kernel=(before.kernel * own).astype(np.float32),
                bias=(before.bias * scale + shift).astype(np.float32),
            )
        case Affine(), Affine() if before.scale.ndim == step.scale.ndim == 1:
            return Affine(before.scale * step.scale, before.shift * step.scale + step.shift)
        case Affine(scale, shift), Dense():
            return replace(
                step,
                kernel=(step.kernel * scale[:, None]).astype(np.float32),
                bias=(step.bias + shift @ step.kernel).astype(np.float32),
            )
        case Affine(scale, shift), Conv() if scale.ndim == 1 and not step.padded:
            bias = step.bias + np.einsum("wio,i->o", step.kernel, shift)
            return replace(
                step,
                kernel=(step.kernel * scale[:, None]).astype(np.float32),
                bias=bias.astype(np.float32),
            )
        case _:
            return None
