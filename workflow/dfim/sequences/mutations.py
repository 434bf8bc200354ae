"""Make mutants: replace the columns of an interval, or a base by each of the three others."""

from typing import Literal, get_args

import numpy as np

from dfim.sequences.encoding import UNKNOWN, background, base_codes, require_one_hot

IntervalMutation = Literal["gc", "zeros", "shuffle"]

# Row b: the bases other than b, in A, C, G, T order.
OTHER_BASES = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]], np.int8)


def mutate_intervals(
    X: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    how: IntervalMutation = "gc",
    gc: float = 0.46,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Make one mutant per interval, with the interval's columns replaced.

    The paper's motif source (section 2.3) is ``how="gc"``; its released
    notebook for the simulated example used ``"zeros"``.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        Original sequences.
    rows, starts, ends : array of int, shape (M,)
        Row of X and half-open, 0-based interval: 0 <= start < end <= L.
    how : {"gc", "zeros", "shuffle"}
        ``gc``: every column becomes `dfim.sequences.encoding.background` (also where X
        has N); ``zeros``: all-zero columns; ``shuffle``: the interval's own
        columns in a random order; all orders are equally likely, the original
        one included.
    gc : float
        G + C fraction of the background.
    rng : numpy.random.Generator
        Required for ``shuffle``. The draws depend only on the intervals' order
        and lengths.

    Returns
    -------
    ndarray of float32, shape (M, L, 4)
        The mutants: 16 * M * L bytes.

    Raises
    ------
    ValueError
        An interval or row out of range (with its index), unknown ``how``,
        no ``rng`` for ``shuffle``.
    """
    X = require_one_hot(X)
    rows, starts, ends = _index_arrays(len(X), rows=rows, starts=starts, ends=ends)
    if how not in get_args(IntervalMutation):
        raise ValueError(f"how: got {how!r}, expected one of {get_args(IntervalMutation)}")
    bad = np.flatnonzero((starts < 0) | (starts >= ends) | (ends > X.shape[1]))
    if bad.size:
        at = bad[0]
        raise ValueError(
            f"starts, ends: interval {at} (row {rows[at]} of X) is {starts[at]}-{ends[at]}, "
            f"expected 0 <= start < end <= {X.shape[1]}"
        )

    # One entry per replaced column: whose it is, and where.
    lengths = ends - starts
    owner = np.repeat(np.arange(len(rows)), lengths)
    first = np.cumsum(lengths) - lengths
    position = np.arange(len(owner)) - np.repeat(first - starts, lengths)
    shuffled = position
    if how == "shuffle":
        if rng is None:
            raise ValueError(
                "rng: got None, expected a numpy.random.Generator for how='shuffle'"
            )
        # Sorted by owner first: a column stays within its interval.
        shuffled = position[np.lexsort((rng.random(len(owner)), owner))]
    mutants = X[rows].astype(np.float32)
    if how == "gc":
        mutants[owner, position] = background(gc)
    elif how == "zeros":
        mutants[owner, position] = 0
    else:
        mutants[owner, position] = mutants[owner, shuffled]
    return mutants


def mutate_nucleotides(
    X: np.ndarray, rows: np.ndarray, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace single bases by each of the three others.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        Original sequences.
    rows, positions : array of int, shape (P,)
        Row of X and 0-based position of each base.

    Returns
    -------
    mutants : ndarray of float32, shape (P, 3, L, 4)
        48 * P * L bytes.
    bases : ndarray of int8, shape (P, 3)
        The base each mutant received (0 to 3 for A, C, G, T), ascending.

    Raises
    ------
    ValueError
        A row or position out of range, or no base there (N or a fractional
        column), with its index.
    """
    X = require_one_hot(X)
    rows, positions = _index_arrays(len(X), rows=rows, positions=positions)
    bad = np.flatnonzero((positions < 0) | (positions >= X.shape[1]))
    if bad.size:
        raise ValueError(
            f"positions: entry {bad[0]} (row {rows[bad[0]]} of X) is {positions[bad[0]]}, "
            f"expected 0 <= position < {X.shape[1]}"
        )
    observed = base_codes(X[rows, positions][:, np.newaxis])[:, 0]
    bad = np.flatnonzero(observed >= UNKNOWN)
    if bad.size:
        at = bad[0]
        what = "N" if observed[at] == UNKNOWN else "a fractional column"
        raise ValueError(
            f"positions: entry {at} (row {rows[at]} of X, position {positions[at]}) holds "
            f"{what}, expected A, C, G or T; leave it out"
        )
    bases = OTHER_BASES[observed]
    mutants = np.repeat(X[rows].astype(np.float32)[:, np.newaxis], 3, axis=1)
    entry = np.arange(len(rows))[:, np.newaxis]
    at = positions[:, np.newaxis]
    mutants[entry, np.arange(3), at] = 0
    mutants[entry, np.arange(3), at, bases] = 1
    return mutants, bases


def put_columns(
    x: np.ndarray, rows: np.ndarray, columns: np.ndarray, begin: np.ndarray, width: np.ndarray
) -> None:
    """Write intervals of columns into sequences, as far as they lie inside.

    Parameters
    ----------
    x : float32 (n, S, 4)
        Sequences; changed in place.
    rows, begin, width : int (M,)
        Row of x, first position and length of each interval. Positions before 0 or from S
        on are left out.
    columns : (M, W, 4)
        Of each row the first `width` are written.
    """
    place = begin[:, None] + np.arange(columns.shape[1])
    inside = (np.arange(columns.shape[1]) < width[:, None]) & (place >= 0)
    owner, column = np.nonzero(inside & (place < x.shape[1]))
    x[rows[owner], place[owner, column]] = columns[owner, column]


def _index_arrays(n_rows: int, **arrays: np.ndarray) -> list[np.ndarray]:
    """Return the arrays as int64, checked for shape and for rows in range."""
    checked = {name: np.asarray(array) for name, array in arrays.items()}
    length = checked["rows"].size
    for name, array in checked.items():
        if array.shape != (length,):
            raise ValueError(
                f"{name}: got shape {array.shape}, expected ({length},), one entry per mutant"
            )
        if length and array.dtype.kind not in "iu":
            raise ValueError(f"{name}: got values of type {array.dtype}, expected integers")
    rows = checked["rows"]
    bad = np.flatnonzero((rows < 0) | (rows >= n_rows))
    if bad.size:
        raise ValueError(
            f"rows: entry {bad[0]} is {rows[bad[0]]}, expected 0 <= row < {n_rows}"
        )
    return [array.astype(np.int64) for array in checked.values()]
