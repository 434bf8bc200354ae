"""Cones: what a mutated interval changes, and what the importance of a target rests on.

A mutated interval of the input (the source) changes a span of each convolution or pooling
behind it, its cone, until some step joins all positions. The way back from there to a target
touches the cone of the target alone. Everything here follows from the architecture.

For a network of 12 bases (a convolution of width 3, a max pooling by 2, a dense output), with
base 5 mutated (s) and the importance of base 8 wanted (t):

    node                     positions                             source      target
    0  input        (12, 4)  . . . . . s . . t . . .               5, size 1   8, size 1
    1  convolution  (10, C)    . . . s s s t t t .                 3, size 3   6, size 3
    2  activation   (10, C)    . . . s s s t t t .                 3, size 3   6, size 3
    3  pooling       (5, C)     .   s   s   t   t                  1, size 2   3, size 2
    4  flatten, dense  (1,)           joins all positions          no cone

So a cone is a `Span` for each node before the dense layer: its size, the same wherever the
interval lies, and its first position for each of the 12 places of a base. Nodes 0 to 3 are
local; node 3 is read by a node that is not local (`Cones.between`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfim.attribution.engine.functions import PlanFunctions
from dfim.attribution.engine.passes import Pass
from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.receptive_fields import receptive_fields
from dfim.attribution.graph.steps import (
    Activation,
    Affine,
    Average,
    Concat,
    Conv,
    Curve,
    Fit,
    Input,
    Pool,
    Product,
    Softmax,
    Sum,
)
from dfim.attribution.local.spans import Place, Span

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Cones:
    """The cones of a source and of a target, and the passes inside and outside of them.

    Attributes
    ----------
    plan : Plan
    source, target : dict of int to Span
        By node; of the input (node 0) the mutated and the scored interval.
    inner, outer : list of Pass
        Passes of the local nodes, and all others, each in forward order.
    between : list of int
        Local nodes that others read.
    stored, stored_outer : list of int
        Local nodes, and others, whose values a forward pass keeps.
    """

    plan: Plan
    source: dict[int, Span]
    target: dict[int, Span]
    inner: list[Pass]
    outer: list[Pass]
    between: list[int]
    stored: list[int]
    stored_outer: list[int]

    @classmethod
    def of(
        cls, functions: PlanFunctions, source: dict[int, Span], target: dict[int, Span]
    ) -> Cones:
        """Divide the passes of an engine by two cones (of `cone`)."""
        plan, passes, local = functions.plan, functions.passes, local_nodes(functions.plan)
        outer = [one for one in passes if not local[one.output]]
        read = {i for one in outer for i in one.inputs} | {len(plan.nodes) - 1}
        return cls(
            plan, source, target,
            inner=[one for one in passes if local[one.output]],
            outer=outer,
            between=[i for i in range(len(plan.nodes)) if local[i] and i in read],
            stored=[i for i in functions.stored if local[i]],
            stored_outer=[i for i in functions.stored if not local[i]],
        )  # fmt: skip


def local_nodes(plan: Plan) -> list[bool]:
    """Tell which nodes have positions along the input, each of which sees a few bases only.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of bool
    """
    are_local: list[bool] = []
    for node in plan.nodes:
        inputs = node.inputs
        lengths = {plan.nodes[i].shape[0] for i in inputs}
        match node.step:
            case Input():
                local = True
            case Average(padded=True):
                local = False
            case Conv() | Pool() | Fit() | Activation():
                local = True
            case Curve(everywhere=everywhere):
                local = everywhere
            case Affine(scale):
                local = scale.ndim == 1
            case Softmax(axis) | Concat(axis):
                local = axis == 2
            case Sum() | Product():
                local = len(lengths) == 1
            case _:
                local = False
        shaped = len(node.shape) == 2
        are_local.append(local and shaped and all(are_local[i] for i in inputs))
    return are_local


def cone(plan: Plan, width: int, place: Place) -> dict[int, Span]:
    """Find which positions of each local node see an interval of the input, wherever it lies.

    Parameters
    ----------
    plan : Plan
    width : int
        Bases of the interval.
    place : str
        Name for where it begins: 0 to L - width.

    Returns
    -------
    dict of int to Span
        For each local node; at the ends of the node spans are moved inside.
    """
    start, local = np.arange(plan.length - width + 1), local_nodes(plan)
    ends: dict[int, tuple[Array, Array]] = {}
    spans: dict[int, Span] = {}
    for i, node in enumerate(plan.nodes):
        if not local[i]:
            continue
        if isinstance(node.step, Input):
            first, last = start, start + width - 1
        else:
            before = [ends[j] for j in node.inputs]
            first = np.minimum.reduce([low for low, _ in before])
            last = np.maximum.reduce([high for _, high in before])
        window = step_window(node.step)
        if window is not None:
            first = -((window.span - 1 - window.left - first) // window.stride)
            last = (last + window.left) // window.stride
        elif isinstance(node.step, Fit):
            first, last = first + node.step.left, last + node.step.left
        length = node.shape[0]
        first = np.clip(first, 0, length - 1)
        last = np.clip(last, first, length - 1)
        ends[i] = first, last
        size = int((last - first).max()) + 1
        spans[i] = Span(place, np.clip(first, 0, length - size), size)
    return spans


def reach_of(plan: Plan, width: int) -> Span:
    """Find which bases an interval of the input can interact with, wherever it lies.

    In the example above: base 5 is seen by poolings 1 and 2, which see bases 2 to 7.

    Parameters
    ----------
    plan : Plan
    width : int

    Returns
    -------
    Span
        Of the input: everything outside has exactly the importance that it had.
    """
    seen = receptive_fields(plan)
    low, high = seen.argmax(axis=1), plan.length - seen[:, ::-1].argmax(axis=1)
    start = np.arange(plan.length - width + 1)[:, None]
    sees = (low < start + width) & (high > start)
    first = np.where(sees, low, plan.length).min(axis=1)
    last = np.where(sees, high, 0).max(axis=1)
    size = int((last - first).max(initial=width))
    return Span("source", np.clip(first, 0, plan.length - size), size)
