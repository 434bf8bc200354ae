"""Maps of many sequences in one HDF5 file, written block by block (`dfim.scoring.blocks`)."""

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import Arrays
from dfim.maps.maps import InteractionMap, score_map
from dfim.scoring.blocks import BlockFile, scoring_parameters, write_blocks
from dfim.scoring.settings import Progress, ScoringSettings, require_scorable
from dfim.sequences.encoding import UNKNOWN, one_hot

_KIND = "dfim maps 2"
_ARRAYS = ("codes", "importance", "mutant_importance", "mutant_base", "effect", "gap")


def score_maps(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    path: str | os.PathLike[str],
    *,
    start: int,
    end: int,
    seed: int,
    model: str,
    settings: ScoringSettings | None = None,
    block: int = 16,
    progress: Progress | None = None,
) -> "MapFile":
    """Write the map of one window of every sequence; go on where a killed run was.

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
        The window, 0-based, half-open, the same in every sequence.
    seed
        Draws references, block by block: neither an interruption nor `progress` changes
        them.
    model
        Digest of the model (`dfim.models.loading.model_digest`), kept in the file.
    settings
        Scoring choices.
    block
        Sequences that are scored, and resumed, together; decides how references are
        dealt.
    progress
        Called with the number of sequences done since the last call.

    Returns
    -------
    MapFile
        The file, closed: a reader.

    Raises
    ------
    ValueError
        A window outside the sequences, an N in it, sequences that are not the model's, an
        attributor of several tasks, blocks of another run or a folder of somebody else beside
        `path`.

    Notes
    -----
    3 W + 1 importance profiles a sequence and reference; 12 W^2 bytes a sequence in the file
    (W = 1,000: 12 MB) before compression, and as much again until the blocks are joined.
    """
    require_scorable(attributor, tasks=1)
    settings = settings or ScoringSettings()
    parameters = scoring_parameters(attributor, codes, model, settings)
    if not 0 <= start < end <= codes.shape[1]:
        raise ValueError(
            f"window: got [{start}, {end}), expected 0 <= start < end <= {codes.shape[1]} bp"
        )
    unknown = np.argwhere(codes[:, start:end] == UNKNOWN)
    if unknown.size:
        row, place = unknown[0]
        raise ValueError(
            f"codes: sequence {row} has N at position {start + place}, inside the window; "
            "expected A, C, G or T; leave it out or choose another window"
        )

    def score(rows: NDArray[np.int64], rng: np.random.Generator) -> Arrays:
        maps = [
            score_map(attributor, x, start, end, settings=settings, rng=rng)
            for x in one_hot(codes[rows])
        ]
        stacked = {name: np.stack([getattr(m, name) for m in maps]) for name in _ARRAYS[1:]}
        return {"codes": codes[rows, start:end], **stacked}

    parameters |= {"kind": _KIND, "start": start, "end": end}
    write_blocks(
        path, parameters, score, n=len(codes), block=block, seed=seed, progress=progress
    )
    return MapFile(path)


class MapFile(BlockFile):
    """Maps that `score_maps` wrote; one is read at a time.

    Parameters
    ----------
    path
        The HDF5 file.

    Attributes
    ----------
    parameters
        What made them: model, method, settings, window, seed, sequences.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else.
    """

    kind = _KIND
    holds = "maps"
    names = _ARRAYS

    def __len__(self) -> int:
        return self.parameters["shape"][0]

    def __getitem__(self, row: int) -> InteractionMap:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}: the file has {len(self)} maps")
        found = self.read(_ARRAYS, row)
        x = one_hot(found.pop("codes")[None])[0]
        return InteractionMap(self.parameters["start"], x, **found)

    def __iter__(self) -> Iterator[InteractionMap]:
        return (self[row] for row in range(len(self)))
