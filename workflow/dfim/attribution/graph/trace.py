"""Follow the calls of Keras layers from an output back to the inputs, also inside models."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras

from dfim.attribution.graph.layers import join_step, layer_steps
from dfim.attribution.graph.steps import (
    Concat,
    GraphStep,
    Node,
    Product,
    Reshape,
    Shape,
    shape_after,
)
from dfim.attribution.graph.supported import unsupported

# Which call of which layer, and which of its outputs.
Call = tuple[keras.Operation, int, int]


@dataclass
class Scope:
    """What the tensors of one model are, in one call of that model.

    Attributes
    ----------
    nodes : dict
        Node of each tensor that is known; the model's inputs to begin with.
    inner : dict
        Scopes of the models that are called inside.
    """

    nodes: dict[Call, int]
    inner: dict[Call, Scope] = field(default_factory=dict)


class Builder:
    """Collects the nodes of a graph.

    A layer that is called twice becomes two nodes, a tensor that is read twice one.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, step: GraphStep, inputs: tuple[int, ...], shape: Shape | None = None) -> int:
        """Append a node and return its number; its shape follows from its inputs'."""
        if shape is None:
            shape = shape_after(step, [self.nodes[i].shape for i in inputs])
        self.nodes.append(Node(step, inputs, tuple(shape)))
        return len(self.nodes) - 1

    def trace(self, tensor: keras.KerasTensor, scope: Scope) -> int:
        """Add what leads to a tensor, inputs first, and return its node.

        Deep networks would exceed Python's recursion limit; only models inside models recurse.
        """
        stack = [tensor]
        while stack:
            call = stack[-1]._keras_history
            missing = [t for t in _read_by(call) if t._keras_history not in scope.nodes]
            if call in scope.nodes:
                stack.pop()
            elif missing:
                stack.extend(reversed(missing))
            else:
                inputs = tuple(scope.nodes[t._keras_history] for t in _read_by(call))
                scope.nodes[call] = self._call(call, inputs, scope)
        return scope.nodes[tensor._keras_history]

    def _call(self, call: Call, inputs: tuple[int, ...], scope: Scope) -> int:
        """Add one call of a layer, an operator or a model."""
        operation, index, which = call
        if not inputs:
            raise unsupported(operation, "it reads no input of the model")
        if isinstance(operation, keras.Model):
            key = (operation, index, 0)
            if key not in scope.inner:
                scope.inner[key] = Scope(_bind(operation, inputs))
            return self.trace(operation.outputs[which], scope.inner[key])
        if len(inputs) > 1 or isinstance(operation, keras.layers.Concatenate):
            return self._join(operation, inputs)
        (at,) = inputs
        for step in layer_steps(operation, self.nodes[at].shape):
            at = self.add(step, (at,))
        return at

    def _join(self, layer: keras.Operation, inputs: tuple[int, ...]) -> int:
        shapes = [self.nodes[i].shape for i in inputs]
        step = join_step(layer, shapes)
        rank = max(len(shape) for shape in shapes)
        if not isinstance(step, Concat) and any(len(shape) < rank for shape in shapes):
            if not isinstance(layer, keras.layers.Layer):
                raise unsupported(layer, f"tensors of unequal rank {shapes}")
            # Keras puts the axes that are missing before the others.
            inputs = tuple(
                i
                if len(shape) == rank
                else self.add(Reshape((1,) * (rank - len(shape)) + shape), (i,))
                for i, shape in zip(inputs, shapes, strict=True)
            )
        if not isinstance(step, Product):
            return self.add(step, inputs)
        at, *others = inputs
        for other in others:
            at = self.add(step, (at, other))
        return at


def _read_by(call: Call) -> list[keras.KerasTensor]:
    operation, index, _ = call
    return operation._inbound_nodes[index].input_tensors


def _bind(model: keras.Model, inputs: tuple[int, ...]) -> dict[Call, int]:
    """Give the inputs of a model inside the model the nodes that it is called on."""
    tensors = getattr(model, "inputs", None)
    if not tensors or len(tensors) != len(inputs):
        raise unsupported(model, "a model without symbolic inputs and outputs")
    return {t._keras_history: i for t, i in zip(tensors, inputs, strict=True)}


def output_tensor(model: keras.Model, output: int | str) -> tuple[keras.KerasTensor, str]:
    """Find the symbolic tensor of a head.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built.
    output : int or str
        Index of the output, its name, or the name of a layer to be taken as the output.

    Returns
    -------
    tensor : keras.KerasTensor
    name : str
        For messages.

    Raises
    ------
    ValueError
        When the model is not built or has no such output.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"model: got {type(model).__name__}, expected a Keras model")
    tensors = getattr(model, "outputs", None)
    if not tensors:
        raise ValueError(
            f"model '{model.name}': it has no symbolic outputs, expected a Sequential or "
            "functional model that is built (give it an Input layer)"
        )
    # A Sequential has no output_names.
    names = list(
        getattr(model, "output_names", [t._keras_history.operation.name for t in tensors])
    )
    if isinstance(output, str):
        if output in names:
            return tensors[names.index(output)], output
        found = [layer for layer in model.layers if layer.name == output]
        if found:
            return found[0].output, output
        layers = ", ".join(layer.name for layer in model.layers)
        raise ValueError(
            f"output: got '{output}', expected one of the outputs {names} or layers {layers}"
        )
    if not 0 <= output < len(tensors):
        raise ValueError(
            f"output: got {output}, expected 0 to {len(tensors) - 1} (outputs {names})"
        )
    return tensors[output], names[output]
