"""DNA sequences: one-hot arrays and base composition.

A one-hot array has shape (N, L, 4), channels in the order A, C, G, T. The
column of an unknown base (N) is all zero; mutants may also hold fractional
columns, which have no letter.
"""

from collections.abc import Sequence

import numpy as np

ALPHABET = "ACGT"

UNKNOWN = 4
"""Code of an all-zero column (N) in the answer of `base_codes`."""

FRACTIONAL = 5
"""Code of a column that is neither a base nor N in the answer of `base_codes`."""

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
    """Tell which base each column holds.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)

    Returns
    -------
    ndarray of uint8, shape (N, L)
        0 to 3 for a one-hot A, C, G, T; `UNKNOWN` for an all-zero column,
        `FRACTIONAL` for any other.
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
    """(..., 4) uint8 one-hot of base codes (...): 0 to 3, and `UNKNOWN` as a zero column."""
    return np.eye(UNKNOWN + 1, len(ALPHABET), dtype=np.uint8)[codes]


def decode(X: np.ndarray) -> list[str]:
    """Turn one-hot columns into letters; the inverse of `one_hot_encode`.

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


def distinct_rows(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find equal sequences.

    Parameters
    ----------
    X : ndarray of uint8 or float32, shape (N, L, 4)

    Returns
    -------
    first : ndarray of int64, shape (D,)
        A row of each distinct sequence, ascending.
    of : ndarray of int64, shape (N,)
        Which of them each row equals.

    Notes
    -----
    Rows are compared by a number made of theirs, and then by all of them. Time and memory
    are those of a copy.
    """
    n = len(X)
    flat = X.reshape(n, X.shape[1] * X.shape[2])
    factors = np.random.default_rng(0).random(flat.shape[1])
    hashed = np.empty(n)
    for i in range(0, n, 256):
        # No matrix product: its last rows have other last bits, and equal rows other numbers.
        hashed[i : i + 256] = (flat[i : i + 256] * factors).sum(axis=1)
    _, first, of = np.unique(hashed, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, of = first[order], np.argsort(order)[of]
    same = all(
        np.array_equal(X[i : i + 1024], X[first[of[i : i + 1024]]]) for i in range(0, n, 1024)
    )
    return (first, of) if same and len(first) < n else (np.arange(n), np.arange(n))


def distinct_tuples(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find equal rows of columns of integers.

    Parameters
    ----------
    *columns : ndarray of int, shape (N,)
        None negative; the product of the largest ones below 2**63.

    Returns
    -------
    distinct : ndarray of int64, shape (D, number of columns)
        Sorted by the first column, then by the second, and so on.
    of : ndarray of int64, shape (N,)
        Which of them each row equals.

    Raises
    ------
    ValueError
        A negative number, or too large ones.

    Notes
    -----
    Ten times as fast as `numpy.unique` of rows, as it sorts one number a row.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    keys, of = np.unique(np.ravel_multi_index(columns, sizes), return_inverse=True)
    return np.stack(np.unravel_index(keys, sizes), axis=1), of
