"""DeepLIFT and gradients as an explicit forward and backward pass over a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from dfim.attribution.activations import Gradient, Rescale, RevealCancel
from dfim.attribution.base import Array, Attributor, Block, Wanted
from dfim.attribution.plan import Plan, default_batch_size
from dfim.attribution.pooling import CompletePool, ReluWinnerPool, WinnerPool
from dfim.attribution.rules import AffineRule, ConvRule, DenseRule, FlattenRule, Rule, Saved
from dfim.attribution.steps import Activation, Affine, Conv, Dense, Flatten, Pool


class Engine(Attributor):
    """The methods deeplift, deeplift_rescale and gradient_input.

    Parameters
    ----------
    plan : Plan
    method, maxpool_rule, observed, batch_size
        As `dfim.attribution.make_attributor`. All but the last are attributes, for
        `dfim.attribution.windowed`.

    Notes
    -----
    Two graphs: one for the activations of a batch, one for the multipliers that follow
    from the activations of a batch and of its references. Both see one batch shape only,
    and a reference that all rows share is passed through once, alone.
    """

    def __init__(
        self,
        plan: Plan,
        method: str,
        *,
        maxpool_rule: str = "winner",
        observed: bool = True,
        batch_size: int | None = None,
    ) -> None:
        self.method = method
        self.plan = plan
        self.maxpool_rule = maxpool_rule
        self.observed = observed
        self.length = plan.length
        self.batch_size = batch_size or default_batch_size(plan)
        self.needs_references = method != "gradient_input"
        self._rules = make_rules(plan, method, maxpool_rule)
        self._graphs: dict[tuple[object, ...], Callable[..., object]] = {}

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        n = self._check_one_hot("X", X, (None, self.length, 4))
        out = np.empty(n, np.float32)
        for rows in _batches(n, self.batch_size):
            out[rows] = self._run(self._logit, self._padded(X[rows])).numpy()[: len(out[rows])]
        return out

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        score = {
            "scores": self._scores,
            "contributions": self._contributions,
            "hypothetical": self._hypothetical,
        }[wanted]
        if not self.needs_references:
            references = np.zeros((1, 1, self.length, 4), np.float32)
        repeats = references.shape[1]
        shared = None
        if references.shape[0] == 1:
            shared = [self._run(self._reference, tf.constant(r[None])) for r in references[0]]
        for rows in _batches(len(X), self.batch_size):
            n = len(range(*rows.indices(len(X))))
            target, saved = self._run(self._activations, self._padded(X[rows]))
            values: Array | float = 0.0
            gap: Array | float = 0.0
            for r in range(repeats):
                base = (
                    shared[r]
                    if shared is not None
                    else self._run(
                        self._reference, self._padded(references[reference_of[rows], r])
                    )
                )
                one, total = self._run(score, saved, base[1])
                values = values + one.numpy()[:n]
                gap = gap + (total - (target - base[0])).numpy()[:n]
            gap = np.abs(gap) / repeats if self.needs_references else np.full(n, np.nan)
            yield Block(rows, values / np.float32(repeats), target.numpy()[:n], gap)

    def _padded(self, X: Array) -> tf.Tensor:
        """Fill a last batch up with zeros: every pass has the same shape."""
        missing = self.batch_size - len(X)
        if missing:
            X = np.concatenate([X, np.zeros((missing, *X.shape[1:]), X.dtype)])
        return tf.constant(X)

    def _run(self, function: Callable[..., Any], *tensors: Any) -> Any:  # noqa: ANN401
        """Call the graph of a function, made once for each shape and type of its inputs."""
        flat = tf.nest.flatten(tensors)
        key = (function.__name__, *((t.shape, t.dtype) for t in flat))
        if key not in self._graphs:
            self._graphs[key] = tf.function(function, autograph=False).get_concrete_function(
                *tensors
            )
        return self._graphs[key](*tensors)

    def _activations(self, x: tf.Tensor) -> tuple[tf.Tensor, list[Saved]]:
        """Logits (B,) of a batch, and what every rule keeps of it for the way back."""
        x = tf.cast(x, tf.float32)
        kept: list[Saved] = [(x,)]
        for rule in self._rules:
            x, saved = rule.forward(x)
            kept.append(saved)
        return x[:, 0], kept

    def _reference(self, x: tf.Tensor) -> tuple[tf.Tensor, list[Saved]]:
        """Do the same for references."""
        x = tf.cast(x, tf.float32)
        kept: list[Saved] = [(x,)]
        for rule in self._rules:
            x, saved = rule.reference(x)
            kept.append(saved)
        return x[:, 0], kept

    def _logit(self, x: tf.Tensor) -> tf.Tensor:
        return self._activations(x)[0]

    def _multipliers(self, kept: list[Saved], base: list[Saved]) -> tf.Tensor:
        """Multiply back to the input: (B, L, 4), or (1, L, 4) where all is linear."""
        m = tf.ones((1, 1))
        for rule, saved, saved0 in zip(
            reversed(self._rules), reversed(kept[1:]), reversed(base[1:]), strict=True
        ):
            m = rule.backward(m, saved, saved0)
        return m

    def _contributions(
        self, kept: list[Saved], base: list[Saved]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Contributions (B, L, 4) and their sums (B,)."""
        m, (x,), (x0,) = self._multipliers(kept, base), kept[0], base[0]
        contributions = m * (x - x0) if self.needs_references else m * x
        return contributions, tf.reduce_sum(contributions, axis=(1, 2))

    def _scores(self, kept: list[Saved], base: list[Saved]) -> tuple[tf.Tensor, tf.Tensor]:
        """Profiles (B, L), and the sums of the unmasked contributions (B,)."""
        contributions, total = self._contributions(kept, base)
        if self.observed:
            contributions = contributions * kept[0][0]
        return tf.reduce_sum(contributions, axis=2), total

    def _hypothetical(
        self, kept: list[Saved], base: list[Saved]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Contributions (B, L, 4) of each base in its position, and those of X summed."""
        m, (x,), (x0,) = self._multipliers(kept, base), kept[0], base[0]
        if self.needs_references:
            m = m - tf.reduce_sum(m * x0, axis=2, keepdims=True)
        each = m + tf.zeros_like(x)
        return each, tf.reduce_sum(each * x, axis=(1, 2))


def _batches(n: int, size: int) -> Iterator[slice]:
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def make_rules(plan: Plan, method: str, maxpool_rule: str) -> list[Rule]:
    """Choose the rule of every step.

    Parameters
    ----------
    plan : Plan
    method : str
        "deeplift", "deeplift_rescale" or "gradient_input".
    maxpool_rule : str
        "winner" or "complete"; gradients always go to the winner.

    Returns
    -------
    list of Rule
        In forward order. A dense layer and its RevealCancel activation are one rule, and so
        are the bias and ReLU of a convolution with the winner pooling behind it.
    """
    gradient = method == "gradient_input"
    winner = gradient or maxpool_rule == "winner"
    rules: list[Rule] = []
    steps = list(plan.steps)
    length = plan.length
    while steps:
        step, *rest = steps
        taken = 1
        match [step, *rest[:2]]:
            case [Conv(), Activation("relu"), Pool(left=0) as pool] if winner:
                rules.append(ConvRule(step, length, add_bias=False))
                rules.append(ReluWinnerPool(pool, step.length, step.bias, gradient=gradient))
                length, taken = pool.length, 3
            case [Conv(), *_]:
                rules.append(ConvRule(step, length, add_bias=True))
                length = step.length
            case [Pool(), *_]:
                rules.append((WinnerPool if winner else CompletePool)(step, length))
                length = step.length
            case [Dense(), Activation(kind), *_] if method == "deeplift":
                rules.append(RevealCancel(step, kind))
                taken = 2
            case [Dense(), *_]:
                rules.append(DenseRule(step))
            case [Affine(), *_]:
                rules.append(AffineRule(step))
            case [Flatten(), *_]:
                rules.append(FlattenRule(step))
            case [Activation(kind), *_]:
                rules.append((Gradient if gradient else Rescale)(kind))
        steps = steps[taken:]
    return rules
