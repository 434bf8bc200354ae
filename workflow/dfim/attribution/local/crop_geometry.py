"""Which plans can be cut down to a few pooling windows, and the plans of such crops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfim.attribution.engine.costs import flops_per_profile
from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.steps import (
    Activation,
    Affine,
    Average,
    Conv,
    Dense,
    GraphStep,
    Input,
    Node,
    Pool,
    Reshape,
)

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
        steps = [node.step for node in plan.nodes]
        pool = next(step for step in steps if isinstance(step, Pool))
        widths = [step.kernel.shape[0] for step in steps if isinstance(step, Conv)]
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
    if any(node.inputs != (i - 1,) for i, node in enumerate(plan.nodes) if i):
        return "the network has branches"
    _, *trunk, last, head = [node.step for node in plan.nodes]
    if any(isinstance(step, Dense) for step in (*trunk, last)):
        return "a hidden dense layer joins all positions"
    pools = [i for i, step in enumerate(trunk) if isinstance(step, Pool)]
    flat = isinstance(last, Reshape) and isinstance(head, Dense) and plan.tasks == 1
    if not flat or len(pools) != 1:
        return f"{len(pools)} poolings before the head, expected one, then Flatten and Dense"
    return _obstacle_of_pool(trunk, pools[0]) or _obstacle_of_steps(plan, trunk)


def _obstacle_of_pool(trunk: list[GraphStep], at: int) -> str | None:
    pool = trunk[at]
    if isinstance(pool, Average):
        return "the pooling is a mean"
    if pool.stride != pool.size or pool.left:
        return (
            f"pooling of size {pool.size}, stride {pool.stride}, expected windows that tile "
            "the input without padding"
        )
    if any(isinstance(step, Conv) for step in trunk[at:]):
        return "a convolution stands behind the pooling"
    return None


def _obstacle_of_steps(plan: Plan, trunk: list[GraphStep]) -> str | None:
    for node, before in zip(plan.nodes[1:], plan.nodes, strict=False):
        window = step_window(node.step)
        if window is not None and window.leaves(before.shape[0]):
            return "a convolution or pooling has padding"
    for step in trunk:
        match step:
            case Conv(stride=1, dilation=1) if type(step) is Conv:
                continue
            case Pool() | Activation("relu"):
                continue
            case Affine(scale) if scale.ndim == 1:
                continue
        kind = step.kind if isinstance(step, Activation) else type(step).__name__
        return f"a step is {kind}, expected plain convolutions and relu"
    return None


def crop_plan(plan: Plan, windows: int) -> Plan:
    """Cut a plan down to its first pooling windows, and leave the head out.

    Parameters
    ----------
    plan : Plan
        Without `obstacle`.
    windows : int

    Returns
    -------
    Plan
        Of the bases that they see, up to what the head reads.
    """
    length = crop = Windows.of(plan).bases(windows)
    nodes = []
    for node in plan.nodes[:-1]:
        step = node.step
        if isinstance(step, Conv):
            length -= step.kernel.shape[0] - 1
            step = replace(step, length=length)
        elif isinstance(step, Pool):
            length = windows
            step = replace(step, length=windows)
        if isinstance(step, Reshape):
            shape: tuple[int, ...] = (windows * nodes[-1].shape[1],)
            step = Reshape(shape)
        else:
            shape = (length, 4 if isinstance(step, Input) else node.shape[1])
        nodes.append(Node(step, node.inputs, shape))
    return Plan(nodes=tuple(nodes), length=crop)


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
