"""Layout of a file of blocks: which rows of which array belong to which block."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dfim.io.hdf5 import Arrays, append_rows, new_hdf5, open_hdf5

Shard = tuple[int, int]
"""(k, of): the k-th of so many shares of the blocks, counted from 0."""

SIZES = "block_sizes"
"""Dataset (B, D): rows of each of the D arrays in each of the B blocks of a file."""


@dataclass(frozen=True)
class Header:
    """Description of a file of blocks, as its attributes keep it.

    Attributes
    ----------
    parameters
        Whatever decides the values, with `seed`, `block` (rows of a block) and `rows` (in all).
    shard
        (k, of) of the shard; None for a whole file.
    whole
        Names of the arrays that are stored once, not block by block.
    sizes
        For each of the other arrays, its number of rows in each of the B blocks, (B,).
    """

    parameters: dict[str, Any]
    shard: Shard | None
    whole: tuple[str, ...]
    sizes: dict[str, NDArray[np.int64]]

    def __len__(self) -> int:
        """Number of blocks."""
        return max((len(size) for size in self.sizes.values()), default=0)

    @property
    def rows(self) -> int:
        """Rows of all shards together."""
        return int(self.parameters["rows"])

    @property
    def block(self) -> int:
        """Rows of a block; the last one may have fewer."""
        return int(self.parameters["block"])

    def differences(self, other: "Header") -> list[str]:
        """Name the parameters in which two files differ, or "number of shards"."""
        names = sorted(self.parameters.keys() | other.parameters.keys())
        differ = [n for n in names if self.parameters.get(n) != other.parameters.get(n)]
        counts = {one.shard[1] for one in (self, other) if one.shard}
        return differ + (["number of shards"] if len(counts) > 1 else [])


def block_starts(n: int, block: int, shard: Shard | None = None) -> list[int]:
    """Give the first row of each block of n rows, or of each block of a shard.

    Parameters
    ----------
    n
        Rows in all.
    block
        Rows of a block.
    shard
        Which share of the blocks; all where None. Shards are runs of whole blocks, and differ
        by one block at most; some are empty where there are more shards than blocks.

    Raises
    ------
    ValueError
        A shard that does not exist.

    Examples
    --------
    >>> block_starts(10, 3)
    [0, 3, 6, 9]
    >>> block_starts(10, 3, (1, 3))
    [6]
    """
    starts = list(range(0, n, block))
    if shard is None:
        return starts
    number, of = shard
    if not 0 <= number < of:
        raise ValueError(f"shard: got {tuple(shard)}, expected (k, n) with 0 <= k < n")
    share: list[int] = np.array_split(np.array(starts, np.int64), of)[number].tolist()
    return share


def rows_of_shard(n: int, block: int, shard: Shard | None = None) -> range:
    """Give the rows of all blocks, or of those of a shard: a run without gaps.

    Examples
    --------
    >>> rows_of_shard(10, 3, (1, 3))
    range(6, 9)
    """
    starts = block_starts(n, block, shard)
    return range(starts[0], min(starts[-1] + block, n)) if starts else range(0)


def parameters_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parameters to what JSON reads back: lists for tuples, numbers of Python."""
    text = json.dumps(parameters, default=lambda number: number.item())
    return dict(json.loads(text))


def parse_record(text: Any) -> dict[str, Any]:  # noqa: ANN401 (an attribute of any file)
    """Parse a JSON object; an empty one where the text is missing or something else."""
    try:
        record = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return record if isinstance(record, dict) else {}


def assemble(path: Path, header: Header, whole: Arrays, blocks: Iterable[Arrays]) -> None:
    """Append blocks to a new file, with the rows of each, by which `read_blocks` splits it.

    Parameters
    ----------
    path
        The HDF5 file; replaced where it exists.
    header
        Description of the file; its sizes are not used, those of the blocks are counted.
    whole
        Arrays that are stored once.
    blocks
        Arrays of each block, always by the same names; memory holds one.
    """
    names: list[str] = []
    with new_hdf5(path) as out:
        append_rows(out, whole)
        for arrays in blocks:
            names = sorted(arrays)
            append_rows(out, {name: arrays[name] for name in names})
            append_rows(out, {SIZES: np.array([[len(arrays[name]) for name in names]])})
        _note_header(out, header, names)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the description of a file of blocks; an empty one from another HDF5 file.

    Raises
    ------
    ValueError
        A file that is damaged or no HDF5.
    FileNotFoundError
        No file.
    """
    with open_hdf5(path) as file:
        parameters, layout = (
            parse_record(file.attrs.get(key)) for key in ("parameters", "layout")
        )
        if not layout:
            return Header(parameters, None, (), {})
        counts = file[SIZES][...] if layout["arrays"] else np.empty((0, 0), np.int64)
    shard = layout["shard"]
    sizes = {name: counts[:, k] for k, name in enumerate(layout["arrays"])}
    return Header(parameters, shard and (shard[0], shard[1]), tuple(layout["whole"]), sizes)


def read_blocks(path: str | os.PathLike[str]) -> Iterator[Arrays]:
    """Read a file's blocks one after the other, as they were given to `write_blocks`."""
    header = read_header(path)
    ends = {name: np.append(0, np.cumsum(size)) for name, size in header.sizes.items()}
    for k in range(len(header)):
        with open_hdf5(path) as file:
            arrays = {name: file[name][end[k] : end[k + 1]] for name, end in ends.items()}
        yield arrays


def _note_header(file: h5py.File, header: Header, names: Sequence[str]) -> None:
    """Write the description of a file; `names` are those of the columns of its sizes."""
    layout = {"shard": header.shard, "whole": header.whole, "arrays": list(names)}
    for key, record in (("parameters", header.parameters), ("layout", layout)):
        # Bytes lie in the checksummed header, text would not.
        file.attrs[key] = np.bytes_(json.dumps(record, sort_keys=True))
