"""FIS of the features of many sequences, written to one HDF5 file block by block."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import Arrays
from dfim.motifs.features import Features
from dfim.motifs.pairing import ordered_pairs
from dfim.pairs.files import KIND, TEXTS, PairFile
from dfim.pairs.fis import score_pairs
from dfim.pairs.null import NullShuffles
from dfim.pairs.scores import PairScores
from dfim.scoring.block_files import scoring_parameters
from dfim.scoring.block_layout import Shard
from dfim.scoring.blocks import write_blocks
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.encoding import one_hot


def score_pairs_file(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    features: Features,
    path: str | os.PathLike[str],
    *,
    seed: int,
    model: str | None = None,
    settings: ScoringSettings | None = None,
    block: int = 256,
    shard: Shard | None = None,
    null: NullShuffles | None = None,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
    windowed: bool | None = None,
    rows: NDArray[np.integer] | None = None,
    notes: Mapping[str, Any] | None = None,
    discard_other: bool = False,
    progress: Progress | None = None,
) -> PairFile:
    """Write the FIS of all ordered pairs of features; resume a run that was killed.

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
        Draws references (and shuffles), block by block: neither an interruption nor the number
        of shards changes them.
    model
        Digest of the model, kept in the file; by default the one that `dfim.make_attributor`
        took.
    settings
        Scoring choices.
    block
        Sequences that are scored, and resumed, together; part of what decides how references
        are drawn.
    shard
        (k, n): only the k-th of n shares of the sequences, for a job of its own;
        `dfim.scoring.shards.join_shards` joins the files of all shards.
    null
        Score shuffled copies of the sequences in place of the sequences themselves.
    same_name, sources, targets, max_distance, windowed
        As in `dfim.pairs.fis.score_pairs`.
    rows
        (N,) number of each sequence in the set that it was chosen from, kept in the file.
    notes
        Further JSON values that decide the result, kept in the file.
    discard_other
        Delete unfinished work of another run beside `path` rather than raise.
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
        refuses, blocks of another run or a folder that is not one of blocks beside `path`.

    Notes
    -----
    Time is that of `score_pairs`. Memory is that of `score_pairs` on one block: take smaller
    blocks for many more features or longer sequences. With 4 features a sequence of 1 kb a
    process needs 1.0 GiB, TensorFlow's 0.6 included, and a pair 9 bytes on disk.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(1),
    ... ])
    >>> codes = np.random.default_rng(0).integers(0, 4, (2, 30)).astype(np.uint8)
    >>> sites = dfim.Features(
    ...     [0, 0, 1, 1], [2, 9, 4, 15], [6, 15, 8, 21], ["GATA", "EBOX"] * 2, ["+"] * 4
    ... )
    >>> attributor = dfim.make_attributor(network, "deeplift")
    >>> pairs = dfim.score_pairs_file(attributor, codes, sites, "fis.h5", seed=1)
    >>> pairs.write_tsv("fis.tsv.gz", ["first", "second"])
    >>> pairs.scores()
    PairScores(4 pairs of 4 features; FIS (logit, original - mutant) by deeplift ...)
    """
    require_scorable(attributor, tasks=1)
    settings = settings or ScoringSettings()
    parameters = scoring_parameters(attributor, codes, settings, model=model)
    choice: dict[str, Any] = {"same_name": same_name, "max_distance": max_distance}
    choice |= {"sources": sources, "targets": targets}
    ordered_pairs(PairScores.empty().features, **choice)  # refuses bad choices on entry
    for name in ("sources", "targets"):
        choice[name] = None if choice[name] is None else sorted(choice[name])
    features = _inside(features, *codes.shape)
    texts, numbers = _numbered(features)
    row = np.arange(len(codes)) if rows is None else np.ascontiguousarray(rows, np.int64)
    if row.shape != (len(codes),):
        raise ValueError(f"rows: got {row.shape}, expected ({len(codes)},)")

    def score(rows: NDArray[np.int64], rng: np.random.Generator) -> Arrays:
        first, end = np.searchsorted(features.sequence, [rows[0], rows[-1] + 1])
        inside = features.select(np.arange(first, end)).of_sequences(rows)
        shuffling, scoring = rng.spawn(2)
        X = one_hot(codes[rows])
        copies = [X] if null is None else null.copies(X, shuffling)
        scores = PairScores.concatenate(
            [
                score_pairs(
                    attributor, copy, inside,
                    settings=settings, **choice, windowed=windowed, rng=scoring,
                )
                for copy in copies
            ]
        ).of_rows(rows)  # fmt: skip
        first_feature = first * len(copies)
        arrays = scores.arrays()
        arrays |= {n: np.tile(column[first:end], len(copies)) for n, column in numbers.items()}
        arrays |= {name: arrays[name] + first_feature for name in ("source", "target")}
        sizes = {"n_pairs": len(scores), "n_features": len(scores.features)}
        sizes |= {"first_feature": first_feature}
        return arrays | {name: np.array([size]) for name, size in sizes.items()}

    shuffles = None if null is None else {"kind": null.kind, "n": null.n}
    parameters |= {"kind": KIND, "features": _digest_of(features, texts, numbers)}
    parameters |= {**choice, "windowed": windowed, "null": shuffles, "notes": notes or {}}
    parameters |= {"row": hashlib.sha256(row.data).hexdigest()}
    whole = {stored: np.char.encode(texts[name], "utf-8") for name, stored in TEXTS.items()}
    write_blocks(
        path, parameters, score, n=len(codes), block=block, seed=seed, shard=shard,
        whole={**whole, "row": row}, discard_other=discard_other, progress=progress,
    )  # fmt: skip
    return PairFile(path)


def _inside(features: Features, n: int, length: int) -> Features:
    """Sort the features, once all are seen to lie in N sequences of L bp."""
    outside = (features.sequence < 0) | (features.sequence >= n) | (features.end > length)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"features: row {row} is [{features.start[row]}, {features.end[row]}) of sequence "
            f"{features.sequence[row]}, expected {n} sequences of {length} bp"
        )
    return features.of_sequences(np.arange(n))


def _numbered(
    features: Features,
) -> tuple[dict[str, NDArray[np.str_]], dict[str, NDArray[np.int64]]]:
    """Give the distinct texts of each column, sorted, and which of them each feature has."""
    texts, numbers = {}, {}
    for name, column in zip(TEXTS, (features.name, features.strand), strict=True):
        texts[name], numbers[name] = np.unique(column.astype(str), return_inverse=True)
    return texts, numbers


def _digest_of(features: Features, texts: Arrays, numbers: Arrays) -> str:
    digest = hashlib.sha256(repr([known.tolist() for known in texts.values()]).encode())
    for column in (features.sequence, features.start, features.end, *numbers.values()):
        digest.update(np.ascontiguousarray(column, np.int64).data)
    return digest.hexdigest()
