"""Read networks of Keras 0.3 under Theano: JSON architectures and h5 weights.

Theano's convolutions flip the kernel along every axis that it spans: along the sequence, and
for kernels over (base, position) along the bases too. Graph models flatten channel by
channel, Keras 3 position by position. The weights are rearranged accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import keras
import numpy as np

Array = np.ndarray
Config = Mapping[str, Any]
_INPUT = "input"


@dataclass(frozen=True)
class _Node:
    """A layer of an architecture, and the name of the layer that it reads."""

    name: str
    config: Config
    source: str


@dataclass(frozen=True)
class Architecture:
    """An architecture of Keras 0.3.

    Attributes
    ----------
    nodes
        Layers in order.
    length
        Length of the input in bp.
    outputs
        Name of the node behind each output, by the output's name.
    is_graph
        Whether it is a Graph; else a Sequential.
    """

    nodes: tuple[_Node, ...]
    length: int
    outputs: Mapping[str, str]
    is_graph: bool


def recognises(model: Config) -> bool:
    """Return whether this is an architecture of Keras 0.3: a Sequential or a Graph."""
    return model.get("name") in tuple(_READERS)


def read_architecture(model: Config) -> Architecture:
    """Read an architecture that `recognises` accepts.

    Raises
    ------
    KeyError, TypeError or IndexError
        When something is missing or in the wrong place.
    """
    return _READERS[model["name"]](model)


def _sequential(model: Config) -> Architecture:
    """Read a Sequential, whose layers have no names."""
    layers = model["layers"]
    names = [f"layer_{i}" for i in range(len(layers))]
    nodes = tuple(map(_Node, names, layers, [_INPUT, *names[:-1]]))
    length = layers[0]["input_shape"][0]
    return Architecture(nodes, length, {names[-1]: names[-1]}, is_graph=False)


def _graph(model: Config) -> Architecture:
    """Read a Graph, whose nodes name what they read."""
    entry = model["input_config"][0]
    sources = {entry["name"]: _INPUT} | {name: name for name in model["nodes"]}
    nodes = tuple(
        _Node(node["name"], model["nodes"][node["name"]], sources[node["input"]])
        for node in model["node_config"]
    )
    heads = {head["name"]: head["input"] for head in model["output_config"]}
    outputs = {name: heads[name] for name in model["output_order"]}
    return Architecture(nodes, entry["input_shape"][2], outputs, is_graph=True)


_READERS = {"Sequential": _sequential, "Graph": _graph}


def read_weights(file: h5py.File) -> dict[str, list[Array]]:
    """Read the arrays of each group, in order; a Graph has one group for all layers.

    Raises
    ------
    KeyError or AttributeError
        For a file of something else.
    """
    return {
        name: [group[f"param_{i}"][()] for i in range(group.attrs["nb_params"])]
        for name, group in file.items()
    }


def assemble(architecture: Architecture, weights: dict[str, list[Array]]) -> keras.Model:
    """Build the model and set the weights of every layer.

    Raises
    ------
    ValueError
        For a layer or setting that is not supported, and weights that do not fit.
    """
    tensors = {_INPUT: keras.Input((architecture.length, 4), name="sequence")}
    titles = {node: name for name, node in architecture.outputs.items()}
    flattened: dict[str, tuple[int, int]] = {}
    for node in architecture.nodes:
        x = tensors[node.source]
        try:
            layer = _layer(node, titles.get(node.name, node.name))
        except KeyError as error:
            raise ValueError(f"model: layer '{node.name}' lacks the setting {error}") from error
        tensors[node.name] = layer(x)
        if isinstance(layer, keras.layers.Flatten) and architecture.is_graph:
            flattened[node.name] = tuple(x.shape[1:])
        if layer.weights:
            group = weights.get("graph" if architecture.is_graph else node.name, [])
            kernel, bias = (group.pop(0) if group else np.empty(0) for _ in range(2))
            for what, got, want in (
                ("kernel", kernel.shape, _raw_kernel_shape(node, x.shape[-1])),
                ("bias", bias.shape, tuple(layer.bias.shape)),
            ):
                if got != want:
                    raise ValueError(
                        f"weights: layer '{node.name}' has a {what} {got}, expected {want}"
                    )
            kernel = _modern_kernel(node, kernel, flattened.get(node.source))
            layer.set_weights([kernel, bias])
    left_over = sum(len(group) for group in weights.values())
    if left_over:
        raise ValueError(f"weights: {left_over} arrays belong to no layer of the architecture")
    return keras.Model(
        tensors[_INPUT], [tensors[node] for node in architecture.outputs.values()]
    )


def _layer(node: _Node, name: str) -> keras.layers.Layer:
    """Make the Keras 3 layer of a Keras 0.3 node."""
    config = node.config
    match config:
        case {"name": "Convolution1D", "subsample_length": 1, "border_mode": "valid"}:
            return _conv(config, config["filter_length"], name)
        case {"name": "Convolution2D", "subsample": [1, 1], "border_mode": "valid"}:
            return _conv(config, config["nb_col"], name)
        case {"name": "MaxPooling1D", "border_mode": "valid"}:
            return keras.layers.MaxPooling1D(config["pool_length"], config["stride"], name=name)
        case {"name": "MaxPooling2D", "border_mode": "valid", "pool_size": [1, size]}:
            return keras.layers.MaxPooling1D(size, config["strides"][1], name=name)
        case {"name": "Flatten"}:
            return keras.layers.Flatten(name=name)
        case {"name": "Dropout"}:
            return keras.layers.Dropout(config["p"], name=name)
        case {"name": "Activation"}:
            return keras.layers.Activation(config["activation"], name=name)
        case {"name": "Dense"}:
            units, activation = config["output_dim"], config["activation"]
            return keras.layers.Dense(units, activation=activation, name=name)
    raise ValueError(
        f"model: layer '{node.name}' ({config.get('name')}) or a setting of it is unknown, "
        "expected Convolution1D or 2D and MaxPooling ('valid', no stride in convolutions), "
        "Flatten, Dense, Dropout or Activation"
    )


def _conv(config: Config, width: int, name: str) -> keras.layers.Conv1D:
    """Make the convolution of a node."""
    filters, activation = config["nb_filter"], config["activation"]
    return keras.layers.Conv1D(filters, width, activation=activation, name=name)


def _raw_kernel_shape(node: _Node, channels: int) -> tuple[int, ...]:
    """Return the shape of a kernel as Keras 0.3 stores it, by the channels of its input."""
    config = node.config
    match config["name"]:
        case "Convolution1D":
            return (config["nb_filter"], channels, config["filter_length"], 1)
        case "Convolution2D" if node.source == _INPUT:
            return (config["nb_filter"], 1, channels, config["nb_col"])
        case "Convolution2D":
            return (config["nb_filter"], channels, 1, config["nb_col"])
        case _:
            return (channels, config["output_dim"])


def _modern_kernel(node: _Node, raw: Array, flattened: tuple[int, int] | None) -> Array:
    """Rearrange a kernel to Keras 3's (width, in, out), or (in, out) by position."""
    match node.config["name"]:
        case "Convolution1D":
            return raw[:, :, ::-1, 0].transpose(2, 1, 0)
        case "Convolution2D" if node.source == _INPUT:
            return raw[:, 0, ::-1, ::-1].transpose(2, 1, 0)
        case "Convolution2D":
            return raw[:, :, 0, ::-1].transpose(2, 1, 0)
    if flattened is None:
        return raw
    positions, channels = flattened
    return raw.reshape(channels, positions, -1).transpose(1, 0, 2).reshape(raw.shape)
