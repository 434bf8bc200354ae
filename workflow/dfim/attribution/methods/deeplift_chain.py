"""Read a Keras model as a chain of layers, as the `deeplift` package needs it."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dfim.attribution.graph.trace import output_tensor

SUPPORTED = (
    "Conv1D (dilation 1, groups 1, padding valid or same), BatchNormalization on the last "
    "axis, Activation and ReLU layers, inline activations (relu, tanh, sigmoid, linear), "
    "MaxPooling1D, Flatten, Dense after Flatten, Dropout, SpatialDropout1D; one chain from "
    "a (length, 4) input to a Dense output; method 'deeplift' knows many more"
)

_ACTIVATIONS = {
    keras.activations.linear: "linear",
    keras.activations.relu: "relu",
    keras.activations.tanh: "tanh",
    keras.activations.sigmoid: "sigmoid",
}


@dataclass(frozen=True)
class Chain:
    """The layers that lead from the input of a model to one of its outputs.

    Attributes
    ----------
    layers : tuple of keras.layers.Layer
        In the order of the forward pass, without the input layer; the last one that is
        neither Dropout nor an Activation is the Dense layer whose logit is scored.
    length : int
        Positions of the input, which is (length, 4).
    name : str
        Name of the output, for messages.
    """

    layers: tuple[keras.layers.Layer, ...]
    length: int
    name: str


def unsupported(layer: keras.layers.Layer, why: str) -> ValueError:
    """Build the one error for every layer or setting that the package cannot score.

    Parameters
    ----------
    layer : keras.layers.Layer
        The layer that is in the way.
    why : str
        What about it is not supported.

    Returns
    -------
    ValueError
        Names the layer, its class, the reason and everything that is supported.
    """
    kind = type(layer).__name__
    return ValueError(f"layer '{layer.name}' ({kind}): {why}; supported: {SUPPORTED}")


def activation_kind(layer: keras.layers.Layer) -> str:
    """Name the activation of a layer: linear, relu, tanh or sigmoid.

    Parameters
    ----------
    layer : keras.layers.Layer
        Conv1D, Dense, Activation or ReLU.

    Returns
    -------
    str
        One of "linear", "relu", "tanh", "sigmoid".

    Raises
    ------
    ValueError
        For any other activation, and for a ReLU with slope, threshold or ceiling.
    """
    if isinstance(layer, keras.layers.ReLU):
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise unsupported(layer, "ReLU with max_value, negative_slope or threshold")
        return "relu"
    kind = _ACTIVATIONS.get(layer.activation)
    if kind is None:
        given = getattr(layer.activation, "__name__", repr(layer.activation))
        raise unsupported(layer, f"activation '{given}'")
    return kind


def chain_of(model: keras.Model, output: int | str = 0) -> Chain:
    """List the layers between the input of a model and one of its outputs.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built (its input length known), with one input (L, 4).
    output : int or str
        Index of the output, its name, or the name of a layer to be taken as the output.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        When the output does not exist, the model is not built or not (L, 4), or two
        branches merge on the way.
    """
    tensor, name = output_tensor(model, output)
    layers: list[keras.layers.Layer] = []
    while True:
        history = tensor._keras_history
        layer = history.operation
        if isinstance(layer, keras.layers.InputLayer):
            break
        parents = layer._inbound_nodes[history.node_index].input_tensors
        if len(parents) != 1:
            raise unsupported(layer, f"it merges {len(parents)} tensors")
        layers.append(layer)
        tensor = parents[0]
    shape = tuple(tensor.shape[1:])
    if len(shape) != 2 or shape[1] != 4 or shape[0] is None:
        raise ValueError(
            f"model '{model.name}': the input of output '{name}' has shape {shape}, "
            "expected (length, 4) with a fixed length"
        )
    return Chain(layers=tuple(reversed(layers)), length=int(shape[0]), name=name)
