"""Small functional models with random weights, one for each kind of layer."""

import keras
import numpy as np
from keras import layers

from helpers.small_models import LENGTH

SCALES = ("gamma", "moving_variance")


def randomized(model, seed, size=0.3):
    """Give every variable random values; those of scales positive ones."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" in variable.name:
            continue
        value = rng.normal(0, size, variable.shape)
        variable.assign(np.exp(value) if variable.name in SCALES else value)
    return model


def _input(length=LENGTH):
    return keras.Input((length, 4), name="sequence")


def _model(x, inputs, seed=11, units=2):
    if len(x.shape) == 3:
        x = layers.Flatten()(x)
    return randomized(keras.Model(inputs, layers.Dense(units)(x)), seed)


def stacked(*body):
    """Layers one after the other behind a convolution with ReLU, and a dense head."""
    x = inputs = _input()
    x = layers.Conv1D(6, 5, activation="relu")(x)
    for layer in body:
        x = layer(x)
    return _model(x, inputs)


def basset():
    """Convolutions with batch normalization, poolings, two hidden dense layers, sigmoid."""
    x = inputs = _input()
    for filters, width, pool in ((8, 7, 3), (8, 5, 2)):
        x = layers.Conv1D(filters, width, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling1D(pool)(layers.Activation("gelu")(x))
    x = layers.Flatten()(x)
    for units in (16, 12):
        x = layers.Dropout(0.3)(layers.LeakyReLU(0.2)(layers.Dense(units)(x)))
    return randomized(keras.Model(inputs, layers.Dense(3, activation="sigmoid")(x)), 1)


def bpnet(length=LENGTH, filters=8, dilated=3, width=7, crop=True):
    """Dilated residual convolutions; a head of a profile and one of counts (with a control)."""
    inputs = _input(length)
    control = keras.Input((2,), name="control")
    x = layers.Conv1D(filters, width, activation="relu")(inputs)
    for i in range(1, dilated + 1):
        padding = "valid" if crop else "same"
        y = layers.Conv1D(filters, 3, padding=padding, dilation_rate=2**i, activation="relu")(x)
        x = layers.Add()([layers.Cropping1D(2**i)(x) if crop else x, y])
    profile = layers.Flatten(name="profile")(layers.Conv1D(1, 5)(x))
    pooled = layers.GlobalAveragePooling1D()(x)
    counts = layers.Dense(1, name="counts")(layers.Concatenate()([pooled, control]))
    return randomized(keras.Model([inputs, control], [profile, counts]), 2)


def towers():
    """Convolutions of several widths side by side, joined by channels and by positions."""
    inputs = _input()
    sides = [
        layers.Conv1D(4, width, padding="same", activation="relu")(inputs) for width in (3, 7)
    ]
    causal = layers.Conv1D(8, 3, padding="causal", activation="elu")(inputs)
    x = layers.Concatenate()(sides)
    x = layers.Concatenate(axis=1)([x, causal])
    return _model(layers.MaxPooling1D(5, padding="same")(x), inputs)


def separable():
    """Separable, depthwise, strided and grouped convolutions."""
    x = inputs = _input()
    x = layers.SeparableConv1D(8, 5, depth_multiplier=2, activation="relu")(x)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", activation="tanh")(x)
    x = layers.BatchNormalization()(layers.Conv1D(8, 5, strides=2, padding="same")(x))
    x = layers.Conv1D(8, 3, groups=4, dilation_rate=2, activation="softplus")(x)
    x = layers.DepthwiseConv1D(3, strides=2, use_bias=False)(x)
    return _model(layers.AveragePooling1D(4, 3, padding="same")(x), inputs)


def nested():
    """A model in a model, read twice, and a sequential one; weights are shared."""
    inputs = _input()
    inner = keras.Input((LENGTH, 4))
    y = layers.Conv1D(5, 5, activation="relu")(inner)
    branch = keras.Model(inner, [layers.GlobalMaxPooling1D()(y), layers.Flatten()(y)])
    flipped = layers.Permute((2, 1))(layers.Reshape((4, LENGTH))(inputs))
    first, second = branch(inputs), branch(flipped)
    tail = keras.Sequential([keras.Input((10,)), layers.Dense(6, activation="relu")])
    x = tail(layers.Concatenate()([first[0], second[0]]))
    return _model(layers.Concatenate()([x, first[1]]), inputs)


def shared():
    """One convolution that is called twice, and a sum, difference and mean of tensors."""
    inputs = _input()
    conv = layers.Conv1D(4, 5, padding="same", activation="relu")
    once = conv(inputs)
    twice = conv(once)
    x = layers.Subtract()([layers.Average()([once, twice]), twice])
    x = layers.ReLU(max_value=0.4, negative_slope=0.1)(keras.activations.gelu(x) + once)
    return _model(keras.ops.tanh(keras.activations.relu(x) - once), inputs)


def gated():
    """Products: a gate by channel, a gate by position, a square."""
    inputs = _input()
    x = layers.Conv1D(6, 5, activation="silu")(inputs)
    pooled = layers.GlobalAveragePooling1D()(x)
    gate = layers.Dense(6, activation="sigmoid")(layers.Dense(3, activation="relu")(pooled))
    x = layers.Multiply()([x, gate])
    weights = layers.Rescaling(40.0)(layers.Softmax(axis=1)(layers.Dense(1)(x)))
    return _model(layers.Multiply()([x, weights * weights, weights]), inputs)


def softmax_inside():
    """A softmax over channels in the middle, and one at the end."""
    x = inputs = _input()
    x = layers.Conv1D(5, 5, activation="softmax")(x)
    x = layers.Flatten()(layers.BatchNormalization(axis=1)(x))
    x = layers.Dense(8, activation="elu")(x)
    return randomized(keras.Model(inputs, layers.Dense(3, activation="softmax")(x)), 4)


MODELS = {
    "basset": basset,
    "bpnet": bpnet,
    "towers": towers,
    "separable": separable,
    "nested": nested,
    "shared": shared,
    "gated": gated,
    "softmax": softmax_inside,
    "moves": lambda: stacked(
        layers.ZeroPadding1D((2, 3)),
        layers.UpSampling1D(2),
        layers.Rescaling(1.5, 0.2),
        layers.PReLU(shared_axes=[1]),
        layers.GaussianNoise(0.1),
        layers.BatchNormalization(),
        layers.Conv1D(4, 3, activation=layers.LeakyReLU(0.3)),
        layers.Dense(3, activation="mish"),
        layers.GlobalMaxPooling1D(keepdims=True),
        layers.Reshape((3,)),
        layers.RepeatVector(2),
    ),
}
