"""Which plans can be cut down to a few pooling windows, and the plans of such crops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfim.attribution.plan import Plan, flops_per_profile
from dfim.attribution.steps import Activation, Conv, Dense, Flatten, Pool

Array = np.ndarray


@dataclass(frozen=True)
class Windows:
    """The pooling windows of a plan without `obstacle`.

    Attributes
    ----------
    size : int
        Distance between the first bases of neighbouring windows.
    field : int
        Bases of the input that a window sees.
    total : int
        Number of windows.
    """

    size: int
    field: int
    total: int

    @classmethod
    def of(cls, plan: Plan) -> Windows:
        """Read them off a plan."""
        pool = next(step for step in plan.steps if isinstance(step, Pool))
        widths = [step.kernel.shape[0] for step in plan.steps if isinstance(step, Conv)]
        return cls(pool.size, pool.size + sum(w - 1 for w in widths), pool.length)

    def seeing(self, width: Array | int) -> Array:
        """Count the windows that can see an interval of so many bases, wherever it lies."""
        return np.minimum(-(-(np.asarray(width) + self.field - 1) // self.size), self.total)

    def first_seeing(self, start: Array, windows: int) -> Array:
        """Number of the first of `windows` neighbours that see what begins at `start`.

        At the ends of the input they are shifted inside.
        """
        return np.clip((start - self.field) // self.size + 1, 0, self.total - windows)

    def bases(self, windows: int) -> int:
        """Count the bases that so many neighbouring windows see."""
        return (windows - 1) * self.size + self.field


def obstacle(plan: Plan) -> str | None:
    """Say why crops would not be exact for a plan.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    str or None
        One clause for a message; None where crops are exact.
    """
    *trunk, last, _ = plan.steps or (None, None)
    if any(isinstance(step, Dense) for step in (*trunk, last)):
        return "a hidden dense layer joins all positions"
    pools = [i for i, step in enumerate(trunk) if isinstance(step, Pool)]
    if not isinstance(last, Flatten) or len(pools) != 1:
        return f"{len(pools)} poolings before the head, expected one, then Flatten and Dense"
    pool = trunk[pools[0]]
    if pool.stride != pool.size or pool.padded:
        padding = "same" if pool.padded else "valid"
        return (
            f"pooling of size {pool.size}, stride {pool.stride}, padding '{padding}', "
            "expected windows that tile the input without padding"
        )
    if any(isinstance(step, Conv) and step.padded for step in trunk):
        return "a convolution has padding 'same'"
    if any(isinstance(step, Conv) for step in trunk[pools[0] :]):
        return "a convolution stands behind the pooling"
    others = {step.kind for step in trunk if isinstance(step, Activation)} - {"relu"}
    return f"activation {', '.join(sorted(others))}, expected relu" if others else None


def crop_plan(plan: Plan, windows: int) -> Plan:
    """Cut a plan down to its first pooling windows.

    Parameters
    ----------
    plan : Plan
        Without `obstacle`.
    windows : int

    Returns
    -------
    Plan
        Of the bases that they see. Elsewhere only the head's weights are others.
    """
    geometry = Windows.of(plan)
    length = crop = geometry.bases(windows)
    steps = []
    for step in plan.steps:
        match step:
            case Conv():
                length -= step.kernel.shape[0] - 1
                steps.append(replace(step, length=length))
            case Pool() | Flatten():
                steps.append(replace(step, length=windows))
            case Dense():
                channels = len(step.kernel) // geometry.total
                steps.append(replace(step, kernel=step.kernel[: windows * channels]))
            case _:
                steps.append(step)
    return Plan(steps=tuple(steps), length=crop)


def saves_work(plan: Plan, width: int) -> bool:
    """Tell whether the crops of a mutant and its original cost less than a whole profile.

    Parameters
    ----------
    plan : Plan
        Without `obstacle`.
    width : int
        Bases of the mutated interval.

    Returns
    -------
    bool
        By floating-point operations, never by a timing.
    """
    crop = crop_plan(plan, int(Windows.of(plan).seeing(width)))
    return 2 * flops_per_profile(crop) < flops_per_profile(plan)


def put_columns(x: Array, rows: Array, columns: Array, begin: Array, width: Array) -> None:
    """Write intervals into sequences, as far as they lie inside.

    Parameters
    ----------
    x : float32 (n, S, 4)
        Changed in place.
    rows, begin, width : int (M,)
        Row of x, first position (outside of x where negative or too large), and bases.
    columns : (M, W, 4)
        The first `width` of each row are written.
    """
    place = begin[:, None] + np.arange(columns.shape[1])
    inside = (np.arange(columns.shape[1]) < width[:, None]) & (place >= 0)
    owner, column = np.nonzero(inside & (place < x.shape[1]))
    x[rows[owner], place[owner, column]] = columns[owner, column]
