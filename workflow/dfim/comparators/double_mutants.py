"""Exact interaction of two features in one output: the double-mutant difference of logits.

The interaction of features a and b of a sequence is

    e = f(original) - f(a mutated) - f(b mutated) + f(both mutated),

0 where their effects on the logit f add up. It needs forward passes only, so it says what a
network computes whatever an importance method makes of it: where planted pairs have no exact
interaction the network has not learnt them, and where they have one that FIS misses the
method is at fault. `dfim.comparators.epistasis` is the same difference for single bases of
short sequences.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.motifs.features import Features
from dfim.scoring.changes import Mutations
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.mutations import put_columns

Floats = NDArray[np.float64]
Predict = Callable[[NDArray[Any]], NDArray[Any]]


def double_mutant_interactions(
    predict: Predict,
    X: NDArray[np.uint8],
    features: Features,
    source: NDArray[np.integer],
    target: NDArray[np.integer],
    *,
    settings: ScoringSettings | None = None,
    n_draws: int = 10,
    batch: int = 512,
    rng: np.random.Generator | None = None,
) -> Floats:
    """Compute the exact interaction of pairs of features.

    Parameters
    ----------
    predict
        Logits (B,) of sequences (B, L, 4), such as `Attributor.predict_logit`.
    X
        (N, L, 4) one-hot sequences.
    features
        The features that make the pairs; `features.sequence` indexes X.
    source, target
        (P,) indices into `features`. The order within a pair does not matter.
    settings
        Of which `motif_mutation` and `gc` say what replaces a mutated feature.
    n_draws
        Draws of what replaces a feature, over which the interaction is averaged, where
        that is random (`motif_mutation="shuffle"`); the other kinds have one.
    batch
        Sequences in memory at a time.
    rng
        Draws shuffled features; needed for `shuffle` alone.

    Returns
    -------
    float64 (P,)
        In logits. Above 0 where the two do more together than the sum of both alone.

    Raises
    ------
    ValueError
        When source and target differ in length, are of two sequences or overlap, when
        `n_draws` or `batch` is below 1, and when features are shuffled without `rng`.

    Notes
    -----
    Cost: N + S + P forward passes (S features in pairs; an unordered pair is one), the last
    two for every draw. Memory: `batch` sequences, and the features and pairs.

    Examples
    --------
    A logit that counts A at position 0, C at position 2, and 5 more where both are there:

    >>> X = np.eye(4, dtype=np.uint8)[[[0, 3, 1, 3]]]
    >>> features = Features([0, 0], [0, 2], [1, 3], ["a", "b"], ["+", "+"])
    >>> def predict(x):
    ...     return x[:, 0, 0] + x[:, 2, 1] + 5 * x[:, 0, 0] * x[:, 2, 1]
    >>> zeros = ScoringSettings(motif_mutation="zeros")
    >>> first, second = np.array([0]), np.array([1])
    >>> double_mutant_interactions(predict, X, features, first, second, settings=zeros)
    array([5.])
    """
    settings = settings or ScoringSettings()
    _require_pairs(features, source, target)
    for name, value in (("n_draws", n_draws), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name}: got {value}, expected at least 1")
    drawn = settings.motif_mutation == "shuffle"
    if drawn and rng is None:
        raise ValueError("rng: got None, expected a numpy.random.Generator to shuffle features")
    rng = rng or np.random.default_rng(0)  # which nothing is drawn from
    pairs = np.sort(np.stack([source, target]).astype(np.int64), axis=0)
    pairs, pair_of = np.unique(pairs, axis=1, return_inverse=True)
    sites, place = np.unique(pairs, return_inverse=True)
    first, second = place.reshape(pairs.shape)
    f, owner = features, features.sequence[sites]
    original = np.full(len(X), np.nan)
    rows = np.unique(owner)
    original[rows] = _predicted(predict, (X[rows[part]] for part in _parts(len(rows), batch)))
    total = np.zeros(pairs.shape[1])
    draws = n_draws if drawn else 1
    for _ in range(draws):
        mutations = Mutations.of_intervals(
            X, owner, f.start[sites], f.end[sites], settings, rng
        )
        single = _predicted(
            predict, (mutations.of(part).mutants(X) for part in _parts(len(sites), batch))
        )
        double = _predicted(
            predict,
            (
                _double_mutants(X, mutations, first[part], second[part])
                for part in _parts(len(first), batch)
            ),
        )
        total += original[owner[first]] - single[first] - single[second] + double
    return (total / draws)[pair_of.ravel()]


def _require_pairs(
    features: Features, source: NDArray[np.integer], target: NDArray[np.integer]
) -> None:
    if source.shape != target.shape or source.ndim != 1:
        raise ValueError(
            f"source, target: got shapes {source.shape} and {target.shape}, expected (P,) twice"
        )
    f = features
    apart = f.sequence[source] != f.sequence[target]
    overlap = (f.start[source] < f.end[target]) & (f.start[target] < f.end[source])
    for wrong, what in (
        (apart, "of two sequences"),
        (overlap & ~apart, "overlapping features"),
    ):
        bad = np.flatnonzero(wrong)
        if bad.size:
            pair = int(source[bad[0]]), int(target[bad[0]])
            raise ValueError(
                f"source, target: pair {bad[0]}, features {pair}, is {what}; expected two "
                "features of one sequence, side by side (dfim.motifs.pairing.ordered_pairs)"
            )


def _double_mutants(
    X: NDArray[Any], mutations: Mutations, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Sequences (p, L, 4) with the mutations `first` and `second` both made."""
    mutants, other = mutations.of(first).mutants(X), mutations.of(second)
    width = other.end - other.start
    put_columns(mutants, np.arange(len(mutants)), other.columns, other.start, width)
    return mutants


def _parts(n: int, batch: int) -> list[slice]:
    return [slice(start, min(start + batch, n)) for start in range(0, n, batch)]


def _predicted(predict: Predict, batches: Iterator[NDArray[Any]]) -> Floats:
    parts = [np.asarray(predict(batch), np.float64) for batch in batches]
    return np.concatenate([np.empty(0), *parts])
