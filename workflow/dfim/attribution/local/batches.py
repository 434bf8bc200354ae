"""One batch of mutants and their targets: cut windows, call graphs, add up what they give."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.compiled import Graphs, filled
from dfim.attribution.engine.engine import Bank, Engine
from dfim.attribution.local.items import Batch, Items
from dfim.attribution.local.passes import ConePasses
from dfim.attribution.local.results import Results
from dfim.attribution.local.views import Request, cut

Array = np.ndarray


class BatchScorer:
    """Scores batches of mutants by the graphs of two cones.

    Parameters
    ----------
    engine : Engine
    passes : ConePasses
    graphs : Graphs
    batch_size : int
        Rows of every pass.
    """

    def __init__(
        self, engine: Engine, passes: ConePasses, graphs: Graphs, batch_size: int
    ) -> None:
        self.engine, self.passes, self.graphs = engine, passes, graphs
        self.batch_size = batch_size

    def score(self, found: Results, items: Items, batch: Batch, x: Array) -> None:
        """Score a batch of mutants and their targets, one reference after the other.

        Parameters
        ----------
        found : Results
            Added to.
        items, batch
            All items, and which of them.
        x : float32 (n, width, 4)
            What stands in the cone's source of each of them.
        """
        fill = partial(filled, rows=self.batch_size)
        place = fill(items.place[batch.items])
        columns, source = tf.constant(fill(x)), tf.constant(place, tf.int32)
        asked, row = self.passes.wants, fill(batch.row)
        own = partial(self.cut, kind="mutant", bank=batch.bank)
        target, changed, stored = self.graphs(
            self.passes.mutants, source, columns, own(asked["mutants"], rows=row, source=place)
        )
        n = len(batch.items)
        found.target[:, batch.items] = target.numpy()[:n].T
        whole = own(asked["outward"], rows=row, source=place)
        parts = [
            batch.slots[i : i + self.batch_size]
            for i in range(0, len(batch.slots), self.batch_size)
        ]
        slots = [_Slots(self, items, batch, part, place, columns, changed) for part in parts]
        for other, of in batch.against or [(None, batch.row)]:
            theirs = {}
            if other is not None:
                rows = of[:1] if other is batch.common else fill(of)
                theirs = self.cut(
                    asked["outward"], kind="reference", bank=other, rows=rows, source=place
                )
                found.base[:, batch.items] += other.target[:, of]
            for task in range(self.engine.tasks):
                chosen = tf.one_hot([task], self.engine.tasks)
                m = self.graphs(
                    self.passes.outward,
                    chosen,
                    source,
                    columns,
                    changed,
                    stored,
                    whole | theirs,
                )
                for one in slots:
                    scores, total = one.score(m, other, of)
                    found.scores[task, one.slots] += scores
                    found.total[task, one.slots] += total
        repeats = np.float32(max(1, len(batch.against)))
        found.base[:, batch.items] /= repeats
        found.scores[:, batch.slots] /= repeats
        found.total[:, batch.slots] /= repeats

    def cut(
        self,
        asked: dict[Any, Request],
        *,
        kind: str,
        bank: Bank,
        rows: Array,
        source: Array,
        target: Array | None = None,
    ) -> dict[Any, tf.Tensor]:
        """Cut the windows of one kind out of a bank."""
        places = {"source": source, "target": target, "anywhere": np.zeros_like(rows)}
        nodes = dict(zip(self.engine.stored, bank.stored, strict=True)) | {0: bank.x}
        return {
            key: cut(
                nodes[one.node], rows, one.span.first[places[one.span.place]], one.span.size
            )
            for key, one in asked.items()
            if one.kind == kind
        }


class _Slots:
    """Some targets of a batch: what is the same for every reference and task."""

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
        self.scorer, self.slots, self.common = scorer, slots, batch.common
        self.item = filled(np.searchsorted(batch.items, items.of_slot[slots]), size)
        self.target = filled(items.first[slots], size)
        self.source = place[self.item]
        # Where every item has one target in order, nothing has to be moved.
        if not np.array_equal(self.item[: len(slots)], np.arange(len(slots))):
            columns, *changed = (tf.gather(t, self.item) for t in (columns, *changed))
        self.columns, self.changed = columns, changed
        self.own = self.cut("mutant", batch.bank, batch.row)

    def cut(self, kind: str, bank: Bank, row: Array) -> dict[Any, tf.Tensor]:
        """Windows of the targets; `row` is that of each item of the batch."""
        rows = row[:1] if bank is self.common else row[np.minimum(self.item, len(row) - 1)]
        asked = self.scorer.passes.wants["scores"]
        places = {"source": self.source, "target": self.target}
        return self.scorer.cut(asked, kind=kind, bank=bank, rows=rows, **places)

    def score(self, m: list[tf.Tensor], other: Bank | None, of: Array) -> tuple[Array, Array]:
        """Scores (n, S) and sums of contributions (n,), given multipliers of items."""
        passes, n = self.scorer.passes, len(self.slots)
        theirs = {} if other is None else self.cut("reference", other, of)
        cuts = []
        for i, whole in zip(passes.between, m, strict=True):
            item = self.item if whole.shape[0] > 1 else np.zeros_like(self.item)
            span = passes.target[i]
            cuts.append(cut(whole, item, span.first[self.target], span.size))
        places = [tf.constant(p, tf.int32) for p in (self.source, self.target)]
        scores, total = self.scorer.graphs(
            passes.scores, cuts, places, self.columns, self.changed, self.own | theirs
        )
        return scores.numpy()[:n], total.numpy()[:n]
