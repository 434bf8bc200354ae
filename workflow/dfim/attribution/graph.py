"""A functional or branched model as a graph of steps: weights read once, one unit chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.graph_fold import fold
from dfim.attribution.graph_steps import (
    Concat,
    Constant,
    Curve,
    Depthwise,
    Input,
    Linear,
    Node,
    Product,
    Softmax,
    Sum,
)
from dfim.attribution.graph_trace import Builder, Scope
from dfim.attribution.plan import BATCH_BYTES
from dfim.attribution.steps import Activation, Conv, Dense, Pool
from dfim.attribution.trace import output_tensor

Array = np.ndarray
_KEPT = (Input, Conv, Depthwise, Pool, Dense, Linear, Sum, Product, Concat)


@dataclass(frozen=True)
class GraphPlan:
    """Everything `GraphEngine` needs to know of a model.

    Attributes
    ----------
    nodes : tuple of Node
        Inputs before what reads them. The first is the scored input, the last has the
        shape (1,): the scored value.
    length : int
        Positions of the (length, 4) input.
    """

    nodes: tuple[Node, ...]
    length: int

    @property
    def varying(self) -> list[bool]:
        """Whether each node depends on the scored input."""
        return _varying(self.nodes)

    def readers(self, i: int) -> list[int]:
        """Numbers of the nodes that read node i."""
        return [j for j, node in enumerate(self.nodes) if i in node.inputs]


def make_graph(
    model: keras.Model,
    *,
    output: int | str = 0,
    unit: int = 0,
    held: Mapping[str, Array] | None = None,
) -> GraphPlan:
    """Read a Keras model into a graph for one value of one output.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; models inside it are opened.
    output : int or str
        Head: index, output name or layer name.
    unit : int
        Which of the head's numbers, counted over its positions and channels in row order.
        A final sigmoid or softmax is left out, so that a logit is scored.
    held : mapping of str to array, optional
        Values (without a batch axis) of inputs that are not scored, by the input's name;
        the others are held at zero. The scored input is the first (length, 4) one that is
        not named here.

    Returns
    -------
    GraphPlan

    Raises
    ------
    ValueError
        For a layer or setting without a rule (it is named), an output, unit or input that
        does not exist, a held value of a wrong shape, and where the output does not depend
        on a (length, 4) input.
    """
    tensor, name = output_tensor(model, output)
    held = held or {}
    scored = scored_input(model, held)
    builder = Builder()
    shape = tuple(scored.shape[1:])
    scope = Scope({scored._keras_history: builder.add(Input(), (), shape)})
    for other in model.inputs:
        if other is not scored:
            value = held_value(other, held)
            node = builder.add(Constant(value), (), value.shape[1:])
            scope.nodes[other._keras_history] = node
    nodes = builder.nodes[: builder.trace(tensor, scope) + 1]
    if not _varying(nodes)[-1]:
        raise ValueError(
            f"output '{name}': it does not depend on input '{_name(scored)}', expected an "
            "output of the (length, 4) input"
        )
    return GraphPlan(nodes=tuple(fold(_with_unit(nodes, name, unit))), length=shape[0])


def activation_bytes(plan: GraphPlan) -> int:
    """Bytes of the float32 input and layer outputs of one sequence.

    Parameters
    ----------
    plan : GraphPlan

    Returns
    -------
    int
        As `dfim.attribution.plan.activation_bytes` where both can read the model and no
        pooling drops positions: activations, affine steps and reshapes count as nothing.
    """
    kept = [node.shape for node in plan.nodes if isinstance(node.step, _KEPT)]
    return 4 * sum(int(np.prod(shape)) for shape in kept)


def default_batch_size(plan: GraphPlan) -> int:
    """Choose the batch size by the formula of `dfim.attribution.plan.default_batch_size`.

    Parameters
    ----------
    plan : GraphPlan

    Returns
    -------
    int
        The largest power of two whose activations fit in `BATCH_BYTES`, within 8 to 512.
    """
    fitting = max(1, BATCH_BYTES // activation_bytes(plan))
    return int(np.clip(2 ** int(np.log2(fitting)), 8, 512))


def flops_per_profile(plan: GraphPlan, *, reveal_cancel: bool = True) -> int:
    """Count the floating-point operations of the matrix products behind one profile.

    Parameters
    ----------
    plan : GraphPlan
    reveal_cancel : bool
        Whether hidden dense layers use RevealCancel (two more products each).

    Returns
    -------
    int
        2 for each multiply-add of the forward and the backward pass against one reference
        that is already known. Elementwise work is not counted.
    """
    total = 0
    for i, node in enumerate(plan.nodes):
        match node.step:
            case Conv(kernel) | Depthwise(kernel):
                total += 2 * 2 * node.step.length * kernel.size
            case Dense(kernel):
                curved = any(
                    isinstance(plan.nodes[j].step, Activation | Curve) for j in plan.readers(i)
                )
                total += 2 * (4 if curved and reveal_cancel else 2) * kernel.size
    return total


def _varying(nodes: Sequence[Node]) -> list[bool]:
    found: list[bool] = []
    for node in nodes:
        found.append(isinstance(node.step, Input) or any(found[i] for i in node.inputs))
    return found


def _name(tensor: keras.KerasTensor) -> str:
    return tensor._keras_history.operation.name


def scored_input(model: keras.Model, held: Mapping[str, Array]) -> keras.KerasTensor:
    """Find the first (length, 4) input that is not held."""
    names = [_name(tensor) for tensor in model.inputs]
    unknown = [name for name in held if name not in names]
    if unknown:
        raise ValueError(f"held: got '{unknown[0]}', expected names among the inputs {names}")
    for tensor, name in zip(model.inputs, names, strict=True):
        shape = tuple(tensor.shape[1:])
        if name not in held and len(shape) == 2 and shape[1] == 4 and shape[0] is not None:
            return tensor
    shapes = ", ".join(
        f"{n} {tuple(t.shape[1:])}" for n, t in zip(names, model.inputs, strict=True)
    )
    raise ValueError(
        f"model '{model.name}': its inputs have the shapes {shapes}, expected one of "
        "(length, 4) with a fixed length that is not held"
    )


def held_value(tensor: keras.KerasTensor, held: Mapping[str, Array]) -> Array:
    """Value (1, ...) of an input that is not scored."""
    name, shape = _name(tensor), tuple(tensor.shape[1:])
    if name not in held:
        if None in shape:
            raise ValueError(
                f"held: input '{name}' has shape {shape}, expected a fixed shape or its value"
            )
        return np.zeros((1, *shape), np.float32)
    value = np.asarray(held[name], np.float32)
    fits = value.ndim == len(shape) and all(
        want in (None, got) for got, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"held: got shape {value.shape} for '{name}', expected {shape}")
    return value[None]


def _with_unit(nodes: list[Node], name: str, unit: int) -> list[Node]:
    """Leave a final sigmoid or softmax out and cut the result down to one number."""
    last = nodes[-1]
    if isinstance(last.step, Softmax) or last.step == Activation("sigmoid"):
        nodes = nodes[: last.inputs[0] + 1]
        last = nodes[-1]
    units = int(np.prod(last.shape))
    if not 0 <= unit < units:
        raise ValueError(
            f"unit: got {unit}, expected 0 to {units - 1} (output '{name}' has {units})"
        )
    column = slice(unit, unit + 1)
    if isinstance(last.step, Dense):
        head = Dense(kernel=last.step.kernel[:, column], bias=last.step.bias[column])
        return [*nodes[:-1], Node(head, last.inputs, (1,))]

    def pick(x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, (-1, units))[:, column]

    return [*nodes, Node(Linear(pick, (1,)), (len(nodes) - 1,), (1,))]
