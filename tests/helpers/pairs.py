"""Features and scored pairs with values that a test chooses."""

import itertools

import numpy as np

from dfim.motifs.features import Features
from dfim.pairs.scores import PairScores

NAMES = ("B", "A", "C")
PER_SEQUENCE = 6  # ordered pairs of three features


def features_of(rows) -> Features:
    """Features from (sequence, start, end, name) tuples."""
    sequence, start, end, name = zip(*rows, strict=True)
    numbers = (np.array(column, np.int64) for column in (sequence, start, end))
    return Features(*numbers, np.array(name), np.full(len(rows), "+"))


def scores_at(distances, fis, sequences=None, start=300) -> PairScores:
    """One pair a distance: a GATA (4 bp) and an E-box (6 bp) in a sequence of its own."""
    n = len(distances)
    rows = np.arange(n) if sequences is None else np.asarray(sequences)
    first = np.full(n, start)
    second = first - 1 + np.asarray(distances)  # centres: start + 2, and start' + 3
    order = np.arange(2 * n).reshape(2, n).T.ravel()  # source, target, source, target, ...
    features = Features(
        sequence=np.concatenate([rows, rows])[order],
        start=np.concatenate([first, second])[order],
        end=np.concatenate([first + 4, second + 6])[order],
        name=np.array(["GATA", "EBOX"] * n),
        strand=np.full(2 * n, "+"),
    )
    value = np.asarray(fis, np.float32)
    index = np.arange(0, 2 * n, 2)
    nothing = np.full(2 * n, np.nan, np.float32)
    reach = value != 0  # a path of the network joins the two
    return PairScores(features, index, index + 1, value, np.abs(value), nothing, nothing, reach)


def simulated(rng, n, *, sd=1.0, shift=0.0, sequences=None) -> PairScores:
    """Gaussian scores of three features in each of n sequences.

    `sd` is a number, or one for each sequence; `shift` is added to A with B.
    """
    rows = np.arange(n) if sequences is None else sequences
    features = features_of(
        [(int(row), 10 * i, 10 * i + 5, name) for row in rows for i, name in enumerate(NAMES)]
    )
    within = np.array(list(itertools.permutations(range(3), 2)))
    index = (within + 3 * np.arange(n)[:, None, None]).reshape(-1, 2)
    fis = rng.normal(0, np.repeat(np.broadcast_to(sd, n), PER_SEQUENCE))
    fis += np.tile((within != 2).all(axis=1) * shift, n)
    fis = fis.astype(np.float32)
    effect = np.zeros(3 * n, np.float32)
    reachable = np.ones(len(fis), bool)
    return PairScores(
        features, index[:, 0], index[:, 1], fis, np.abs(fis) / 2, effect, effect, reachable
    )
