"""FIS of pairs of features, as arrays, table and file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.motifs.features import Features
from dfim.scoring.provenance import UNRECORDED, ScoreInfo, require_same_info
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import Floats

_OF_PAIRS = ("source", "target", "fis", "fis_max_abs", "reachable")
_FEATURE = "feature_"  # before the names of a feature's columns, among arrays


@dataclass(frozen=True, repr=False)
class PairScores(ScoreRecord):
    """Feature Interaction Scores (FIS) of ordered pairs of features.

    Attributes
    ----------
    features
        The F features that make the pairs.
    source, target
        (P,) indices into `features`.
    fis
        (P,) signed FIS, in logit: the target's importance in the original minus that in the
        mutant, summed over its positions.
    fis_max_abs
        (P,) the largest |difference| at one position of the target, as the
        authors' notebook reduces it.
    effect
        (F,) logit of the original minus logit of the mutant of each source; NaN where a
        feature is no source, or reaches none of its targets.
    convergence_delta
        (F,) completeness error of each mutant's profile, in logit (NaN as above); where
        crops were scored, that of the pooling windows which see the mutation; NaN
        where targets alone were scored.
    reachable
        (P,) whether the architecture lets the source change the target at all;
        where not, the FIS is exactly 0 and there is nothing to test.
    info
        Method, model, settings, units and sign.

    Examples
    --------
    >>> import dfim
    >>> import numpy as np
    >>> scores = dfim.PairScores(
    ...     features=dfim.Features([0, 0], [2, 9], [6, 15], ["GATA", "EBOX"], ["+", "-"]),
    ...     source=np.array([0, 1]),
    ...     target=np.array([1, 0]),
    ...     fis=np.float32([0.5, 0.25]),
    ...     fis_max_abs=np.float32([0.2, 0.1]),
    ...     effect=np.float32([1.5, 1]),
    ...     convergence_delta=np.zeros(2, np.float32),
    ...     reachable=np.ones(2, bool),
    ... )
    >>> scores.table()[["source", "target", "distance", "fis"]]
      source target  distance   fis
    0   GATA   EBOX       8.0  0.50
    1   EBOX   GATA       8.0  0.25
    """

    features: Features
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    fis: Floats
    fis_max_abs: Floats
    effect: Floats
    convergence_delta: Floats
    reachable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fis)

    @classmethod
    def empty(cls) -> Self:
        """No pairs of no features."""
        index, score = np.empty(0, np.int64), np.empty(0, np.float32)
        text = np.empty(0, str)
        features = Features(index, index, index, text, text)
        return cls(features, index, index, score, score, score, score, np.empty(0, bool))

    def of_rows(self, rows: NDArray[np.integer]) -> Self:
        """Renumber sequence i to rows[i]."""
        sequence = np.asarray(rows, np.int64)[self.features.sequence]
        return replace(self, features=replace(self.features, sequence=sequence))

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the pairs under a mask or at an index; all features stay."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _OF_PAIRS})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join scores of disjoint sets of sequences: at least one part.

        Raises
        ------
        ValueError
            Parts by different methods, models or settings; those without features are not
            asked.
        """
        infos = [part.info for part in parts if len(part.features)] or [parts[0].info]
        shifts = np.cumsum([0] + [len(part.features) for part in parts[:-1]])
        features = Features.concatenate([part.features for part in parts])
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("fis", "fis_max_abs", "effect", "convergence_delta", "reachable")
        }
        index = {
            name: np.concatenate(
                [getattr(part, name) + shift for part, shift in zip(parts, shifts, strict=True)]
            )
            for name in ("source", "target")
        }
        return cls(features=features, **arrays, **index, info=require_same_info(infos, "join"))

    def table(self, ids: Sequence[str] | NDArray[np.str_] | None = None) -> pd.DataFrame:
        """Make a table with one row per pair.

        Parameters
        ----------
        ids
            Names of the sequences; their rows where None.

        Returns
        -------
        DataFrame
            Both features, the distance of their centres (bp), source_effect and fis (logit),
            fis_max_abs, reachable. `DataFrame.attrs` holds the record of `info`.
        """
        f, s, t = self.features, self.source, self.target
        centre = (f.start + f.end) / 2
        sequence = f.sequence[s]
        table = pd.DataFrame(
            {
                "sequence": sequence if ids is None else np.asarray(ids)[sequence],
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
        table.attrs |= self.info.record()
        return table

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays by name, those of the features with "feature_" before theirs."""
        scores = {name: getattr(self, name) for name in self._names() if name != "features"}
        columns = {one.name: getattr(self.features, one.name) for one in fields(Features)}
        return scores | {_FEATURE + name: column for name, column in columns.items()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], info: ScoreInfo = UNRECORDED
    ) -> Self:
        """Undo `arrays`."""
        features = Features(**{f.name: arrays[_FEATURE + f.name] for f in fields(Features)})
        scores = {name: arrays[name] for name in cls._names() if name != "features"}
        return cls(features=features, **scores, info=info)

    def _summary(self) -> str:
        return f"{len(self)} pairs of {len(self.features)} features"

    @classmethod
    def _stored(cls) -> tuple[str, ...]:
        return tuple(cls.empty().arrays())
