"""Translate Keras layers into steps of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dfim.attribution.graph import weights
from dfim.attribution.graph.placement import pool_window
from dfim.attribution.graph.steps import (
    Activation,
    Average,
    Concat,
    Curve,
    Fit,
    GraphStep,
    Linear,
    Pool,
    Product,
    Reshape,
    Shape,
    Softmax,
    Sum,
)
from dfim.attribution.graph.supported import CURVES, FUNCTIONS, KINDS, KINKS, unsupported

Array = np.ndarray
Steps = list[GraphStep]


def layer_steps(layer: keras.Operation, shape: Shape) -> Steps:
    """Translate a layer that reads one tensor.

    Parameters
    ----------
    layer : keras.layers.Layer
        Its class must be Keras's own: a subclass may compute something else.
    shape : tuple of int
        Of its input, without the batch axis.

    Returns
    -------
    list of GraphStep
        One after the other; none where the layer does nothing at inference.

    Raises
    ------
    ValueError
        For a class, activation or setting without a rule.
    """
    steps = _operator(layer, shape)
    if steps is not None:
        return steps
    if not isinstance(layer, layers.Layer):
        raise unsupported(layer, "this operation on one tensor has no rule")
    if type(layer) not in _TRANSLATORS:
        raise unsupported(layer, "this class of layer has no rule")
    if getattr(layer, "data_format", "channels_last") not in ("channels_last", None):
        raise unsupported(layer, f"data_format={layer.data_format}")
    steps = _TRANSLATORS[type(layer)](layer, shape)
    if type(layer) in _ACTIVATED:
        steps = [*steps, *_activation(layer, shape)]
    return steps


def join_step(layer: keras.Operation, shapes: Sequence[Shape]) -> GraphStep:
    """Translate a layer, or an operator (x + y), that joins several tensors of equal rank.

    Parameters
    ----------
    layer : keras.layers.Layer or keras.Operation
    shapes : sequence of tuple of int
        Of its inputs, without the batch axis.

    Returns
    -------
    GraphStep
        Sum, Product (of the first two; the caller goes on) or Concat.

    Raises
    ------
    ValueError
        For a class without a rule.
    """
    rank, n = len(shapes[0]), len(shapes)
    # Operators have no public classes; their names are those of the layers.
    name = type(layer).__name__
    operator = not isinstance(layer, layers.Layer) and name in ("Add", "Subtract", "Multiply")
    if not operator and type(layer) not in _JOINS:
        raise unsupported(layer, f"it merges {n} tensors and has no rule")
    match name:
        case "Add":
            return Sum((1.0,) * n)
        case "Subtract":
            return Sum((1.0, -1.0))
        case "Average":
            return Sum((1.0 / n,) * n)
        case "Multiply":
            return Product()
        case _:
            axis = layer.axis if layer.axis >= 0 else rank + 1 + layer.axis
            return Concat(axis)


def _activation(layer: layers.Layer, shape: Shape) -> Steps:
    """Translate a layer's `activation`: a function or a layer."""
    function = layer.activation
    if isinstance(function, layers.Layer):
        return layer_steps(function, shape)
    if function is keras.activations.linear:
        return []
    if function is keras.activations.softmax:
        return [Softmax(len(shape))]
    name = FUNCTIONS.get(function)
    if name is None:
        given = getattr(function, "__name__", repr(function))
        raise unsupported(layer, f"activation '{given}' has no rule")
    return [_elementwise(name, function)]


def _elementwise(name: str, function: Callable[[tf.Tensor], tf.Tensor]) -> Activation | Curve:
    """Make the step of an elementwise function that is known by its name."""
    for kind in KINDS:
        if kind == name:
            return Activation(kind)
    return Curve(function, KINKS.get(name, ()))


def _operator(operation: keras.Operation, shape: Shape) -> Steps | None:
    """Translate an activation that was called as a function; None where it is none."""
    name = type(operation).__name__
    if isinstance(operation, layers.Layer):
        return None
    if name == "Softmax":
        return _softmax(operation, shape)
    known = next((key for key, kind in CURVES.items() if kind == name), None)
    if name.lower() in KINDS:  # their classes are ReLU, Tanh and Sigmoid
        known = name.lower()
    return None if known is None else [_elementwise(known, operation.call)]


def _relu(layer: layers.ReLU, shape: Shape) -> Steps:
    if layer.max_value is None and not layer.negative_slope and not layer.threshold:
        return [Activation("relu")]
    top = () if layer.max_value is None else (float(layer.max_value),)
    # Below a threshold the function starts from 0: it jumps there.
    return [Curve(layer.call, None if layer.threshold else (0.0, *top))]


def _prelu(layer: layers.PReLU, shape: Shape) -> Steps:
    alpha = np.asarray(layer.get_weights()[0], np.float32)
    everywhere = len(shape) == 1 or alpha.shape[0] == 1
    return [Curve(lambda x: tf.nn.relu(x) - alpha * tf.nn.relu(-x), (0.0,), everywhere)]


def _softmax(layer: layers.Softmax, shape: Shape) -> Steps:
    if not isinstance(layer.axis, int):
        raise unsupported(layer, f"axis={layer.axis}, expected one axis")
    return [Softmax(layer.axis if layer.axis > 0 else len(shape) + 1 + layer.axis)]


def _max_pool(layer: layers.MaxPooling1D, shape: Shape) -> Steps:
    window = pool_window(layer, shape[0])
    return [Pool(window.size, window.stride, window.left, window.length)]


def _average_pool(layer: layers.AveragePooling1D, shape: Shape) -> Steps:
    window = pool_window(layer, shape[0])
    place = (window.size, window.stride, window.left, window.length)
    return [Average(*place, padded=window.leaves(shape[0]))]


def _global_pool(layer: layers.Layer, shape: Shape) -> Steps:
    place = (shape[0], shape[0], 0, 1)
    maximum = type(layer) is layers.GlobalMaxPooling1D
    pool = Pool(*place) if maximum else Average(*place, padded=False)
    return [pool] if layer.keepdims else [pool, Reshape(shape[1:])]


def _flatten(layer: layers.Flatten, shape: Shape) -> Steps:
    return [Reshape((int(np.prod(shape)),))] if len(shape) != 1 else []


def _reshape(layer: layers.Reshape, shape: Shape) -> Steps:
    return [Reshape(tuple(layer.compute_output_shape((None, *shape))[1:]))]


def _cropping(layer: layers.Cropping1D, shape: Shape) -> Steps:
    left, right = layer.cropping
    return [Fit(-left, -right)]


def _padding(layer: layers.ZeroPadding1D, shape: Shape) -> Steps:
    left, right = layer.padding
    return [Fit(left, right)]


def _moving(layer: layers.Layer, shape: Shape) -> Steps:
    """Layers without weights that copy or move numbers."""
    return [Linear(layer.call, tuple(layer.compute_output_shape((None, *shape))[1:]))]


def _nothing(layer: layers.Layer, shape: Shape) -> Steps:
    return []


_TRANSLATORS: dict[type, Callable[..., Steps]] = {
    layers.Conv1D: weights.conv,
    layers.DepthwiseConv1D: weights.depthwise,
    layers.SeparableConv1D: weights.separable,
    layers.Dense: weights.dense,
    layers.BatchNormalization: weights.batch_normalization,
    layers.Rescaling: weights.rescaling,
    layers.Activation: _activation,
    layers.ReLU: _relu,
    layers.PReLU: _prelu,
    layers.LeakyReLU: lambda layer, shape: [Curve(layer.call, KINKS["leaky_relu"])],
    layers.ELU: lambda layer, shape: [Curve(layer.call, KINKS["elu"])],
    layers.Softmax: _softmax,
    layers.MaxPooling1D: _max_pool,
    layers.AveragePooling1D: _average_pool,
    layers.GlobalMaxPooling1D: _global_pool,
    layers.GlobalAveragePooling1D: _global_pool,
    layers.Flatten: _flatten,
    layers.Reshape: _reshape,
    layers.Cropping1D: _cropping,
    layers.ZeroPadding1D: _padding,
    **dict.fromkeys((layers.Permute, layers.RepeatVector, layers.UpSampling1D), _moving),
    **dict.fromkeys(
        (
            *(layers.Dropout, layers.SpatialDropout1D, layers.AlphaDropout),
            *(layers.GaussianDropout, layers.GaussianNoise),
            *(layers.ActivityRegularization, layers.Identity),
        ),
        _nothing,
    ),
}
_ACTIVATED = (layers.Conv1D, layers.DepthwiseConv1D, layers.SeparableConv1D, layers.Dense)
_JOINS = (layers.Add, layers.Subtract, layers.Average, layers.Multiply, layers.Concatenate)
