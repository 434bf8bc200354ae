"""Labelled sequences: examples with labels, tasks and a train, validation and test split."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays
from dfim.sequences.encoding import one_hot

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Examples:
    """Sequences of one length with labels and a train, validation and test split.

    Attributes
    ----------
    ids
        (N,) unique names.
    codes
        (N, L) uint8: 0-3 for A, C, G, T and 4 for N.
    groups
        (N,) name of the set that each sequence belongs to ("" where there is none).
    labels
        (N, T) int8: 1, 0, or -1 where the task is masked.
    tasks
        The T task names.
    splits
        (N,) uint8 index into `SPLITS`.
    contigs, starts
        (N,) contig name and int64 first base (0-based) of each sequence on its
        genome; None where the sequences have no place on one.
    """

    ids: NDArray[np.str_]
    codes: NDArray[np.uint8]
    groups: NDArray[np.str_]
    labels: NDArray[np.int8]
    tasks: tuple[str, ...]
    splits: NDArray[np.uint8]
    contigs: NDArray[np.str_] | None = None
    starts: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def one_hot(self, rows: NDArray[np.integer] | slice = slice(None)) -> NDArray[np.uint8]:
        """Encode some rows, by index or slice, as one-hot (n, L, 4); an N is all zero."""
        return one_hot(self.codes[rows])

    def save(self, path: str | os.PathLike[str], attributes: Mapping[str, Any]) -> None:
        """Write to an HDF5 file, with JSON `attributes`."""
        arrays = {
            "ids": self.ids,
            "codes": self.codes,
            "groups": self.groups,
            "labels": self.labels,
            "tasks": np.array(self.tasks, dtype=str),
            "splits": self.splits,
        }
        if self.contigs is not None and self.starts is not None:
            arrays |= {"contigs": self.contigs, "starts": self.starts}
        write_arrays(path, arrays, attributes)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Examples":
        """Read what `save` wrote; raise a `ValueError` with the file's name on damage."""
        names = ("ids", "codes", "groups", "labels", "tasks", "splits")
        arrays, _ = read_arrays(path, names)
        return cls(
            arrays["ids"],
            arrays["codes"],
            arrays["groups"],
            arrays["labels"],
            tuple(arrays["tasks"].tolist()),
            arrays["splits"],
            arrays.get("contigs"),
            arrays.get("starts"),
        )
