"""Feature Interaction Scores (FIS): how importance changes when a feature is mutated.

FIS(target | source) = importance(target, original) - importance(target, mutant),
where a target's importance is the sum over its nucleotides (paper sections 2.1
and 2.3). F sources need F + 1 importance profiles, never one a pair.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.features import Features, ordered_pairs
from dfim.scoring import (
    Changes,
    Floats,
    Intervals,
    Progress,
    ScoringSettings,
    changes_by_crops,
    changes_of_profiles,
    draw_references,
    engine_of_crops,
)
from dfim.store import read_arrays, write_arrays

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairScores:
    """FIS of ordered pairs of features.

    Attributes
    ----------
    features
        The F features that make the pairs.
    source, target
        (P,) indices into `features`.
    fis
        (P,) signed FIS: the sum over the target's positions.
    fis_max_abs
        (P,) the largest |difference| at one position of the target, as the
        authors' notebook reduces it.
    effect
        (F,) logit of the original minus logit of the mutant of each source
        (NaN where a feature is never a source).
    gap
        (F,) completeness error of each mutant's profile (NaN as above); where
        crops were scored, that of the pooling windows which see the mutation.
    reachable
        (P,) whether the architecture lets the source change the target at all;
        where not, the FIS is exactly 0 and there is nothing to test.
    """

    features: Features
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    fis: Floats
    fis_max_abs: Floats
    effect: Floats
    gap: Floats
    reachable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fis)

    @classmethod
    def empty(cls) -> "PairScores":
        """No pairs of no features."""
        index, score = np.empty(0, np.int64), np.empty(0, np.float32)
        text = np.empty(0, str)
        features = Features(index, index, index, text, text)
        return cls(features, index, index, score, score, score, score, np.empty(0, bool))

    def of_rows(self, rows: NDArray[np.integer]) -> "PairScores":
        """The same scores, with sequence i renumbered to rows[i]."""
        return replace(
            self, features=replace(self.features, sequence=rows[self.features.sequence])
        )

    def select(self, chosen: NDArray[np.bool_]) -> "PairScores":
        """The pairs under a mask; all features stay."""
        names = ("source", "target", "fis", "fis_max_abs", "reachable")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @classmethod
    def concatenate(cls, parts: list["PairScores"]) -> "PairScores":
        """Join scores of disjoint sets of sequences."""
        shifts = np.cumsum([0] + [len(part.features) for part in parts[:-1]])
        features = Features.concatenate([part.features for part in parts])
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("fis", "fis_max_abs", "effect", "gap", "reachable")
        }
        index = {
            name: np.concatenate(
                [getattr(part, name) + shift for part, shift in zip(parts, shifts, strict=True)]
            )
            for name in ("source", "target")
        }
        return cls(features=features, **arrays, **index)

    def table(self, ids: NDArray[np.str_] | None = None) -> pd.DataFrame:
        """One row a pair: both features, their distance (centres, bp) and scores."""
        f, s, t = self.features, self.source, self.target
        centre = (f.start + f.end) / 2
        sequence = f.sequence[s]
        return pd.DataFrame(
            {
                "sequence": sequence if ids is None else ids[sequence],
                "source": f.name[s],
                "source_start": f.start[s],
                "source_end": f.end[s],
                "source_strand": f.strand[s],
                "target": f.name[t],
                "target_start": f.start[t],
                "target_end": f.end[t],
                "target_strand": f.strand[t],
                "distance": np.abs(centre[s] - centre[t]),
                "source_effect": self.effect[s],
                "fis": self.fis,
                "fis_max_abs": self.fis_max_abs,
                "reachable": self.reachable,
            }
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name, features included."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "features"}
        return own | {
            f"feature_{f.name}": getattr(self.features, f.name) for f in fields(Features)
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "PairScores":
        """Undo `arrays`."""
        features = Features(**{f.name: arrays[f"feature_{f.name}"] for f in fields(Features)})
        own = {f.name: arrays[f.name] for f in fields(cls) if f.name != "features"}
        return cls(features=features, **own)

    def save(
        self, path: str | os.PathLike[str], attributes: dict[str, Any] | None = None
    ) -> None:
        """Write to HDF5."""
        write_arrays(path, self.arrays(), attributes)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PairScores":
        """Read what `save` wrote."""
        names = tuple(cls.empty().arrays())
        return cls.from_arrays(read_arrays(path, names)[0])


def _sum_and_max(
    delta: Floats,
    rows: NDArray[np.integer],
    start: NDArray[np.integer],
    end: NDArray[np.integer],
) -> tuple[Floats, Floats]:
    """Sum, and largest absolute value, of delta[row, start:end] for many intervals."""
    width = int((end - start).max(initial=1))
    offset = start[:, None] + np.arange(width)
    inside = offset < end[:, None]
    values = delta[rows[:, None], np.minimum(offset, delta.shape[1] - 1)]
    values = np.where(inside, values, np.float32(0))
    return values.sum(axis=1, dtype=np.float32), np.abs(values).max(axis=1)


def score_pairs(
    attributor: Attributor,
    X: NDArray[np.uint8],
    features: Features,
    *,
    settings: ScoringSettings | None = None,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> PairScores:
    """FIS of all ordered pairs of features within each sequence.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.attribution.make_attributor`.
    X
        (N, L, 4) one-hot sequences.
    features
        Motif instances; `features.sequence` indexes X.
    settings
        Scoring choices; the defaults are the paper's.
    same_name, sources, targets, max_distance
        Which pairs: `dfim.features.ordered_pairs`.
    windowed
        Whether to score crops around the mutations instead of whole sequences:
        None where that is exact and fewer operations, False never, True always.
    rng
        Draws references (and shuffled motifs).
    progress
        Called with the number of inputs (from crops: of mutants) scored since the
        last call.

    Returns
    -------
    PairScores
        From crops, FIS beyond a crop is exactly 0, and the gap is that of the
        pooling windows in the crop.

    Raises
    ------
    ValueError
        When `windowed` is True and crops are not exact for the model or settings.

    Notes
    -----
    Cost: N + F importance profiles a reference, for F source features; memory
    is that of the F mutants (16·F·L bytes), so pass sequences in blocks. From
    crops both are less by L / 2S, for crops of S bases.
    """
    settings = settings or ScoringSettings()
    source, target, n_overlapping = ordered_pairs(
        features,
        same_name=same_name,
        sources=sources,
        targets=targets,
        max_distance=max_distance,
    )
    if n_overlapping:
        log.info("%d pairs left out: source and target overlap", n_overlapping)
    mutated = np.unique(source)
    intervals = Intervals(
        features.sequence[mutated], features.start[mutated], features.end[mutated]
    )
    widest = int((intervals.end - intervals.start).max(initial=1))
    cropped = engine_of_crops(attributor, widest, settings, windowed)
    changes: Iterable[Changes]
    if cropped is not None:
        columns = intervals.columns(X, settings, rng)
        references = draw_references(X, settings, rng)
        changes = changes_by_crops(cropped, X, intervals, columns, references, progress)
    else:
        changes = [changes_of_profiles(attributor, X, intervals, settings, rng, progress)]
    fis, fis_max_abs = np.empty((2, len(source)), np.float32)
    effect, gap = np.full((2, len(features)), np.nan, np.float32)
    by_mutant = np.searchsorted(mutated, source)
    for part in changes:
        effect[mutated[part.which]], gap[mutated[part.which]] = part.effect, part.gap
        pairs = np.flatnonzero(np.isin(by_mutant, part.which))
        row = np.searchsorted(part.which, by_mutant[pairs])
        inside = (
            np.clip(ends[target[pairs]] - part.offset[row], 0, part.delta.shape[1])
            for ends in (features.start, features.end)
        )
        fis[pairs], fis_max_abs[pairs] = _sum_and_max(part.delta, row, *inside)
    spans = (features.start[source], features.end[source])
    reachable = attributor.reachable(*spans, features.start[target], features.end[target])
    # Other references for each mutant change every importance.
    reachable |= settings.refs_from == "mutant" and settings.references in ("dinuc", "random")
    return PairScores(features, source, target, fis, fis_max_abs, effect, gap, reachable)
