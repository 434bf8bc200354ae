"""Shuffle sequences with their dinucleotide counts kept, uniformly over all such sequences.

A sequence is a walk over its symbols that uses each of its dinucleotides as
an edge once (an Euler path), and every Euler path of that multigraph is a
valid shuffle: same dinucleotide counts, same first and last symbol. Consider, for
each symbol but the last one of the sequence, the edge by which it is left for
the last time. These edges form a tree that leads to the last symbol of the
sequence; given such a tree, any order of the other edges gives a valid walk
(van Aardenne-Ehrenfest and de Bruijn 1951, the BEST theorem). So drawing a
tree with probability proportional to the product of its edges' multiplicities,
and then a uniform order of the other edges, draws uniformly among the paths
with labelled edges. Permuting the labels of parallel edges leaves the letters
as they are, so that each distinct sequence has the same number of labelled
paths: the product of count! over all dinucleotides. Uniform over labelled
paths is therefore uniform over distinct sequences.

The trees are enumerated (16 for four symbols, 1296 for six), so nothing is
rejected and redrawn, and every sequence uses the same number of random draws.
"""

import itertools
import logging
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.special import gammaln

from dfim.sequences.encoding import FRACTIONAL, base_codes, require_one_hot

logger = logging.getLogger(__name__)

_MAX_SYMBOLS = 6
_BLOCK_COLUMNS = 2**20  # bounds the temporary arrays; the results do not depend on it

# A key sorts the exits of one shuffle: symbol they leave (3 bits), random order
# (58 bits), symbol they lead to (3 bits). All order bits set: the last exit.
_LEAVES = np.uint64(61)
_LEADS = np.uint64(7)
_ORDER = np.uint64(2**61 - 8)


def dinucleotide_shuffle(
    X: np.ndarray, n: int, rng: np.random.Generator | Sequence[np.random.Generator]
) -> np.ndarray:
    """Shuffle each sequence, keeping its dinucleotide counts and both ends.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        Any columns: each distinct one (a base, N, a background column) is a
        symbol of its own, and a sequence may hold up to six.
    n : int
        Shuffles per sequence, independent of each other.
    rng : numpy.random.Generator or sequence of N of them
        L draws are taken for each shuffle, sequence by sequence. With one generator
        per sequence, the shuffles of a sequence do not depend on the others.

    Returns
    -------
    ndarray, shape (N, n, L, 4), type of X
        All sequences with the same counts and ends are equally likely, the
        original included.

    Raises
    ------
    ValueError
        Wrong shape, n < 1, a column that is not finite, or a sequence of more
        than six distinct columns, with its row.

    Warns
    -----
    Logs how many sequences have no other shuffle than themselves (poly-A, say).

    Notes
    -----
    Measured: 20,000 sequences of 200 bp in 0.3 s on one core. Temporary
    memory stays below 100 MB, except where n * L of one sequence exceeds a
    million columns.
    """
    X = require_one_hot(X)
    if n < 1:
        raise ValueError(f"n: got {n!r}, expected at least one shuffle per sequence")
    n_sequences, length, _ = X.shape
    shuffles = np.empty((n_sequences, n, length, 4), X.dtype)
    n_fixed = 0
    block = max(1, _BLOCK_COLUMNS // (n * length))
    for first in range(0, n_sequences, block):
        rows = slice(first, first + block)
        symbols, columns = _symbols(X[rows], first)
        counts = _transitions(symbols, columns.shape[1])
        trees = np.cumsum(_tree_weights(counts), axis=1)
        n_fixed += int(np.count_nonzero(_log_shuffles(counts, trees[:, -1]) < np.log(1.5)))
        draws = _draws(rng, rows, (len(symbols), n, length))
        last_exits = _draw_last_exits(trees, draws[..., -1], columns.shape[1])
        exits = _order_exits(symbols, last_exits, draws[..., :-1])
        walks = _walk(symbols, exits, counts)
        shuffles[rows] = columns[np.arange(len(symbols))[:, None, None], walks]
    if n_fixed:
        logger.warning(
            "%d of %d sequences have a single valid dinucleotide shuffle: "
            "theirs are copies of the original",
            n_fixed,
            n_sequences,
        )
    return shuffles


def _draws(
    rng: np.random.Generator | Sequence[np.random.Generator],
    rows: slice,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Draw random 64-bit words, each sequence's by its own generator where there are many."""
    if isinstance(rng, np.random.Generator):
        return rng.integers(0, 2**64, shape, dtype=np.uint64)
    draws = np.empty(shape, np.uint64)
    for own, one in zip(draws, rng[rows], strict=True):
        own[...] = one.integers(0, 2**64, shape[1:], dtype=np.uint64)
    return draws


def _symbols(X: np.ndarray, first_row: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct columns of each sequence from 0, its last column first.

    Returns the symbols (N, L) and the column of each symbol (N, K, 4).
    """
    codes = base_codes(X)
    row, position = np.nonzero(codes == FRACTIONAL)
    if row.size:
        fractional = X[row, position]
        if not np.isfinite(fractional).all():
            at = int(np.argmin(np.isfinite(fractional).all(axis=1)))
            raise ValueError(
                f"X: row {first_row + row[at]} has a column that is not finite at position "
                f"{position[at]} (0-based)"
            )
        # Number a sequence's own fractional columns from FRACTIONAL upwards.
        kinds, kind = np.unique(fractional, axis=0, return_inverse=True)
        pairs, pair = np.unique(row * len(kinds) + kind, return_inverse=True)
        pair_row = pairs // len(kinds)
        rank = np.arange(len(pairs)) - np.searchsorted(pair_row, pair_row)
        codes = codes.astype(np.intp)
        codes[row, position] = FRACTIONAL + rank[pair]
    n_codes = int(codes.max(initial=0)) + 1
    present = np.stack([(codes == code).any(axis=1) for code in range(n_codes)], axis=1)
    n_symbols = present.sum(axis=1)
    if (n_symbols > _MAX_SYMBOLS).any():
        at = int(np.argmax(n_symbols > _MAX_SYMBOLS))
        raise ValueError(
            f"X: row {first_row + at} has {n_symbols[at]} distinct columns, expected at most "
            f"{_MAX_SYMBOLS} (A, C, G, T, N and one kind of mutated column)"
        )
    everyone = np.arange(len(X))
    last = codes[:, -1]
    symbol_of = np.cumsum(present, axis=1, dtype=np.uint8) - present
    symbol_of += symbol_of < symbol_of[everyone, last][:, np.newaxis]
    symbol_of[everyone, last] = 0
    symbols = symbol_of[everyone[:, np.newaxis], codes]
    columns = np.zeros((len(X), int(n_symbols.max(initial=1)), 4), X.dtype)
    columns[everyone[:, np.newaxis], symbols] = X
    return symbols, columns


def _transitions(symbols: np.ndarray, n_symbols: int) -> np.ndarray:
    """Count the dinucleotides: (N, K, K), from the first symbol to the second."""
    pairs = (symbols[:, :-1] * n_symbols + symbols[:, 1:]).astype(np.intp)
    pairs += np.arange(len(symbols))[:, np.newaxis] * n_symbols**2
    counts = np.bincount(pairs.ravel(), minlength=len(symbols) * n_symbols**2)
    return counts.reshape(len(symbols), n_symbols, n_symbols)


@cache
def _trees(n_symbols: int) -> np.ndarray:
    """List the trees that lead to symbol 0: (T, K), the exit of each symbol.

    In lexicographic order, so that a sequence without the last symbols finds
    its own trees in the order of a shorter list (see `_tree_weights`).
    """
    exits = np.array(
        [(0, *rest) for rest in itertools.product(range(n_symbols), repeat=n_symbols - 1)]
    )
    at = np.tile(np.arange(n_symbols), (len(exits), 1))
    for _ in range(n_symbols):
        at = np.take_along_axis(exits, at, axis=1)
    return exits[(at == 0).all(axis=1)]


def _tree_weights(counts: np.ndarray) -> np.ndarray:
    """Return each tree's product of edge counts, (N, T).

    An absent symbol hangs from symbol 0 with weight 1, which leaves one tree
    of the larger list for each tree of the symbols that are there.
    """
    counts = counts.astype(np.float64)
    absent = counts.sum(axis=2) == 0
    absent[:, 0] = False
    counts[..., 0][absent] = 1
    exits = _trees(counts.shape[1])
    weights = np.ones((len(counts), len(exits)))
    for symbol in range(1, counts.shape[1]):
        weights *= counts[:, symbol, exits[:, symbol]]
    return weights


def _log_shuffles(counts: np.ndarray, n_trees: np.ndarray) -> np.ndarray:
    """Return log(labelled Euler paths / labellings of one sequence), (N,)."""
    leaving = counts.sum(axis=2)
    free = leaving - (leaving > 0)
    free[:, 0] = leaving[:, 0]
    orders = gammaln(free + 1).sum(axis=1)
    return np.log(n_trees) + orders - gammaln(counts + 1).sum(axis=(1, 2))


def _draw_last_exits(trees: np.ndarray, draws: np.ndarray, n_symbols: int) -> np.ndarray:
    """Draw a tree for each shuffle: (N, n, K), the last exit of each symbol.

    `trees` holds the cumulative weights (N, T), `draws` random words (N, n).
    """
    total = trees[:, -1:]
    drawn = (draws >> np.uint64(11)) * 2.0**-53 * total
    drawn = np.minimum(drawn, np.nextafter(total, 0))  # the product may round up
    tree = np.zeros(draws.shape, np.intp)
    for cumulative in trees.T[:-1]:
        tree += cumulative[:, np.newaxis] <= drawn
    return _trees(n_symbols)[tree]


def _order_exits(symbols: np.ndarray, last_exits: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Order the exits of each symbol at random, its last exit last.

    Returns (N, n, L - 1): the symbols led to by the exits of symbol 0, then by
    those of symbol 1, and so on.
    """
    n_sequences, n_symbols, n_exits = len(symbols), last_exits.shape[2], draws.shape[2]
    leaves, leads = symbols[:, :-1].astype(np.uint64), symbols[:, 1:].astype(np.uint64)
    ends = (leaves << _LEAVES | leads)[:, np.newaxis]
    keys = draws & _ORDER | ends
    sequence = np.arange(n_sequences)[:, np.newaxis]
    # Of parallel exits, which one is set aside as the last must not depend on
    # the random order, or the order of the others would not be uniform.
    exit_of = np.full((n_sequences, n_symbols, n_symbols), -1, np.intp)
    exit_of[sequence, symbols[:, :-1], symbols[:, 1:]] = np.arange(n_exits)
    for symbol in range(1, n_symbols):
        chosen = exit_of[sequence, symbol, last_exits[..., symbol]]
        at = np.nonzero(chosen >= 0)  # absent symbols have no exit
        keys[(*at, chosen[at])] |= _ORDER
    keys.sort(axis=2)
    return (keys & _LEADS).astype(np.uint8)


def _walk(symbols: np.ndarray, exits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Walk from the first symbol, taking each symbol's exits in order: (N, n, L)."""
    n_sequences, n, n_exits = exits.shape
    n_symbols = counts.shape[1]
    leaving = counts.sum(axis=2)
    first_exit = np.repeat(np.cumsum(leaving, axis=1) - leaving, n, axis=0)
    first_exit += np.arange(n_sequences * n)[:, np.newaxis] * n_exits
    next_exit = first_exit.ravel()  # of each walk and symbol, into the flat exits
    own = np.arange(n_sequences * n) * n_symbols
    flat = exits.ravel()
    walks = np.empty((n_exits + 1, n_sequences * n), np.uint8)
    walks[0] = np.repeat(symbols[:, 0], n)
    for step in range(n_exits):
        state = own + walks[step]
        taken = next_exit[state]
        next_exit[state] = taken + 1
        walks[step + 1] = flat[taken]
    return walks.T.reshape(n_sequences, n, n_exits + 1)
