"""Read networks of Keras 2 (tf.keras included): JSON architectures and h5 weights.

Layers compute the same as in Keras 3, so Keras's own layers are made from the old settings.
Settings of training alone (initializers, regularizers, constraints) are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import keras
import numpy as np

Array = np.ndarray
Config = Mapping[str, Any]
_INPUT = ""  # no layer has this name

_LAYERS: dict[str, type[keras.layers.Layer]] = {
    kind.__name__: kind
    for kind in (
        keras.layers.Conv1D,
        keras.layers.BatchNormalization,
        keras.layers.Activation,
        keras.layers.ReLU,
        keras.layers.MaxPooling1D,
        keras.layers.Flatten,
        keras.layers.Dense,
        keras.layers.Dropout,
        keras.layers.SpatialDropout1D,
    )
}
# Others are not scored, and hard_sigmoid is another function in Keras 3.
_ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid")
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
_DEAD = ("name", "batch_input_shape", "dtype", "trainable")


@dataclass(frozen=True)
class _Node:
    """A layer of an architecture, and the name of the layer that it reads."""

    name: str
    kind: str
    config: Config
    source: str


@dataclass(frozen=True)
class Architecture:
    """An architecture of Keras 2.

    Attributes
    ----------
    nodes
        Layers in order.
    input_shape
        Shape of the input without the batch axis.
    outputs
        Names of the layers that are outputs.
    """

    nodes: tuple[_Node, ...]
    input_shape: tuple[int | None, ...]
    outputs: tuple[str, ...]


def recognises(model: Config) -> bool:
    """Return whether this is an architecture of Keras 2: Sequential or functional."""
    version = str(model.get("keras_version"))
    return version.startswith("2.") and model.get("class_name") in tuple(_READERS)


def read_architecture(model: Config) -> Architecture:
    """Read an architecture that `recognises` accepts.

    Raises
    ------
    KeyError, TypeError, IndexError or AttributeError
        When something is missing or in the wrong place.
    ValueError
        For a functional model that is no tree of layers over one input, and for layers
        without a unique name.
    """
    architecture = _READERS[model["class_name"]](model["config"])
    seen = set()
    for place, node in enumerate(architecture.nodes, 1):
        if not (isinstance(node.name, str) and isinstance(node.kind, str)) or node.name in seen:
            raise ValueError(
                f"model: layer {place} has name {node.name!r} and class_name {node.kind!r}, "
                "expected two strings and another name than the layers before"
            )
        if not isinstance(node.config, Mapping):
            raise ValueError(f"model: layer '{node.name}' has config {node.config!r}")
        seen.add(node.name)
    return architecture


def _sequential(config: Config | Sequence[Config]) -> Architecture:
    """Read a Sequential."""
    # A list up to 2.2.2; an InputLayer stands first in tf.keras of later years only.
    layers = list(config["layers"] if isinstance(config, Mapping) else config)
    shape = tuple(layers[0]["config"]["batch_input_shape"][1:])
    if layers[0]["class_name"] == "InputLayer":
        del layers[0]
    names = [layer["config"]["name"] for layer in layers]
    nodes = tuple(
        _Node(name, layer["class_name"], layer["config"], source)
        for name, layer, source in zip(names, layers, [_INPUT, *names[:-1]], strict=True)
    )
    return Architecture(nodes, shape, (names[-1],))


def _functional(config: Config) -> Architecture:
    """Read a functional model in which each layer reads one tensor."""
    inputs = [entry[0] for entry in config["input_layers"]]
    if len(inputs) != 1 or not config["output_layers"]:
        raise ValueError(
            f"model: it has inputs {inputs} and outputs {config['output_layers']}, expected "
            "one input and at least one output"
        )
    nodes, shape = [], ()
    sources: dict[str, str] = {}
    for layer in config["layers"]:
        name, kind = layer["name"], layer["class_name"]
        if name == inputs[0]:
            shape, sources[name] = tuple(layer["config"]["batch_input_shape"][1:]), _INPUT
            continue
        match layer["inbound_nodes"]:
            case [[[str(source), 0, 0, *given]]] if source in sources and not _values(given):
                nodes.append(_Node(name, kind, layer["config"], sources[source]))
                sources[name] = name
            case _:
                raise ValueError(
                    f"model: layer '{name}' ({kind}) is shared, merges tensors or is called "
                    "with arguments, expected layers that read one tensor of a layer before"
                )
    outputs = tuple(sources[entry[0]] for entry in config["output_layers"])
    return Architecture(tuple(nodes), shape, outputs)


def _values(arguments: Sequence[Config]) -> list[object]:
    """Return what a layer is called with beside its input."""
    return [v for given in arguments for v in given.values() if v is not None]


_READERS = {"Sequential": _sequential, "Model": _functional, "Functional": _functional}


def read_weights(file: h5py.File) -> dict[str, list[Array]]:
    """Read the arrays of each layer that has any, in order.

    Parameters
    ----------
    file
        Written by `save_weights`, or by `save`, which puts them in the group model_weights.

    Raises
    ------
    KeyError, AttributeError, TypeError or ValueError
        For a file of something else, values that are not finite, and when Keras ran on a
        backend other than TensorFlow.
    """
    group = file.get("model_weights", file)
    backend = _text(group.attrs.get("backend", "tensorflow"))
    if backend != "tensorflow":
        raise ValueError(
            f"written on {backend}, where a kernel or its padding may mean another thing; load "
            "and save them once by Keras 2 on TensorFlow"
        )
    weights = {}
    for name in map(_text, group.attrs["layer_names"]):
        layer = group[name]
        names = map(_text, layer.attrs["weight_names"])
        weights[name] = [np.asarray(layer[each][()], np.float32) for each in names]
        if not all(np.isfinite(array).all() for array in weights[name]):
            raise ValueError(f"layer '{name}' has values that are not finite")
    return {name: arrays for name, arrays in weights.items() if arrays}


def _text(value: bytes | str) -> str:
    """Return an attribute of h5 as text."""
    return value.decode() if isinstance(value, bytes) else value


def assemble(architecture: Architecture, weights: dict[str, list[Array]]) -> keras.Model:
    """Build the model and set the weights of every layer.

    Raises
    ------
    ValueError
        For a layer or setting that is not supported, and weights that do not fit.
    """
    match architecture.input_shape:
        case (int(length), 4):
            tensors = {_INPUT: keras.Input((length, 4), name="sequence")}
        case shape:
            raise ValueError(
                f"model: its input has shape {shape}, expected (length, 4) with a fixed length"
            )
    layers = []
    for node in architecture.nodes:
        layer, x = _layer(node), tensors[node.source]
        try:
            tensors[node.name] = layer(x)
        except ValueError as error:
            raise ValueError(
                f"model: layer '{node.name}' ({node.kind}) cannot read what comes before it, "
                f"of shape {tuple(x.shape[1:])}"
            ) from error
        layers.append(layer)
    _hand_over([layer for layer in layers if layer.weights], weights)
    return keras.Model(tensors[_INPUT], [tensors[name] for name in architecture.outputs])


def _layer(node: _Node) -> keras.layers.Layer:
    """Make the Keras 3 layer of a Keras 2 node."""
    title = f"model: layer '{node.name}' ({node.kind})"
    if node.kind not in _LAYERS:
        raise ValueError(f"{title} is not supported, expected {', '.join(_LAYERS)}")
    config = {  # None is the default of every setting that may be None
        key: value
        for key, value in node.config.items()
        if key not in _DEAD and not key.endswith(_OF_TRAINING) and value is not None
    }
    for key, known in (("activation", _ACTIVATIONS), ("data_format", ("channels_last",))):
        if key in config and config[key] not in known:
            raise ValueError(f"{title} has {key} {config[key]!r}, expected {', '.join(known)}")
    try:
        if isinstance(config.get("axis"), list):  # of tf.keras
            (config["axis"],) = config["axis"]
        return _LAYERS[node.kind](**config, name=node.name)
    except (TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{title} has a setting that Keras refuses: {reason}") from error


def _hand_over(layers: Sequence[keras.layers.Layer], weights: dict[str, list[Array]]) -> None:
    """Set the weights of layers, after checking every shape."""
    names = [layer.name for layer in layers]
    if len(names) != len(weights):
        different = sorted(set(names) ^ set(weights))
        raise ValueError(
            f"weights: the file has arrays of {len(weights)} layers, the architecture has "
            f"{len(names)} with weights; of one only: {', '.join(different)}"
        )
    # Keras 2 numbers its layers through a session: in another one the same network has other
    # names, in the same order.
    saved = names if set(names) == set(weights) else list(weights)
    for layer, source in zip(layers, saved, strict=True):
        got = [array.shape for array in weights[source]]
        want = [tuple(variable.shape) for variable in layer.weights]
        if got != want:
            raise ValueError(
                f"weights: layer '{layer.name}' has arrays {got} (of '{source}' in the file), "
                f"expected {want}"
            )
        layer.set_weights(weights[source])
