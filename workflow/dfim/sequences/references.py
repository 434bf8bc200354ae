"""Make reference sequences, against which importance is measured."""

from typing import Literal, get_args

import numpy as np

from dfim.sequences.encoding import background, require_one_hot
from dfim.sequences.shuffle import dinucleotide_shuffle

ReferenceKind = Literal["gc", "dinuc", "random", "zeros"]

_BASES = np.eye(4, dtype=np.uint8)
_BLOCK_COLUMNS = 2**22  # bounds the memory of the random draws, not their values


def make_references(
    X: np.ndarray,
    kind: ReferenceKind,
    *,
    n: int = 10,
    gc: float = 0.46,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Make the references of a set of sequences.

    Score the mutants of a sequence against the references of the original: then a FIS
    contains no noise of the references.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        Original sequences.
    kind : {"gc", "dinuc", "random", "zeros"}
        ``gc``: every column is `dfim.sequences.encoding.background`, also where X has
        N; ``zeros``: all zero; ``dinuc``: `dfim.sequences.shuffle.dinucleotide_shuffle`
        of each sequence (the paper's default); ``random``:
        independent bases drawn from the background.
    n : int
        Copies per sequence, for ``dinuc`` and ``random``; the released code
        takes 10.
    gc : float
        G + C fraction of the background, for ``gc`` and ``random``.
    rng : numpy.random.Generator
        Required for ``dinuc`` and ``random``.

    Returns
    -------
    ndarray, shape (1, 1, L, 4) or (N, n, L, 4)
        One reference shared by all (``gc``, ``zeros``; float32), or n for
        each sequence (``dinuc`` in the type of X, ``random`` in uint8).

    Raises
    ------
    ValueError
        An unknown kind, n < 1, no `rng` where one is required, or what
        `dinucleotide_shuffle` refuses.

    Notes
    -----
    Memory and time are those of the result; `dinucleotide_shuffle` says its own.
    """
    X = require_one_hot(X)
    length = X.shape[1]
    if kind not in get_args(ReferenceKind):
        raise ValueError(f"kind: got {kind!r}, expected one of {get_args(ReferenceKind)}")
    if kind == "zeros":
        return np.zeros((1, 1, length, 4), np.float32)
    if kind == "gc":
        return np.tile(background(gc), (1, 1, length, 1))
    if rng is None:
        raise ValueError(f"rng: got None, expected a numpy.random.Generator for kind={kind!r}")
    if kind == "dinuc":
        return dinucleotide_shuffle(X, n, rng)
    if n < 1:
        raise ValueError(f"n: got {n!r}, expected at least one reference per sequence")
    return _random_bases(len(X), n, length, gc, rng)


def _random_bases(
    n_sequences: int, n: int, length: int, gc: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw n sequences of independent bases for each of `n_sequences`."""
    references = np.empty((n_sequences * n, length, 4), np.uint8)
    limits = np.cumsum(background(gc).astype(np.float64))[:3]
    block = max(1, _BLOCK_COLUMNS // length)
    for first in range(0, len(references), block):
        rows = references[first : first + block]
        drawn = rng.random(rows.shape[:2])
        rows[...] = _BASES[sum((drawn >= limit).view(np.uint8) for limit in limits)]
    return references.reshape(n_sequences, n, length, 4)
