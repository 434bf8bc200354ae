"""Reader of files of pairs: one block at a time, as scores, tables or BEDPE.

`dfim.pairs.file_scoring` writes them. In the file `source` and `target` count through all
features, and texts are numbers: `feature_name` indexes `names`, `feature_strand` indexes
`strands`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import write_tables
from dfim.pairs.bedpe import feature_pairs, write_bedpe
from dfim.pairs.scores import PairScores
from dfim.scoring.block_files import BlockFile

KIND = "dfim pairs 2"
TEXTS = {"feature_name": "names", "feature_strand": "strands"}
_OF_PAIRS = ("source", "target", "fis", "fis_max_abs", "reachable")
_OF_FEATURES = tuple(name for name in PairScores.empty().arrays() if name not in _OF_PAIRS)
_OF_BLOCKS = ("n_pairs", "n_features", "first_feature")


class PairFile(BlockFile):
    """Pairs that `score_pairs_file` wrote: a sequence of blocks, read one at a time.

    Parameters
    ----------
    path
        The HDF5 file, or a shard of it.

    Attributes
    ----------
    parameters
        Method, model, settings, choice of pairs, seed, sequences and features of the scores.
    info, shard, rows
        As for `BlockFile`.
    row
        (N,) int64 number of each sequence in the set that it was chosen from.
    n_pairs, n_features
        (B,) int64 of each block. A block holds the next `parameters["block"]` sequences.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else.
    """

    kind = KIND
    holds = "pairs"
    names = (*_OF_PAIRS, *_OF_FEATURES, *TEXTS.values(), *_OF_BLOCKS, "row")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        whole = self.read(("row", *TEXTS.values()))
        self.row: NDArray[np.int64] = whole["row"]
        self._texts = {name: np.char.decode(whole[s], "utf-8") for name, s in TEXTS.items()}
        nothing = dict.fromkeys(_OF_BLOCKS, np.empty(0, np.int64))  # of an empty shard
        of_blocks = self.read(_OF_BLOCKS) if self.rows else nothing
        self.n_pairs: NDArray[np.int64] = of_blocks["n_pairs"]
        self.n_features: NDArray[np.int64] = of_blocks["n_features"]
        self._first_feature: NDArray[np.int64] = of_blocks["first_feature"]

    def __len__(self) -> int:
        """Blocks."""
        return len(self.n_pairs)

    def __getitem__(self, block: int) -> PairScores:
        """One block: `features.sequence` is the row of all sequences."""
        if not 0 <= block < len(self):
            raise IndexError(f"block {block}: the file has {len(self)} blocks")
        pairs, features = (
            slice(int(sizes[:block].sum()), int(sizes[: block + 1].sum()))
            for sizes in (self.n_pairs, self.n_features)
        )
        arrays = self.read(_OF_PAIRS, pairs) | self.read(_OF_FEATURES, features)
        arrays |= {name: known[arrays[name]] for name, known in self._texts.items()}
        scores, first = PairScores.from_arrays(arrays, self.info), self._first_feature[block]
        return replace(scores, source=scores.source - first, target=scores.target - first)

    def __iter__(self) -> Iterator[PairScores]:
        return (self[block] for block in range(len(self)))

    def scores(self) -> PairScores:
        """Read all blocks; `features.sequence` is the number of each sequence in `row`."""
        joined = PairScores.concatenate([PairScores.empty(), *self]).of_rows(self.row)
        return replace(joined, info=self.info)

    def tables(
        self, ids: Sequence[str] | NDArray[np.str_] | None = None
    ) -> Iterator[pd.DataFrame]:
        """Give `PairScores.table` of each block; `ids` (N,) names the sequences."""
        self._check(ids=ids)
        return (scores.table(ids) for scores in self)

    def write_tsv(
        self, path: str | os.PathLike[str], ids: Sequence[str] | NDArray[np.str_] | None = None
    ) -> None:
        """Write all pairs as one TSV, gzipped where named .gz; memory holds one block.

        `ids` (N,) names the sequences; their rows where None.
        """
        write_tables(path, self.tables(ids))

    def write_bedpe(
        self,
        path: str | os.PathLike[str],
        contigs: Sequence[str] | NDArray[np.str_] | None,
        starts: Sequence[int] | NDArray[np.integer] | None,
        ids: Sequence[str] | NDArray[np.str_] | None = None,
    ) -> None:
        """Write all pairs as BEDPE, gzipped where named .gz; memory holds one block.

        Parameters
        ----------
        path
            The file.
        contigs, starts
            (N,) contig and first base (0-based) of each sequence on its genome, as
            `dfim.sequences.examples.Examples` has them.
        ids
            (N,) names of the sequences; their rows where None.

        Raises
        ------
        ValueError
            No places, another number of them than of sequences, or a negative start.
        """
        if contigs is None or starts is None:
            raise ValueError("contigs, starts: got None, expected a place for each sequence")
        self._check(contigs=contigs, starts=starts, ids=ids)
        contigs, starts = np.asarray(contigs), np.asarray(starts)
        if (starts < 0).any():
            raise ValueError(f"starts: got {starts.min()}, expected 0-based bp, 0 or more")
        write_bedpe(path, (feature_pairs(scores, contigs, starts, ids) for scores in self))

    def _check(self, **columns: Sequence[Any] | NDArray[Any] | None) -> None:
        n = self.parameters["shape"][0]
        for name, column in columns.items():
            if column is not None and np.shape(column) != (n,):
                raise ValueError(
                    f"{name}: got {np.shape(column)}, expected ({n},), one for each sequence"
                )
