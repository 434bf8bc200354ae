"""Find the logits (pre-activation) of any output of a functional Keras model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from dfim.attribution.graph.plan import held_value, scored_input
from dfim.attribution.graph.trace import output_tensor

Array = np.ndarray
log = logging.getLogger(__name__)

_SQUASHING = (keras.activations.sigmoid, keras.activations.softmax)
_DENSE = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.SeparableConv1D,
)


@dataclass(frozen=True)
class ScoredLogits:
    """The logits of an output as a network of their own, and the inputs of that.

    Attributes
    ----------
    network : keras.Model
        From all inputs of the model to the one tensor that holds the logits.
    inputs : tuple of array (1, ...) or None
        For each input its fixed value; None for the sequence.
    length : int
        Positions of the sequence.
    numbers : int
        Size of all tensors between, for one sequence.
    """

    network: keras.Model
    inputs: tuple[Array | None, ...]
    length: int
    numbers: int


def scored_logit(
    model: keras.Model,
    *,
    output: int | str = 0,
    unit: int = 0,
    held: Mapping[str, Array] | None = None,
) -> ScoredLogits:
    """Find the logits of an output of a model, and its input.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; also with models inside it, or several inputs.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Which of the head's numbers, counted over its positions and channels in row order.
    held : mapping of str to array, optional
        As `dfim.attribution.graph.plan.make_plan`.

    Returns
    -------
    ScoredLogits
        Without the last sigmoid or softmax, be it a layer, an operation or the activation
        of a dense layer or convolution. Where something else ends the network, its value
        is scored as it is; a line of the log says so where a sigmoid may be hidden in it.

    Raises
    ------
    ValueError
        When the model is not built, none of its inputs is (length, 4), a fixed value does not
        fit, or there is no such output or unit.
    """
    tensor, name = output_tensor(model, output)
    held = held or {}
    sequence = scored_input(model, held)
    logits = pre_activation(tensor, name)
    sizes = logits.shape[1:]
    if None in sizes:
        raise ValueError(f"output '{name}': got shape {sizes}, expected a fixed shape")
    units = int(np.prod(sizes))
    if not 0 <= unit < units:
        raise ValueError(
            f"unit: got {unit}, expected 0 to {units - 1} (output '{name}' has {units})"
        )
    return ScoredLogits(
        network=keras.Model(model.inputs, logits),
        inputs=tuple(
            None if one is sequence else held_value(one, held) for one in model.inputs
        ),
        length=int(sequence.shape[1]),
        numbers=_numbers(logits),
    )


def pre_activation(tensor: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Find what the last sigmoid or softmax reads; the tensor itself where there is none."""
    operation, call, which = tensor._keras_history
    read = operation._inbound_nodes[call].input_tensors if operation._inbound_nodes else []
    kind = type(operation).__name__
    activation = getattr(operation, "activation", None)
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        inner = operation.outputs[which]
        logits = pre_activation(inner, name)
        if logits is inner:
            return tensor
        opened = keras.Model(operation.inputs, logits)
        return opened(read if len(read) > 1 else read[0])
    if kind in ("Sigmoid", "Softmax") and type(operation).__module__.startswith("keras."):
        return read[0]
    if activation in _SQUASHING and isinstance(operation, keras.layers.Activation):
        return read[0]
    if activation in _SQUASHING and isinstance(operation, _DENSE):
        return _linear(operation, read[0])
    if not isinstance(operation, _DENSE):
        log.info("output '%s': the value of its last layer (%s) is scored", name, kind)
    return tensor


def _linear(layer: keras.layers.Layer, read: keras.KerasTensor) -> keras.KerasTensor:
    """Apply the same layer to what it reads, without its activation."""
    config = layer.get_config() | {"activation": "linear", "name": f"{layer.name}_logit"}
    linear = type(layer).from_config(config)
    tensor = linear(read)
    linear.set_weights(layer.get_weights())
    return tensor


def _numbers(tensor: keras.KerasTensor) -> int:
    """Size of the tensors that lead to a tensor, itself included, inside models too."""
    total, stack, seen = 0, [tensor], set()
    while stack:
        tensor = stack.pop()
        operation, call, which = tensor._keras_history
        if (operation, call, which) in seen:
            continue
        seen.add((operation, call, which))
        if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            total += _numbers(operation.outputs[which])
        else:
            total += int(np.prod([size or 1 for size in tensor.shape[1:]]))
        stack.extend(operation._inbound_nodes[call].input_tensors)
    return total
