"""Records of arrays that are kept in HDF5, and of which rows can be chosen."""

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays

Record = TypeVar("Record", bound="ArrayRecord")


class ArrayRecord:
    """Base of frozen dataclasses whose fields are arrays, or single numbers.

    `row_fields` names the arrays that have a row for each item; the other fields hold
    for all items.
    """

    row_fields: ClassVar[tuple[str, ...]] = ()

    def select(self: Record, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Record:
        """The items under a mask or an index."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.row_fields})

    @classmethod
    def concatenate(cls: type[Record], parts: Sequence[Record]) -> Record:
        """Join at least one part; what holds for all items is the first part's."""
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in cls.row_fields
        }
        return replace(parts[0], **arrays)

    def save(
        self, path: str | os.PathLike[str], attributes: dict[str, Any] | None = None
    ) -> None:
        """Write to HDF5."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        write_arrays(path, arrays, attributes)

    @classmethod
    def load(cls: type[Record], path: str | os.PathLike[str]) -> Record:
        """Read what `save` wrote; a single number comes back as Python's."""
        names = tuple(field.name for field in fields(cls))
        arrays, _ = read_arrays(path, names)
        values = {name: arrays[name] for name in names}
        return cls(**{n: v.item() if np.ndim(v) == 0 else v for n, v in values.items()})
