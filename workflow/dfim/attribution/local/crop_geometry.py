"""Crops: the plans that can be cut down to a few pooling windows, and how.

For a network of 12 bases (a convolution of width 3, a max pooling by 2 without padding, a
linear head), each of the 5 pooling windows sees 4 bases, the next one 2 bases further on:

    base             0 1 2 3 4 5 6 7 8 9 10 11
    pooling window 0 |-----|                        PoolingWindows(size=2, field=4, total=5)
    pooling window 1     |-----|
    pooling window 2         |-----|
    ...

A mutated base at 5 is seen by the windows 1 and 2, so the crop of 2 windows, bases 2 to 7,
gives the whole change of the profile.
"""

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
class PoolingWindows:
    """The pooling windows of a plan that can be cut into crops.

    Attributes
    ----------
    size : int
        Distance between the first bases of neighbouring windows.
    field : int
        Bases of the input that a window sees.
    total : int
        Number of windows.

    Examples
    --------
    >>> windows = PoolingWindows(size=2, field=4, total=5)
    >>> int(windows.seeing(1)), int(windows.first_seeing(5, 2)), windows.bases(2)
    (2, 1, 6)
    """

    size: int
    field: int
    total: int

    @classmethod
    def of(cls, plan: Plan) -> PoolingWindows:
        """Read them off a plan without `obstacle`."""
        steps = [node.step for node in plan.nodes]
        pool = next(step for step in steps if isinstance(step, Pool))
        widths = [step.kernel.shape[0] for step in steps if isinstance(step, Conv)]
        return cls(pool.size, pool.size + sum(w - 1 for w in widths), pool.length)

    def seeing(self, width: Array | int) -> Array:
        """Count the windows that can see an interval of so many bases, wherever it lies."""
        return np.minimum(-(-(np.asarray(width) + self.field - 1) // self.size), self.total)

    def first_seeing(self, start: Array, windows: int) -> Array:
        """Find the first of `windows` neighbours that see what begins at `start`.

        At the ends of the input they are shifted inside.
        """
        return np.clip((start - self.field) // self.size + 1, 0, self.total - windows)

    def bases(self, windows: int) -> int:
        """Count the bases that so many neighbouring windows see."""
        return (windows - 1) * self.size + self.field


def obstacle(plan: Plan) -> str | None:
    """Find out why crops would not be exact for a plan.

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
    pools = [(i, step) for i, step in enumerate(trunk) if isinstance(step, Pool)]
    flat = isinstance(last, Reshape) and isinstance(head, Dense) and plan.tasks == 1
    if not flat or len(pools) != 1:
        return f"{len(pools)} poolings before the head, expected one, then Flatten and Dense"
    ((at, pool),) = pools
    return _obstacle_of_pool(pool, trunk[at:]) or _obstacle_of_steps(plan, trunk)


def _obstacle_of_pool(pool: Pool, behind: list[GraphStep]) -> str | None:
    if isinstance(pool, Average):
        return "the pooling is a mean"
    if pool.stride != pool.size or pool.left:
        return (
            f"pooling of size {pool.size}, stride {pool.stride}, expected windows that tile "
            "the input without padding"
        )
    if any(isinstance(step, Conv) for step in behind):
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
    length = crop = PoolingWindows.of(plan).bases(windows)
    nodes: list[Node] = []
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
    crop = crop_plan(plan, int(PoolingWindows.of(plan).seeing(width)))
    return 2 * flops_per_profile(crop) < flops_per_profile(plan)


def crop_heads(plan: Plan, windows: int) -> Array:
    """Cut the weights of the linear head into those of each crop.

    Parameters
    ----------
    plan : Plan
        Without `obstacle`.
    windows : int

    Returns
    -------
    float32 (total - windows + 1, windows * channels)
        By the first window of the crop.
    """
    head = plan.nodes[-1].step
    if not isinstance(head, Dense):
        raise TypeError(f"plan: ends with a {type(head).__name__}, expected Dense")
    kernel = head.kernel.reshape(PoolingWindows.of(plan).total, -1)
    heads = np.lib.stride_tricks.sliding_window_view(kernel, windows, axis=0)
    return heads.transpose(0, 2, 1).reshape(len(heads), -1)
