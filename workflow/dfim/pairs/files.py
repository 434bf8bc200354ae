"""FIS of the features of many sequences in one HDF5 file, written block by block.

`dfim.scoring.blocks` resumes and joins; here is what stands in a block, and the tables that are
made of it. In the file `source` and `target` count through all features, and texts are
numbers: `feature_name` indexes `names`, `feature_strand` indexes `strands`.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import Arrays
from dfim.io.store import write_tables
from dfim.motifs.features import Features, ordered_pairs
from dfim.pairs.bedpe import feature_pairs, write_bedpe
from dfim.pairs.fis import score_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.blocks import BlockFile, scoring_parameters, write_blocks
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.encoding import one_hot

_KIND = "dfim pairs 1"
_OF_PAIRS = ("source", "target", "fis", "fis_max_abs", "reachable")
_OF_FEATURES = tuple(name for name in PairScores.empty().arrays() if name not in _OF_PAIRS)
_TEXTS = {"feature_name": "names", "feature_strand": "strands"}


def score_pairs_file(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    features: Features,
    path: str | os.PathLike[str],
    *,
    seed: int,
    model: str,
    settings: ScoringSettings | None = None,
    block: int = 256,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
    windowed: bool | None = None,
    progress: Progress | None = None,
) -> "PairFile":
    """Write the FIS of all ordered pairs of features; go on where a killed run was.

    Parameters
    ----------
    attributor
        Importance method on a model.
    codes
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N; may be a memory map.
    features
        Motif instances; `features.sequence` indexes `codes`.
    path
        The HDF5 file; finished blocks wait beside it, in `<path>.blocks`. A file of the same
        run is left as it is, any other replaced in the end.
    seed
        Draws references (and shuffled motifs), block by block: neither an interruption nor
        `progress` changes them.
    model
        Digest of the model (`dfim.models.loading.model_digest`), kept in the file.
    settings
        Scoring choices.
    block
        Sequences that are scored, and resumed, together; decides how references are
        dealt.
    same_name, sources, targets, max_distance, windowed
        As in `dfim.pairs.fis.score_pairs`.
    progress
        Called with the number of sequences done since the last call.

    Returns
    -------
    PairFile
        The file, closed: a reader.

    Raises
    ------
    ValueError
        Sequences that are not the model's, features outside them, what `score_pairs`
        refuses, blocks of another run or a folder of somebody else beside `path`.

    Notes
    -----
    Time is that of `score_pairs`. Memory is that of `score_pairs` on one block: take smaller
    blocks for many more features or longer sequences. With 4 features a sequence of 1 kb a
    process needs 1.0 GiB, TensorFlow's 0.6 included, and a pair 9 bytes on disk.
    """
    require_scorable(attributor, tasks=1)
    settings = settings or ScoringSettings()
    parameters = scoring_parameters(attributor, codes, model, settings)
    choice: dict[str, Any] = {"same_name": same_name, "max_distance": max_distance}
    choice |= {"sources": sources, "targets": targets}
    ordered_pairs(PairScores.empty().features, **choice)  # refuses bad choices at the door
    for name in ("sources", "targets"):
        choice[name] = None if choice[name] is None else sorted(choice[name])
    features = _inside(features, *codes.shape)
    texts, numbers = _numbered(features)

    def score(rows: NDArray[np.int64], rng: np.random.Generator) -> Arrays:
        first, end = np.searchsorted(features.sequence, [rows[0], rows[-1] + 1])
        mine = features.select(np.arange(first, end)).of_sequences(rows)
        scores = score_pairs(
            attributor, one_hot(codes[rows]), mine,
            settings=settings, **choice, windowed=windowed, rng=rng,
        ).of_rows(rows)  # fmt: skip
        arrays = scores.arrays() | {name: column[first:end] for name, column in numbers.items()}
        arrays |= {name: arrays[name] + first for name in ("source", "target")}
        sizes = {"n_pairs": np.array([len(scores)]), "n_features": np.array([len(mine)])}
        return arrays | sizes

    parameters |= {"kind": _KIND, "features": _digest_of(features, texts, numbers)}
    parameters |= {**choice, "windowed": windowed}
    whole = {stored: np.char.encode(texts[name], "utf-8") for name, stored in _TEXTS.items()}
    write_blocks(
        path, parameters, score,
        n=len(codes), block=block, seed=seed, whole=whole, progress=progress,
    )  # fmt: skip
    return PairFile(path)


def _inside(features: Features, n: int, length: int) -> Features:
    """The features in their order, once all are seen to lie in N sequences of L bp."""
    outside = (features.sequence < 0) | (features.sequence >= n) | (features.end > length)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"features: row {row} is [{features.start[row]}, {features.end[row]}) of sequence "
            f"{features.sequence[row]}, expected {n} sequences of {length} bp"
        )
    return features.of_sequences(np.arange(n))


def _numbered(features: Features) -> tuple[dict[str, NDArray[np.str_]], Arrays]:
    """The distinct texts of each column, sorted, and which of them each feature has."""
    texts, numbers = {}, {}
    for name, column in zip(_TEXTS, (features.name, features.strand), strict=True):
        texts[name], numbers[name] = np.unique(column.astype(str), return_inverse=True)
    return texts, numbers


def _digest_of(features: Features, texts: Arrays, numbers: Arrays) -> str:
    digest = hashlib.sha256(repr([known.tolist() for known in texts.values()]).encode())
    for column in (features.sequence, features.start, features.end, *numbers.values()):
        digest.update(np.ascontiguousarray(column, np.int64))
    return digest.hexdigest()


class PairFile(BlockFile):
    """Pairs that `score_pairs_file` wrote: a sequence of blocks, read one at a time.

    Parameters
    ----------
    path
        The HDF5 file.

    Attributes
    ----------
    parameters
        What made them: model, method, settings, choice of pairs, seed, sequences, features.
    n_pairs, n_features
        (B,) int64 of each block. A block holds the next `parameters["block"]` sequences.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else.
    """

    kind = _KIND
    holds = "pairs"
    names = (*_OF_PAIRS, *_OF_FEATURES, *_TEXTS.values(), "n_pairs", "n_features")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        found = self.read(("n_pairs", "n_features", *_TEXTS.values()))
        self.n_pairs: NDArray[np.int64] = found["n_pairs"]
        self.n_features: NDArray[np.int64] = found["n_features"]
        self._texts = {name: np.char.decode(found[s], "utf-8") for name, s in _TEXTS.items()}

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
        found = PairScores.from_arrays(arrays)
        first = features.start
        return replace(found, source=found.source - first, target=found.target - first)

    def __iter__(self) -> Iterator[PairScores]:
        return (self[block] for block in range(len(self)))

    def tables(
        self, ids: Sequence[str] | NDArray[np.str_] | None = None
    ) -> Iterator[pd.DataFrame]:
        """Give `PairScores.table` of each block; `ids` (N,) names the sequences."""
        self._check(ids=ids)
        return (scores.table(ids) for scores in self)

    def write_tsv(
        self, path: str | os.PathLike[str], ids: Sequence[str] | NDArray[np.str_] | None = None
    ) -> None:
        """Write all pairs as one TSV, gzipped where named .gz; memory holds one block."""
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

    def _check(self, **columns: NDArray[Any] | None) -> None:
        n = self.parameters["shape"][0]
        for name, column in columns.items():
            if column is not None and np.shape(column) != (n,):
                raise ValueError(
                    f"{name}: got {np.shape(column)}, expected ({n},), one for each sequence"
                )
