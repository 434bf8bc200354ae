"""Score one batch of mutants and their targets: cut values out of banks, call graphs, add up.

A batch of n items of `Items` (n ≤ B, the rows of every pass) with s slots, R references and T
tasks takes 1 + R T + R T ceil(s / B) calls of the graphs of `ConePasses`:

    columns (n, W, 4), places (n,)  ── mutants, once ────────────> logits (n, T), what changed
    for each reference and task:
        what changed (n, ...)       ── outward ──────────────────> multipliers (n, positions, C)
        for each part of B slots:   gather items, cut targets
            (B, positions, C)       ── scores ───────────────────> scores (B, S), sums (B,)

In the example of `items` (batches of 24 rows): 5 items and 7 slots fit into one batch; with one
reference and one task there are three calls. Rows of the outward pass are items, rows of
the score pass are slots: item 1 is gathered twice, for the targets at bases 8 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.bank import Bank
from dfim.attribution.engine.compiled import Graphs, batches, filled
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.items import Batch, Items
from dfim.attribution.local.passes import ConePasses
from dfim.attribution.local.results import Results
from dfim.attribution.local.views import Key, Kind, Request, cut

Array = np.ndarray
Cut = dict[Key, tf.Tensor]


class BatchScorer:
    """Scores batches of mutants by the graphs of two cones.

    Parameters
    ----------
    engine : Engine
    passes : ConePasses
    graphs : Graphs
    batch_size : int
        Rows B of every pass.
    """

    def __init__(
        self, engine: Engine, passes: ConePasses, graphs: Graphs, batch_size: int
    ) -> None:
        self.engine, self.passes, self.graphs = engine, passes, graphs
        self.batch_size = batch_size

    def score(self, results: Results, items: Items, batch: Batch, x: Array) -> None:
        """Score a batch of mutants and their targets, one reference after the other.

        Parameters
        ----------
        results : Results
            Added to.
        items, batch
            All items, and which of them.
        x : float32 (n, W, 4)
            What stands in the source interval of each of them.
        """
        fill = partial(filled, rows=self.batch_size)
        place = fill(items.place[batch.items])
        columns, source = tf.constant(fill(x)), tf.constant(place, tf.int32)
        requests, row = self.passes.requests, fill(batch.row)
        from_originals = partial(
            self.cut, kind="mutant", bank=batch.bank, rows=row, source=place
        )
        target, changed, stored = self.graphs(
            self.passes.mutants, source, columns, from_originals(requests["mutants"])
        )
        results.target[:, batch.items] = target.numpy()[: len(batch.items)].T
        outward = from_originals(requests["outward"])
        slots = [
            _Slots(self, items, batch, batch.slots[part], place, columns, changed)
            for part in batches(len(batch.slots), self.batch_size)
        ]
        references: Sequence[int | None] = range(batch.repeats) if batch.repeats else [None]
        for reference in references:
            theirs: Cut = {}
            if reference is not None:
                bank, of_item = batch.reference_bank, batch.reference_rows(batch.row, reference)
                rows = of_item[:1] if batch.common is not None else fill(of_item)
                theirs = self.cut(
                    requests["outward"], kind="reference", bank=bank, rows=rows, source=place
                )
                results.base[:, batch.items] += bank.target[:, of_item]
            for task in range(self.engine.tasks):
                chosen = tf.one_hot([task], self.engine.tasks)
                cuts = outward | theirs
                m = self.graphs(
                    self.passes.outward, chosen, source, columns, changed, stored, cuts
                )
                for part in slots:
                    scores, total = part.score(m, reference)
                    results.scores[task, part.slots] += scores
                    results.total[task, part.slots] += total
        repeats = np.float32(max(1, batch.repeats))
        results.base[:, batch.items] /= repeats
        results.scores[:, batch.slots] /= repeats
        results.total[:, batch.slots] /= repeats

    def cut(
        self,
        requests: dict[Key, Request],
        *,
        kind: Kind,
        bank: Bank,
        rows: Array,
        source: Array,
        target: Array | None = None,
    ) -> Cut:
        """Cut out of rows (B or 1,) of a bank what is requested of one kind."""
        places = {"source": source, "target": target, "anywhere": np.zeros_like(rows)}
        stored = self.engine.functions.stored
        nodes = dict(zip(stored, bank.stored, strict=True)) | {0: bank.x}
        return {
            key: cut(
                nodes[one.node], rows, one.span.first[places[one.span.place]], one.span.size
            )
            for key, one in requests.items()
            if one.kind == kind
        }


class _Slots:
    """Up to B targets of a batch: what is the same for every reference and task."""

    def __init__(
        self,
        scorer: BatchScorer,
        items: Items,
        batch: Batch,
        slots: Array,
        place: Array,
        columns: tf.Tensor,
        changed: list[tf.Tensor],
    ) -> None:
        size = scorer.batch_size
        self.scorer, self.slots, self.batch = scorer, slots, batch
        # Row of each slot in passes over items, and first base of its target.
        self.item = filled(np.searchsorted(batch.items, items.of_slot[slots]), size)
        self.target = filled(items.first[slots], size)
        self.source = place[self.item]
        # Where every item has one target in order, nothing has to be moved.
        if not np.array_equal(self.item[: len(slots)], np.arange(len(slots))):
            columns, *changed = (tf.gather(t, self.item) for t in (columns, *changed))
        self.columns, self.changed = columns, changed
        self.from_originals = self._cut("mutant", batch.bank, self._by_item(batch.row))

    def _by_item(self, row: Array) -> Array:
        """Give each slot what its item has; rows that fill up have the last item's."""
        return row[np.minimum(self.item, len(row) - 1)]

    def _cut(self, kind: Kind, bank: Bank, rows: Array) -> Cut:
        requests = self.scorer.passes.requests["scores"]
        places = {"source": self.source, "target": self.target}
        return self.scorer.cut(requests, kind=kind, bank=bank, rows=rows, **places)

    def score(self, m: list[tf.Tensor], reference: int | None) -> tuple[Array, Array]:
        """Compute scores (s, S) and sums of contributions (s,), given multipliers of items."""
        passes, n, batch = self.scorer.passes, len(self.slots), self.batch
        theirs: Cut = {}
        if reference is not None:
            rows = batch.reference_rows(batch.row, reference)
            rows = rows[:1] if batch.common is not None else self._by_item(rows)
            theirs = self._cut("reference", batch.reference_bank, rows)
        multipliers = []
        for i, whole in zip(passes.cones.between, m, strict=True):
            item = self.item if whole.shape[0] > 1 else np.zeros_like(self.item)
            span = passes.cones.target[i]
            multipliers.append(cut(whole, item, span.first[self.target], span.size))
        places = [tf.constant(p, tf.int32) for p in (self.source, self.target)]
        scores, total = self.scorer.graphs(
            passes.scores, multipliers, places, self.columns, self.changed,
            self.from_originals | theirs,
        )  # fmt: skip
        return scores.numpy()[:n], total.numpy()[:n]
