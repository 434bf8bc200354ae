"""Records of scores: arrays that are saved, loaded and shown with how they were made."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dfim.io.records import ArrayRecord
from dfim.io.store import read_arrays, write_arrays
from dfim.scoring.provenance import UNRECORDED, ScoreInfo, require_same_info


@dataclass(frozen=True, kw_only=True, repr=False)
class ScoreRecord(ArrayRecord):
    """Base of frozen dataclasses of arrays of scores, with the record of how they were made.

    Attributes
    ----------
    info
        Method, model, settings, units and sign; saved, loaded and shown with the scores.
    """

    info: ScoreInfo = UNRECORDED

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays, and single numbers as such of no axis, by name."""
        return {name: np.asarray(getattr(self, name)) for name in self._names()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], info: ScoreInfo = UNRECORDED
    ) -> Self:
        """Undo `arrays`."""
        values = {name: arrays[name] for name in cls._names()}
        given = {n: v.item() if np.ndim(v) == 0 else v for n, v in values.items()}
        return cls(**given, info=info)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join at least one part; what holds for all items is the first part's.

        Raises
        ------
        ValueError
            Parts by different methods, models or settings.
        """
        require_same_info([part.info for part in parts], "join")
        return super().concatenate(parts)

    def save(
        self, path: str | os.PathLike[str], attributes: dict[str, Any] | None = None
    ) -> None:
        """Write to HDF5, with `info` and further attributes."""
        write_arrays(path, self.arrays(), {**(attributes or {}), **self.info.attributes()})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            A damaged file, an array that is missing, or a file of an older version that does
            not say how its scores were made.
        """
        arrays, attributes = read_arrays(path, cls._stored())
        return cls.from_arrays(arrays, ScoreInfo.from_attributes(attributes, path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary()}; {self.info})"

    def _summary(self) -> str:
        """Sizes, for `repr`."""
        return ", ".join(f"{name} {array.shape}" for name, array in self.arrays().items())

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        """Names of the fields that are arrays or numbers."""
        return tuple(one.name for one in fields(cls) if one.name != "info")

    @classmethod
    def _stored(cls) -> tuple[str, ...]:
        """Names of the arrays of a file."""
        return cls._names()
