"""Exact changes of profiles by mutated intervals, without computing what stays as it was.

An original's activations are computed once. Of a mutant only the cone of the mutated interval
is computed, then the layers that join all positions; and on the way back only what the
importance of the target rests on. Equal to the profiles of whole sequences but for rounding,
and proved so on the very model before use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from dfim.attribution.cone_passes import ConePasses, Request, cut
from dfim.attribution.cones import Span, cone, cone_flops, local_nodes, reach_of, size_class
from dfim.attribution.costs import activation_bytes, batch_size_for, flops_per_profile
from dfim.attribution.engine import COMPILED_FLOPS, REFERENCE_BYTES, Engine
from dfim.attribution.engine import Pass as Bank

Array = np.ndarray
# Of the largest score: what the proof allows for rounding. A wrong window is off by 1e-3.
TOLERANCE = 1e-5
_MADE: WeakKeyDictionary[Engine, dict[tuple[int, int], Windowed]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Differences:
    """What M mutations do to the importance of the bases of their targets.

    Where several tasks are scored, all but `offset` have them as a first axis.

    Attributes
    ----------
    delta : float32 (M, S)
        Score of the original minus score of the mutant, at `offset` and the S - 1 positions
        behind it.
    offset : int64 (M,)
        First position of each.
    importance : float32 (M, S)
        Score of the original there.
    effect : float32 (M,)
        Logit of the original minus logit of the mutant.
    gap : float32 (M,)
        Completeness error: of the mutant where S is the whole sequence; of the difference
        between original and mutant where S is all that the mutation can reach; else NaN.
    """

    delta: Array
    offset: Array
    importance: Array
    effect: Array
    gap: Array


@dataclass(frozen=True)
class Choice:
    """How mutants of a width are best scored, and on which bases.

    Attributes
    ----------
    width : int
        Class of the mutated interval.
    target : Span or None
        What is scored, where that follows from the source: the bases in reach, or all. None
        for a target that is given with each mutant.
    size : int
        Bases that are scored.
    flops : int
        Of a mutant and its share of originals, by the matrix products.
    """

    width: int
    target: Span | None
    size: int
    flops: int


def choose(engine: Engine, width: int, target: int | None = None) -> Choice | None:
    """Find the cheapest exact way to score mutants, by operations and never by a timing.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.
    target : int, optional
        Bases of the interval whose importance is wanted; all of the sequence where not
        given.

    Returns
    -------
    Choice or None
        None where profiles of whole sequences cost less.
    """
    plan = engine.plan
    local = local_nodes(plan)
    width = int(size_class(width, plan.length))
    source, reach = cone(plan, local, width, "source"), reach_of(plan, width)
    reveal = engine.method == "deeplift"
    choices = []
    for size, span in ((reach.size, reach), (target or plan.length, None)):
        size = int(size_class(size, plan.length))
        flops = cone_flops(
            plan, source, cone(plan, local, size, "target"), reveal_cancel=reveal
        )
        # An original is scored once where all its bases are, else beside each mutant.
        flops *= 1 if size == plan.length else 2
        choices.append(Choice(width, span, size, flops))
    best = min(choices, key=lambda choice: choice.flops)
    return best if best.flops < 0.8 * flops_per_profile(plan, reveal_cancel=reveal) else None


class Windowed:
    """Changes of the importance of targets by mutated intervals of up to some width.

    Parameters
    ----------
    engine : Engine
        Whose profiles are meant.
    choice : Choice
        From `choose`.
    batch_size : int, optional
        Mutants a pass; by default from the size of the cones.

    Attributes
    ----------
    width, size : int
        Bases of the widest interval, and bases whose importance is scored.
    reaches : bool
        Whether that is all that a mutation can change.
    batch_size : int

    Raises
    ------
    RuntimeError
        When random mutants do not come out as with the engine: it proves itself first.

    Notes
    -----
    The result of a mutant does not depend on those around it. Another width or size may
    change its last bits, so score all mutants of one kind by one object.
    """

    def __init__(
        self, engine: Engine, choice: Choice, *, batch_size: int | None = None
    ) -> None:
        plan, local = engine.plan, local_nodes(engine.plan)
        self.engine, self.width, self.size = engine, choice.width, choice.size
        self._reach = choice.target
        self.reaches = choice.target is not None or self.size == engine.length
        source = cone(plan, local, self.width, "source")
        target = cone(plan, local, self.size, "target")
        self._passes = ConePasses(engine, local, source, target)
        numbers = sum(
            (source[i].size + 2 * target[i].size) * plan.nodes[i].shape[1] for i in source
        )
        outer = sum(
            int(np.prod(n.shape))
            for n, inner in zip(plan.nodes, local, strict=True)
            if not inner
        )
        self.batch_size = batch_size or batch_size_for(4 * (numbers + 2 * outer))
        self._compiled = self.batch_size * choice.flops >= COMPILED_FLOPS
        self._graphs: dict[str, Callable[..., Any]] = {}
        from dfim.attribution.proof import largest_error  # it uses this class

        worst = largest_error(self, engine)
        if worst > TOLERANCE:
            raise RuntimeError(
                f"mutants of {self.width} bp: windows differ from whole profiles by "
                f"{worst:.1e} of the largest score, expected at most {TOLERANCE:.0e}; "
                "score whole sequences instead (windowed=False) and report the model"
            )

    @classmethod
    def of(cls, engine: Engine, choice: Choice) -> Windowed:
        """Make it once for an engine, a width and a size.

        Parameters
        ----------
        engine : Engine
        choice : Choice

        Returns
        -------
        Windowed

        Raises
        ------
        RuntimeError
            As the class.
        """
        made = _MADE.setdefault(engine, {})
        key = choice.width, choice.size, choice.target is None
        if key not in made:
            made[key] = cls(engine, choice)
        return made[key]

    def differences(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        targets: Array | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Differences:
        """Compare mutants with their originals.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Original sequences.
        rows, starts, ends : int (M,)
            Row of X and half-open interval of each mutant.
        columns : uint8 or float32 (M, W, 4)
            What stands in the interval instead; beyond its width they are ignored.
        references, reference_of
            As for `Attributor.profiles`, but `reference_of` (N,) is the group of each
            sequence: an original and its mutants share references.
        targets : int (M,), optional
            First base of each target of `size` bases, where that is not what the mutation
            can reach.
        progress : callable, optional
            Called with the number of mutants done since the last call.

        Returns
        -------
        Differences

        Raises
        ------
        ValueError
            When an array has another shape or type, or an interval is empty, leaves its
            sequence or is wider than `width`.

        Notes
        -----
        Cost: a forward pass of each sequence and reference; for each mutant its cone, and
        the cone of its target for each reference and task. Memory: some 256 MiB of
        activations, 8 S bytes a mutant, and a batch.
        """
        self._check(X, rows, columns, starts, ends, references, reference_of)
        place = np.minimum(starts, self.engine.length - self.width)
        if self._reach is not None:
            at = self._reach.first[place]
        else:
            at = np.clip(
                targets if targets is not None else 0, 0, self.engine.length - self.size
            )
            at = np.broadcast_to(at, place.shape)
        items = _Items.of(rows, place, at, alone=self.size == self.engine.length)
        found = _Found.empty(self.engine.tasks, len(items.row), self.size)
        cut_columns = partial(self._columns, X, rows, columns, starts, ends, place)
        for batch, bank, own, against in self._batches(X, items, references, reference_of):
            mutated = items.mutant[batch] >= 0
            x = X[items.row[batch, None], items.place[batch, None] + np.arange(self.width)]
            x = x.astype(np.float32)
            x[mutated] = cut_columns(items.mutant[batch][mutated])
            self._score(found, batch, x, items, bank, own, against)
            if progress is not None:
                progress(int(mutated.sum()))
        return self._differences(found, items, at)

    def _columns(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        place: Array,
        which: Array,
    ) -> Array:
        """Bases of some mutants from their place on (n, width, 4)."""
        at = place[which, None] + np.arange(self.width)
        x = X[rows[which, None], at].astype(np.float32)
        column = at - starts[which, None]
        inside = (column >= 0) & (at < ends[which, None])
        item, position = np.nonzero(inside)
        x[item, position] = columns[which[item], column[item, position]]
        return x

    def _batches(
        self, X: Array, items: _Items, references: Array | None, reference_of: Array | None
    ) -> Iterator[tuple[Array, Bank, Array, list[tuple[Bank, Array]]]]:
        """Batches of items, each with the bank of its originals and those of references."""
        engine = self.engine
        shared = references is not None and len(references) == 1
        repeats = references.shape[1] if engine.needs_references else 0
        each = activation_bytes(engine.plan) * (1 if shared else 1 + repeats)
        at_once = max(1, REFERENCE_BYTES // each)
        common = engine.bank(references[0]) if shared and repeats else None
        sequences, first = np.unique(items.row, return_index=True)  # items are sorted by row
        ends = np.append(first[1:], len(items.row))
        for i in range(0, len(sequences), at_once):
            held = sequences[i : i + at_once]
            inputs = X[held]
            if repeats and common is None:
                own = references[reference_of[held]].reshape(-1, *X.shape[1:])
                inputs = np.concatenate([inputs, own.astype(inputs.dtype)])
            bank = engine.bank(inputs)
            block = np.arange(first[i], ends[min(i + at_once, len(sequences)) - 1])
            for start in range(0, len(block), self.batch_size):
                batch = block[start : start + self.batch_size]
                row = np.searchsorted(held, items.row[batch])
                if common is not None:
                    against = [(common, np.full(len(row), r)) for r in range(repeats)]
                else:
                    against = [(bank, len(held) + row * repeats + r) for r in range(repeats)]
                yield batch, bank, row, against

    def _score(
        self,
        found: _Found,
        batch: Array,
        x: Array,
        items: _Items,
        bank: Bank,
        row: Array,
        against: list[tuple[Bank, Array]],
    ) -> None:
        """Score a batch of items against one reference after the other."""
        n, fill = len(batch), partial(_filled, size=self.batch_size)
        places = tuple(fill(a[batch]) for a in (items.place, items.target))
        asked, tensors = self._passes.wants, [tf.constant(p, tf.int32) for p in places]
        columns = tf.constant(fill(x))
        windows = self._cut(asked["mutants"], "mutant", bank, fill(row), places)
        target, *mutants = self._call("mutants", tensors, columns, windows)
        found.target[:, batch] = target.numpy()[:n].T
        own = self._cut(asked["scores"], "mutant", bank, fill(row), places)
        for other, of in against or [(None, row)]:
            theirs = {}
            if other is not None:
                theirs = self._cut(asked["scores"], "reference", other, fill(of), places)
            for task in range(self.engine.tasks):
                chosen = tf.one_hot([task], self.engine.tasks)
                one, total = self._call(
                    "scores", chosen, tensors, columns, tuple(mutants), own | theirs
                )
                found.scores[task, batch] += one.numpy()[:n]
                found.total[task, batch] += total.numpy()[:n]
                if other is not None:
                    found.base[task, batch] += other.target[task, of]
        for array in (found.scores, found.total, found.base):
            array[:, batch] /= np.float32(max(1, len(against)))

    def _cut(
        self,
        asked: dict[Any, Request],
        kind: str,
        bank: Bank,
        rows: Array,
        places: tuple[Array, Array],
    ) -> dict[Any, tf.Tensor]:
        """Cut the windows of one kind out of a bank."""
        by_place = dict(zip(("source", "target"), places, strict=True))
        nodes = dict(zip(self.engine.stored, bank.stored, strict=True)) | {0: bank.x}
        found = {}
        for key, request in asked.items():
            if request.kind == kind:
                span = request.span
                index = by_place.get(span.place, np.zeros(len(rows), np.int64))
                found[key] = cut(nodes[request.node], rows, span.first[index], span.size)
        return found

    def _call(self, name: str, *tensors: Any) -> Any:  # noqa: ANN401
        """Call one of the graphs, made at the first call."""
        flat = tf.nest.flatten(tensors)
        if name not in self._graphs:
            function = getattr(self._passes, name)

            def unpacked(*flat: tf.Tensor) -> Any:  # noqa: ANN401
                return function(*tf.nest.pack_sequence_as(tensors, flat))

            graph = tf.function(unpacked, autograph=False, jit_compile=self._compiled)
            self._graphs[name] = graph.get_concrete_function(*flat)
        return self._graphs[name](*flat)

    def _differences(self, found: _Found, items: _Items, at: Array) -> Differences:
        """Compare each mutant with its original."""
        mutants, of = items.of_mutants()
        scores, effect = found.scores[:, of], found.target[:, of] - found.target[:, mutants]
        if self.size == self.engine.length:
            change = found.target - found.base
            gap = np.abs(found.total - change)[:, mutants]
        else:
            gap = np.abs(found.total[:, of] - found.total[:, mutants] - effect)
        if not self.engine.needs_references or not self.reaches:
            gap = np.full_like(gap, np.nan)
        arrays = scores - found.scores[:, mutants], scores, effect, gap
        delta, scores, effect, gap = (a if self.engine.tasks > 1 else a[0] for a in arrays)
        return Differences(delta, at.astype(np.int64), scores, effect, gap)

    def _check(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        references: Array | None,
        reference_of: Array | None,
    ) -> None:
        """Refuse what `differences` cannot take."""
        self.engine._check(X, references, reference_of)
        self.engine._check_one_hot("columns", columns, (len(rows), None, 4))
        for name, array in (("rows", rows), ("starts", starts), ("ends", ends)):
            if array.shape != (len(rows),) or not np.issubdtype(array.dtype, np.integer):
                raise ValueError(
                    f"{name}: got {array.dtype} {array.shape}, expected integers ({len(rows)},)"
                )
        width = ends - starts
        bad = (rows < 0) | (rows >= len(X)) | (starts < 0) | (width < 1) | (ends > X.shape[1])
        bad |= width > min(columns.shape[1], self.width)
        if bad.any():
            at = np.flatnonzero(bad)[0]
            raise ValueError(
                f"starts, ends: mutant {at} is [{starts[at]}, {ends[at]}) of row {rows[at]}, "
                f"expected 0 <= start < end <= {X.shape[1]} in one of {len(X)} rows, within "
                f"{columns.shape[1]} columns and at most {self.width} bp"
            )


@dataclass(frozen=True)
class _Items:
    """Originals and mutants in the order in which they are scored, sequence by sequence.

    `mutant` is the number of a mutant, -1 for an original; `original` the item that each
    mutant (by its number) is compared with.
    """

    row: Array
    place: Array
    target: Array
    mutant: Array
    original: Array

    @classmethod
    def of(cls, rows: Array, place: Array, target: Array, *, alone: bool) -> _Items:
        """Add the originals: one a sequence (`alone`), or one for each place of a source."""
        keys = np.stack([rows, place * (not alone), target], axis=1)
        originals, of = np.unique(keys, axis=0, return_inverse=True)
        of = of.reshape(-1)
        row, at, to = (
            np.append(originals[:, i], own) for i, own in enumerate((rows, place, target))
        )
        mutant = np.append(np.full(len(originals), -1), np.arange(len(rows)))
        order = np.argsort(row, kind="stable")
        back = np.argsort(order, kind="stable")
        return cls(row[order], at[order], to[order], mutant[order], back[of])

    def of_mutants(self) -> tuple[Array, Array]:
        """Items of the mutants by number, and of their originals."""
        items = np.flatnonzero(self.mutant >= 0)
        by_number = np.empty(len(items), np.int64)
        by_number[self.mutant[items]] = items
        return by_number, self.original


@dataclass(frozen=True)
class _Found:
    """Results by task and item."""

    scores: Array
    target: Array
    total: Array
    base: Array

    @classmethod
    def empty(cls, tasks: int, items: int, size: int) -> _Found:
        """Zeros to add to."""
        numbers = np.zeros((3, tasks, items), np.float32)
        return cls(np.zeros((tasks, items, size), np.float32), *numbers)


def _filled(array: Array, size: int) -> Array:
    """Fill up with zeros: every pass has the same shape."""
    filled = np.zeros((size, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    return filled
