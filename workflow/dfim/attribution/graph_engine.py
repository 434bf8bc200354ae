"""DeepLIFT and gradients as an explicit forward and backward pass over a graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from dfim.attribution.base import Array, Attributor, Block, Wanted
from dfim.attribution.engine import Engine
from dfim.attribution.graph import GraphPlan, default_batch_size, make_graph
from dfim.attribution.graph_joins import Join
from dfim.attribution.graph_passes import constants_of, make_passes
from dfim.attribution.graph_reach import reachable, structural_reach
from dfim.attribution.plan import make_plan
from dfim.attribution.rules import Saved

if TYPE_CHECKING:
    import keras


class GraphEngine(Attributor):
    """The methods deeplift, deeplift_rescale and gradient_input for functional models.

    Parameters
    ----------
    plan : GraphPlan
    method, maxpool_rule, observed, batch_size
        As `dfim.attribution.make_attributor`.

    Notes
    -----
    It is no `dfim.attribution.engine.Engine`: crops of sequences are for chains.
    """

    plan: GraphPlan

    def __init__(
        self,
        plan: GraphPlan,
        method: str,
        *,
        maxpool_rule: str = "winner",
        observed: bool = True,
        batch_size: int | None = None,
    ) -> None:
        self._passes = _GraphPasses(plan, method, maxpool_rule, observed, batch_size)
        self.method, self.plan, self.length = method, plan, plan.length
        self.maxpool_rule, self.observed = maxpool_rule, observed
        self.batch_size = self._passes.batch_size
        self.needs_references = self._passes.needs_references

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        return self._passes.predict_logit(X)

    def reachable(  # noqa: D102 (see Attributor)
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        return reachable(self.plan, source_start, source_end, target_start, target_end)

    def structural_reach(self) -> int | None:  # noqa: D102 (see Attributor)
        return structural_reach(self.plan)

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        return self._passes._blocks(X, references, reference_of, wanted)


class _GraphPasses(Engine):
    """The batches of an engine, with the three passes over a graph in place of a chain."""

    def __init__(
        self,
        plan: GraphPlan,
        method: str,
        maxpool_rule: str,
        observed: bool,
        batch_size: int | None,
    ) -> None:
        self.method, self.observed, self.length = method, observed, plan.length
        self.batch_size = batch_size or default_batch_size(plan)
        self.needs_references = method != "gradient_input"
        self._passes = make_passes(plan, method, maxpool_rule)
        self._constants = constants_of(plan)
        self._varying = plan.varying
        self._last = len(plan.nodes) - 1
        self._graphs = {}

    def _activations(self, x: tf.Tensor) -> tuple[tf.Tensor, list[Saved]]:
        return self._forward(x, reference=False)

    def _reference(self, x: tf.Tensor) -> tuple[tf.Tensor, list[Saved]]:
        return self._forward(x, reference=True)

    def _forward(self, x: tf.Tensor, *, reference: bool) -> tuple[tf.Tensor, list[Saved]]:
        x = tf.cast(x, tf.float32)
        values = {0: x, **self._constants}
        kept: list[Saved] = [(x,)]
        for one in self._passes:
            forward = one.rule.reference if reference else one.rule.forward
            values[one.output], saved = forward(*(values[i] for i in one.inputs))
            kept.append(saved)
        return values[self._last][:, 0], kept

    def _multipliers(self, kept: list[Saved], base: list[Saved]) -> tf.Tensor:
        found: dict[int, tf.Tensor] = {self._last: tf.ones((1, 1))}
        steps = zip(self._passes, kept[1:], base[1:], strict=True)
        for one, saved, saved0 in reversed(list(steps)):
            m = one.rule.backward(found.pop(one.output), saved, saved0)
            parts = m if isinstance(one.rule, Join) else (m,)
            for i, part in zip(one.inputs, parts, strict=True):
                if self._varying[i]:  # where branches meet, multipliers add up
                    found[i] = found[i] + part if i in found else part
        return found[0]


def make_engine(
    model: keras.Model,
    method: str,
    *,
    output: int | str = 0,
    unit: int = 0,
    held: Mapping[str, Array] | None = None,
    maxpool_rule: str = "winner",
    observed: bool = True,
    batch_size: int | None = None,
) -> Attributor:
    """Choose the engine of a model: that of chains where it can read the model.

    Parameters
    ----------
    model, method, output, unit, maxpool_rule, observed, batch_size
        As `dfim.attribution.make_attributor`.
    held : mapping of str to array, optional
        Values of inputs that are not scored (`dfim.attribution.graph.make_graph`).

    Returns
    -------
    Engine or GraphEngine

    Raises
    ------
    ValueError
        As `dfim.attribution.graph.make_graph`.
    """
    plan = None
    if not held:
        with contextlib.suppress(ValueError):  # the graph's message knows more layers
            plan = make_plan(model, output=output, unit=unit)
    settings = {"maxpool_rule": maxpool_rule, "observed": observed, "batch_size": batch_size}
    if plan is not None:
        return Engine(plan, method, **settings)
    return GraphEngine(
        make_graph(model, output=output, unit=unit, held=held), method, **settings
    )
