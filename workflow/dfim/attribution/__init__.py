"""Importance of every base for one logit of a Keras model: DeepLIFT, gradients, mutants."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from dfim.attribution.base import Attributor, Profiles

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

__all__ = ["MAXPOOL_RULES", "METHODS", "Attributor", "Profiles", "make_attributor"]


def make_attributor(
    model: keras.Model,
    method: Method,
    *,
    output: int | str = 0,
    unit: int = 0,
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
        Sequences a pass; by default from the size of the model (`default_batch_size`).
        Results of different batch sizes differ in the last bits.
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
    maxpool_rule = _checked_rule(method, maxpool_rule)
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    if steps < 1:
        raise ValueError(f"steps: got {steps}, expected at least 1")
    if method == "deeplift_package":
        from dfim.attribution.deeplift_package import DeepliftPackage

        return DeepliftPackage(
            model, output=output, unit=unit, observed=observed, batch_size=batch_size
        )
    head = {"output": output, "unit": unit, "held": held}
    shape = {"observed": observed, "batch_size": batch_size}
    if method == "mutagenesis":
        from dfim.attribution.mutagenesis import Mutagenesis

        predictor = make_attributor(model, "gradient_input", **head, **shape)
        return Mutagenesis(predictor, observed=observed)
    from dfim.attribution.autodiff import AutodiffAttributor
    from dfim.attribution.graph_engine import make_engine

    if method != "integrated_gradients":
        try:
            return make_engine(model, method, **head, **shape, maxpool_rule=maxpool_rule)
        except ValueError as error:
            if method != "gradient_input":
                raise
            why = str(error).partition("; supported")[0]
            log.info("%s: gradients by automatic differentiation", why)
    return AutodiffAttributor(model, method, **head, **shape, steps=steps)


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
