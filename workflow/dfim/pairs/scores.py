"""FIS of pairs of features, as arrays, table and file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays
from dfim.motifs.features import Features
from dfim.scoring.settings import Floats


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
        crops were scored, that of the pooling windows which see the mutation; NaN
        where targets alone were scored.
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

    def table(self, ids: Sequence[str] | NDArray[np.str_] | None = None) -> pd.DataFrame:
        """One row a pair: both features, their distance (centres, bp) and scores."""
        f, s, t = self.features, self.source, self.target
        centre = (f.start + f.end) / 2
        sequence = f.sequence[s]
        return pd.DataFrame(
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
