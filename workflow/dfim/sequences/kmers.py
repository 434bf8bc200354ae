"""Convert between k-mers and their indices.

There are 4^L sequences of L bases. The index of one is its codes (0-3 for A, C, G, T) read as a
base-4 number, the first position most significant. So the values of all sequences, in order of
index, reshape to (4,) * L, with one axis per position.
"""

import numpy as np
from numpy.typing import NDArray

from dfim.sequences.mutations import OTHER_BASES

LONGEST = 12  # bases: 4^12 profiles take 0.8 GB


def sequence_codes(length: int, index: NDArray[np.integer] | None = None) -> NDArray[np.uint8]:
    """Return the base codes of k-mers given by index.

    Parameters
    ----------
    length
        L, bases of a sequence, 1 to 12.
    index
        (N,) indices below 4^L; all of them, in order, where None.

    Returns
    -------
    ndarray of uint8 (N, L)
        0-3 for A, C, G, T.

    Raises
    ------
    ValueError
        For another length, or an index that is out of range (the first one is named).

    Examples
    --------
    >>> import numpy as np
    >>> from dfim.sequences.kmers import sequence_codes
    >>> sequence_codes(3, np.array([0, 27])).tolist()
    [[0, 0, 0], [1, 2, 3]]
    """
    if not 1 <= length <= LONGEST:
        raise ValueError(f"length: got {length} bases, expected 1 to {LONGEST}")
    if index is None:
        index = np.arange(4**length)
    index = np.asarray(index, np.int64)
    bad = np.flatnonzero((index < 0) | (index >= 4**length))
    if bad.size:
        raise ValueError(
            f"index: got {index[bad[0]]} in row {bad[0]}, expected 0 to {4**length - 1} for "
            f"{length} bases"
        )
    return ((index[:, None] >> _shifts(length)) & 3).astype(np.uint8)


def sequence_index(codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the index of k-mers given as base codes.

    Parameters
    ----------
    codes
        (N, L) 0-3 for A, C, G, T, with L from 1 to 12.

    Returns
    -------
    ndarray of int64 (N,)

    Raises
    ------
    ValueError
        For a code that is no base (an N has no index), and for other lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from dfim.sequences.kmers import sequence_index
    >>> sequence_index(np.array([[1, 2, 3]])).tolist()
    [27]
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not 1 <= codes.shape[1] <= LONGEST:
        raise ValueError(
            f"codes: got shape {codes.shape}, expected (sequences, 1 to {LONGEST})"
        )
    bad = np.flatnonzero(((codes < 0) | (codes > 3)).any(axis=1))
    if bad.size:
        raise ValueError(f"codes: row {bad[0]} has a code beyond 0 to 3; expected A, C, G, T")
    return (codes.astype(np.int64) << _shifts(codes.shape[1])).sum(axis=1)


def mutant_index(index: NDArray[np.integer], length: int) -> NDArray[np.int64]:
    """Return the indices of the three mutants of every position.

    Parameters
    ----------
    index
        (N,) indices of sequences.
    length
        L, bases of a sequence.

    Returns
    -------
    ndarray of int64 (N, L, 3)
        The mutants of each position in A, C, G, T order.

    Raises
    ------
    ValueError
        As `sequence_codes`.
    """
    codes = sequence_codes(length, index)
    steps = OTHER_BASES[codes].astype(np.int64) - codes[:, :, None]
    return np.asarray(index, np.int64)[:, None, None] + (steps << _shifts(length)[:, None])


def _shifts(length: int) -> NDArray[np.int64]:
    """Return the bits (L,) by which the code of each position is shifted in an index."""
    return 2 * np.arange(length - 1, -1, -1, dtype=np.int64)
