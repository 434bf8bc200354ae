"""Translate layers with weights into steps, without their activations."""

from __future__ import annotations

import numpy as np
from keras import layers

from dfim.attribution.graph.placement import conv_window
from dfim.attribution.graph.steps import (
    Affine,
    Conv,
    Dense,
    Depthwise,
    GraphStep,
    Reshape,
    Shape,
)

Array = np.ndarray
Steps = list[GraphStep]


def conv(layer: layers.Conv1D, shape: Shape) -> Steps:
    """Convolution with any padding, stride, dilation and groups."""
    (kernel,), bias = _weights(layer)
    if layer.groups > 1:  # exact: a whole kernel with zeros between the groups
        _, inputs, outputs = kernel.shape
        group = np.arange(outputs) // (outputs // layer.groups)
        own = np.arange(layer.groups * inputs)[:, None] // inputs == group
        kernel = np.tile(kernel, (1, layer.groups, 1)) * own.astype(np.float32)
    window = conv_window(layer, shape[0])
    place = (window.left, window.length, window.stride, window.dilation)
    return [Conv(kernel, bias, *place)]


def depthwise(layer: layers.DepthwiseConv1D, shape: Shape) -> Steps:
    """Convolution of each channel alone."""
    (kernel,), bias = _weights(layer)
    window = conv_window(layer, shape[0])
    return [Depthwise(kernel, bias, window.left, window.length, window.stride, window.dilation)]


def separable(layer: layers.SeparableConv1D, shape: Shape) -> Steps:
    """Convolution of each channel alone, then across channels."""
    (kernel, pointwise), bias = _weights(layer)
    window = conv_window(layer, shape[0])
    none = np.zeros(pointwise.shape[1], np.float32)
    return [
        Depthwise(kernel, none, window.left, window.length, window.stride, window.dilation),
        Conv(pointwise, bias, left=0, length=window.length),
    ]


def dense(layer: layers.Dense, shape: Shape) -> Steps:
    """Dense layer; on (length, channels) it is a convolution of width 1."""
    (kernel,), bias = _weights(layer)
    if len(shape) == 1:
        return [Dense(kernel, bias)]
    positions = int(np.prod(shape[:-1]))
    across = Conv(kernel[None], bias, left=0, length=positions)
    if len(shape) == 2:
        return [across]
    return [Reshape((positions, shape[-1])), across, Reshape((*shape[:-1], len(bias)))]


def batch_normalization(layer: layers.BatchNormalization, shape: Shape) -> Steps:
    """Batch normalization along any one axis, as it is at inference."""
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    axis = axis if axis > 0 else len(shape) + 1 + axis
    weights = [np.asarray(w, np.float64) for w in layer.get_weights()]
    size = shape[axis - 1]
    gamma = weights.pop(0) if layer.scale else np.ones(size)
    beta = weights.pop(0) if layer.center else np.zeros(size)
    mean, variance = weights
    scale = gamma / np.sqrt(variance + layer.epsilon)
    after = (1,) * (len(shape) - axis)  # the axes behind it, where it is not the last
    return [
        Affine(scale.reshape(-1, *after), (beta - mean * scale).reshape(-1, *after)),
    ]


def rescaling(layer: layers.Rescaling, shape: Shape) -> Steps:
    """Constant scale and offset."""
    values = (np.asarray(v, np.float64) for v in (layer.scale, layer.offset))
    scale, offset = (np.broadcast_to(v, shape[-1:]) for v in values)
    return [Affine(scale, offset)]


def _weights(layer: layers.Layer) -> tuple[list[Array], Array]:
    """Kernels and bias of a convolution or dense layer, float32."""
    weights = [np.asarray(w, np.float32) for w in layer.get_weights()]
    if layer.use_bias:
        return weights[:-1], weights[-1]
    last = weights[-1].shape
    outputs = last[-1] * last[-2] if type(layer) is layers.DepthwiseConv1D else last[-1]
    return weights, np.zeros(outputs, np.float32)
