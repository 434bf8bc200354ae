"""Scores of variants: the base at a variant is replaced by each of the three others.

A variant is one source of section 2.1 of the paper: the importance of every other position
before and after is compared. Input sequences come from `dfim.variants.windows`, the null
from `dfim.variants.null`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Mutations, Targets
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.mutations import mutate_nucleotides
from dfim.variants.alleles import (
    alt_codes,
    distinct_sequences,
    references_by_sequence,
    require_variant_inputs,
)
from dfim.variants.scores import VariantScores
from dfim.variants.variants import Texts

_BLOCK_COLUMNS = 2**16  # bounds the memory of a block, not its results


def score_variants(
    attributor: Attributor,
    X: NDArray[np.uint8],
    *,
    position: int | None = None,
    alleles: Texts | None = None,
    half_width: int | None = None,
    settings: ScoringSettings | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> VariantScores:
    """Score what each variant does to the importance of the positions around it.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.make_attributor`.
    X
        (N, L, 4) uint8 one-hot input sequences with the reference base at `position`.
    position
        Index of the variants; L // 2 where not given, as `cut_variant_windows` has it.
    alleles
        (N,) the ALT bases.
    half_width
        Only positions up to so many bp on either side are wanted; None: all.
    settings
        Scoring choices; the defaults are the paper's.
    windowed
        As for `dfim.score_pairs`.
    rng
        Gives one number, the key of all references. The references of a sequence follow
        from that key and its bases alone: with the same key a variant has the same scores
        in any selection, order or number of calls.
    progress
        Called with the number of inputs scored since the last call.

    Returns
    -------
    VariantScores
        FIS and `delta` (ALT − REF) for all three other bases; NaN beyond `half_width`.

    Raises
    ------
    ValueError
        With the row: no base at the variant, an ALT that is no other base. An attributor
        of several tasks.

    Notes
    -----
    Cost: at most four profiles (of each reference) per distinct sequence: variants at one
    place share theirs. Memory: 16·L bytes per variant for the result, and one block.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> layers = [keras.layers.Conv1D(4, 5, activation="relu"), keras.layers.Flatten()]
    >>> layers += [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)]
    >>> model = keras.Sequential([keras.Input((20, 4)), *layers])
    >>> attributor = dfim.make_attributor(model, "deeplift")
    >>> X = dfim.one_hot_encode(["ACGTACGTACGTACGTACGT"])
    >>> rng = np.random.default_rng(1)
    >>> scores = dfim.score_variants(attributor, X, alleles=["T"], rng=rng)
    >>> scores.fis.shape, scores.position
    ((1, 3, 20), 10)
    >>> alt = dfim.one_hot_encode(["ACGTACGTACTTACGTACGT"])  # G>T at index 10
    >>> change = model.predict(alt, verbose=0) - model.predict(X, verbose=0)
    >>> np.allclose(scores.of_alt(scores.delta), change[:, 0], atol=1e-5)
    True
    """
    require_scorable(attributor, X, tasks=1)
    settings = settings or ScoringSettings()
    position = require_variant_inputs(X, position)
    if half_width is not None and half_width < 1:
        raise ValueError(f"half_width: got {half_width}, expected bp, 1 or more, or None")
    codes = np.full(len(X), -1) if alleles is None else alt_codes(X, position, alleles)
    first, inverse, digests = distinct_sequences(X)
    key = int(rng.integers(2**63))
    n, length = len(first), X.shape[1]
    low, high = 0, length
    if half_width is not None:
        low, high = max(0, position - half_width), min(length, position + half_width + 1)
    scores = _empty(n, length, position, ScoreInfo.of(attributor, settings))
    block = sequences_per_block(attributor)
    for start in range(0, n, block):
        rows = slice(start, start + block)
        keys = [(key, digest) for digest in digests[rows]]
        values_by_field = _score_block(
            attributor,
            X[first[rows]],
            keys,
            position,
            (low, high),
            settings,
            windowed,
            progress,
        )
        for name, values in values_by_field.items():
            getattr(scores, name)[rows] = values
    target, source = np.arange(length), np.full(length, position)
    own = settings.own and attributor.needs_references
    scores = replace(
        scores.select(inverse),
        # Other references for each mutant change every importance.
        reachable=attributor.reachable(source, source + 1, target, target + 1) | own,
    )
    which = (scores.bases == codes[:, None]).argmax(axis=1)
    return replace(scores, alt=np.where(codes < 0, -1, which))


def _empty(n: int, length: int, position: int, info: ScoreInfo) -> VariantScores:
    """Make scores of n sequences to be filled in."""
    missing = np.full((n, 4, length), np.nan, np.float32)
    return VariantScores(
        position=position,
        importance=missing[:, 0],
        mutant_importance=missing[:, 1:],
        bases=np.zeros((n, 3), np.int8),
        alt=np.zeros(n, np.int64),
        delta=np.zeros((n, 3), np.float32),
        convergence_delta=np.full((n, 4), np.nan, np.float32),
        reachable=np.zeros(length, bool),
        info=info,
    )


def _score_block(
    attributor: Attributor,
    X: NDArray[np.uint8],
    keys: list[tuple[int, int]],
    position: int,
    scored: tuple[int, int],
    settings: ScoringSettings,
    windowed: bool | None,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """Score n distinct sequences at the positions `scored` (from, to).

    Returns arrays of n rows by the names of the fields of `VariantScores`.
    """
    n, length = X.shape[:2]
    here = np.full(n, position)
    mutants, bases = mutate_nucleotides(X, np.arange(n), here)
    references: tuple[NDArray[Any], NDArray[np.int64] | None] | None = None
    if settings.own and attributor.needs_references:
        inputs = np.concatenate([X[:, None], mutants.astype(np.uint8)], axis=1)
        return {"bases": bases, **_scored_apart(attributor, inputs, keys, settings, progress)}
    if attributor.needs_references:
        references = references_by_sequence(X[:, None], settings, keys)
    low, high = scored
    at = np.repeat(here, 3)
    columns = np.eye(4, dtype=np.float32)[bases.reshape(-1, 1)]
    mutations = Mutations(np.repeat(np.arange(n), 3), at, at + 1, columns)
    targets = Targets(np.arange(3 * n), np.full(3 * n, low), np.full(3 * n, high))
    importance = np.full((n, length), np.nan, np.float32)
    changes = np.full((3 * n, length), np.nan, np.float32)
    delta, of_mutants, of_reference = np.empty((3, 3 * n), np.float32)
    scorer = ChangeScorer(attributor, settings, windowed=windowed, progress=progress)
    rng = np.random.default_rng(0)  # draws nothing: references are given
    for part in scorer.score(X, mutations, targets, rng, references=references):
        before_minus_after, known = part.over(targets.start[part.targets], high - low)
        changes[part.targets, low:high] = before_minus_after[0]
        importance[part.targets // 3, low:high] = known[0]
        # `effect` is REF − ALT; subtracted from 0, since -effect would make 0 a -0.
        delta[part.mutants] = 0 - part.effect[0]
        of_mutants[part.mutants] = part.convergence_delta[0]
        of_reference[part.mutants] = part.original_convergence_delta[0]
    own = of_reference.reshape(n, 3)[:, :1]
    if np.isnan(importance[:, low:high]).any():  # beyond what the variant can reach
        drawn, reference_of = references or (None, None)
        whole = attributor.profiles(X, drawn, reference_of=reference_of)
        missing = np.isnan(importance)
        missing[:, :low], missing[:, high:] = False, False
        importance[missing], own = whole.scores[missing], whole.convergence_delta[:, None]
    return {
        "importance": importance,
        "mutant_importance": importance[:, None] - changes.reshape(n, 3, length),
        "bases": bases,
        "delta": delta.reshape(n, 3),
        "convergence_delta": np.concatenate([own, of_mutants.reshape(n, 3)], axis=1),
    }


def _scored_apart(
    attributor: Attributor,
    inputs: NDArray[np.uint8],
    keys: list[tuple[int, int]],
    settings: ScoringSettings,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """Score references and their mutants (n, 4, L, 4), each with references of its own."""
    n, _, length, _ = inputs.shape
    references, reference_of = references_by_sequence(inputs, settings, keys)
    profiles = attributor.profiles(
        inputs.reshape(-1, length, 4),
        references,
        reference_of=reference_of,
        progress=progress,
    )
    scores, target = profiles.scores.reshape(n, 4, length), profiles.target.reshape(n, 4)
    return {
        "importance": scores[:, 0],
        "mutant_importance": scores[:, 1:],
        "delta": target[:, 1:] - target[:, :1],
        "convergence_delta": profiles.convergence_delta.reshape(n, 4),
    }


def sequences_per_block(attributor: Attributor) -> int:
    """Return how many sequences are scored together: their inputs fill whole batches."""
    size = attributor.batch_size
    return size * max(1, _BLOCK_COLUMNS // (size * attributor.length))
