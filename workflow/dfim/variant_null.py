"""Significance of a variant's FIS, against its own base in shuffled surroundings.

The null of a variant source holds its base and shuffles the sequence on either side
(after section 2.4 of the paper), so that the mutation is the same one.
"""

import logging
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.records import ArrayRecord
from dfim.scoring import Progress, ScoringSettings
from dfim.shuffle import dinucleotide_shuffle
from dfim.significance import benjamini_hochberg, fit_gaussian, p_empirical, p_gaussian
from dfim.variant_alleles import distinct_windows, require_windows
from dfim.variant_scores import VariantScores, score_variants, windows_a_block

log = logging.getLogger(__name__)

NullModel = Literal["gaussian", "empirical"]


@dataclass(frozen=True)
class VariantNull(ArrayRecord):
    """Each variant's FIS against the null of that variant alone (`per_map`).

    Attributes
    ----------
    p
        (N, 3, L) p-value of each FIS, mutants as in `VariantScores`; NaN where no
        test was made: at the variant, beyond its reach or `half_width`, or where all
        null scores are equal.
    mean, sd
        (N, 3) of the null scores.
    n
        Null scores behind each p-value.
    realised
        (N, 3) fraction of the null's own scores that this test gives p < 0.05.
    """

    p: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    n: int
    realised: NDArray[np.float64]

    row_fields = ("p", "mean", "sd", "realised")

    def q_values(self, *, per_track: bool = False) -> NDArray[np.float64]:
        """Benjamini-Hochberg over all tests, or within each variant and mutant."""
        tracks = np.arange(self.mean.size).reshape(*self.mean.shape, 1)
        groups = np.broadcast_to(tracks, self.p.shape) if per_track else None
        return benjamini_hochberg(self.p, groups)


def shuffle_around(
    X: NDArray[np.uint8], position: int, n: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Dinucleotide-shuffle each side of one position, whose base stays.

    Parameters
    ----------
    X
        (N, L, 4) one-hot windows.
    position
        Index of the base that is held. It ends one side and begins the other, so the
        dinucleotides that it is part of keep their counts too.
    n
        Shuffles a window.
    rng
        As for `dfim.shuffle.dinucleotide_shuffle`.

    Returns
    -------
    (N, n, L, 4) uint8
    """
    left = dinucleotide_shuffle(X[:, : position + 1], n, rng)
    right = dinucleotide_shuffle(X[:, position:], n, rng)
    return np.concatenate([left, right[:, :, 1:]], axis=2)


def variant_null(
    attributor: Attributor,
    X: NDArray[np.uint8],
    scores: VariantScores,
    *,
    n: int = 20,
    half_width: int | None = 50,
    model: NullModel = "gaussian",
    settings: ScoringSettings | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> VariantNull:
    """Test the FIS of each variant against shuffles of its own window.

    Parameters
    ----------
    attributor, settings
        Those that made `scores`.
    X
        (N, L, 4) windows of the variants.
    scores
        From `score_variants`.
    n
        Shuffles a window.
    half_width
        Positions up to so many bp from the variant are tested, and their null scores
        pooled: a mutant's n · 2 · half_width. FIS decays with distance, so a wider
        pool has a narrower null. None: the whole window.
    model
        `gaussian`: fitted to the signed null, two-sided; `empirical`: how often a
        null |FIS| is as large.
    rng
        Gives two numbers, the keys of shuffles and references; see `score_variants`.
    progress
        Called with the number of inputs scored since the last call.

    Raises
    ------
    ValueError
        For windows that are not those of `scores`, or no position to test.

    Notes
    -----
    Cost: 4·n profiles (of each reference) a distinct window: with 20 shuffles twenty
    times that of the scores. Memory: 24·L bytes a variant for the result, and a block.
    """
    tested = _tested_positions(X, scores, n, half_width)
    if model not in get_args(NullModel):
        raise ValueError(f"model: got {model!r}, expected one of {get_args(NullModel)}")
    first, of, names = distinct_windows(X)
    fis = scores.select(first).fis[:, :, tested]
    p = np.full((len(first), 3, len(tested)), np.nan)
    mean, sd, realised = np.full((3, len(first), 3), np.nan)
    shuffling, scoring = (int(key) for key in rng.integers(2**63, size=2))
    block = max(1, windows_a_block(attributor) // n)
    for start in range(0, len(first), block):
        rows = range(start, min(start + block, len(first)))
        rngs = [np.random.default_rng((shuffling, names[row])) for row in rows]
        shuffles = [
            shuffle_around(X[first[row], None], scores.position, n, own)
            for row, own in zip(rows, rngs, strict=True)
        ]
        null = score_variants(
            attributor,
            np.concatenate(shuffles).reshape(-1, *X.shape[1:]),
            position=scores.position,
            settings=settings,
            rng=np.random.default_rng(scoring),  # one key for every block
            progress=progress,
        )
        values = null.fis[:, :, tested].reshape(len(rows), n, 3, -1)
        for row, own in zip(rows, values, strict=True):
            for mutant in range(3):
                x, here = fis[row, mutant], own[:, mutant].astype(np.float64)
                mean[row, mutant], sd[row, mutant] = here.mean(), here.std()
                if np.ptp(here) > 0:
                    p[row, mutant, tested] = _p(x, here, model)
                    realised[row, mutant] = (_p(here, here, model) < 0.05).mean()
    flat = int(np.isnan(realised).sum())
    if flat:
        log.warning("%d of %d nulls have equal scores: no p-values", flat, realised.size)
    pooled = n * int(tested.sum())
    return VariantNull(p[of], mean[of], sd[of], pooled, realised[of])


def _tested_positions(
    X: NDArray[np.uint8], scores: VariantScores, n: int, half_width: int | None
) -> NDArray[np.bool_]:
    """(L,) the positions within reach and half width, the variant left out."""
    position = require_windows(X, scores.position)
    if len(X) != len(scores) or X.shape[1] != scores.importance.shape[1]:
        raise ValueError(
            f"X: got {len(X)} windows of {X.shape[1]} bp, expected those of the scores, "
            f"{len(scores)} of {scores.importance.shape[1]}"
        )
    if n < 1:
        raise ValueError(f"n: got {n}, expected 1 or more shuffles")
    tested = scores.reachable.copy()
    tested[position] = False
    if half_width is not None:
        tested &= np.abs(np.arange(len(tested)) - position) <= half_width
    if not tested.any():
        raise ValueError(
            f"half_width: got {half_width}, within which no position can be reached from the "
            "variant; expected more"
        )
    return tested


def _p(x: NDArray[Any], null: NDArray[Any], model: NullModel) -> NDArray[np.float64]:
    if model == "empirical":
        return p_empirical(x, null, absolute=True)
    return p_gaussian(x, fit_gaussian(null, warn=False))
