"""Describe layers of a Keras model as the dictionaries that the `deeplift` package reads."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from dfim.attribution.methods.deeplift_chain import activation_kind, unsupported

Array = np.ndarray


def layer_list(layers: tuple[keras.layers.Layer, ...], length: int) -> list[dict[str, Any]]:
    """Describe layers as the package takes them; the last activation is left out.

    Parameters
    ----------
    layers : tuple of keras.layers.Layer
        From the input on; the last with weights is a Dense layer.
    length : int
        Positions of the (length, 4) input.

    Returns
    -------
    list of dict
        Class name, and settings with weights, of each layer.

    Raises
    ------
    ValueError
        For a layer or setting that the package does not know.
    """
    described = [_describe(layer) for layer in layers]
    while described[-1]["class_name"] in ("Activation", "Dropout"):
        described.pop()
    if described[-1]["class_name"] != "Dense":
        raise unsupported(layers[-1], "the deeplift package scores a Dense layer only")
    described[-1]["config"]["activation"] = "linear"
    described[0]["config"]["batch_input_shape"] = (None, length, 4)
    return described


def _describe(layer: keras.layers.Layer) -> dict[str, Any]:
    """Give one layer's class, settings and weights."""
    config: dict[str, Any] = {"weights": [np.asarray(w) for w in layer.get_weights()]}
    match layer:
        case keras.layers.Conv1D():
            config |= _conv_settings(layer)
        case keras.layers.Dense():
            if _rank(layer) != 1:
                raise unsupported(layer, "Dense on 2-D input")
            config["activation"] = activation_kind(layer)
        case keras.layers.Activation() | keras.layers.ReLU():
            return {
                "class_name": "Activation",
                "config": {"activation": activation_kind(layer)},
            }
        case keras.layers.MaxPooling1D():
            config |= {
                "pool_size": layer.pool_size,
                "strides": layer.strides,
                "padding": layer.padding,
            }
        case keras.layers.BatchNormalization():
            config |= _norm_settings(layer, config["weights"])
        case keras.layers.Dropout() | keras.layers.SpatialDropout1D():
            return {"class_name": "Dropout", "config": {}}
        case keras.layers.Flatten():
            pass
        case _:
            raise unsupported(layer, "this class of layer")
    return {"class_name": type(layer).__name__, "config": config}


def _conv_settings(layer: keras.layers.Conv1D) -> dict[str, Any]:
    if layer.groups > 1 or tuple(layer.dilation_rate) != (1,):
        raise unsupported(layer, "groups or dilation")
    if layer.padding not in ("valid", "same"):
        raise unsupported(layer, f"padding='{layer.padding}'")
    names = ("filters", "kernel_size", "padding", "strides")
    return {"activation": activation_kind(layer)} | {n: getattr(layer, n) for n in names}


def _norm_settings(
    layer: keras.layers.BatchNormalization, weights: list[Array]
) -> dict[str, Any]:
    if layer.axis not in (-1, _rank(layer)):
        raise unsupported(layer, f"axis={layer.axis}")
    if not layer.scale:
        weights = [np.ones_like(weights[0]), *weights]
    if not layer.center:
        weights = [weights[0], np.zeros_like(weights[0]), *weights[1:]]
    return {"weights": weights, "axis": -1, "epsilon": layer.epsilon}


def _rank(layer: keras.layers.Layer) -> int:
    """Axes of what a layer reads, without that of the batch."""
    return len(layer._inbound_nodes[0].input_tensors[0].shape) - 1
