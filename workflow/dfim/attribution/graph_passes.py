"""The passes of a graph: which rule turns which values into which, in forward order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from dfim.attribution.activations import Gradient, Rescale, RevealCancel
from dfim.attribution.graph import GraphPlan
from dfim.attribution.graph_curves import CurveGradient, CurveRescale, CurveRevealCancel
from dfim.attribution.graph_joins import ConcatJoin, Join, ProductJoin, SumJoin
from dfim.attribution.graph_rules import (
    FitRule,
    LinearRule,
    ReshapeRule,
    SoftmaxRule,
    average_rule,
    conv_rule,
    depthwise_rule,
)
from dfim.attribution.graph_steps import (
    Average,
    Concat,
    Constant,
    Curve,
    Depthwise,
    Fit,
    GraphStep,
    Linear,
    Product,
    Reshape,
    Shape,
    Softmax,
    SpacedConv,
    Sum,
)
from dfim.attribution.pooling import CompletePool, ReluWinnerPool, WinnerPool
from dfim.attribution.rules import AffineRule, ConvRule, DenseRule, Rule
from dfim.attribution.steps import Activation, Affine, Conv, Dense, Pool


@dataclass(frozen=True)
class Pass:
    """A rule between nodes: it reads the values of `inputs` and gives that of `output`."""

    rule: Rule | Join
    inputs: tuple[int, ...]
    output: int


def make_passes(plan: GraphPlan, method: str, maxpool_rule: str) -> list[Pass]:
    """Choose the rule of every node that depends on the scored input.

    Parameters
    ----------
    plan : GraphPlan
    method : str
        "deeplift", "deeplift_rescale" or "gradient_input".
    maxpool_rule : str
        "winner" or "complete"; gradients always go to the winner.

    Returns
    -------
    list of Pass
        In forward order. As in a chain, a dense layer and its RevealCancel activation are
        one pass, and so are the bias and ReLU of a convolution with the winner pooling
        behind it.
    """
    gradient = method == "gradient_input"
    winner = gradient or maxpool_rule == "winner"
    passes: dict[int, Pass] = {}
    varying = plan.varying
    for i, node in enumerate(plan.nodes):
        if i > 0 and varying[i]:
            shapes = tuple(plan.nodes[j].shape for j in node.inputs)
            rule = _rule(node.step, shapes, gradient=gradient, winner=winner)
            passes[i] = Pass(rule, node.inputs, i)
    if method == "deeplift":
        _fuse_reveal_cancel(plan, passes)
    if winner:
        _fuse_pooled_relu(plan, passes, gradient=gradient)
    return [passes[i] for i in sorted(passes)]


def constants_of(plan: GraphPlan) -> dict[int, tf.Tensor]:
    """Compute the nodes that do not depend on the scored input.

    Parameters
    ----------
    plan : GraphPlan

    Returns
    -------
    dict of int to tf.Tensor (1, ...)
        By number of the node.
    """
    values: dict[int, tf.Tensor] = {}
    varying = plan.varying
    for i, node in enumerate(plan.nodes):
        if isinstance(node.step, Constant):
            values[i] = tf.constant(node.step.value, tf.float32)
        elif not varying[i]:
            shapes = tuple(plan.nodes[j].shape for j in node.inputs)
            rule = _rule(node.step, shapes, gradient=True, winner=True)
            values[i], _ = rule.forward(*(values[j] for j in node.inputs))
    return values


# Linear steps, by their class: the step and the shapes of its inputs give a rule.
_LINEAR: dict[type, Callable[..., Rule | Join]] = {
    SpacedConv: lambda step, shapes: conv_rule(step, shapes[0][0]),
    Conv: lambda step, shapes: ConvRule(step, shapes[0][0], add_bias=True),
    Depthwise: lambda step, shapes: depthwise_rule(step, shapes[0][0]),
    Average: lambda step, shapes: average_rule(step, shapes[0]),
    Affine: lambda step, shapes: AffineRule(step),
    Fit: lambda step, shapes: FitRule(step),
    Reshape: lambda step, shapes: ReshapeRule(step, shapes[0]),
    Linear: lambda step, shapes: LinearRule(step.function, shapes[0]),
    Dense: lambda step, shapes: DenseRule(step),
    Sum: SumJoin,
    Concat: ConcatJoin,
}


def _rule(
    step: GraphStep, shapes: tuple[Shape, ...], *, gradient: bool, winner: bool
) -> Rule | Join:
    """Choose the rule of a step by itself."""
    if type(step) in _LINEAR:
        return _LINEAR[type(step)](step, shapes)
    match step:
        case Pool():
            return (WinnerPool if winner else CompletePool)(step, shapes[0][0])
        case Activation(kind):
            return (Gradient if gradient else Rescale)(kind)
        case Curve(function):
            return (CurveGradient if gradient else CurveRescale)(function)
        case Softmax(axis):
            return SoftmaxRule(axis, gradient=gradient)
        case Product():
            return ProductJoin(shapes, gradient=gradient)
    raise TypeError(f"step: got {type(step).__name__}, expected a step with inputs")


def _fuse_reveal_cancel(plan: GraphPlan, passes: dict[int, Pass]) -> None:
    """Make one pass of each activation and the dense layer before it.

    The dense layer keeps a pass of its own where something else reads it as well.
    """
    curved = (Activation, Curve)
    for i in list(passes):
        step = plan.nodes[i].step
        (j, *_) = plan.nodes[i].inputs
        dense = plan.nodes[j]
        if not isinstance(step, curved) or not isinstance(dense.step, Dense) or j not in passes:
            continue
        if isinstance(step, Activation):
            rule: Rule = RevealCancel(dense.step, step.kind)
        else:
            rule = CurveRevealCancel(dense.step, step.function)
        passes[i] = Pass(rule, dense.inputs, i)
    for j in list(passes):
        readers = [plan.nodes[i].step for i in plan.readers(j)]
        fused = bool(readers) and all(isinstance(step, curved) for step in readers)
        if fused and isinstance(plan.nodes[j].step, Dense):
            del passes[j]


def _fuse_pooled_relu(plan: GraphPlan, passes: dict[int, Pass], *, gradient: bool) -> None:
    """Make one pass of a winner pooling and of the ReLU and bias before it."""
    for i in list(passes):
        pool = plan.nodes[i].step
        if not isinstance(pool, Pool) or isinstance(pool, Average) or pool.left:
            continue
        (relu,) = plan.nodes[i].inputs
        if plan.nodes[relu].step != Activation("relu") or plan.readers(relu) != [i]:
            continue
        (at,) = plan.nodes[relu].inputs
        conv = plan.nodes[at]
        if type(conv.step) is not Conv or plan.readers(at) != [relu]:
            continue
        (before,) = conv.inputs
        rule = ConvRule(conv.step, plan.nodes[before].shape[0], add_bias=False)
        passes[at] = Pass(rule, conv.inputs, at)
        pooled = ReluWinnerPool(pool, conv.shape[0], conv.step.bias, gradient=gradient)
        passes[i] = Pass(pooled, (at,), i)
        del passes[relu]
