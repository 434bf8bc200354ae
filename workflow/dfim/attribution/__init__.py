"""Importance of every base for one logit of a Keras model, by DeepLIFT or gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from dfim.attribution.base import Attributor, Profiles

if TYPE_CHECKING:
    import keras

Method = Literal["deeplift", "deeplift_rescale", "gradient_input", "deeplift_package"]
MaxPoolRule = Literal["winner", "complete"]
METHODS: tuple[str, ...] = get_args(Method)
MAXPOOL_RULES: tuple[str, ...] = get_args(MaxPoolRule)

__all__ = ["MAXPOOL_RULES", "METHODS", "Attributor", "Profiles", "make_attributor"]


def make_attributor(
    model: keras.Model,
    method: Method,
    *,
    output: int | str = 0,
    unit: int = 0,
    maxpool_rule: MaxPoolRule | None = None,
    observed: bool = True,
    batch_size: int | None = None,
) -> Attributor:
    """Prepare the scoring of sequences by one logit of a model.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; its weights are read once, here.
    method : str
        "deeplift": Rescale after convolutions, RevealCancel after dense layers (the
        genomics default of Shrikumar et al. 2017). "deeplift_rescale": Rescale everywhere.
        "gradient_input": gradient times input. "deeplift_package": the `deeplift` package
        with its genomics default, slower, as a reference.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Column of that head.
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
    if maxpool_rule is None:
        maxpool_rule = "winner" if method == "deeplift_package" else "complete"
    if maxpool_rule not in MAXPOOL_RULES:
        raise ValueError(
            f"maxpool_rule: got '{maxpool_rule}', expected one of {', '.join(MAXPOOL_RULES)}"
        )
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    if method == "deeplift_package":
        if maxpool_rule != "winner":
            raise ValueError(
                f"maxpool_rule: got '{maxpool_rule}', the deeplift package only has 'winner'"
            )
        from dfim.attribution.deeplift_package import DeepliftPackage

        return DeepliftPackage(
            model, output=output, unit=unit, observed=observed, batch_size=batch_size
        )
    from dfim.attribution.engine import Engine
    from dfim.attribution.plan import make_plan

    return Engine(
        make_plan(model, output=output, unit=unit),
        method,
        maxpool_rule=maxpool_rule,
        observed=observed,
        batch_size=batch_size,
    )
