"""Importance of every base for one logit of a Keras model: DeepLIFT, gradients, mutants."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from dfim.attribution.base import Attributor, Profiles
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
MAXPOOL_RULES: tuple[str, ...] = get_args(MaxPoolRule)

log = logging.getLogger(__name__)

__all__ = ["MAXPOOL_RULES", "METHODS", "Attributor", "Head", "Profiles", "make_attributor"]


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
        "gradient_input": gradient times input; "integrated_gradients": mean gradient
        between reference and input (Sundararajan et al. 2017), times their difference;
        "mutagenesis": the base against the mean of the three others. These three take any
        layer. "deeplift_package": the `deeplift` package with its genomics default,
        slower, as a reference.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Column of that head; where it is not one row of numbers, counted over its positions
        and channels in row order.
    heads : sequence of Head, optional
        Several tasks, in place of `output` and `unit`: results have them as a first axis.
        DeepLIFT and gradient_input score all of them from one forward pass.
    held : mapping of str to array, optional
        Values (without a batch axis) of inputs that are not scored, by the input's name;
        the others are held at zero. The scored input is the first (length, 4) one that is
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
        Sequences a pass, rounded up to a multiple of 24 so that a sequence's bits do not
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
    """
    if method not in METHODS:
        raise ValueError(f"method: got '{method}', expected one of {', '.join(METHODS)}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    if steps < 1:
        raise ValueError(f"steps: got {steps}, expected at least 1")
    settings = {
        "heads": [Head(output, unit)] if heads is None else list(heads),
        "held": held,
        "maxpool_rule": _checked_rule(method, maxpool_rule),
        "observed": observed,
        "batch_size": batch_size,
        "steps": steps,
    }
    if not settings["heads"]:
        raise ValueError("heads: got none, expected at least one")
    made = _MAKERS[method](model, method, settings)
    made.heads = tuple((head.output, head.unit) for head in settings["heads"])
    made.held = {name: _digest(value) for name, value in (held or {}).items()}
    made.model_digest = _digest_of_model(model)
    return made


def _digest_of_model(model: keras.Model) -> str:
    """Digest of layers and weights; "" where a layer cannot describe itself to Keras."""
    from dfim.models.loading import model_digest  # loads Keras

    try:
        return model_digest(model)
    except NotImplementedError:
        return ""


def _digest(value: np.ndarray) -> str:
    """Sixteen hex digits of the value of an input."""
    array = np.ascontiguousarray(value, np.float32)
    return hashlib.sha256(f"{array.shape}".encode() + array.tobytes()).hexdigest()[:16]


def _engine(model: keras.Model, method: str, settings: dict[str, Any]) -> Attributor:
    """DeepLIFT, and gradients where the engine knows all layers."""
    from dfim.attribution.engine.engine import Engine
    from dfim.attribution.graph.plan import make_plan

    try:
        plan = make_plan(model, settings["heads"], held=settings["held"])
    except ValueError as error:
        if method != "gradient_input":
            raise
        why = str(error).partition("; supported")[0]
        log.info("%s: gradients by automatic differentiation", why)
        return _autodiff(model, method, settings)
    names = ("maxpool_rule", "observed", "batch_size")
    return Engine(plan, method, **{name: settings[name] for name in names})


def _autodiff(model: keras.Model, method: str, settings: dict[str, Any]) -> Attributor:
    from dfim.attribution.methods.autodiff import AutodiffAttributor

    names = ("held", "observed", "batch_size", "steps")
    chosen = {name: settings[name] for name in names}
    return _each(lambda **head: AutodiffAttributor(model, method, **head, **chosen), settings)


def _mutagenesis(model: keras.Model, method: str, settings: dict[str, Any]) -> Attributor:
    from dfim.attribution.methods.mutagenesis import Mutagenesis

    def make(**head: Any) -> Attributor:  # noqa: ANN401
        one = settings | {"heads": [Head(**head)]}
        predictor = _engine(model, "gradient_input", one)
        return Mutagenesis(predictor, observed=settings["observed"])

    return _each(make, settings)


def _package(model: keras.Model, method: str, settings: dict[str, Any]) -> Attributor:
    from dfim.attribution.methods.deeplift_package import DeepliftPackage

    chosen = {name: settings[name] for name in ("observed", "batch_size")}
    return _each(lambda **head: DeepliftPackage(model, **head, **chosen), settings)


def _each(make: Callable[..., Attributor], settings: dict[str, Any]) -> Attributor:
    """One attributor for the one head, or one a head side by side."""
    from dfim.attribution.methods.per_task import PerTask

    found = [make(output=head.output, unit=head.unit) for head in settings["heads"]]
    return PerTask(found) if len(found) > 1 else found[0]


_MAKERS: dict[str, Callable[[Any, str, dict[str, Any]], Attributor]] = {
    "deeplift": _engine,
    "deeplift_rescale": _engine,
    "gradient_input": _engine,
    "integrated_gradients": _autodiff,
    "mutagenesis": _mutagenesis,
    "deeplift_package": _package,
}


def _checked_rule(method: str, rule: str | None) -> MaxPoolRule:
    """Fill in the method's own rule; refuse what it does not have."""
    package = method == "deeplift_package"
    rule = rule or ("winner" if package else "complete")
    if rule not in MAXPOOL_RULES:
        raise ValueError(
            f"maxpool_rule: got '{rule}', expected one of {', '.join(MAXPOOL_RULES)}"
        )
    if package and rule != "winner":
        raise ValueError(f"maxpool_rule: got '{rule}', the deeplift package only has 'winner'")
    return rule
