"""The steps of a plan, and how each Keras layer becomes steps (weights read once)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from dfim.attribution.trace import Chain, activation_kind, unsupported

Array = np.ndarray


@dataclass(frozen=True)
class Conv:
    """1-D cross-correlation, stride 1: kernel (width, in, out), bias (out,).

    `left` zeros stand before the input; `length` is the number of positions that come out,
    so that zeros on the right, or what is cropped there, follow from both.
    """

    kernel: Array
    bias: Array
    left: int
    length: int
    padded: bool


@dataclass(frozen=True)
class Affine:
    """x * scale + shift on the last axis; scale and shift (channels,)."""

    scale: Array
    shift: Array


@dataclass(frozen=True)
class Activation:
    """Elementwise relu, tanh or sigmoid."""

    kind: Literal["relu", "tanh", "sigmoid"]


@dataclass(frozen=True)
class Pool:
    """Maximum over `length` windows of `size` positions every `stride`.

    The first window begins `left` positions before the input; `padded` says whether any
    window reaches beyond the input.
    """

    size: int
    stride: int
    left: int
    length: int
    padded: bool


@dataclass(frozen=True)
class Flatten:
    """(length, channels) to length * channels, position-major."""

    length: int


@dataclass(frozen=True)
class Dense:
    """x @ kernel + bias: kernel (in, out), bias (out,)."""

    kernel: Array
    bias: Array


Step = Conv | Affine | Activation | Pool | Flatten | Dense


def translate(chain: Chain) -> list[Step]:
    """Translate each layer into its steps; the final sigmoid is left out."""
    steps: list[Step] = []
    shape: tuple[int, ...] = (chain.length, 4)
    for layer in chain.layers:
        new = _layer_steps(layer, shape)
        for step in new:
            shape = _shape_after(step, shape)
        steps += new
    if steps and steps[-1] == Activation("sigmoid"):
        steps.pop()
    return steps


def _layer_steps(layer: keras.layers.Layer, shape: tuple[int, ...]) -> list[Step]:
    """Translate one layer whose input has `shape` (without the batch axis)."""
    match layer:
        case keras.layers.Dropout() | keras.layers.SpatialDropout1D():
            return []
        case keras.layers.Conv1D():
            return [_conv(layer, shape), *_activation(layer)]
        case keras.layers.Dense():
            if len(shape) != 1:
                raise unsupported(layer, f"Dense on {len(shape)}-D input, put Flatten first")
            kernel, bias = _kernel_and_bias(layer)
            return [Dense(kernel=kernel, bias=bias), *_activation(layer)]
        case keras.layers.BatchNormalization():
            return [_affine(layer, shape)]
        case keras.layers.Activation() | keras.layers.ReLU():
            return _activation(layer)
        case keras.layers.MaxPooling1D():
            return [_pool(layer, shape)]
        case keras.layers.Flatten():
            return [Flatten(length=shape[0])] if len(shape) == 2 else []
        case _:
            raise unsupported(layer, "this class of layer")


def _shape_after(step: Step, shape: tuple[int, ...]) -> tuple[int, ...]:
    match step:
        case Conv():
            return (step.length, step.kernel.shape[2])
        case Pool():
            return (step.length, shape[1])
        case Flatten():
            return (shape[0] * shape[1],)
        case Dense():
            return (step.kernel.shape[1],)
        case _:
            return shape


def _activation(layer: keras.layers.Layer) -> list[Step]:
    kind = activation_kind(layer)
    return [] if kind == "linear" else [Activation(kind)]


def _kernel_and_bias(layer: keras.layers.Layer) -> tuple[Array, Array]:
    weights = [np.asarray(w, np.float32) for w in layer.get_weights()]
    bias = weights[1] if layer.use_bias else np.zeros(weights[0].shape[-1], np.float32)
    return weights[0], bias


def _conv(layer: keras.layers.Conv1D, shape: tuple[int, ...]) -> Conv:
    settings = {
        "strides": (tuple(layer.strides), (1,)),
        "dilation_rate": (tuple(layer.dilation_rate), (1,)),
        "groups": (layer.groups, 1),
        "data_format": (layer.data_format, "channels_last"),
    }
    for name, (got, expected) in settings.items():
        if got != expected:
            raise unsupported(layer, f"{name}={got}")
    if layer.padding not in ("valid", "same"):
        raise unsupported(layer, f"padding='{layer.padding}'")
    kernel, bias = _kernel_and_bias(layer)
    extra = kernel.shape[0] - 1
    same = layer.padding == "same"
    return Conv(
        kernel=kernel,
        bias=bias,
        left=extra // 2 if same else 0,
        length=shape[0] if same else shape[0] - extra,
        padded=same and extra > 0,
    )


def _pool(layer: keras.layers.MaxPooling1D, shape: tuple[int, ...]) -> Pool:
    if layer.data_format != "channels_last":
        raise unsupported(layer, f"data_format={layer.data_format}")
    size, stride = layer.pool_size[0], layer.strides[0]
    if layer.padding == "valid":
        length = (shape[0] - size) // stride + 1
        return Pool(size=size, stride=stride, left=0, length=length, padded=False)
    length = -(-shape[0] // stride)
    missing = max(0, (length - 1) * stride + size - shape[0])
    return Pool(size=size, stride=stride, left=missing // 2, length=length, padded=missing > 0)


def _affine(layer: keras.layers.BatchNormalization, shape: tuple[int, ...]) -> Affine:
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    if axis not in (-1, len(shape)):
        raise unsupported(layer, f"axis={axis}")
    weights = [np.asarray(w, np.float64) for w in layer.get_weights()]
    gamma = weights.pop(0) if layer.scale else np.ones(shape[-1])
    beta = weights.pop(0) if layer.center else np.zeros(shape[-1])
    mean, variance = weights
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return Affine(scale=scale, shift=beta - mean * scale)
