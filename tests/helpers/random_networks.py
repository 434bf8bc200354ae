"""Functional networks of all layers with rules, drawn by hypothesis."""

from dataclasses import dataclass
from functools import partial

import keras
from hypothesis import strategies as st
from keras import layers

from helpers.random_chains import weighted

LENGTH = 20
SMOOTH = ("gelu", "mish", "sigmoid", "silu", "softplus", "tanh")
KINKED = ("elu", "leaky_relu", "relu", "relu6", "hard_silu", "softsign")


@dataclass(frozen=True)
class Network:
    """Parts that turn a tensor (length, channels) into another, and what ends the network."""

    parts: tuple[partial, ...]
    seed: int

    def model(self):
        x = inputs = keras.Input((LENGTH, 4))
        for part in self.parts:
            x = part(x)
        return weighted(keras.Model(inputs, x), self.seed)


def networks(*, smooth=False):
    """Up to four parts in a row, with derivatives of every order where `smooth`."""
    kind = st.sampled_from(SMOOTH if smooth else SMOOTH + KINKED)
    size = st.integers(1, 4)
    poolings = [layers.AveragePooling1D] + ([] if smooth else [layers.MaxPooling1D])
    ends = [layers.Flatten, layers.GlobalAveragePooling1D]
    ends += [] if smooth else [layers.GlobalMaxPooling1D]
    part = st.one_of(
        st.builds(partial, st.just(convolved), size=size, kind=kind, stride=st.just(2)),
        st.builds(partial, st.just(convolved), size=size, kind=kind, groups=st.just(2)),
        st.builds(partial, st.just(separated), size=size, kind=kind, whole=st.booleans()),
        st.builds(partial, st.just(residual), size=size, kind=kind, dilation=size),
        st.builds(partial, st.just(towers), kind=kind, axis=st.sampled_from([1, 2])),
        st.builds(partial, st.just(gated), size=size, kind=kind),
        st.builds(partial, st.just(squeezed), kind=kind),
        st.builds(partial, st.just(attended), axis=st.sampled_from([1, 2])),
        st.builds(partial, st.just(mixed), kind=kind),
        st.builds(partial, st.just(moved), kind=kind),
        st.builds(
            partial, st.just(pooled), layer=st.sampled_from(poolings), size=size, stride=size
        ),
    )
    end = st.builds(
        partial,
        st.just(ended),
        join=st.sampled_from(ends),
        hidden=st.none() | kind,
        last=st.sampled_from(["linear", "sigmoid", "softmax"]),
    )
    first = st.builds(partial, st.just(convolved), size=size, kind=kind)
    middle = st.lists(part, min_size=1, max_size=3)
    return st.tuples(first, middle, end, st.integers(0, 2**16)).map(
        lambda drawn: Network((drawn[0], *drawn[1], drawn[2]), drawn[3])
    )


def convolved(x, *, size, kind, stride=1, groups=1):
    grouped = groups if x.shape[2] % groups == 0 else 1
    conv = layers.Conv1D(
        6, size, strides=stride, padding="same", groups=grouped, activation=kind
    )
    return layers.BatchNormalization()(conv(x))


def separated(x, *, size, kind, whole):
    layer = layers.SeparableConv1D(4, size, padding="same", activation=kind)
    depthwise = layers.DepthwiseConv1D(size, padding="same", activation=kind)
    return layer(x) if whole else depthwise(x)


def residual(x, *, size, kind, dilation):
    channels = x.shape[2]
    y = layers.Conv1D(channels, size, dilation_rate=dilation, padding="causal")(x)
    y = layers.Conv1D(channels, 1)(layers.Activation(kind)(layers.BatchNormalization()(y)))
    return layers.Add()([x, y])


def towers(x, *, kind, axis):
    channels = x.shape[2]
    sides = [
        layers.Conv1D(channels, size, padding="same", activation=kind)(x) for size in (1, 3)
    ]
    joined = layers.Concatenate(axis)([*sides, x])
    return joined - layers.Average()([joined, layers.Rescaling(0.5, 0.1)(joined)])


def gated(x, *, size, kind):
    gate = layers.Dense(x.shape[2], activation="sigmoid")(x)
    return gate * layers.Conv1D(x.shape[2], size, padding="same", activation=kind)(x)


def squeezed(x, *, kind):
    gate = layers.Dense(3, activation=kind)(layers.GlobalAveragePooling1D()(x))
    gate = layers.Dense(x.shape[2], activation="sigmoid")(gate)
    return layers.Multiply()([x, gate])


def attended(x, *, axis):
    return layers.Multiply()([x, layers.Rescaling(3.0)(layers.Softmax(axis)(x))])


def mixed(x, *, kind):
    """Positions as channels and back."""
    turned = layers.Permute((2, 1))(x)
    return layers.Permute((2, 1))(layers.Dense(8, activation=kind)(turned))


def moved(x, *, kind):
    x = layers.Cropping1D((0, 1))(layers.ZeroPadding1D((2, 1))(layers.UpSampling1D(2)(x)))
    return layers.Activation(kind)(layers.Subtract()([x, layers.Conv1D(1, 1)(x)]))


def pooled(x, *, layer, size, stride):
    return layer(size, stride, padding="same")(x)


def ended(x, *, join, hidden, last):
    x = join()(x)
    if hidden is not None:
        x = layers.Dense(5, activation=hidden)(x)
    return layers.Dense(2, activation=last)(x)
