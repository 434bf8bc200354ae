"""Files of variants' scores and nulls: written in shards, block by block, and read again."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dfim.io.hdf5 import Arrays
from dfim.scoring.block_files import BlockFile
from dfim.scoring.block_layout import Shard, read_blocks
from dfim.scoring.blocks import write_blocks
from dfim.scoring.settings import Progress
from dfim.variants.null import VariantNull
from dfim.variants.scores import VariantScores

Part = TypeVar("Part", VariantScores, VariantNull)


class _RecordFile(BlockFile, Generic[Part]):
    """A file, or a shard of one, of records with one row per variant."""

    record: ClassVar[type[Any]]

    def load(self) -> Part:
        """Read the records of all its variants, `rows` of those that are scored."""
        parts = [self._of_block(arrays) for arrays in read_blocks(self.path)]
        joined: Part = self.record.concatenate(parts)
        return joined

    def of_shard(self) -> Shard:
        """Give (k, of) of this shard; (0, 1) of a whole file."""
        return self.shard or (0, 1)

    @classmethod
    def arrays_of(cls, part: Part) -> Arrays:
        """Give a block's arrays; what holds for all variants is one row of each block."""
        names = [field.name for field in fields(part) if field.name != "info"]
        values = {name: np.asarray(getattr(part, name)) for name in names}
        return {n: v if n in part.row_fields else v[None] for n, v in values.items()}

    def _of_block(self, arrays: Arrays) -> Part:
        once = {n: v[0] for n, v in arrays.items() if n not in self.record.row_fields}
        once = {n: v.item() if np.ndim(v) == 0 else v for n, v in once.items()}
        part: Part = self.record(**{**arrays, **once}, info=self.info)
        return part


class VariantScoresFile(_RecordFile[VariantScores]):
    """Scores of a collection's variants."""

    kind = "dfim variant scores 1"
    holds = "variant scores"
    record = VariantScores
    names = tuple(field.name for field in fields(VariantScores) if field.name != "info")


class VariantNullFile(_RecordFile[VariantNull]):
    """Nulls of a collection's variants."""

    kind = "dfim variant nulls 1"
    holds = "variant nulls"
    record = VariantNull
    names = tuple(field.name for field in fields(VariantNull) if field.name != "info")


def write_records(
    path: str | os.PathLike[str],
    kind: type[_RecordFile[Part]],
    score: Callable[[NDArray[np.int64]], Part],
    parameters: Mapping[str, Any],
    *,
    n: int,
    block: int,
    shard: Shard,
    progress: Progress,
) -> None:
    """Write the records of one shard of n variants; resume a job that was killed.

    Parameters
    ----------
    path
        The file.
    kind
        What kind of file.
    score
        Gives the records of some of the n variants. They must not depend on each other.
    parameters
        Whatever decides the records, with the fields of their `ScoreInfo.record`.
    n, block, shard
        As for `dfim.scoring.blocks.write_blocks`.
    progress
        Called with the number of variants done since the last call.
    """
    write_blocks(
        path,
        {"kind": kind.kind, **parameters},
        lambda rows, _: kind.arrays_of(score(rows)),
        n=n,
        block=block,
        seed=0,  # a variant's random numbers follow from its own sequence
        shard=shard,
        discard_other=True,
        progress=progress,
    )


def rows_a_block(n: int, chunks: int, most: int) -> int:
    """Give the size of blocks that share n variants evenly among chunks, one each at least.

    Parameters
    ----------
    n
        Variants in all.
    chunks
        Jobs that share them.
    most
        Variants that fill whole batches of the network.

    Raises
    ------
    ValueError
        More chunks than variants.

    Examples
    --------
    >>> rows_a_block(100, 8, most=96)
    13
    >>> rows_a_block(1000, 2, most=96)
    84
    """
    if chunks > n:
        raise ValueError(f"chunks: got {chunks} for {n} variants; expected at most {n}")
    blocks = chunks * -(-n // (chunks * most))
    size = -(-n // blocks)
    # Rounded up, the last chunks may be left without a block.
    return size if -(-n // size) >= chunks else n // blocks
