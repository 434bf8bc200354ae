"""Loading models: Keras 3 files, and the networks published as Keras 0.3 JSON and h5."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

Array = np.ndarray
Config = Mapping[str, Any]
_INPUT = "input"


def load_model(
    path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None
) -> keras.Model:
    """Load a model from a file.

    Parameters
    ----------
    path : path
        A `.keras` file of Keras 3, or the `.json` architecture of a Keras 0.3 network: a
        Sequential of Convolution1D layers over (length, 4) or a Graph of Convolution2D
        layers over (1, 4, length), as the paper's two published networks are.
    weights : path, optional
        The h5 file that Keras 0.3 wrote; required with an architecture.

    Returns
    -------
    keras.Model
        Not compiled; reads (N, length, 4). Heads of a Graph keep their order and names
        (output0, ...).

    Raises
    ------
    ValueError
        When a file is missing, damaged or something else than a model, when weights are
        missing or do not fit, and for a layer that is not supported.

    Notes
    -----
    Keras 0.3 ran on Theano, whose convolutions flip the kernel along every axis that it
    spans: along the sequence, and for kernels over (base, position) along the bases too.
    Its Graph models flatten channel by channel, Keras 3 position by position. The weights
    are rearranged accordingly, once.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"model: {path} does not exist, expected a .keras or .json file")
    if path.suffix == ".keras":
        if weights is not None:
            raise ValueError(f"weights: got {weights}, but {path} holds its own weights")
        return _load_keras(path)
    if path.suffix != ".json":
        raise ValueError(f"model: {path} ends in '{path.suffix}', expected .keras or .json")
    if weights is None:
        raise ValueError(
            f"model: {path} is an architecture without weights, give its h5 file as weights"
        )
    return _assemble(_read_architecture(path), _read_weights(Path(weights)))


def _load_keras(path: Path) -> keras.Model:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"model: {path} is damaged or not a .keras file (not a zip archive)")
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"model: {path} cannot be loaded by Keras: {reason}") from error


@dataclass(frozen=True)
class _Node:
    """A layer of an architecture, and the name of what it reads."""

    name: str
    config: Config
    source: str


@dataclass(frozen=True)
class _Architecture:
    """Nodes in order, input length, {output name: node name}, the model's class."""

    nodes: tuple[_Node, ...]
    length: int
    outputs: Mapping[str, str]
    is_graph: bool


def _read_architecture(path: Path) -> _Architecture:
    try:
        model = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"model: {path} is not JSON: {error}") from error
    readers = {"Sequential": _sequential, "Graph": _graph}
    kind = model.get("name") if isinstance(model, dict) else None
    if kind not in readers:
        raise ValueError(f"model: {path} is not a Keras 0.3 Sequential or Graph architecture")
    try:
        return readers[kind](model)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"model: {path} is not a complete Keras 0.3 {kind} architecture ({error!r})"
        ) from error


def _sequential(model: Config) -> _Architecture:
    layers = model["layers"]
    names = [f"layer_{i}" for i in range(len(layers))]
    nodes = tuple(map(_Node, names, layers, [_INPUT, *names[:-1]]))
    length, _ = layers[0]["input_shape"]
    return _Architecture(nodes, length, {names[-1]: names[-1]}, is_graph=False)


def _graph(model: Config) -> _Architecture:
    (entry,) = model["input_config"]
    sources = {entry["name"]: _INPUT} | {name: name for name in model["nodes"]}
    nodes = tuple(
        _Node(node["name"], model["nodes"][node["name"]], sources[node["input"]])
        for node in model["node_config"]
    )
    heads = {head["name"]: head["input"] for head in model["output_config"]}
    outputs = {name: heads[name] for name in model["output_order"]}
    return _Architecture(nodes, entry["input_shape"][2], outputs, is_graph=True)


def _read_weights(path: Path) -> dict[str, list[Array]]:
    """Read the arrays of each group, in order; a Graph has one group for all layers."""
    try:
        with h5py.File(path, "r") as file:
            return {
                name: [group[f"param_{i}"][()] for i in range(group.attrs["nb_params"])]
                for name, group in file.items()
            }
    except OSError as error:
        raise ValueError(f"weights: {path} is missing, damaged or not an h5 file") from error
    except (KeyError, AttributeError) as error:
        raise ValueError(f"weights: {path} holds no Keras 0.3 weights ({error})") from error


def _assemble(architecture: _Architecture, weights: dict[str, list[Array]]) -> keras.Model:
    """Build the model and hand every layer its weights."""
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
    filters, activation = config["nb_filter"], config["activation"]
    return keras.layers.Conv1D(filters, width, activation=activation, name=name)


def _raw_kernel_shape(node: _Node, channels: int) -> tuple[int, ...]:
    """Shape of a kernel as Keras 0.3 stores it, for an input of so many channels."""
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
    """Turn a kernel into Keras 3's (width, in, out), or (in, out) position-major."""
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
