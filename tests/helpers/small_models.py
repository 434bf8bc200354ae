"""Small Keras models with random weights, and inputs for them."""

import keras
import numpy as np
from keras import layers

LENGTH = 60


def _randomize(model, rng):
    for layer in model.layers:
        new = []
        for variable in layer.variables:
            value = rng.normal(0, 0.3, variable.shape)
            if variable.name in ("gamma", "moving_variance"):
                value = np.exp(value)
            if variable.name == "gamma":
                value = value * rng.choice([-1, 1], value.shape, p=[0.2, 0.8])
            variable.assign(value)
            new.append(value)
    return model


def conv_net(
    seed,
    *,
    padding="valid",
    pool="valid",
    pool_size=4,
    stride=None,
    norm=None,
    norm_pooled=False,
    hidden=(24,),
    hidden_kind="relu",
    units=1,
    final="sigmoid",
    depth=2,
    length=LENGTH,
):
    """Convolutions, one pooling, dense layers; `norm` is None, "before" or "after" ReLU."""
    x = inputs = keras.Input((length, 4))
    for _ in range(depth):
        x = layers.Conv1D(8, 5, padding=padding, activation=None if norm else "relu")(x)
        if norm == "before":
            x = layers.ReLU()(layers.BatchNormalization()(x))
        elif norm == "after":
            x = layers.BatchNormalization(scale=False)(layers.Activation("relu")(x))
    x = layers.MaxPooling1D(pool_size, stride, padding=pool)(layers.Dropout(0.1)(x))
    x = layers.Flatten()(layers.BatchNormalization()(x) if norm_pooled else x)
    for n in hidden:
        x = layers.Dense(n)(x)
        if norm:
            x = layers.BatchNormalization(center=False)(x)
        x = layers.Dropout(0.5)(layers.Activation(hidden_kind)(x))
    model = keras.Model(inputs, layers.Dense(units, activation=final)(x))
    return _randomize(model, np.random.default_rng(seed))


def two_heads(seed):
    """A shared convolution, one head of two units and one of a single linear unit."""
    inputs = keras.Input((LENGTH, 4))
    x = layers.MaxPooling1D(4)(layers.Conv1D(8, 5, activation="relu")(inputs))
    x = layers.Flatten()(x)
    first = layers.Activation("sigmoid", name="classes")(layers.Dense(2, name="logits")(x))
    hidden = layers.Dense(16, activation="relu")(x)
    second = layers.Dense(1, name="value")(hidden)
    return _randomize(keras.Model(inputs, [first, second]), np.random.default_rng(seed))


def one_hot(rng, n, length=LENGTH):
    """Random sequences (n, length, 4), uint8."""
    return np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, length))]


def mutants(rng, n, length=LENGTH):
    """Random sequences with N columns and fractional columns, float32."""
    X = one_hot(rng, n, length).astype(np.float32)
    X[:, 10:14] = 0
    X[:, 30:38] = [0.27, 0.23, 0.23, 0.27]
    return X


def gc_reference(length=LENGTH):
    """One constant reference (1, 1, length, 4)."""
    return np.tile(np.float32([0.27, 0.23, 0.23, 0.27]), (1, 1, length, 1))


def additive_net(length: int = 40) -> keras.Model:
    """A ReLU of each base by itself, then a weighted sum: nothing can interact."""
    inputs = keras.Input((length, 4))
    x = layers.Conv1D(6, 1, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(0, 1, w.shape) for w in model.get_weights()])
    return model
