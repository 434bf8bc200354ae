"""A model as a chain of NumPy steps: weights read once, BatchNormalization folded away.

Folding (all exact): after a convolution or dense layer BatchNormalization goes into that
layer; before a dense layer, or a convolution without padding, into the one that follows;
anywhere else (before 'same' padding or a pooling) it stays an affine step of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import keras
import numpy as np

from dfim.attribution.steps import (
    Activation,
    Affine,
    Conv,
    Dense,
    Flatten,
    Pool,
    Step,
    translate,
)
from dfim.attribution.trace import trace

# About one batch of activations in the last-level cache; measured best sizes are 512 for
# 36 kB a profile, 32 to 64 for 0.5 MB and 8 for 2 MB (docs/benchmark.md).
BATCH_BYTES = 24 * 2**20


@dataclass(frozen=True)
class Plan:
    """Everything the engine needs to know of a model.

    Attributes
    ----------
    steps : tuple of Step
        In forward order; the last is a Dense step with one column, the scored logit.
    length : int
        Positions of the (length, 4) input.
    """

    steps: tuple[Step, ...]
    length: int


def make_plan(model: keras.Model, *, output: int | str = 0, unit: int = 0) -> Plan:
    """Read a Keras model into a plan for one logit.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Column of that head.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        For a layer or setting that is not supported (it is named), and for an output or
        unit that does not exist.
    """
    chain = trace(model, output)
    steps = _fold(translate(chain))
    head = steps[-1]
    if not isinstance(head, Dense):
        raise ValueError(
            f"output '{chain.name}': it does not end in a Dense layer (before an optional "
            "sigmoid), expected the logit or value of a Dense layer"
        )
    units = head.kernel.shape[1]
    if not 0 <= unit < units:
        raise ValueError(
            f"unit: got {unit}, expected 0 to {units - 1} (output '{chain.name}' has {units})"
        )
    column = slice(unit, unit + 1)
    steps[-1] = Dense(kernel=head.kernel[:, column], bias=head.bias[column])
    return Plan(steps=tuple(_trim(steps)), length=chain.length)


def activation_bytes(plan: Plan) -> int:
    """Bytes of the float32 input and layer outputs of one sequence.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
    """
    numbers = plan.length * 4
    channels = 4
    for step in plan.steps:
        if isinstance(step, Conv):
            channels = step.kernel.shape[2]
            numbers += step.length * channels
        elif isinstance(step, Pool):
            numbers += step.length * channels
        elif isinstance(step, Dense):
            numbers += step.kernel.shape[1]
    return 4 * numbers


def default_batch_size(plan: Plan) -> int:
    """Choose the batch size from the size of the model, never from a timing.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
        The largest power of two whose activations fit in `BATCH_BYTES`, within 8 to 512.
    """
    fitting = max(1, BATCH_BYTES // activation_bytes(plan))
    return int(np.clip(2 ** int(np.log2(fitting)), 8, 512))


def flops_per_profile(plan: Plan, *, reveal_cancel: bool = True) -> int:
    """Count the floating-point operations of the matrix products behind one profile.

    Parameters
    ----------
    plan : Plan
    reveal_cancel : bool
        Whether hidden dense layers use RevealCancel (two more products each).

    Returns
    -------
    int
        2 for each multiply-add of the forward and the backward pass against one reference
        that is already known. Elementwise work is not counted.
    """
    total = 0
    for i, step in enumerate(plan.steps):
        if isinstance(step, Conv):
            total += 2 * 2 * step.length * step.kernel.size
        elif isinstance(step, Dense):
            hidden = i + 1 < len(plan.steps) and isinstance(plan.steps[i + 1], Activation)
            products = 4 if hidden and reveal_cancel else 2
            total += 2 * products * step.kernel.size
    return total


def _fold(steps: Iterable[Step]) -> list[Step]:
    """Fold every affine step that can be folded exactly (see the module's docstring)."""
    done: list[Step] = []
    for step in steps:
        before = done[-1] if done else None
        if isinstance(step, Affine) and isinstance(before, Conv | Dense):
            done[-1] = replace(
                before,
                kernel=(before.kernel * step.scale).astype(np.float32),
                bias=(before.bias * step.scale + step.shift).astype(np.float32),
            )
        elif isinstance(step, Affine) and isinstance(before, Affine):
            done[-1] = Affine(
                scale=before.scale * step.scale, shift=before.shift * step.scale + step.shift
            )
        elif isinstance(step, Flatten) and isinstance(before, Affine):
            # Carried across, so that a dense layer behind the Flatten can take it.
            scale, shift = (np.tile(v, step.length) for v in (before.scale, before.shift))
            done[-1:] = [step, Affine(scale=scale, shift=shift)]
        elif isinstance(step, Dense) and isinstance(before, Affine):
            done[-1] = Dense(
                kernel=(step.kernel * before.scale[:, None]).astype(np.float32),
                bias=(step.bias + before.shift @ step.kernel).astype(np.float32),
            )
        elif isinstance(step, Conv) and isinstance(before, Affine) and not step.padded:
            done[-1] = replace(
                step,
                kernel=(step.kernel * before.scale[:, None]).astype(np.float32),
                bias=(step.bias + np.einsum("wio,i->o", step.kernel, before.shift)).astype(
                    np.float32
                ),
            )
        else:
            done.append(step)
    return done


def _trim(steps: list[Step]) -> list[Step]:
    """Crop what an unpadded pooling drops at the end, back to the input: exact, less work."""
    trimmed: list[Step] = []
    needed: int | None = None
    for step in reversed(steps):
        if isinstance(step, Conv) and needed is not None:
            step = replace(step, length=min(needed, step.length))
            needed = step.length + step.kernel.shape[0] - 1 - step.left
        elif isinstance(step, Pool):
            used = (step.length - 1) * step.stride + step.size
            needed = None if step.padded else used
        elif isinstance(step, Conv | Flatten | Dense):
            needed = None
        trimmed.append(step)
    return trimmed[::-1]
