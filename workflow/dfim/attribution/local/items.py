"""Originals, mutants and their targets, in the order in which they are scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dfim.attribution.engine.costs import activation_bytes
from dfim.attribution.engine.engine import REFERENCE_BYTES, Bank, Engine
from dfim.sequences.encoding import distinct_tuples

Array = np.ndarray


def check_mutants(
    engine: Engine,
    X: Array,
    rows: Array,
    columns: Array,
    starts: Array,
    ends: Array,
    references: Array | None,
    reference_of: Array | None,
    *,
    widest: int,
) -> None:
    """Refuse what `differences` of windows and of crops cannot take.

    Parameters
    ----------
    engine : Engine
    X, rows, columns, starts, ends, references, reference_of
        As for `dfim.attribution.local.windowed.Windowed.differences`.
    widest : int
        Bases of the widest interval.

    Raises
    ------
    ValueError
        When an array has another shape or type, or an interval is empty, leaves its sequence
        or is too wide.
    """
    engine._check(X, references, reference_of)
    engine._check_one_hot("columns", columns, (len(rows), None, 4))
    for name, array in (("rows", rows), ("starts", starts), ("ends", ends)):
        if array.shape != (len(rows),) or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(
                f"{name}: got {array.dtype} {array.shape}, expected integers ({len(rows)},)"
            )
    width = ends - starts
    bad = (rows < 0) | (rows >= len(X)) | (starts < 0) | (width < 1) | (ends > X.shape[1])
    bad |= width > min(columns.shape[1], widest)
    if bad.any():
        at = np.flatnonzero(bad)[0]
        raise ValueError(
            f"starts, ends: mutant {at} is [{starts[at]}, {ends[at]}) of row {rows[at]}, "
            f"expected 0 <= start < end <= {X.shape[1]} in one of {len(X)} rows, within "
            f"{columns.shape[1]} columns and at most {widest} bp"
        )


@dataclass(frozen=True)
class Items:
    """Originals and mutants, sequence by sequence, and targets item by item.

    Attributes
    ----------
    row, place : int (I,)
        Sequence, and place of the source (0 for an original).
    mutant : int (I,)
        Number of a mutant, -1 for an original.
    of_slot, first : int (T,)
        Item and first base of each target, originals' targets included.
    slot, original : int (S,)
        Of each target that was asked for: its own slot, and that of the original; -1 where
        originals are scored whole.
    """

    row: Array
    place: Array
    mutant: Array
    of_slot: Array
    first: Array
    slot: Array
    original: Array

    @classmethod
    def of(cls, rows: Array, place: Array, of: Array, first: Array, *, whole: bool) -> Items:
        """Add the originals: each sequence once, with every target of its mutants once.

        `whole`: without targets, as whole profiles of originals serve.
        """
        sequences = np.unique(rows)
        n, m = len(sequences), len(rows)
        row = np.append(sequences, rows)
        order = np.argsort(row, kind="stable")  # the original stands before its mutants
        at = np.empty(n + m, np.int64)
        at[order] = np.arange(n + m)
        theirs, original = distinct_tuples(np.searchsorted(sequences, rows[of]), first)
        if whole:
            theirs, original = theirs[:0], np.full(len(of), -1)
        item = np.append(at[theirs[:, 0]], at[n + of])
        by_item = np.argsort(item, kind="stable")
        slot = np.empty(len(item), np.int64)
        slot[by_item] = np.arange(len(item))
        return cls(
            row=row[order],
            place=np.append(np.zeros(n, np.int64), place)[order],
            mutant=np.append(np.full(n, -1), np.arange(m))[order],
            of_slot=item[by_item],
            first=np.append(theirs[:, 1], first)[by_item],
            slot=slot[len(theirs) :],
            original=original if whole else slot[original],
        )

    def batches(
        self,
        engine: Engine,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        *,
        size: int,
    ) -> Iterator[Batch]:
        """Cut into batches of `size` items, with the activations that they build on.

        So many sequences are held at a time that their activations, and those of their
        references, fit in `REFERENCE_BYTES`; how many is no matter to the results.
        """
        repeats = references.shape[1] if engine.needs_references else 0
        shared = reference_of is None
        each = activation_bytes(engine.plan) * (1 if shared else 1 + repeats)
        at_once = max(1, REFERENCE_BYTES // each)
        common = engine.shared(references) if shared and repeats else None
        sequences, begin = np.unique(self.row, return_index=True)
        begin = np.append(begin, len(self.row))
        for i in range(0, len(sequences), at_once):
            held = sequences[i : i + at_once]
            inputs = X[held]
            if repeats and common is None:
                own = references[reference_of[held]].reshape(-1, *X.shape[1:])
                inputs = np.concatenate([inputs, own])
            bank = engine.bank(inputs)
            last = begin[i + len(held)]
            for start in range(begin[i], last, size):
                items = np.arange(start, min(start + size, last))
                row = np.searchsorted(held, self.row[items])
                source = bank if common is None else common
                against = [
                    (source, len(held) + row * repeats + r if common is None else row * 0 + r)
                    for r in range(repeats)
                ]
                slots = np.arange(*np.searchsorted(self.of_slot, [items[0], items[-1] + 1]))
                mutant = self.mutant[items]
                yield Batch(
                    start == begin[i], items, slots, mutant, self.row[items], held, bank, row,
                    against, common,
                )  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Neighbouring items, their targets, and what they build on.

    Attributes
    ----------
    first : bool
        Whether it is the first with this bank.
    items, slots, mutant : int (n,), (s,), (n,)
        Which items and targets, and the number of each item's mutant.
    rows, held : int (n,), (h,)
        Sequence of each item, and all sequences of the bank, in its order.
    bank, row
        Activations of originals, and the row of each item's own.
    against : list
        The same for one reference after the other.
    common : Bank or None
        That of references which all sequences share.
    """

    first: bool
    items: Array
    slots: Array
    mutant: Array
    rows: Array
    held: Array
    bank: Bank
    row: Array
    against: list[tuple[Bank, Array]]
    common: Bank | None

    def reference_rows(self, row: Array, r: int) -> Array:
        """Rows of the r-th reference of some sequences, by their rows in the bank."""
        if self.common is not None:
            return np.full(len(row), r)
        return len(self.held) + row * len(self.against) + r
