"""Make attributors: DeepLIFT, gradients and in silico mutagenesis of a Keras model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from dfim.attribution.base import Attributor
from dfim.attribution.digests import digest_of_array, digest_of_model
from dfim.attribution.results import Head

if TYPE_CHECKING:
    import keras

Method = Literal[
    "deeplift",
    "deeplift_rescale",
    "gradient_input",
    "integrated_gradients",
    "mutagenesis",
    "deeplift_package",
]
MaxPoolRule = Literal["winner", "complete"]
METHODS: tuple[str, ...] = get_args(Method)
MAXPOOL_RULES: tuple[MaxPoolRule, ...] = get_args(MaxPoolRule)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Choices:
    """Checked arguments of `make_attributor`."""

    heads: tuple[Head, ...]
    held: Mapping[str, np.ndarray]
    maxpool_rule: MaxPoolRule
    observed: bool
    batch_size: int | None
    steps: int


def make_attributor(
    model: keras.Model,
    method: Method,
    *,
    output: int | str = 0,
    unit: int = 0,
    heads: Sequence[Head] | None = None,
    held: Mapping[str, np.ndarray] | None = None,
    maxpool_rule: MaxPoolRule | None = None,
    observed: bool = True,
    batch_size: int | None = None,
    steps: int = 50,
) -> Attributor:
    """Prepare the scoring of sequences by one logit of a model.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; its weights are read once, here. The layers that
        are supported and their rules: docs/rules.md.
    method : str
        "deeplift": Rescale after convolutions, RevealCancel after dense layers (the
        genomics default of Shrikumar et al. 2017). "deeplift_rescale": Rescale everywhere.
        "gradient_input": input × gradient; "integrated_gradients": mean gradient
        between reference and input (Sundararajan et al. 2017), times their difference;
        "mutagenesis": in silico mutagenesis (ISM), the logit with the base minus the mean
        logit with the three others. These three take any layer.
        "deeplift_package": the `deeplift` package with its genomics default, slower, for
        comparison.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Column of that head; where it is not one row of numbers, counted over its positions
        and channels in row order.
    heads : sequence of Head, optional
        Several tasks, in place of `output` and `unit`: results have them as a first axis.
        DeepLIFT and gradient_input score all of them from one forward pass.
    held : mapping of str to array, optional
        Values (without a batch axis) of additional (fixed) inputs, by the input's name;
        those not named are zeros. The scored input is the first (length, 4) one that is
        not named here.
    maxpool_rule : str, optional
        "winner" gives the whole multiplier to the position that won in the input, the
        first of equals (what the package does; contributions add up only where the
        reference is the same at every position of a window). "complete" shares it with
        the winner in the reference so that contributions always add up. By default
        "complete"; the deeplift package knows "winner" only.
    observed : bool
        Whether a profile keeps the observed base only (contribution times input, the
        paper's definition) or sums the contributions of all four.
    batch_size : int, optional
        Sequences per pass, rounded up to a multiple of 24 so that a sequence's bits do not
        depend on its place; by default from the size of the model
        (`dfim.attribution.engine.costs`). Results of different sizes differ in the last bits.
    steps : int
        Gradients between a reference and a sequence, for "integrated_gradients" only.

    Returns
    -------
    Attributor

    Raises
    ------
    ValueError
        For an unknown method or rule, a layer that is not supported, a missing output.
    ImportError
        When method is "deeplift_package" and the package is not installed.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from dfim import make_attributor
    >>> model = keras.Sequential([
    ...     keras.Input((12, 4)),
    ...     keras.layers.Conv1D(5, 3, activation="relu"),
    ...     keras.layers.MaxPooling1D(2),
    ...     keras.layers.Flatten(),
    ...     keras.layers.Dense(1, activation="sigmoid"),
    ... ])
    >>> attributor = make_attributor(model, "deeplift")
    >>> X = np.eye(4, dtype=np.uint8)[[[2, 0, 3, 0, 1, 0, 2, 1, 3, 2, 0, 3]]]  # GATACAGCTGAT
    >>> reference = np.full((1, 1, 12, 4), 0.25, np.float32)
    >>> profiles = attributor.profiles(X, reference)
    >>> profiles.scores.shape
    (1, 12)

    The logit is scored, not the probability behind the sigmoid, and without the mask of the
    observed base the contributions add up to its change:

    >>> total = attributor.contributions(X, reference).sum()
    >>> bool(np.isclose(total, (profiles.target - profiles.base)[0], atol=1e-5))
    True
    """
    if method not in METHODS:
        raise ValueError(f"method: got '{method}', expected one of {', '.join(METHODS)}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    if steps < 1:
        raise ValueError(f"steps: got {steps}, expected at least 1")
    rule = _checked_rule(method, maxpool_rule)
    chosen = tuple(heads) if heads is not None else (Head(output, unit),)
    if not chosen:
        raise ValueError("heads: got none, expected at least one")
    choices = _Choices(chosen, held or {}, rule, observed, batch_size, steps)
    attributor = _MAKERS[method](model, method, choices)
    attributor.heads = chosen
    attributor.held = {name: digest_of_array(value) for name, value in choices.held.items()}
    attributor.model_digest = digest_of_model(model)
    return attributor


def _engine(model: keras.Model, method: Method, choices: _Choices) -> Attributor:
    """DeepLIFT, and gradients where the engine knows all layers."""
    from dfim.attribution.engine.engine import Engine
    from dfim.attribution.graph.plan import make_plan

    try:
        plan = make_plan(model, choices.heads, held=choices.held)
    except ValueError as error:
        if method != "gradient_input":
            raise
        why = str(error).partition("; supported")[0]
        log.info("%s: gradients by automatic differentiation", why)
        return _autodiff(model, method, choices)
    return Engine(
        plan, method, maxpool_rule=choices.maxpool_rule, observed=choices.observed,
        batch_size=choices.batch_size,
    )  # fmt: skip


def _autodiff(model: keras.Model, method: Method, choices: _Choices) -> Attributor:
    from dfim.attribution.methods.autodiff import AutodiffAttributor

    def make(head: Head) -> Attributor:
        return AutodiffAttributor(
            model, method, output=head.output, unit=head.unit, held=choices.held,
            observed=choices.observed, batch_size=choices.batch_size, steps=choices.steps,
        )  # fmt: skip

    return _each(make, choices.heads)


def _mutagenesis(model: keras.Model, method: Method, choices: _Choices) -> Attributor:
    from dfim.attribution.methods.mutagenesis import Mutagenesis

    def make(head: Head) -> Attributor:
        predictor = _engine(model, "gradient_input", replace(choices, heads=(head,)))
        return Mutagenesis(predictor, observed=choices.observed)

    return _each(make, choices.heads)


def _package(model: keras.Model, method: Method, choices: _Choices) -> Attributor:
    from dfim.attribution.methods.deeplift_package import DeepliftPackage

    def make(head: Head) -> Attributor:
        return DeepliftPackage(
            model, output=head.output, unit=head.unit, observed=choices.observed,
            batch_size=choices.batch_size,
        )  # fmt: skip

    return _each(make, choices.heads)


def _each(make: Callable[[Head], Attributor], heads: Sequence[Head]) -> Attributor:
    """Make one attributor for the one head, or one for each head side by side."""
    from dfim.attribution.methods.per_task import PerTask

    attributors = [make(head) for head in heads]
    return PerTask(attributors) if len(attributors) > 1 else attributors[0]


_MAKERS: dict[Method, Callable[[keras.Model, Method, _Choices], Attributor]] = {
    "deeplift": _engine,
    "deeplift_rescale": _engine,
    "gradient_input": _engine,
    "integrated_gradients": _autodiff,
    "mutagenesis": _mutagenesis,
    "deeplift_package": _package,
}


def _checked_rule(method: Method, rule: str | None) -> MaxPoolRule:
    """Fill in the method's default rule; refuse what it does not have."""
    package = method == "deeplift_package"
    rule = rule or ("winner" if package else "complete")
    if package and rule == "complete":
        raise ValueError(f"maxpool_rule: got '{rule}', the deeplift package only has 'winner'")
    for known in MAXPOOL_RULES:
        if rule == known:
            return known
    raise ValueError(f"maxpool_rule: got '{rule}', expected one of {', '.join(MAXPOOL_RULES)}")
