"""Networks drawn by hypothesis: trunks of every layer that windows pass through, and heads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
from hypothesis import strategies as st
from keras import layers

from dfim.attribution.results import Head
from helpers.graph_models import randomized

Block = Callable[[keras.KerasTensor], keras.KerasTensor]
PADDING = st.sampled_from(["valid", "same"])


@dataclass(frozen=True)
class Drawn:
    """What a model is made of; Keras, which draws weights itself, stays out of the drawing."""

    length: int
    trunk: tuple[Block, ...]
    head: Block
    units: int
    seed: int

    def model(self):
        x = inputs = keras.Input((self.length, 4), name="sequence")
        for block in self.trunk:
            x = block(x)
        x = self.head(x)
        first, second = layers.Dense(self.units)(x), layers.Dense(1)(x)
        return randomized(keras.Model(inputs, [first, second]), self.seed, size=0.4)

    @property
    def heads(self):
        """Of one unit alone; where there are three, of both outputs."""
        if self.units < 3:
            return [Head(0, self.units - 1)]
        return [Head(0, 2), Head(0, 0), Head(1, 0)]


# ---- blocks: each takes a tensor (positions, channels) and gives another --------------


def _fits(x, padding, span):
    """Padding that leaves at least one position."""
    return padding if padding != "valid" or x.shape[1] >= span else "same"


def conv(x, width, padding, stride, dilation, kind):
    padding = _fits(x, padding, (width - 1) * dilation + 1)
    make = partial(layers.Conv1D, 6, width, padding=padding, dilation_rate=dilation)
    return make(strides=stride, activation=kind)(x)


def depthwise(x, width, padding, stride):
    padding = _fits(x, padding, width)
    make = partial(layers.DepthwiseConv1D, width, stride, padding)
    return make(depth_multiplier=2, activation="relu")(x)


def separable(x, width, padding, stride):
    padding = _fits(x, padding, width)
    return layers.SeparableConv1D(5, width, stride, padding, activation="relu")(x)


def pool(x, kind, size, stride, padding):
    make = layers.MaxPooling1D if kind == "max" else layers.AveragePooling1D
    return make(size, stride, padding=_fits(x, padding, size))(x)


def residual(x, width, dilation, crop):
    """A convolution and what it reads, cropped to its length where it has no padding."""
    reach = (width - 1) * dilation
    crop = crop and reach < x.shape[1]
    y = layers.Conv1D(
        x.shape[2], width, padding="valid" if crop else "same", dilation_rate=dilation,
        activation="relu",
    )(x)  # fmt: skip
    if crop:
        x = layers.Cropping1D((reach // 2, reach - reach // 2))(x)
    return layers.Add()([x, y])


def fork(x, width):
    """Convolutions side by side, of which one looks back only, and an average of all."""
    sides = [
        layers.Conv1D(3, width, padding=padding, activation="relu")(x)
        for padding in ("same", "causal")
    ]
    return layers.Concatenate()([*sides, layers.Average()(sides)])


def gate(x):
    """Channels are weighted by what is in the sequence (squeeze and excitation)."""
    pooled = layers.GlobalAveragePooling1D()(x)
    weight = layers.Dense(x.shape[2], activation="sigmoid")(
        layers.Dense(3, activation="relu")(pooled)
    )
    return layers.Multiply()([x, weight])


def square(x):
    return layers.Multiply()([x, layers.Dense(x.shape[2])(x)])


def softmax(x):
    return layers.Softmax(axis=2)(x)


def dense(x):
    return layers.Dense(5, activation="elu")(x)


def norm(x):
    return layers.BatchNormalization()(x)


def zeros(x, left, right):
    return layers.ZeroPadding1D((left, right))(x)


def prelu(x, shared):
    return layers.PReLU(shared_axes=[1] if shared else None)(x)


def curve(x, kind):
    return layers.Activation(kind)(x)


# ---- heads: each takes such a tensor and gives a vector -------------------------------


def flat(x, hidden):
    x = layers.Flatten()(x)
    for units, kind in hidden:
        x = layers.Dense(units, activation=kind)(x)
    return x


def pooled(x, kind, hidden):
    pools = {"average": layers.GlobalAveragePooling1D, "max": layers.GlobalMaxPooling1D}
    sides = [pools[k]()(x) for k in ("average", "max") if kind in (k, "both")]
    x = sides[0] if len(sides) == 1 else layers.Concatenate()(sides)
    return flat(x, hidden)


# ---- what is drawn --------------------------------------------------------------------


@st.composite
def _conv(draw):
    stride = draw(st.sampled_from([1, 1, 2, 3]))
    dilation = draw(st.sampled_from([1, 2, 3])) if stride == 1 else 1
    padding = draw(st.sampled_from(["valid", "same", "causal"]))
    kind = draw(st.sampled_from([None, "relu", "relu", "tanh", "gelu", "exponential"]))
    return partial(
        conv, width=draw(st.integers(2, 7)), padding=padding, stride=stride, dilation=dilation,
        kind=kind,
    )  # fmt: skip


@st.composite
def _pool(draw):
    size = draw(st.integers(2, 5))
    return partial(
        pool, kind=draw(st.sampled_from(["max", "max", "average"])), size=size,
        stride=draw(st.sampled_from([None, 1, 2, size + 1])), padding=draw(PADDING),
    )  # fmt: skip


def _blocks():
    width = st.integers(1, 5)
    strided = {"width": width, "padding": PADDING, "stride": st.integers(1, 2)}

    def made(block, **options):
        return st.builds(partial, st.just(block), **options)

    return st.one_of(
        _conv(),
        _pool(),
        made(depthwise, **strided),
        made(separable, **strided),
        made(residual, width=width, dilation=st.integers(1, 3), crop=st.booleans()),
        made(fork, width=width),
        made(zeros, left=st.integers(0, 3), right=st.integers(0, 3)),
        made(prelu, shared=st.booleans()),
        made(curve, kind=st.sampled_from(["relu", "sigmoid", "silu"])),
        *(st.just(block) for block in (gate, square, softmax, dense, norm)),
    )


@st.composite
def networks(draw):
    """A convolution, two to four blocks, up to two hidden layers, one to three units."""
    layer = st.tuples(st.integers(3, 8), st.sampled_from(["relu", "tanh"]))
    hidden = st.lists(layer, max_size=2)
    head = draw(
        st.one_of(
            st.builds(partial, st.just(flat), hidden=hidden),
            st.builds(
                partial, st.just(pooled), kind=st.sampled_from(["average", "max", "both"]),
                hidden=hidden,
            ),
        )
    )  # fmt: skip
    trunk = [draw(_conv()), *draw(st.lists(_blocks(), min_size=2, max_size=4))]
    return Drawn(
        length=draw(st.integers(30, 70)),
        trunk=tuple(trunk),
        head=head,
        units=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 2**16)),
    )
