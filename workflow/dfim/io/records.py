"""Base class of results: a dataclass of arrays with selection, joining, saving and loading."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays


@dataclass(frozen=True)
class ArrayRecord:
    """Base of frozen dataclasses whose fields are arrays, or single numbers.

    Attributes
    ----------
    row_fields
        Names of the fields that have one row for each item. The other fields hold for all
        items together.
    """

    row_fields: ClassVar[tuple[str, ...]] = ()

    def select(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the items that `rows`, a mask or indices, chooses."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.row_fields})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join at least one part; fields that hold for all items come from the first."""
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in cls.row_fields
        }
        return replace(parts[0], **arrays)

    def save(
        self, path: str | os.PathLike[str], attributes: dict[str, Any] | None = None
    ) -> None:
        """Write all fields to an HDF5 file, with JSON `attributes`."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        write_arrays(path, arrays, attributes)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote; a single number comes back as Python's own.

        Raises
        ------
        ValueError
            With the file's name: damage, or a field that is missing.
        """
        names = tuple(field.name for field in fields(cls))
        arrays, _ = read_arrays(path, names)
        values = {name: arrays[name] for name in names}
        return cls(**{n: v.item() if np.ndim(v) == 0 else v for n, v in values.items()})
