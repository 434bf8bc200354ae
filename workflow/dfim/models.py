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


def load_model(
    path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None
) -> keras.Model:
    """Load a model from a file.

    Parameters
    ----------
    path : path
        A `.keras` file of Keras 3, or the JSON architecture of Keras 0.3 (a Sequential of
        Convolution1D layers, or a Graph of Convolution2D layers over (1, 4, length)).
    weights : path, optional
        The h5 file of the weights; required with a JSON architecture.

    Returns
    -------
    keras.Model
        Reads (N, length, 4). Heads of a Graph keep their order and names (output0, ...).

    Raises
    ------
    ValueError
        When a file is missing, damaged or something else than a model, when weights are
        missing or do not fit, and for a layer that is not supported.

    Notes
    -----
    Keras 0.3 ran on Theano, whose convolutions flip the kernel along every axis it spans:
    along the sequence, and for kernels over (base, position) along the bases as well. Its
    Graph models flatten channel by channel, Keras 3 position by position. The weights are
    rearranged accordingly, once.
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
    nodes, length, outputs, is_graph = _read_architecture(path)
    if weights is None:
        raise ValueError(
            f"model: {path} is an architecture without weights, give its h5 file as weights"
        )
    return _assemble(nodes, length, outputs, _read_weights(Path(weights), is_graph=is_graph))


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
    """A layer of a Keras 0.3 architecture, and the name of what it reads."""

    name: str
    config: Config
    source: str


def _read_architecture(path: Path) -> tuple[list[_Node], int, dict[str, str], bool]:
    """Read nodes, input length, {output name: node name}, and whether it is a Graph."""
    try:
        model = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"model: {path} is not JSON: {error}") from error
    kind = model.get("name") if isinstance(model, dict) else None
    try:
        if kind == "Sequential":
            names = [f"layer_{i}" for i in range(len(model["layers"]))]
            sources = ["input", *names]
            nodes = [
                _Node(name, config, source)
                for name, config, source in zip(names, model["layers"], sources, strict=False)
            ]
            length, _ = model["layers"][0]["input_shape"]
            return nodes, length, {names[-1]: names[-1]}, False
        if kind == "Graph":
            nodes = [
                _Node(node["name"], model["nodes"][node["name"]], node["input"])
                for node in model["node_config"]
            ]
            (entry,) = model["input_config"]
            nodes = [
                _Node(n.name, n.config, "input" if n.source == entry["name"] else n.source)
                for n in nodes
            ]
            _, _, length = entry["input_shape"]
            heads = {head["name"]: head["input"] for head in model["output_config"]}
            return nodes, length, {name: heads[name] for name in model["output_order"]}, True
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"model: {path} is not a complete Keras 0.3 {kind} architecture ({error!r})"
        ) from error
    raise ValueError(f"model: {path} is not a Keras 0.3 Sequential or Graph architecture")


def _read_weights(path: Path, *, is_graph: bool) -> dict[str, list[Array]]:
    """Read the parameters of each group, in order; a Graph has one group for all layers."""
    try:
        with h5py.File(path, "r") as file:
            return {
                name: [group[f"param_{i}"][()] for i in range(group.attrs["nb_params"])]
                for name, group in file.items()
            }
    except OSError as error:
        raise ValueError(f"weights: {path} is missing, damaged or not an h5 file") from error
    except (KeyError, AttributeError) as error:
        raise ValueError(
            f"weights: {path} does not hold Keras 0.3 weights ({error})"
        ) from error


def _assemble(
    nodes: list[_Node], length: int, outputs: dict[str, str], weights: dict[str, list[Array]]
) -> keras.Model:
    """Build the model and hand every layer its weights; nodes behind no output are skipped."""
    tensors = {"input": keras.Input((length, 4), name="sequence")}
    titles = {node: name for name, node in outputs.items()}
    flattened: dict[str, tuple[int, int]] = {}
    in_one_group = "graph" in weights
    for node in nodes:
        x = tensors[node.source]
        layer = _layer(node, titles.get(node.name, node.name))
        tensors[node.name] = layer(x)
        if isinstance(layer, keras.layers.Flatten) and in_one_group:
            flattened[node.name] = tuple(x.shape[1:])
        if not layer.weights:
            continue
        group = weights.get("graph" if in_one_group else node.name, [])
        kernel, bias = (group.pop(0) if group else np.empty(0) for _ in range(2))
        expected = _raw_kernel_shape(node, x.shape[-1])
        for what, got, want in (("kernel", kernel.shape, expected), ("bias", bias.shape, None)):
            want = want or layer.bias.shape
            if got != want:
                raise ValueError(
                    f"weights: {what} of layer '{node.name}' has shape {got}, expected {want}"
                )
        layer.set_weights([_modern_kernel(node, kernel, flattened.get(node.source)), bias])
    return keras.Model(tensors["input"], [tensors[node] for node in outputs.values()])


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
        f"model: layer '{node.name}' ({config['name']}) or a setting of it is not supported, "
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
        case "Convolution2D" if node.source == "input":
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
        case "Convolution2D" if node.source == "input":
            return raw[:, 0, ::-1, ::-1].transpose(2, 1, 0)
        case "Convolution2D":
            return raw[:, :, 0, ::-1].transpose(2, 1, 0)
    if flattened is None:
        return raw
    positions, channels = flattened
    return raw.reshape(channels, positions, -1).transpose(1, 0, 2).reshape(raw.shape)
