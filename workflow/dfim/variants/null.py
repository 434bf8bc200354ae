"""P-values of the FIS of variants, against the same mutation in shuffled sequences.

The null of a variant keeps its base and shuffles the sequence on either side (after
section 2.4 of the paper).
"""

import logging
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.scoring.provenance import UNRECORDED, ScoreInfo, require_same_info
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import Progress, ScoringSettings
from dfim.statistics.significance import (
    benjamini_hochberg,
    fit_gaussian,
    p_empirical,
    p_gaussian,
)
from dfim.variants.alleles import distinct_sequences, require_variant_inputs, shuffle_around
from dfim.variants.fis import score_variants, sequences_per_block
from dfim.variants.scores import VariantScores

log = logging.getLogger(__name__)

NullModel = Literal["gaussian", "empirical"]

DISTANCE_BINS = (0, 5, 15, 50, 150, 500)
"""Edges of ranges of distance from the variant, in bp: (0, 5], (5, 15], ..., above 500.

FIS decays with distance, also in the null, so each range has a null of its own. With one
for all, 14 to 44 % of null scores within 5 bp had p < 0.05 (two networks, 12 variants)."""


@dataclass(frozen=True, repr=False)
class VariantNull(ScoreRecord):
    """P-values of N variants' FIS, each against the null of that variant alone (`per_map`).

    Attributes
    ----------
    p
        (N, 3, L) p-value of each FIS, mutants as in `VariantScores`; NaN where no
        test was made: at the variant, beyond its reach or `half_width`, or where all
        null scores are equal.
    mean, sd
        (N, 3, B) of the null scores (logit) in each of the B ranges of `DISTANCE_BINS`.
    n
        (B,) number of null scores behind the p-values of each range.
    realised
        (N, 3, B) fraction of the null's own scores that this test gives p < 0.05.
    info
        Method, model and settings of the FIS.
    """

    p: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    n: NDArray[np.int64]
    realised: NDArray[np.float64]

    row_fields = ("p", "mean", "sd", "realised")

    def q_values(self, *, per_track: bool = False) -> NDArray[np.float64]:
        """Correct by Benjamini-Hochberg over all tests, or within each variant and mutant."""
        n, mutants = self.p.shape[:2]
        tracks = np.arange(n * mutants).reshape(n, mutants, 1)
        groups = np.broadcast_to(tracks, self.p.shape) if per_track else None
        return benjamini_hochberg(self.p, groups)


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
    """Test the FIS of each variant against shuffles of its own sequence.

    Parameters
    ----------
    attributor, settings
        Those that made `scores`.
    X
        (N, L, 4) uint8 one-hot input sequences of the variants.
    scores
        From `dfim.score_variants`.
    n
        Shuffles per sequence.
    half_width
        Positions up to so many bp from the variant are tested; None: the whole sequence.
        A p-value does not depend on it.
    model
        `gaussian`: fitted to the signed null, two-sided; `empirical`: how often a
        null |FIS| is as large.
    rng
        Gives two numbers, the keys of shuffles and references; see `dfim.score_variants`.
    progress
        Called with the number of inputs scored since the last call.

    Raises
    ------
    ValueError
        For sequences that are not those of `scores`, scores by another method, model or
        settings, or no position to test.

    Notes
    -----
    Cost: 4·n profiles (of each reference) per distinct sequence: with 20 shuffles twenty
    times that of the scores. Memory: 24·L bytes per variant for the result, and a block.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> layers = [keras.layers.Conv1D(4, 5, activation="relu"), keras.layers.Flatten()]
    >>> layers += [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)]
    >>> model = keras.Sequential([keras.Input((20, 4)), *layers])
    >>> attributor = dfim.make_attributor(model, "deeplift")
    >>> X = dfim.one_hot_encode(["GATTACAGCTTCGGATCCAT"])
    >>> scores = dfim.score_variants(attributor, X, rng=np.random.default_rng(1))
    >>> null = dfim.score_variant_null(
    ...     attributor, X, scores, n=5, half_width=4, rng=np.random.default_rng(2)
    ... )
    >>> np.flatnonzero(np.isfinite(null.p[0, 0])).tolist()  # 4 bp on either side of index 10
    [6, 7, 8, 9, 11, 12, 13, 14]
    >>> null.n.tolist()  # 5 shuffles of 8 positions, all within 5 bp
    [40, 0, 0, 0, 0, 0]
    """
    bins = _tested_positions(X, scores, n, half_width)
    if model not in get_args(NullModel):
        raise ValueError(f"model: got {model!r}, expected one of {get_args(NullModel)}")
    info = _require_maker(attributor, settings or ScoringSettings(), scores)
    first, inverse, digests = distinct_sequences(X)
    fis = scores.select(first).fis
    null = _empty_null(len(first), X.shape[1], bins, n, info)
    shuffling, scoring = (int(key) for key in rng.integers(2**63, size=2))
    block = max(1, sequences_per_block(attributor) // n)
    for start in range(0, len(first), block):
        rows = range(start, min(start + block, len(first)))
        rngs = [np.random.default_rng((shuffling, digests[row])) for row in rows]
        shuffles = shuffle_around(X[first[rows]], scores.position, n, rngs)
        scores_of_shuffles = score_variants(
            attributor,
            shuffles.reshape(-1, *X.shape[1:]),
            position=scores.position,
            half_width=half_width,
            settings=settings,
            rng=np.random.default_rng(scoring),  # one key for every block
            progress=progress,
        )
        null_fis = scores_of_shuffles.fis.reshape(len(rows), n, 3, -1)
        for row, of_row in zip(rows, null_fis, strict=True):
            for mutant in range(3):
                _test(null, (row, mutant), fis[row, mutant], of_row[:, mutant], bins, model)
    realised = null.realised[:, :, null.n > 0]
    flat = int(np.isnan(realised).sum())
    if flat:
        log.warning("%d of %d nulls have equal scores: no p-values", flat, realised.size)
    return null.select(inverse)


def _require_maker(
    attributor: Attributor, settings: ScoringSettings, scores: VariantScores
) -> ScoreInfo:
    """Refuse scores by another method, model or settings; return the record of the null.

    The batch size may differ. Scores of several tasks can be tested task by task: the outputs
    of the attributor must be among theirs.
    """
    own = ScoreInfo.of(attributor, settings)
    if scores.info == UNRECORDED:
        return own
    theirs = scores.info.importance
    may_differ = {name: theirs[name] for name in ("heads", "batch_size") if name in theirs}
    alike = replace(own, importance={**own.importance, **may_differ})
    require_same_info((scores.info, alike), "test")
    heads, known = own.importance.get("heads", []), theirs.get("heads", [])
    others = [head for head in heads if head not in known]
    if others:
        raise ValueError(
            f"attributor: got output and unit {others}, expected those of the scores, {known}"
        )
    return own


def _empty_null(
    n_variants: int, length: int, bins: NDArray[np.int64], n: int, info: ScoreInfo
) -> VariantNull:
    """Make a null to be filled in: NaN, and the number of scores in each range."""
    shape = (n_variants, 3, len(DISTANCE_BINS))
    mean, sd, realised = (np.full(shape, np.nan) for _ in range(3))
    counts = n * np.bincount(bins[bins >= 0], minlength=len(DISTANCE_BINS))
    p = np.full((n_variants, 3, length), np.nan)
    return VariantNull(p, mean, sd, counts, realised, info=info)


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
    """Return the bin (L,) of `DISTANCE_BINS` of each position to test; -1 elsewhere.

    Tested is what is within reach and half width, the variant left out.
    """
    position = require_variant_inputs(X, scores.position)
    if len(X) != len(scores) or X.shape[1] != scores.importance.shape[1]:
        raise ValueError(
            f"X: got {len(X)} sequences of {X.shape[1]} bp, expected those of the scores, "
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
