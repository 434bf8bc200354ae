"""Checks of sequences and references, before anything is scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class ReferenceGroups:
    """References of N rows, checked.

    Attributes
    ----------
    arrays : uint8 or float32 (G, R, L, 4)
        R references for each of G groups of rows.
    group_of : int (N,) or None
        Group of each row; None where all share the one group.
    """

    arrays: Array
    group_of: Array | None = None

    @property
    def repeats(self) -> int:
        """Number R of references per row."""
        return self.arrays.shape[1]

    def groups(self, rows: slice | Array, n: int) -> Array:
        """Group of each of the n rows that `rows` picks, int (n,)."""
        return np.zeros(n, np.int64) if self.group_of is None else self.group_of[rows]


def check_one_hot(name: str, array: Array, shape: tuple[int | None, ...]) -> int:
    """Check the shape and type of an array of sequences, or of columns.

    Parameters
    ----------
    name : str
        Of the argument, for the error.
    array : ndarray
    shape : tuple of int or None
        None where any size will do.

    Returns
    -------
    int
        Size of the first axis.

    Raises
    ------
    ValueError
        For another shape, for an empty axis among four, and for what is neither uint8 nor
        float32.
    """
    fits = array.ndim == len(shape) and all(
        want in (None, got) for got, want in zip(array.shape, shape, strict=True)
    )
    empty = len(shape) == 4 and 0 in array.shape
    if not fits or empty or array.dtype not in (np.uint8, np.float32):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(
            f"{name}: got {array.dtype} {array.shape}, expected uint8 or float32 ({wanted})"
        )
    return array.shape[0]


def check_references(
    references: Array | None, reference_of: Array | None, *, rows: int, length: int, method: str
) -> ReferenceGroups:
    """Check the references of `rows` sequences of `length` bp.

    Parameters
    ----------
    references, reference_of
        As for `Attributor.profiles`.
    rows, length : int
    method : str
        For the error.

    Returns
    -------
    ReferenceGroups

    Raises
    ------
    ValueError
        When there are none, an array has another shape or type, or a group does not exist.
    """
    if references is None:
        raise ValueError(f"references: got None, method '{method}' needs them")
    groups = check_one_hot("references", references, (None, None, length, 4))
    if reference_of is None:
        if groups != 1:
            raise ValueError(
                f"reference_of: got None with {groups} groups of references, expected "
                f"the group of each of the {rows} rows"
            )
    elif reference_of.shape != (rows,) or not np.issubdtype(reference_of.dtype, np.integer):
        raise ValueError(
            f"reference_of: got {reference_of.dtype} {reference_of.shape}, expected "
            f"integers ({rows},)"
        )
    elif rows and not 0 <= reference_of.min() <= reference_of.max() < groups:
        row = int(np.flatnonzero((reference_of < 0) | (reference_of >= groups))[0])
        raise ValueError(
            f"reference_of: row {row} has group {reference_of[row]}, expected 0 to {groups - 1}"
        )
    return ReferenceGroups(references, reference_of)
