"""Forward and backward pass over the cones of a source and of a target (TensorFlow).

Three functions, each of which becomes a graph; B rows, T tasks:

    mutants    place of the source (B,), mutated columns (B, W, 4)
               -> scored values (B, T), what changed of stored local nodes, other stored values
    outward    the same, and a task
               -> multipliers of the nodes between local nodes and others, whole (B or 1, n, C)
    scores     those multipliers over the cone of the target, places, columns, what changed
               -> scores of the target (B, S), sums of its contributions (B,)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import tensorflow as tf

from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.passes import Pass, Tensors, backward, forward, rule_of
from dfim.attribution.engine.rules import Rule
from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.steps import Conv, Fit, Pool
from dfim.attribution.local.cones import Cones
from dfim.attribution.local.spans import Span, whole
from dfim.attribution.local.views import Cuts, Key, Recorder, Request, View


class ConePasses:
    """The passes of an engine over two cones.

    Parameters
    ----------
    engine : Engine
    cones : Cones
        Of the engine's functions.

    Attributes
    ----------
    requests : dict
        What "mutants", "outward" and "scores" need to have cut out of banks, by their keys.
    """

    def __init__(self, engine: Engine, cones: Cones) -> None:
        self.cones, self.plan, self.observed = cones, engine.plan, engine.observed
        self.constants: Tensors = engine.functions.constants
        self.needs_references = engine.needs_references
        self.gradient = engine.method == "gradient_input"
        self.winner = engine.maxpool_rule == "winner"
        names = ("mutants", "outward", "scores")
        self.requests: dict[str, dict[Key, Request]] = {name: {} for name in names}
        # A function's graph, unlike a plain one, takes the engine's constants in.
        tf.function(self._record, autograph=False).get_concrete_function()

    def _record(self) -> None:
        """Trace the passes on zeros, to see what they request."""
        cones, nodes = self.cones, self.plan.nodes
        place, columns = tf.zeros(1, tf.int32), tf.zeros((1, cones.source[0].size, 4))
        recorder = {name: Recorder(cones, asked) for name, asked in self.requests.items()}
        _, changed, stored = self.mutants(place, columns, recorder["mutants"])
        task = tf.zeros((1, self.plan.tasks))
        self.outward(task, place, columns, changed, stored, recorder["outward"])
        m = [tf.zeros((1, cones.target[i].size, nodes[i].shape[1])) for i in cones.between]
        self.scores(m, (place, place), columns, changed, recorder["scores"])

    def mutants(
        self, place: tf.Tensor, columns: tf.Tensor, cuts: Cuts
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """Compute logits, what changed of stored local nodes, and other stored values."""
        cones = self.cones
        view = View(cones, "mutant", (place, None), cuts, {0: columns})
        for one in cones.inner:
            if one.output in cones.stored:
                view.changed[one.output] = self._computed(one, view)
        values = forward(cones.outer, self._known(view))
        changed = [view.changed[i] for i in cones.stored]
        stored = [values[i] for i in cones.stored_outer]
        return values[len(self.plan.nodes) - 1], changed, stored

    def _computed(self, one: Pass, view: View) -> tf.Tensor:
        """Compute a stored node over the cone of the source."""
        span, step = self.cones.source[one.output], self.plan.nodes[one.output].step
        if not isinstance(step, Conv | Pool):
            return one.rule.forward(*(view.values(i, span) for i in one.inputs))
        rule, read = self._narrowed(one, step, span)
        return rule.forward(view.padded(one.inputs[0], read, one.output))

    def _narrowed(self, one: Pass, step: Conv | Pool, span: Span) -> tuple[Rule, Span]:
        """Make the rule for a span of the output alone, and find the span that it reads."""
        read = span.read_by(step_window(step))
        alone = replace(step, left=0, length=span.size)
        shape = (read.size, self.plan.nodes[one.inputs[0]].shape[1])
        rule = rule_of(alone, (shape,), gradient=self.gradient, winner=self.winner)
        return rule, read

    def _known(self, view: View) -> Tensors:
        """Values of the nodes between, whole, for the passes behind them."""
        values = {
            i: view.values(i, whole(self.plan.nodes[i].shape[0])) for i in self.cones.between
        }
        return {**self.constants, **values}

    def outward(
        self,
        task: tf.Tensor,
        place: tf.Tensor,
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        stored: list[tf.Tensor],
        cuts: Cuts,
    ) -> list[tf.Tensor]:
        """Compute multipliers of the nodes between, whole (B or 1, n, C)."""
        cones = self.cones
        view, against = self._views((place, None), columns, changed, cuts)
        known = dict(zip(cones.stored_outer, stored, strict=True))
        values = forward(cones.outer, {**self._known(view), **known})
        base = None
        if against is not None:
            known = {i: against.row(i) for i in cones.stored_outer}
            base = forward(cones.outer, {**self._known(against), **known})
        last = len(self.plan.nodes) - 1
        varying = self.plan.varying.__getitem__
        m = backward(cones.outer, {last: task}, values, base, varying)
        return [m[i] for i in cones.between]

    def scores(
        self,
        m: list[tf.Tensor],
        places: Sequence[tf.Tensor],
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        cuts: Cuts,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute scores (B, S) of the target, and sums of all its contributions (B,).

        `m` are the multipliers of the nodes between in the cone of the target.
        """
        view, against = self._views(places, columns, changed, cuts)
        target = self.cones.target[0]
        multipliers = self._inward(m, view, against)
        x = view.values(0, target)
        contributions = multipliers * (x if against is None else x - against.values(0, target))
        total = tf.reduce_sum(contributions, axis=(1, 2))
        if self.observed:
            contributions = contributions * x
        return tf.reduce_sum(contributions, axis=2), total

    def _views(
        self,
        places: Sequence[tf.Tensor | None],
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        cuts: Cuts,
    ) -> tuple[View, View | None]:
        """Values of mutants, and of references where there are any."""
        by_node = {0: columns, **dict(zip(self.cones.stored, changed, strict=True))}
        view = View(self.cones, "mutant", places, cuts, by_node)
        if not self.needs_references:
            return view, None
        return view, View(self.cones, "reference", places, cuts, {})

    def _inward(self, between: list[tf.Tensor], view: View, against: View | None) -> tf.Tensor:
        """Multipliers of the target's bases, from those of the nodes between."""
        target = self.cones.target
        multipliers: dict[int, tuple[tf.Tensor, Span]] = {}
        alone = {i for i, readers in enumerate(self.plan.readers) if len(readers) == 1}

        def add(i: int, part: tf.Tensor, span: Span) -> None:
            if i not in alone:  # branches meet: they need one span
                part, span = view.moved(part, span, target[i]), target[i]
                part = multipliers[i][0] + part if i in multipliers else part
            multipliers[i] = part, span

        for i, m in zip(self.cones.between, between, strict=True):
            add(i, m, target[i])
        for one in reversed(self.cones.inner):
            if one.output not in multipliers:
                continue
            m, span = multipliers.pop(one.output)
            step = self.plan.nodes[one.output].step
            if isinstance(step, Fit):
                add(one.inputs[0], m, span.shifted(-step.left))
                continue
            rule, reads = one.rule, [span] * len(one.inputs)
            if isinstance(step, Conv | Pool):
                m = view.moved(m, span, target[one.output])
                rule, read = self._narrowed(one, step, target[one.output])
                reads = [read]
            x, x0 = (
                []
                if rule.linear or seen is None
                else [
                    seen.padded(i, r, one.output)
                    for i, r in zip(one.inputs, reads, strict=True)
                ]
                for seen in (view, against)
            )
            for i, part, read in zip(one.inputs, rule.backward(m, x, x0), reads, strict=True):
                add(i, part, read)
        m, span = multipliers[0]
        return view.moved(m, span, target[0])
