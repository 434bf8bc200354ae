"""FIS of variants: a base is exchanged for each of the three others.

A variant is one source of section 2.1 of the paper: the importance of every other position
before and after is compared. Windows come from `dfim.variants.cut_windows`, the null from
`dfim.variants.null`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Mutations, Targets
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.mutations import mutate_nucleotides
from dfim.variants.alleles import (
    alt_codes,
    distinct_windows,
    require_windows,
    window_references,
)
from dfim.variants.scores import VariantScores

_BLOCK_COLUMNS = 2**16  # bounds the memory of a block, not its results


def score_variants(
    attributor: Attributor,
    X: NDArray[np.uint8],
    *,
    position: int | None = None,
    alleles: Sequence[str] | None = None,
    half_width: int | None = None,
    settings: ScoringSettings | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> VariantScores:
    """FIS of variants on the positions of their windows.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.attribution.make_attributor`.
    X
        (N, L, 4) uint8 one-hot windows with the reference base at `position`.
    position
        Index of the variants; L // 2 where not given, as `cut_variant_windows` has it.
    alleles
        (N,) the ALT bases.
    half_width
        Only positions up to so many bp on either side are wanted; None: all.
    settings
        Scoring choices; the defaults are the paper's.
    windowed
        As for `dfim.pairs.fis.score_pairs`.
    rng
        Gives one number, the key of all references. A window's references follow from
        that key and its bases alone: with the same key a variant has the same scores
        in any selection, order or number of calls.
    progress
        Called with the number of inputs scored since the last call.

    Returns
    -------
    VariantScores
        NaN beyond `half_width`.

    Raises
    ------
    ValueError
        With the row: no base at the variant, an ALT that is no other base. An attributor
        of several tasks.

    Notes
    -----
    Cost: at most four profiles (of each reference) a distinct window: variants at one
    place share theirs. Memory: 16·L bytes a variant for the result, and one block.
    """
    require_scorable(attributor, X, tasks=1)
    settings = settings or ScoringSettings()
    position = require_windows(X, position)
    if half_width is not None and half_width < 1:
        raise ValueError(f"half_width: got {half_width}, expected bp, 1 or more, or None")
    codes = np.full(len(X), -1) if alleles is None else alt_codes(X, position, alleles)
    first, of, names = distinct_windows(X)
    key = int(rng.integers(2**63))
    n, length = len(first), X.shape[1]
    low, high = 0, length
    if half_width is not None:
        low, high = max(0, position - half_width), min(length, position + half_width + 1)
    made = _empty(n, length, position)
    block = windows_a_block(attributor)
    for start in range(0, n, block):
        rows = slice(start, start + block)
        keys = [(key, name) for name in names[rows]]
        found = _score_block(
            attributor,
            X[first[rows]],
            keys,
            position,
            (low, high),
            settings,
            windowed,
            progress,
        )
        for name, values in found.items():
            getattr(made, name)[rows] = values
    at, here = np.arange(length), np.full(length, position)
    own = settings.own and attributor.needs_references
    made = replace(
        made.select(of),
        # Other references for each mutant change every importance.
        reachable=attributor.reachable(here, here + 1, at, at + 1) | own,
    )
    which = (made.bases == codes[:, None]).argmax(axis=1)
    return replace(made, alt=np.where(codes < 0, -1, which))


def _empty(n: int, length: int, position: int) -> VariantScores:
    """Scores to fill in."""
    missing = np.full((n, 4, length), np.nan, np.float32)
    return VariantScores(
        position=position,
        importance=missing[:, 0],
        mutant_importance=missing[:, 1:],
        bases=np.zeros((n, 3), np.int8),
        alt=np.zeros(n, np.int64),
        effect=np.zeros((n, 3), np.float32),
        gap=np.full((n, 4), np.nan, np.float32),
        reachable=np.zeros(length, bool),
    )


def _score_block(
    attributor: Attributor,
    windows: NDArray[np.uint8],
    keys: list[tuple[int, int]],
    position: int,
    scored: tuple[int, int],
    settings: ScoringSettings,
    windowed: bool | None,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """Scores of some distinct windows by the names of their fields."""
    n, length = windows.shape[:2]
    here = np.full(n, position)
    mutants, bases = mutate_nucleotides(windows, np.arange(n), here)
    references: tuple[NDArray[Any] | None, NDArray[np.int64] | None] = (None, None)
    if settings.own and attributor.needs_references:
        inputs = np.concatenate([windows[:, None], mutants.astype(np.uint8)], axis=1)
        return {"bases": bases, **_scored_apart(attributor, inputs, keys, settings, progress)}
    if attributor.needs_references:
        references = window_references(windows[:, None], settings, keys)
    low, high = scored
    at = np.repeat(here, 3)
    columns = np.eye(4, dtype=np.float32)[bases.reshape(-1, 1)]
    mutations = Mutations(np.repeat(np.arange(n), 3), at, at + 1, columns)
    aims = Targets(np.arange(3 * n), np.full(3 * n, low), np.full(3 * n, high))
    importance = np.full((n, length), np.nan, np.float32)
    delta = np.full((3 * n, length), np.nan, np.float32)
    effect, gap, own_gap = np.empty((3, 3 * n), np.float32)
    scorer = ChangeScorer(attributor, settings, windowed=windowed, progress=progress)
    rng = np.random.default_rng(0)  # draws nothing: references are given
    for part in scorer.score(windows, mutations, aims, rng, references=references):
        changes, known = part.over(aims.start[part.targets], high - low)
        delta[part.targets, low:high] = changes[0]
        importance[part.targets // 3, low:high] = known[0]
        effect[part.mutants], gap[part.mutants] = part.effect[0], part.convergence_delta[0]
        own_gap[part.mutants] = part.original_convergence_delta[0]
    own = own_gap.reshape(n, 3)[:, :1]
    if np.isnan(importance[:, low:high]).any():  # beyond what the variant can reach
        whole = attributor.profiles(windows, references[0], reference_of=references[1])
        missing = np.isnan(importance)
        missing[:, :low], missing[:, high:] = False, False
        importance[missing], own = whole.scores[missing], whole.gap[:, None]
    return {
        "importance": importance,
        "mutant_importance": importance[:, None] - delta.reshape(n, 3, length),
        "bases": bases,
        "effect": effect.reshape(n, 3),
        "gap": np.concatenate([own, gap.reshape(n, 3)], axis=1),
    }


def _scored_apart(
    attributor: Attributor,
    inputs: NDArray[np.uint8],
    keys: list[tuple[int, int]],
    settings: ScoringSettings,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """Scores of windows and their mutants (n, 4, L, 4), each with references of its own."""
    n, _, length, _ = inputs.shape
    references, of = window_references(inputs, settings, keys)
    found = attributor.profiles(
        inputs.reshape(-1, length, 4), references, reference_of=of, progress=progress
    )
    scores, target = found.scores.reshape(n, 4, length), found.target.reshape(n, 4)
    return {
        "importance": scores[:, 0],
        "mutant_importance": scores[:, 1:],
        "effect": target[:, :1] - target[:, 1:],
        "gap": found.gap.reshape(n, 4),
    }


def windows_a_block(attributor: Attributor) -> int:
    """Windows scored together: four inputs each that fill whole batches."""
    size = attributor.batch_size
    return size * max(1, _BLOCK_COLUMNS // (size * attributor.length))
