"""Significance of a variant's FIS, against its own base in shuffled surroundings.

The null of a variant source holds its base and shuffles the sequence on either side
(after section 2.4 of the paper), so that the mutation is the same one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.records import ArrayRecord
from dfim.scoring.settings import Progress, ScoringSettings
from dfim.sequences.shuffle import dinucleotide_shuffle
from dfim.statistics.significance import (
    benjamini_hochberg,
    fit_gaussian,
    p_empirical,
    p_gaussian,
)
from dfim.variants.alleles import distinct_windows, require_windows
from dfim.variants.fis import score_variants, windows_a_block
from dfim.variants.scores import VariantScores

log = logging.getLogger(__name__)

NullModel = Literal["gaussian", "empirical"]

DISTANCE_BINS = (0, 5, 15, 50, 150, 500)
"""bp from the variant: FIS decays with distance, also in the null, so each of these
ranges (a lower edge excluded, an upper one included) has a null of its own. With one
for all, 14 to 44 % of null scores within 5 bp had p < 0.05 (two networks, 12 variants)."""


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
        (N, 3, B) of the null scores at each of the distances `DISTANCE_BINS`.
    n
        (B,) null scores behind the p-values at each distance.
    realised
        (N, 3, B) fraction of the null's own scores that this test gives p < 0.05.
    """

    p: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    n: NDArray[np.int64]
    realised: NDArray[np.float64]

    row_fields = ("p", "mean", "sd", "realised")

    def q_values(self, *, per_track: bool = False) -> NDArray[np.float64]:
        """Benjamini-Hochberg over all tests, or within each variant and mutant."""
        n, mutants = self.p.shape[:2]
        tracks = np.arange(n * mutants).reshape(n, mutants, 1)
        groups = np.broadcast_to(tracks, self.p.shape) if per_track else None
        return benjamini_hochberg(self.p, groups)


def shuffle_around(
    X: NDArray[np.uint8],
    position: int,
    n: int,
    rng: np.random.Generator | Sequence[np.random.Generator],
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
        As for `dfim.sequences.shuffle.dinucleotide_shuffle`.

    Returns
    -------
    (N, n, L, 4) uint8
    """
    left = dinucleotide_shuffle(X[:, : position + 1], n, rng)
    right = dinucleotide_shuffle(X[:, position:], n, rng)
    return np.concatenate([left, right[:, :, 1:]], axis=2)


def score_variant_null(
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
        Positions up to so many bp from the variant are tested; None: the whole window.
        A p-value does not depend on it.
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
    bins = _tested_positions(X, scores, n, half_width)
    if model not in get_args(NullModel):
        raise ValueError(f"model: got {model!r}, expected one of {get_args(NullModel)}")
    first, of, names = distinct_windows(X)
    fis = scores.select(first).fis
    made = _empty_null(len(first), X.shape[1], bins, n)
    shuffling, scoring = (int(key) for key in rng.integers(2**63, size=2))
    block = max(1, windows_a_block(attributor) // n)
    for start in range(0, len(first), block):
        rows = range(start, min(start + block, len(first)))
        rngs = [np.random.default_rng((shuffling, names[row])) for row in rows]
        shuffles = shuffle_around(X[first[rows]], scores.position, n, rngs)
        null = score_variants(
            attributor,
            shuffles.reshape(-1, *X.shape[1:]),
            position=scores.position,
            half_width=half_width,
            settings=settings,
            rng=np.random.default_rng(scoring),  # one key for every block
            progress=progress,
        )
        values = null.fis.reshape(len(rows), n, 3, -1)
        for row, own in zip(rows, values, strict=True):
            for mutant in range(3):
                _test(made, (row, mutant), fis[row, mutant], own[:, mutant], bins, model)
    there = made.n > 0
    flat = int(np.isnan(made.realised[:, :, there]).sum())
    if flat:
        log.warning("%d of %d nulls have equal scores: no p-values", flat,
                    made.realised[:, :, there].size)  # fmt: skip
    return made.select(of)


def _empty_null(n_variants: int, length: int, bins: NDArray[np.int64], n: int) -> VariantNull:
    """A null to fill: NaN, and the number of scores at each distance."""
    shape = (n_variants, 3, len(DISTANCE_BINS))
    mean, sd, realised = (np.full(shape, np.nan) for _ in range(3))
    counts = n * np.bincount(bins[bins >= 0], minlength=len(DISTANCE_BINS))
    return VariantNull(np.full((n_variants, 3, length), np.nan), mean, sd, counts, realised)


def _test(
    made: VariantNull,
    at: tuple[int, int],
    fis: NDArray[np.floating],
    null: NDArray[np.floating],
    bins: NDArray[np.int64],
    model: NullModel,
) -> None:
    """Fill in one variant's mutant: FIS (L,) against null scores (n, L), by distance."""
    for number in np.unique(bins[bins >= 0]):
        tested = bins == number
        own = null[:, tested].astype(np.float64).ravel()
        made.mean[at][number], made.sd[at][number] = own.mean(), own.std()
        if np.ptp(own) > 0:
            made.p[at][tested] = _p(fis[tested], own, model)
            made.realised[at][number] = (_p(own, own, model) < 0.05).mean()


def _tested_positions(
    X: NDArray[np.uint8], scores: VariantScores, n: int, half_width: int | None
) -> NDArray[np.int64]:
    """(L,) bin of `DISTANCE_BINS` of each position to test; -1 elsewhere.

    Tested is what is within reach and half width, the variant left out.
    """
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
    away = np.abs(np.arange(len(tested)) - position)
    # The last range has no upper end.
    return np.where(tested, np.searchsorted(DISTANCE_BINS, away, side="left") - 1, -1)


def _p(x: NDArray[Any], null: NDArray[Any], model: NullModel) -> NDArray[np.float64]:
    if model == "empirical":
        return p_empirical(x, null, absolute=True)
    return p_gaussian(x, fit_gaussian(null, warn=False))
