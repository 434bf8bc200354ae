"""Maps of many sequences in one HDF5 file, written block by block (`dfim.scoring.blocks`)."""

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import Arrays
from dfim.maps.interaction_map import InteractionMap
from dfim.maps.maps import score_map
from dfim.scoring.block_files import BlockFile, scoring_parameters
from dfim.scoring.block_layout import Shard
from dfim.scoring.blocks import write_blocks
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.encoding import UNKNOWN, one_hot

_KIND = "dfim maps 3"
_OF_MAP = ("importance", "mutant_importance", "mutant_base", "effect", "convergence_delta")
_ARRAYS = ("codes", *_OF_MAP)


def score_maps(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    path: str | os.PathLike[str],
    *,
    start: int,
    end: int,
    seed: int,
    model: str | None = None,
    settings: ScoringSettings | None = None,
    block: int = 16,
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> "MapFile":
    """Write the map of one region of every sequence; resume a run that was killed.

    Parameters
    ----------
    attributor
        Importance method on a model.
    codes
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N.
    path
        The HDF5 file; finished blocks wait beside it, in `<path>.blocks`. A file of the same
        run is left as it is, any other replaced in the end.
    start, end
        The region, 0-based, half-open, the same in every sequence.
    seed
        Draws references, block by block: neither an interruption nor the number of shards
        changes them.
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
    progress
        Called with the number of sequences done since the last call.

    Returns
    -------
    MapFile
        The file, closed: a reader.

    Raises
    ------
    ValueError
        A region outside the sequences, an N in it, sequences that are not the model's, an
        attributor of several tasks, blocks of another run or a folder that is not one of
        blocks beside `path`.

    Notes
    -----
    3 W + 1 importance profiles a sequence and reference; 12 W^2 bytes a sequence in the file
    (W = 1,000: 12 MB) before compression, and as much again until the blocks are joined.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(1),
    ... ])
    >>> codes = np.random.default_rng(0).integers(0, 4, (3, 30)).astype(np.uint8)
    >>> attributor = dfim.make_attributor(network, "deeplift")
    >>> maps = dfim.score_maps(attributor, codes, "maps.h5", start=5, end=9, seed=1)
    >>> len(maps), maps[2].fis.shape
    (3, (4, 3, 4))
    """
    require_scorable(attributor, tasks=1)
    settings = settings or ScoringSettings()
    parameters = scoring_parameters(attributor, codes, settings, model=model)
    if not 0 <= start < end <= codes.shape[1]:
        raise ValueError(
            f"region: got [{start}, {end}), expected 0 <= start < end <= {codes.shape[1]} bp"
        )
    unknown = np.argwhere(codes[:, start:end] == UNKNOWN)
    if unknown.size:
        row, place = unknown[0]
        raise ValueError(
            f"codes: sequence {row} has N at position {start + place}, inside the region; "
            "expected A, C, G or T; leave it out or choose another region"
        )

    def score(rows: NDArray[np.int64], rng: np.random.Generator) -> Arrays:
        maps = [
            score_map(attributor, x, start, end, settings=settings, rng=rng)
            for x in one_hot(codes[rows])
        ]
        stacked = {name: np.stack([getattr(m, name) for m in maps]) for name in _OF_MAP}
        return {"codes": codes[rows, start:end], **stacked}

    parameters |= {"kind": _KIND, "start": start, "end": end}
    write_blocks(
        path, parameters, score, n=len(codes), block=block, seed=seed, shard=shard,
        progress=progress,
    )  # fmt: skip
    return MapFile(path)


class MapFile(BlockFile):
    """Maps that `score_maps` wrote; one is read at a time.

    Parameters
    ----------
    path
        The HDF5 file, or a shard of it.

    Attributes
    ----------
    parameters
        Method, model, settings, region, seed and sequences of the maps.
    info, shard, rows
        As for `BlockFile`: maps are read by the number of their sequence, of `rows`.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else.
    """

    kind = _KIND
    holds = "maps"
    names = _ARRAYS

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> InteractionMap:
        if row not in self.rows:
            raise IndexError(
                f"row {row}: the file has {len(self)} maps, of rows {self.rows.start} to "
                f"{self.rows.stop - 1}"
            )
        arrays = self.read(_ARRAYS, row - self.rows.start)
        x = one_hot(arrays.pop("codes")[None])[0]
        return InteractionMap(self.parameters["start"], x, **arrays, info=self.info)

    def __iter__(self) -> Iterator[InteractionMap]:
        return (self[row] for row in self.rows)
