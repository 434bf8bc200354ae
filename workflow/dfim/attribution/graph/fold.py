"""Simplify a plan, exactly: fold affine steps, drop what nothing reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.steps import (
    Activation,
    Affine,
    Average,
    Conv,
    Curve,
    Dense,
    Depthwise,
    GraphStep,
    Node,
    Pool,
    Reshape,
)


def fold(nodes: Sequence[Node]) -> list[Node]:
    """Simplify the nodes of a plan.

    Parameters
    ----------
    nodes : sequence of Node
        The last is the result.

    Returns
    -------
    list of Node
        The first, and all that the last depends on. An affine step (batch normalization)
        that only one other node reads is gone: into the convolution or dense layer before
        it, else into a dense layer or a convolution without padding behind it. Positions
        that a pooling drops at the end are not computed.
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
            merged = _merged(done[inputs[0]], node.step)
        if merged is None:
            place.append(len(done))
            done.append(replace(node, inputs=inputs))
        else:
            place.append(inputs[0])
            done[inputs[0]] = Node(merged, done[inputs[0]].inputs, node.shape)
    return _trimmed(done)


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


def _merged(node: Node, step: GraphStep) -> GraphStep | None:
    """Merge a node and the step behind it into one step; None where there is none."""
    match node.step, step:
        case Conv() | Dense() as before, Affine(scale, shift) if scale.ndim == 1:
            depthwise = isinstance(before, Depthwise)
            own = scale.reshape(before.kernel.shape[1:]) if depthwise else scale
            return replace(
                before,
                kernel=(before.kernel * own).astype(np.float32),
                bias=(before.bias * scale + shift).astype(np.float32),
            )
        case Affine() as before, Affine() if before.scale.ndim == step.scale.ndim == 1:
            return Affine(before.scale * step.scale, before.shift * step.scale + step.shift)
        case Affine(scale, shift), Dense():
            return replace(
                step,
                kernel=(step.kernel * scale[:, None]).astype(np.float32),
                bias=(step.bias + shift @ step.kernel).astype(np.float32),
            )
        case Affine(scale, shift), Conv() if type(step) is Conv and scale.ndim == 1:
            if step_window(step).leaves(node.shape[0]):
                return None  # the zeros of the padding are not shifted
            bias = step.bias + np.einsum("wio,i->o", step.kernel, shift)
            return replace(
                step,
                kernel=(step.kernel * scale[:, None]).astype(np.float32),
                bias=bias.astype(np.float32),
            )
        case _:
            return None


def _trimmed(nodes: list[Node]) -> list[Node]:
    """Cut positions off the ends of nodes whose readers never look there."""
    wanted = [node.shape[0] for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for j, node in enumerate(nodes):
        for i in node.inputs:
            readers[i].append(j)
    for i in range(len(nodes) - 2, 0, -1):
        if _shortens(nodes[i].step) or _follows(nodes[i]):
            looks = (_looked_at(nodes[j], wanted[j], wanted[i]) for j in readers[i])
            wanted[i] = max(looks)
    for i, node in enumerate(nodes):
        if _follows(node):  # whatever became of what it reads
            nodes[i] = replace(node, shape=nodes[node.inputs[0]].shape)
        elif _shortens(node.step) and wanted[i] < node.shape[0]:
            step = replace(node.step, length=wanted[i])
            nodes[i] = Node(step, node.inputs, (wanted[i], *node.shape[1:]))
    return nodes


def _shortens(step: GraphStep) -> TypeGuard[Conv | Pool]:
    """Tell whether a step can give fewer positions of the same input."""
    return isinstance(step, Conv | Pool) and not isinstance(step, Average)


def _follows(node: Node) -> bool:
    """Tell whether a node has the positions of its input, however many there are."""
    same = isinstance(node.step, Activation) or (
        isinstance(node.step, Curve) and node.step.everywhere
    )
    return same and len(node.shape) == 2


def _looked_at(node: Node, positions: int, length: int) -> int:
    """Count the first positions of an input of so many that some positions of a node need."""
    window = step_window(node.step)
    if window is not None:
        return min(length, (positions - 1) * window.stride + window.span - window.left)
    return positions if _follows(node) else length
