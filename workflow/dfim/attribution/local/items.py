"""Originals, mutants and their targets, in the order in which they are scored.

An item is a sequence to pass forward: an original or a mutant. A slot is a target to pass back
to: an item, and the first of its bases. Two sequences of 12 bases, of which the first has two
mutants (at bases 5 and 2) and the second one (at base 7), with four targets asked for:

    asked for           mutant 0: bases 8 and 2     mutant 1: base 8     mutant 2: base 0

    item                0          1             2          3          4
    row (sequence)      0          0             0          1          1
    mutant             -1          0             1         -1          2
    place (source)      0          5             2          0          7
    slots               0  1       2  3          4          5          6
    first (target)      2  8       8  2          8          0          0

Each original comes before its mutants, and has every target of theirs once: the four targets
asked for are the slots 2, 3, 4 and 6, to be compared with the original's slots 1, 0, 1 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dfim.attribution.checks import ReferenceGroups, check_one_hot
from dfim.attribution.engine.bank import Bank
from dfim.attribution.engine.costs import activation_bytes
from dfim.attribution.engine.engine import REFERENCE_BYTES, Engine
from dfim.sequences.distinct import distinct_tuples

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
) -> ReferenceGroups | None:
    """Check what `differences` of cones and of crops are given.

    Parameters
    ----------
    engine : Engine
    X, rows, columns, starts, ends, references, reference_of
        As for `dfim.attribution.local.windowed.Windowed.differences`.
    widest : int
        Bases of the widest interval.

    Returns
    -------
    ReferenceGroups or None
        None where the method needs no references.

    Raises
    ------
    ValueError
        When an array has another shape or type, or an interval is empty, leaves its sequence
        or is too wide.
    """
    checked = engine._check(X, references, reference_of)
    check_one_hot("columns", columns, (len(rows), None, 4))
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
    return checked


@dataclass(frozen=True)
class Items:
    """I originals and mutants, sequence by sequence, and their targets, item by item.

    Attributes
    ----------
    row, place : int (I,)
        Sequence, and place of the source (0 for an original).
    mutant : int (I,)
        Number of a mutant, -1 for an original.
    of_slot, first : int (slots,)
        Item and first base of each target, originals' targets included.
    slot, original : int (S,)
        Slot of each target that was asked for, and slot of the same bases of its original;
        -1 where originals are scored whole.

    Examples
    --------
    The sequences of the module's drawing:

    >>> rows, place = np.array([0, 0, 1]), np.array([5, 2, 7])
    >>> mutant_of, first = np.array([0, 0, 1, 2]), np.array([8, 2, 8, 0])
    >>> items = Items.of(rows, place, mutant_of, first, whole=False)
    >>> items.mutant.tolist(), items.place.tolist()
    ([-1, 0, 1, -1, 2], [0, 5, 2, 0, 7])
    >>> items.of_slot.tolist(), items.first.tolist()
    ([0, 0, 1, 1, 2, 3, 4], [2, 8, 8, 2, 8, 0, 0])
    >>> items.slot.tolist(), items.original.tolist()
    ([2, 3, 4, 6], [1, 0, 1, 5])
    """

    row: Array
    place: Array
    mutant: Array
    of_slot: Array
    first: Array
    slot: Array
    original: Array

    @classmethod
    def of(
        cls, rows: Array, place: Array, mutant_of: Array, first: Array, *, whole: bool
    ) -> Items:
        """Add the originals: each sequence once, with every target of its mutants once.

        Parameters
        ----------
        rows, place : int (M,)
            Sequence of each mutant, and place of its source.
        mutant_of, first : int (S,)
            Mutant of each target, and its first base.
        whole : bool
            Whether originals have no targets, as they are scored whole.
        """
        sequences = np.unique(rows)
        n, m = len(sequences), len(rows)
        row = np.append(sequences, rows)
        order = np.argsort(row, kind="stable")  # the original stands before its mutants
        at = np.empty(n + m, np.int64)
        at[order] = np.arange(n + m)
        # Sequence and first base of each target that originals have.
        targets, original = distinct_tuples(np.searchsorted(sequences, rows[mutant_of]), first)
        if whole:
            targets, original = targets[:0], np.full(len(mutant_of), -1)
        item = np.append(at[targets[:, 0]], at[n + mutant_of])
        by_item = np.argsort(item, kind="stable")
        slot = np.empty(len(item), np.int64)
        slot[by_item] = np.arange(len(item))
        return cls(
            row=row[order],
            place=np.append(np.zeros(n, np.int64), place)[order],
            mutant=np.append(np.full(n, -1), np.arange(m))[order],
            of_slot=item[by_item],
            first=np.append(targets[:, 1], first)[by_item],
            slot=slot[len(targets) :],
            original=original if whole else slot[original],
        )

    def batches(
        self,
        engine: Engine,
        X: Array,
        references: ReferenceGroups | None,
        *,
        size: int,
    ) -> Iterator[Batch]:
        """Cut into batches of `size` items, with the activations that they build on.

        So many sequences are banked at a time that their activations, and those of their
        references, fit in `REFERENCE_BYTES`; how many changes no result.
        """
        repeats, common, grouped = 0, None, None
        if references is not None:
            repeats, grouped = references.repeats, references.group_of
            common = engine.shared(references.arrays) if grouped is None else None
        each = activation_bytes(engine.plan) * (1 if grouped is None else 1 + repeats)
        at_once = max(1, REFERENCE_BYTES // each)
        sequences, begin = np.unique(self.row, return_index=True)
        begin = np.append(begin, len(self.row))
        for i in range(0, len(sequences), at_once):
            banked = sequences[i : i + at_once]
            inputs = X[banked]
            if references is not None and grouped is not None:
                baselines = references.arrays[grouped[banked]].reshape(-1, *X.shape[1:])
                inputs = np.concatenate([inputs, baselines])
            bank = engine.bank(inputs)
            last = begin[i + len(banked)]
            for start in range(begin[i], last, size):
                items = np.arange(start, min(start + size, last))
                slots = np.arange(*np.searchsorted(self.of_slot, [items[0], items[-1] + 1]))
                mutant, rows = self.mutant[items], self.row[items]
                yield Batch(
                    start == begin[i], items, slots, mutant, rows, banked, bank,
                    np.searchsorted(banked, rows), repeats, common,
                )  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Neighbouring items, their targets, and the activations that they build on.

    Attributes
    ----------
    first : bool
        Whether it is the first with this bank.
    items, slots, mutant : int (n,), (s,), (n,)
        Which items and targets, and the number of each item's mutant.
    rows, banked : int (n,), (h,)
        Sequence of each item, and all sequences of the bank, in its order.
    bank, row : Bank, int (n,)
        Activations of originals (h rows) and, behind them, of the `repeats` references of
        each of them; and the row of each item's original.
    repeats : int
        Number R of references; 0 for methods without any.
    common : Bank or None
        Activations of references which all sequences share (R rows).
    """

    first: bool
    items: Array
    slots: Array
    mutant: Array
    rows: Array
    banked: Array
    bank: Bank
    row: Array
    repeats: int
    common: Bank | None

    @property
    def reference_bank(self) -> Bank:
        """Where activations of references are."""
        return self.bank if self.common is None else self.common

    def reference_rows(self, row: Array, r: int) -> Array:
        """Find the r-th reference in `reference_bank` of sequences at `row` of the bank."""
        if self.common is not None:
            return np.full(len(row), r)
        return len(self.banked) + row * self.repeats + r
