"""Chains of layers that the `deeplift` package knows, drawn by hypothesis."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from keras import layers

KINDS = ("relu", "tanh", "sigmoid")
EITHER, SAME = ("valid", "same"), ("same",)
# Widths up to, paddings of the convolution and the pooling: positions must not run out.
_ROOM = ((5, EITHER, EITHER), (3, EITHER, SAME), (5, SAME, SAME))
# No example is made smaller: every step builds and compiles networks.
SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def weighted(model, seed):
    """Random weights of a size that leaves units far from saturation, where slopes are."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" in variable.name:
            continue
        kernel = "kernel" in variable.name
        size = 1.5 / np.sqrt(np.prod(variable.shape[:-1])) if kernel else 0.3
        value = rng.normal(0, size, variable.shape)
        if variable.name in ("gamma", "moving_variance"):
            value = np.exp(value)
        if variable.name == "gamma":
            value *= rng.choice([-1, 1], value.shape, p=[0.2, 0.8])
        variable.assign(value)
    return model


@dataclass(frozen=True)
class Drawn:
    """What a model is made of; Keras, which draws weights itself, stays out of the drawing."""

    length: int
    body: tuple[partial, ...]
    seed: int

    def model(self):
        x = inputs = keras.Input((self.length, 4))
        for make in self.body:
            x = make()(x)
        return weighted(keras.Model(inputs, x), self.seed)

    def inputs(self, n):
        """Sequences and a reference for each: no two positions tie.

        Equal columns make equal maxima, and which of them wins is a matter of rounding.
        """
        rng = np.random.default_rng(self.seed)
        bases = np.eye(4)[rng.integers(0, 4, (2, n, self.length))]
        X, references = 0.8 * bases + 0.2 * rng.dirichlet(np.ones(4), bases.shape[:3])
        references[: n // 3] = [0.27, 0.23, 0.23, 0.27]
        return X.astype(np.float32), references.astype(np.float32)


@st.composite
def chains(draw, *, sure=False):
    """Up to three convolutions, up to two hidden dense layers, one to three units.

    `sure` leaves out what the package answers by rounding: a ReLU before a hidden dense layer
    behind another, where a unit that does not change passes on the effect of a step of 1e-7.
    """
    body = []
    for widths, *paddings in _ROOM[: draw(st.integers(1, 3))]:
        body += draw(_block(widths, *paddings))
    body.append(partial(layers.Flatten))
    hidden = draw(st.integers(0, 2))
    for left in reversed(range(hidden)):
        kinds = KINDS[1:] if sure and left else KINDS
        dense = partial(layers.Dense, draw(st.integers(3, 12)))
        body += draw(_activated(dense, draw(st.sampled_from(kinds))))
    units, final = draw(st.integers(1, 3)), draw(st.sampled_from(["linear", "sigmoid"]))
    body.append(partial(layers.Dense, units, activation=final))
    return Drawn(draw(st.integers(60, 80)), tuple(body), draw(st.integers(0, 2**16)))


@st.composite
def _block(draw, widths, paddings, pool_paddings):
    """A convolution, an activation, perhaps a normalization and a pooling."""
    conv = partial(
        layers.Conv1D,
        draw(st.integers(2, 7)),
        draw(st.integers(1, widths)),
        strides=draw(st.sampled_from([1, 1, 1, 2])),
        padding=draw(st.sampled_from(paddings)),
        use_bias=draw(st.booleans()),
    )
    block = draw(_activated(conv, draw(st.sampled_from(KINDS))))
    if draw(st.booleans()):
        size, padding = draw(st.integers(1, 4)), draw(st.sampled_from(pool_paddings))
        stride = draw(st.sampled_from([None, 1, size + 1]))
        block.append(partial(layers.MaxPooling1D, size, stride, padding=padding))
    if draw(st.booleans()):
        block.append(partial(layers.Dropout, 0.2))
    return block


@st.composite
def _activated(draw, make, kind):
    """A layer and its activation, inside or behind, and a normalization around that."""
    norm = draw(st.sampled_from(["none", "before", "after"]))
    inside = draw(st.booleans()) and norm != "before"
    normalize = partial(
        layers.BatchNormalization, center=draw(st.booleans()), scale=draw(st.booleans())
    )
    relu = kind == "relu" and draw(st.booleans())
    apply = partial(layers.ReLU) if relu else partial(layers.Activation, kind)
    block = [partial(make, activation=kind)] if inside else [make]
    block += [normalize] if norm == "before" else []
    block += [] if inside else [apply]
    return block + ([normalize] if norm == "after" else [])
