"""DeepLIFT of chains of Keras layers in float64, with NumPy alone: what rounding is told by.

Written from the formulas of docs/rules.md, not from the engine: the parts of RevealCancel are
summed term by term, windows are loops, and only a normalization behind a dense layer is folded.
"""

import numpy as np
from keras import layers
from scipy.special import erf, expit

CURVES = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (expit, lambda z: expit(z) * (1 - expit(z))),
    "gelu": (
        lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
        lambda z: (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi),
    ),
}


class Affine:
    """x @ kernel + bias: a dense layer, or one with the normalization behind it."""

    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel, bias

    def forward(self, x):
        return x @ self.kernel + self.bias

    def backward(self, m, x, x0):
        return m @ self.kernel.T


class Scale:
    """Batch normalization on the last axis."""

    def __init__(self, layer):
        weights = [np.float64(w) for w in layer.get_weights()]
        gamma = weights.pop(0) if layer.scale else 1.0
        beta = weights.pop(0) if layer.center else 0.0
        mean, variance = weights
        self.scale = gamma / np.sqrt(variance + layer.epsilon)
        self.shift = beta - mean * self.scale

    def forward(self, x):
        return x * self.scale + self.shift

    def backward(self, m, x, x0):
        return m * self.scale


class Windows:
    """What convolutions and poolings share: windows on a padded input."""

    def __init__(self, size, stride, padding, length):
        if padding == "same":
            out = -(-length // stride)
            missing = max(0, (out - 1) * stride + size - length)
            left = missing // 2
        else:
            out, left = (length - size) // stride + 1, 0
        starts = np.arange(out)[:, None] * stride - left
        self.at = starts + np.arange(size)
        self.inside = (self.at >= 0) & (self.at < length)
        self.length = length

    def cut(self, x, fill):
        """Windows (B, W, size, C)."""
        found = x[:, np.clip(self.at, 0, self.length - 1)]
        return np.where(self.inside[:, :, None], found, fill)

    def join(self, frames):
        """Sums at each position (B, L, C) of what windows say of it."""
        out = np.zeros((len(frames), self.length, frames.shape[3]))
        for window, (row, inside) in enumerate(zip(self.at, self.inside, strict=True)):
            for place in np.flatnonzero(inside):
                out[:, row[place]] += frames[:, window, place]
        return out


class Convolution(Windows):
    def __init__(self, layer, length):
        super().__init__(layer.kernel_size[0], layer.strides[0], layer.padding, length)
        weights = [np.float64(w) for w in layer.get_weights()]
        self.kernel, self.bias = weights if layer.use_bias else (weights[0], 0.0)

    def forward(self, x):
        return np.einsum("bwsc,sco->bwo", self.cut(x, 0.0), self.kernel) + self.bias

    def backward(self, m, x, x0):
        return self.join(np.einsum("bwo,sco->bwsc", m, self.kernel))


class MaxPool(Windows):
    def __init__(self, layer, length, rule):
        super().__init__(layer.pool_size[0], layer.strides[0], layer.padding, length)
        self.rule = rule

    def forward(self, x):
        return self.cut(x, -np.inf).max(axis=2)

    def backward(self, m, x, x0):
        of = self.cut(x, -np.inf)
        base = np.broadcast_to(self.cut(x0, -np.inf), of.shape)
        out = np.zeros(of.shape)
        for b, w, c in np.ndindex(m.shape):
            winner, winner0 = of[b, w, :, c].argmax(), base[b, w, :, c].argmax()
            change = of[b, w, winner, c] - base[b, w, winner0, c]
            if self.rule == "winner":
                out[b, w, winner, c] = m[b, w, c]
                continue
            place = winner if change >= 0 else winner0
            own = of[b, w, place, c] - base[b, w, place, c]
            out[b, w, place, c] = m[b, w, c] * (change / own if own else 1.0)
        return self.join(out)


class Flat:
    def forward(self, x):
        self.shape = x.shape[1:]
        return x.reshape(len(x), -1)

    def backward(self, m, x, x0):
        return m.reshape(len(m), *self.shape)


class Rescaled:
    """Activation by the slope between the reference and the input."""

    def __init__(self, kind):
        self.value, self.slope = CURVES[kind]

    def forward(self, z):
        return self.value(z)

    def backward(self, m, z, z0):
        dz = z - z0
        with np.errstate(invalid="ignore", divide="ignore"):
            chord = (self.value(z) - self.value(z0)) / dz
        return m * np.where(np.abs(dz) < 1e-7, self.slope(z0 + 0 * z), chord)


class Sloped(Rescaled):
    """Activation for gradients."""

    def backward(self, m, z, z0):
        return m * self.slope(z)


class Revealed(Rescaled):
    """A dense layer and its activation, by RevealCancel."""

    def __init__(self, dense, kind):
        super().__init__(kind)
        self.dense = dense

    def forward(self, x):
        return self.value(self.dense.forward(x))

    def backward(self, m, x, x0):
        z0 = self.dense.forward(x0)
        dx = (x - x0)[:, :, None]
        terms = dx * self.dense.kernel
        rise, fall = (np.where(keep, terms, 0).sum(axis=1) for keep in (terms > 0, terms < 0))
        up, down = self.mean_slope(z0, rise, fall), self.mean_slope(z0, fall, rise)
        up, down = (one[:, None] for one in (m * up, m * down))
        # A unit without a change passes both on, as its own two parts may cancel.
        each = np.where(terms > 0, up, np.where(terms < 0, down, (up + down) / 2))
        return (each * self.dense.kernel).sum(axis=2)

    def mean_slope(self, z0, part, other):
        """Slope of a part, alone and on top of the other; from the right where it is none."""
        f, slope = self.value, self.slope_right
        alone = np.where(part == 0, slope(z0), (f(z0 + part) - f(z0)) / (part + (part == 0)))
        z = z0 + other
        on_top = np.where(part == 0, slope(z), (f(z + part) - f(z)) / (part + (part == 0)))
        return (alone + on_top) / 2

    def slope_right(self, z):
        return self.slope(np.where(z == 0, 1e-300, z))


class Chain64:
    """One logit of a sequential model, by "deeplift", "deeplift_rescale" or gradients."""

    def __init__(self, model, method, rule="complete", unit=0):
        self.gradient, self.unit = method == "gradient_input", unit
        self.steps = []
        for layer in model.layers:
            if isinstance(
                layer, layers.Dense | layers.Conv1D | layers.Activation | layers.ReLU
            ):
                self._add_weighted(layer, method)
            elif isinstance(layer, layers.BatchNormalization):
                self._add_scale(Scale(layer))
            elif isinstance(layer, layers.MaxPooling1D):
                winner = self.gradient or rule == "winner"
                pool = MaxPool(layer, layer.input.shape[1], "winner" if winner else "complete")
                self.steps.append(pool)
            elif isinstance(layer, layers.Flatten):
                self.steps.append(Flat())
            else:
                assert isinstance(layer, layers.Dropout | layers.InputLayer)
        if isinstance(self.steps[-1], Revealed):  # the last activation is left out
            self.steps[-1] = self.steps[-1].dense
        elif isinstance(self.steps[-1], Rescaled):
            self.steps.pop()

    def _add_weighted(self, layer, method):
        """A convolution or dense layer with its activation, or an activation."""
        if isinstance(layer, layers.Conv1D):
            self.steps.append(Convolution(layer, layer.input.shape[1]))
        elif isinstance(layer, layers.Dense):
            kernel, *bias = (np.float64(w) for w in layer.get_weights())
            self.steps.append(Affine(kernel, bias[0] if bias else 0.0))
        relu = isinstance(layer, layers.ReLU)
        kind = "relu" if relu else layer.activation.__name__
        if kind == "linear":
            return
        if method == "deeplift" and isinstance(self.steps[-1], Affine):
            self.steps.append(Revealed(self.steps.pop(), kind))
        else:
            self.steps.append(Sloped(kind) if self.gradient else Rescaled(kind))

    def _add_scale(self, scale):
        before = self.steps[-1] if self.steps else None
        if isinstance(before, Affine):
            kernel, bias = before.kernel * scale.scale, scale.forward(before.bias)
            self.steps[-1] = Affine(kernel, bias)
        else:
            self.steps.append(scale)

    def run(self, x):
        """Inputs of all steps, and the scored values."""
        seen = []
        for step in self.steps:
            seen.append(x)
            x = step.forward(x)
        return seen, x[:, self.unit]

    def contributions(self, X, references):
        """Contributions (N, L, 4) against a reference each."""
        of, base = (self.run(np.float64(x))[0] for x in (X, references))
        m = np.tile(np.eye(self.steps[-1].kernel.shape[1])[self.unit], (len(X), 1))
        for step, x, x0 in zip(self.steps[::-1], of[::-1], base[::-1], strict=True):
            m = step.backward(m, x, x0)
        return m * (of[0] if self.gradient else of[0] - base[0])
