"""Forward and backward pass over the cones of a source and of a target (TensorFlow).

Activations that a mutation leaves alone come from the original's own pass (its bank), in
windows that are cut out before the compiled part begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import tensorflow as tf

from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.passes import Pass, backward, forward, rule_of
from dfim.attribution.engine.rules import Rule
from dfim.attribution.graph.placement import step_window
from dfim.attribution.graph.steps import Fit
from dfim.attribution.local.cones import Span, whole
from dfim.attribution.local.views import CutWindows, Recorder, Request, View


class ConePasses:
    """The graphs of an engine for cones.

    Parameters
    ----------
    engine : Engine
    local : list of bool
        The nodes that have cones.
    source, target : dict of int to Span
        Their cones; of the input (node 0): the mutated and the scored interval.

    Attributes
    ----------
    wants : dict
        Requests of the three graphs, "mutants", "outward" and "scores", by their keys.
    between : list of int
        Local nodes that others read.
    """

    def __init__(
        self,
        engine: Engine,
        local: list[bool],
        source: dict[int, Span],
        target: dict[int, Span],
    ) -> None:
        self.engine, self.plan = engine, engine.plan
        self.source, self.target = source, target
        self.inner = [one for one in engine.passes if local[one.output]]
        self.outer = [one for one in engine.passes if not local[one.output]]
        read = {i for one in self.outer for i in one.inputs}
        last = len(self.plan.nodes) - 1
        self.between = [i for i in range(last + 1) if local[i] and (i in read or i == last)]
        self.stored = [i for i in engine.stored if local[i]]
        self.stored_outer = [i for i in engine.stored if not local[i]]
        names = ("mutants", "outward", "scores")
        self.wants: dict[str, dict[tuple[object, ...], Request]] = {name: {} for name in names}
        # A function's graph, unlike a plain one, takes the engine's constants in.
        tf.function(self._record, autograph=False).get_concrete_function()

    def _record(self) -> None:
        """Trace the graphs on nothing, to see which windows they ask for."""
        place, columns = tf.zeros(1, tf.int32), tf.zeros((1, self.source[0].size, 4))
        recorder = {name: Recorder(self, asked) for name, asked in self.wants.items()}
        _, changed, stored = self.mutants(place, columns, recorder["mutants"])
        task = tf.zeros((1, self.plan.tasks))
        self.outward(task, place, columns, changed, stored, recorder["outward"])
        spans = (self.target[i] for i in self.between)
        shapes = (
            (1, span.size, self.plan.nodes[i].shape[1])
            for i, span in zip(self.between, spans, strict=True)
        )
        m = [tf.zeros(shape) for shape in shapes]
        self.scores(m, (place, place), columns, changed, recorder["scores"])

    def mutants(
        self, place: tf.Tensor, columns: tf.Tensor, windows: CutWindows
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """Scored values (B, T), what changed of stored local nodes, and other stored values."""
        view = View(self, "mutant", (place, None), windows, {0: columns})
        for one in self.inner:
            if one.output in self.stored:
                view.changed[one.output] = self._computed(one, view)
        values = forward(self.outer, self._known(view))
        changed = [view.changed[i] for i in self.stored]
        stored = [values[i] for i in self.stored_outer]
        return values[len(self.plan.nodes) - 1], changed, stored

    def _computed(self, one: Pass, view: View) -> tf.Tensor:
        """Compute a stored node over the cone of the source."""
        span, step = self.source[one.output], self.plan.nodes[one.output].step
        if step_window(step) is None:
            return one.rule.forward(*(view.window(i, span) for i in one.inputs))
        rule, (read,) = self._windowed(one, span)
        return rule.forward(view.padded(one.inputs[0], read, one.output))

    def _windowed(self, one: Pass, span: Span) -> tuple[Rule, tuple[Span]]:
        """Make the rule of a few neighbouring windows alone, and see what they read."""
        step, gradient = (
            self.plan.nodes[one.output].step,
            self.engine.method == "gradient_input",
        )
        read = span.read_by(step_window(step))
        alone = replace(step, left=0, length=span.size)
        shape = (read.size, self.plan.nodes[one.inputs[0]].shape[1])
        winner = gradient or self.engine.maxpool_rule == "winner"
        return rule_of(alone, (shape,), gradient=gradient, winner=winner), (read,)

    def _known(self, view: View) -> dict[int, tf.Tensor]:
        """Values of the nodes between, whole, for the passes behind them."""
        whole_ones = {
            i: view.window(i, whole(self.plan.nodes[i].shape[0])) for i in self.between
        }
        return {**self.engine.constants, **whole_ones}

    def outward(
        self,
        task: tf.Tensor,
        place: tf.Tensor,
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        stored: list[tf.Tensor],
        windows: CutWindows,
    ) -> list[tf.Tensor]:
        """Multipliers of the nodes between, whole (B or 1, n, C)."""
        view, against = self._views((place, None), columns, changed, windows)
        known = dict(zip(self.stored_outer, stored, strict=True))
        values = forward(self.outer, {**self._known(view), **known})
        base = None
        if against is not None:
            known = {i: against.row(i) for i in self.stored_outer}
            base = forward(self.outer, {**self._known(against), **known})
        last = len(self.plan.nodes) - 1
        varying = self.plan.varying.__getitem__
        found = backward(self.outer, {last: task}, values, base, varying)
        return [found[i] for i in self.between]

    def scores(
        self,
        m: list[tf.Tensor],
        places: Sequence[tf.Tensor],
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        windows: CutWindows,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores (B, S) of the target's positions, and sums of all contributions there (B,).

        `m` are the multipliers of the nodes between in the cone of the target.
        """
        view, against = self._views(places, columns, changed, windows)
        m = self._inward(m, view, against)
        x = view.window(0, self.target[0])
        contributions = m * (x if against is None else x - against.window(0, self.target[0]))
        total = tf.reduce_sum(contributions, axis=(1, 2))
        if self.engine.observed:
            contributions = contributions * x
        return tf.reduce_sum(contributions, axis=2), total

    def _views(
        self,
        places: Sequence[tf.Tensor | None],
        columns: tf.Tensor,
        changed: list[tf.Tensor],
        windows: CutWindows,
    ) -> tuple[View, View | None]:
        """Values of mutants, and of references where there are any."""
        own = {0: columns, **dict(zip(self.stored, changed, strict=True))}
        view = View(self, "mutant", places, windows, own)
        if not self.engine.needs_references:
            return view, None
        return view, View(self, "reference", places, windows, {})

    def _inward(self, between: list[tf.Tensor], view: View, against: View | None) -> tf.Tensor:
        """Multipliers of the target's bases, from those of the nodes between."""
        found: dict[int, tuple[tf.Tensor, Span]] = {}
        alone = {i for i, readers in enumerate(self.plan.readers) if len(readers) == 1}

        def add(i: int, part: tf.Tensor, span: Span) -> None:
            if i not in alone:  # branches meet: they need one span
                part, span = view.moved(part, span, self.target[i]), self.target[i]
                part = found[i][0] + part if i in found else part
            found[i] = part, span

        for i, m in zip(self.between, between, strict=True):
            add(i, m, self.target[i])
        for one in reversed(self.inner):
            if one.output not in found:
                continue
            m, span = found.pop(one.output)
            step = self.plan.nodes[one.output].step
            if isinstance(step, Fit):
                add(one.inputs[0], m, span.shifted(-step.left))
                continue
            rule, reads = one.rule, (span,) * len(one.inputs)
            if step_window(step) is not None:
                m = view.moved(m, span, self.target[one.output])
                rule, reads = self._windowed(one, self.target[one.output])
            x, x0 = (
                None
                if rule.linear or who is None
                else [
                    who.padded(i, r, one.output) for i, r in zip(one.inputs, reads, strict=True)
                ]
                for who in (view, against)
            )
            for i, part, read in zip(one.inputs, rule.backward(m, x, x0), reads, strict=True):
                add(i, part, read)
        m, span = found[0]
        return view.moved(m, span, self.target[0])
