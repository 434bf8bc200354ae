"""Passes of a plan: the rule of each node, and the way forward and back through all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from dfim.attribution.engine.activations import Gradient, Rescale, RevealCancel, SoftmaxRule
from dfim.attribution.engine.joins import ConcatRule, ProductRule, SumRule
from dfim.attribution.engine.pooling import CompletePool, WinnerPool
from dfim.attribution.engine.rules import (
    AffineRule,
    DenseRule,
    FitRule,
    LinearRule,
    ReshapeRule,
    Rule,
    average_rule,
    conv_rule,
)
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.steps import (
    Activation,
    Affine,
    Average,
    Concat,
    Constant,
    Conv,
    Curve,
    Dense,
    Depthwise,
    Fit,
    GraphStep,
    Linear,
    Pool,
    Product,
    Reshape,
    Shape,
    Softmax,
    Sum,
)

Tensors = dict[int, tf.Tensor]  # values or multipliers by number of the node
# Worth keeping from the forward pass: what takes sums to compute.
STORED = (Conv, Pool, Dense, Sum, Product)


@dataclass(frozen=True)
class Pass:
    """A rule between nodes: it reads the values of `inputs` and gives that of `output`."""

    rule: Rule
    inputs: tuple[int, ...]
    output: int


def make_passes(plan: Plan, method: str, maxpool_rule: str) -> list[Pass]:
    """Choose the rule of every node that depends on the scored input.

    Parameters
    ----------
    plan : Plan
    method : str
        "deeplift", "deeplift_rescale" or "gradient_input".
    maxpool_rule : str
        "winner" or "complete"; gradients always go to the winner.

    Returns
    -------
    list of Pass
        In forward order. The pass of a RevealCancel activation reads the input of the
        dense layer too, and multipliers skip that layer.
    """
    gradient = method == "gradient_input"
    winner = gradient or maxpool_rule == "winner"
    passes = []
    for i, node in enumerate(plan.nodes):
        if i == 0 or not plan.varying[i]:
            continue
        shapes = tuple(plan.nodes[j].shape for j in node.inputs)
        inputs = node.inputs
        before = plan.nodes[inputs[0]].step
        step, reveal = node.step, method == "deeplift"
        if reveal and isinstance(before, Dense) and isinstance(step, Activation | Curve):
            rule: Rule = RevealCancel(before, step)
            inputs = (*plan.nodes[inputs[0]].inputs, *inputs)
        else:
            rule = rule_of(step, shapes, gradient=gradient, winner=winner)
        passes.append(Pass(rule, inputs, i))
    return passes


def constants_of(plan: Plan) -> Tensors:
    """Compute the nodes that do not depend on the scored input.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    dict of int to tf.Tensor (1, ...)
        By number of the node.
    """
    values: Tensors = {}
    for i, node in enumerate(plan.nodes):
        if isinstance(node.step, Constant):
            values[i] = tf.constant(node.step.value, tf.float32)
        elif not plan.varying[i]:
            shapes = tuple(plan.nodes[j].shape for j in node.inputs)
            rule = rule_of(node.step, shapes, gradient=True, winner=True)
            values[i] = rule.forward(*(values[j] for j in node.inputs))
    return values


def forward(passes: Sequence[Pass], known: Mapping[int, tf.Tensor]) -> Tensors:
    """Compute the values of all nodes from those that are known.

    Parameters
    ----------
    passes : sequence of Pass
    known : mapping of int to tf.Tensor
        The input, constants, and whatever else need not be computed again.

    Returns
    -------
    dict of int to tf.Tensor
    """
    values = dict(known)
    for one in passes:
        if one.output not in values:
            values[one.output] = one.rule.forward(*(values[i] for i in one.inputs))
    return values


def backward(
    passes: Sequence[Pass],
    multipliers: Tensors,
    values: Mapping[int, tf.Tensor],
    base: Mapping[int, tf.Tensor] | None,
    wanted: Callable[[int], bool],
) -> Tensors:
    """Pass multipliers back to the nodes that no pass gives.

    Parameters
    ----------
    passes : sequence of Pass
    multipliers : dict of int to tf.Tensor
        Those that are known; those of the outputs of `passes` are used up.
    values, base : mapping of int to tf.Tensor
        Values in the sequence, and in the reference (None for plain gradients).
    wanted : callable
        Whether the multipliers of a node are wanted.

    Returns
    -------
    dict of int to tf.Tensor
        Multipliers of the nodes that no pass gives; where branches meet, they add up.
    """
    for one in reversed(passes):
        m = multipliers.pop(one.output, None)
        if m is None:
            continue
        x = [values[i] for i in one.inputs]
        x0 = [] if base is None else [base[i] for i in one.inputs]
        for i, part in zip(one.inputs, one.rule.backward(m, x, x0), strict=True):
            if part is not None and wanted(i):
                multipliers[i] = multipliers[i] + part if i in multipliers else part
    return multipliers


# Linear steps, by their class: the step and the shapes of its inputs give a rule.
_LINEAR: dict[type, Callable[..., Rule]] = {
    Conv: lambda step, shapes: conv_rule(step, shapes[0][0]),
    Depthwise: lambda step, shapes: conv_rule(step, shapes[0][0]),
    Average: lambda step, shapes: average_rule(step, shapes[0]),
    Affine: lambda step, shapes: AffineRule(step),
    Fit: lambda step, shapes: FitRule(step),
    Reshape: lambda step, shapes: ReshapeRule(step, shapes[0]),
    Linear: lambda step, shapes: LinearRule(step.function, shapes[0]),
    Dense: lambda step, shapes: DenseRule(step),
    Sum: SumRule,
    Concat: ConcatRule,
}


def rule_of(
    step: GraphStep, shapes: tuple[Shape, ...], *, gradient: bool, winner: bool
) -> Rule:
    """Choose the rule of a step by itself.

    Parameters
    ----------
    step : GraphStep
    shapes : tuple of tuple of int
        Of its inputs, without the batch axis.
    gradient, winner : bool
        Whether plain gradients are meant, and whether a maximum belongs to the winner.

    Returns
    -------
    Rule
    """
    if type(step) in _LINEAR:
        return _LINEAR[type(step)](step, shapes)
    match step:
        case Pool():
            return (WinnerPool if winner else CompletePool)(step, shapes[0][0])
        case Activation() | Curve():
            return (Gradient if gradient else Rescale)(step)
        case Softmax(axis):
            return SoftmaxRule(axis, gradient=gradient)
        case Product():
            return ProductRule(shapes, gradient=gradient)
    raise TypeError(f"step: got {type(step).__name__}, expected a step with inputs")
