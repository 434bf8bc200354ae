"""Read a Keras model into a plan: the steps from its input to one scored value or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.graph.fold import fold
from dfim.attribution.graph.steps import (
    Activation,
    Concat,
    Constant,
    Curve,
    Dense,
    Input,
    Linear,
    Node,
    Softmax,
)
from dfim.attribution.graph.trace import Builder, Scope, output_tensor
from dfim.attribution.results import Head

Array = np.ndarray


@dataclass(frozen=True)
class Plan:
    """A model as steps from the scored input to the scored values, with their weights.

    Attributes
    ----------
    nodes : tuple of Node
        Inputs before what reads them. The first is the scored input, the last has the
        shape (T,): the scored values.
    length : int
        Positions of the (length, 4) input.
    """

    nodes: tuple[Node, ...]
    length: int

    @property
    def tasks(self) -> int:
        """Number T of scored values."""
        return self.nodes[-1].shape[0]

    @cached_property
    def varying(self) -> list[bool]:
        """Whether each node depends on the scored input."""
        return _varying(self.nodes)

    @cached_property
    def readers(self) -> list[list[int]]:
        """Numbers of the nodes that read each node."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for j, node in enumerate(self.nodes):
            for i in node.inputs:
                readers[i].append(j)
        return readers

    def curved(self, i: int) -> bool:
        """Tell whether a node is a dense layer that only activations read (RevealCancel's)."""
        after = [self.nodes[j].step for j in self.readers[i]]
        curves = bool(after) and all(isinstance(step, Activation | Curve) for step in after)
        return curves and isinstance(self.nodes[i].step, Dense)


def make_plan(
    model: keras.Model,
    heads: Sequence[Head] = (Head(),),
    *,
    held: Mapping[str, Array] | None = None,
) -> Plan:
    """Read a Keras model into a plan for one value of its outputs, or for several.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; models inside it are opened.
    heads : sequence of Head
        What is scored. A final sigmoid or softmax is left out, so that a logit is scored.
    held : mapping of str to array, optional
        Values (without a batch axis) of additional (fixed) inputs, by the input's name;
        those not named are zeros. The scored input is the first (length, 4) one that is
        not named here.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        For a layer or setting without a rule (it is named), an output, unit or input that
        does not exist, a fixed value of a wrong shape, and where an output does not depend
        on a (length, 4) input.
    """
    held = held or {}
    output_tensor(model, heads[0].output)  # refuses what is no built model
    scored = scored_input(model, held)
    builder = Builder()
    shape = tuple(scored.shape[1:])
    scope = Scope({scored._keras_history: builder.add(Input(), (), shape)})
    for other in model.inputs:
        if other is not scored:
            value = held_value(other, held)
            node = builder.add(Constant(value), (), value.shape[1:])
            scope.nodes[other._keras_history] = node
    picked = []
    for output, group in groupby(heads, key=lambda head: head.output):
        tensor, name = output_tensor(model, output)
        at = _pre_activation(builder.nodes, builder.trace(tensor, scope))
        if not _varying(builder.nodes)[at]:
            raise ValueError(
                f"output '{name}': it does not depend on input '{_name(scored)}', expected "
                "an output of the (length, 4) input"
            )
        picked.append(_pick(builder, at, name, [head.unit for head in group]))
    if len(picked) > 1:
        builder.add(Concat(1), tuple(picked))
    return Plan(nodes=tuple(fold(builder.nodes)), length=shape[0])


def _varying(nodes: Sequence[Node]) -> list[bool]:
    varies: list[bool] = []
    for node in nodes:
        varies.append(isinstance(node.step, Input) or any(varies[i] for i in node.inputs))
    return varies


def _name(tensor: keras.KerasTensor) -> str:
    return tensor._keras_history.operation.name


def scored_input(model: keras.Model, held: Mapping[str, Array]) -> keras.KerasTensor:
    """Find the first (length, 4) input that is not fixed."""
    names = [_name(tensor) for tensor in model.inputs]
    unknown = [name for name in held if name not in names]
    if unknown:
        raise ValueError(f"held: got '{unknown[0]}', expected names among the inputs {names}")
    for tensor, name in zip(model.inputs, names, strict=True):
        shape = tuple(tensor.shape[1:])
        if name not in held and len(shape) == 2 and shape[1] == 4 and shape[0] is not None:
            return tensor
    shapes = ", ".join(
        f"{n} {tuple(t.shape[1:])}" for n, t in zip(names, model.inputs, strict=True)
    )
    raise ValueError(
        f"model '{model.name}': its inputs have the shapes {shapes}, expected one of "
        "(length, 4) with a fixed length that `held` does not name"
    )


def held_value(tensor: keras.KerasTensor, held: Mapping[str, Array]) -> Array:
    """Give the value (1, ...) of an additional (fixed) input."""
    name, shape = _name(tensor), tuple(tensor.shape[1:])
    if name not in held:
        if None in shape:
            raise ValueError(
                f"held: input '{name}' has shape {shape}, expected a fixed shape or its value"
            )
        return np.zeros((1, *shape), np.float32)
    value = np.asarray(held[name], np.float32)
    fits = value.ndim == len(shape) and all(
        want in (None, got) for got, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"held: got shape {value.shape} for '{name}', expected {shape}")
    return value[None]


def _pre_activation(nodes: list[Node], at: int) -> int:
    """Find the node before a final sigmoid or softmax."""
    step = nodes[at].step
    final = isinstance(step, Softmax) or step == Activation("sigmoid")
    return nodes[at].inputs[0] if final else at


def _pick(builder: Builder, at: int, name: str, units: list[int]) -> int:
    """Add the node of some of the numbers that a node gives, in row order."""
    node = builder.nodes[at]
    n = int(np.prod(node.shape))
    for unit in units:
        if not 0 <= unit < n:
            raise ValueError(
                f"unit: got {unit}, expected 0 to {n - 1} (output '{name}' has {n})"
            )
    if isinstance(node.step, Dense):
        kernel = np.ascontiguousarray(node.step.kernel[:, units])
        return builder.add(Dense(kernel, node.step.bias[units]), node.inputs)

    def pick(x: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.reshape(x, (-1, n)), units, axis=1)

    return builder.add(Linear(pick, (len(units),)), (at,))
