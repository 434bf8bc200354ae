"""Encode DNA sequences as one-hot arrays and base codes, and decode them.

A one-hot array has shape (N, L, 4), channels in the order A, C, G, T. The
column of an unknown base (N) is all zero; mutants may also hold fractional
columns, such as background frequencies, which have no letter.
"""

from collections.abc import Sequence

import numpy as np

ALPHABET = "ACGT"

UNKNOWN = 4
"""Base code of an all-zero column (N)."""

FRACTIONAL = 5
"""Base code of a column that is neither a base nor N."""

# For each byte the four channels of its column, read as one 32-bit word, so
# that encoding is a single lookup a base.
_COLUMNS = np.zeros((256, 4), np.uint8)
_KNOWN = np.zeros(256, bool)
for _channel, _base in enumerate(ALPHABET):
    for _letter in (_base, _base.lower()):
        _COLUMNS[ord(_letter), _channel] = 1
        _KNOWN[ord(_letter)] = True
_KNOWN[[ord("N"), ord("n")]] = True
_WORDS = _COLUMNS.view(np.uint32).ravel()
_LETTERS = np.frombuffer(b"ACGTN", np.uint8)


def background(gc: float) -> np.ndarray:
    """Return the base frequencies of a GC content.

    Parameters
    ----------
    gc : float
        Fraction of G + C, 0 to 1. The paper's simulation has 0.46.

    Returns
    -------
    ndarray of float32, shape (4,)
        (1 - gc) / 2 for A and T, gc / 2 for C and G.

    Raises
    ------
    ValueError
        A `gc` outside 0 to 1.

    Examples
    --------
    >>> from dfim.sequences.encoding import background
    >>> background(0.5).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    if not 0 <= gc <= 1:
        raise ValueError(f"gc: got {gc!r}, expected a fraction from 0 to 1")
    return np.array([1 - gc, gc, gc, 1 - gc], np.float32) / 2


def require_one_hot(X: np.ndarray, *, name: str = "X") -> np.ndarray:
    """Return X as an array, or raise unless its shape is (N, L, 4) with L > 0.

    N may be 0 (a block without rows); the values are not looked at.
    """
    X = np.asarray(X)
    if X.ndim != 3 or X.shape[1] == 0 or X.shape[2] != 4:
        raise ValueError(
            f"{name}: got an array of shape {X.shape}, expected (sequences, length, 4)"
        )
    if X.dtype.kind not in "buif":
        raise ValueError(f"{name}: got values of type {X.dtype}, expected real numbers")
    return X


def one_hot_encode(sequences: Sequence[str], *, ids: Sequence[str] | None = None) -> np.ndarray:
    """Encode sequences of equal length.

    Parameters
    ----------
    sequences : sequence of str
        Letters A, C, G, T and N, upper or lower case.
    ids : sequence of str, optional
        Names to use in error messages beside the row.

    Returns
    -------
    ndarray of uint8, shape (N, L, 4)
        One-hot columns in A, C, G, T order; N is an all-zero column.

    Raises
    ------
    ValueError
        No or empty sequences, unequal lengths, another letter: with the row
        (and id), and for a letter its 0-based position.

    Examples
    --------
    >>> import dfim
    >>> X = dfim.one_hot_encode(["ACGT", "nnTA"])
    >>> X.shape
    (2, 4, 4)
    >>> X[1].tolist()
    [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    """
    if isinstance(sequences, str):
        raise ValueError("sequences: got one string, expected a sequence of strings")

    def label(row: int) -> str:
        return f"row {row}" if ids is None else f"row {row} ({ids[row]})"

    if len(sequences) == 0 or len(sequences[0]) == 0:
        what = "no sequences" if len(sequences) == 0 else f"{label(0)} empty"
        raise ValueError(f"sequences: got {what}, expected at least one base")
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    length = int(lengths[0])
    unequal = np.flatnonzero(lengths != length)
    if unequal.size:
        row = int(unequal[0])
        raise ValueError(
            f"sequences: {label(row)} has length {lengths[row]}, but {label(0)} has "
            f"{length}; expected equal lengths"
        )
    # "replace" keeps one byte a character: a non-ASCII letter becomes '?'.
    letters = np.frombuffer("".join(sequences).encode("ascii", "replace"), np.uint8)
    known = _KNOWN[letters]
    if not known.all():
        row, position = divmod(int(np.argmin(known)), length)
        raise ValueError(
            f"sequences: {label(row)} has {sequences[row][position]!r} at position "
            f"{position} (0-based); expected A, C, G, T or N"
        )
    return _WORDS[letters].view(np.uint8).reshape(len(sequences), length, 4)


def base_codes(X: np.ndarray) -> np.ndarray:
    """Convert columns to base codes: which base each column holds.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        One-hot sequences, or mutants with fractional columns.

    Returns
    -------
    ndarray of uint8, shape (N, L)
        0 to 3 for a one-hot A, C, G, T; 4 (`UNKNOWN`) for an all-zero column,
        5 (`FRACTIONAL`) for any other.

    Raises
    ------
    ValueError
        Another shape, or values that are no real numbers.

    Examples
    --------
    >>> import dfim
    >>> dfim.base_codes(dfim.one_hot_encode(["ACGTN"])).tolist()
    [[0, 1, 2, 3, 4]]
    """
    X = require_one_hot(X)
    codes = np.full(X.shape[:2], FRACTIONAL, np.uint8)
    nonzero = np.zeros(X.shape[:2], np.uint8)
    for channel in range(4):
        nonzero += X[..., channel] != 0
    for channel in range(4):
        codes[(X[..., channel] == 1) & (nonzero == 1)] = channel
    codes[nonzero == 0] = UNKNOWN
    return codes


def one_hot(codes: np.ndarray) -> np.ndarray:
    """Convert base codes to one-hot columns; the inverse of `base_codes`.

    Parameters
    ----------
    codes : array of int, shape (...)
        0 to 3 for A, C, G, T, and 4 (`UNKNOWN`) for N.

    Returns
    -------
    ndarray of uint8, shape (..., 4)
        An N is an all-zero column.

    Raises
    ------
    IndexError
        A code above 4.

    Examples
    --------
    >>> import dfim
    >>> import numpy as np
    >>> dfim.one_hot(np.array([2, 4])).tolist()
    [[0, 0, 1, 0], [0, 0, 0, 0]]
    """
    return np.eye(UNKNOWN + 1, len(ALPHABET), dtype=np.uint8)[codes]


def decode(X: np.ndarray) -> list[str]:
    """Convert one-hot columns to letters; the inverse of `one_hot_encode`.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        One-hot columns; an all-zero column becomes N.

    Returns
    -------
    list of str
        N strings of length L, upper case.

    Raises
    ------
    ValueError
        A column is fractional (a background column of a mutant, say).

    Examples
    --------
    >>> from dfim.sequences.encoding import decode, one_hot_encode
    >>> decode(one_hot_encode(["acgtn"]))
    ['ACGTN']
    """
    codes = base_codes(X)
    fractional = codes == FRACTIONAL
    if fractional.any():
        row, position = np.argwhere(fractional)[0]
        raise ValueError(
            f"X: row {row} has the column {np.asarray(X)[row, position].tolist()} at "
            f"position {position} (0-based); expected one-hot or all-zero columns"
        )
    text = _LETTERS[codes].tobytes().decode("ascii")
    length = codes.shape[1]
    return [text[at : at + length] for at in range(0, len(text), length)]
