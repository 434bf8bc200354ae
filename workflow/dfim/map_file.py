"""Maps of many sequences in one HDF5 file, written block by block.

A run that was killed goes on after its last finished block and ends in the same bytes. Memory
holds one block, whatever the number of sequences.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.maps import InteractionMap, score_map
from dfim.scoring import ScoringSettings
from dfim.sequences import one_hot
from dfim.store import read_arrays, whole_file, write_arrays

_KIND = "dfim maps 1"
_ARRAYS = ("codes", "importance", "mutant_importance", "mutant_base", "effect")


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
    progress: Callable[[int], None] | None = None,
) -> "MapFile":
    """Write the map of one window of every sequence; go on where a killed run was.

    Parameters
    ----------
    attributor
        Importance method on a model.
    codes
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N.
    path
        The HDF5 file; finished blocks wait beside it, in `<path>.blocks`.
    start, end
        The window, 0-based, half-open, the same in every sequence.
    seed
        Draws references, block by block: neither an interruption nor `progress` changes
        them.
    model
        Digest of the model (`dfim.models.model_digest`), kept in the file.
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
        A window outside the sequences, or blocks of another run beside `path`.

    Notes
    -----
    3 W + 1 importance profiles a sequence and reference; 12 W^2 bytes a sequence in the file
    (W = 1,000: 12 MB) before compression, and as much again until the blocks are joined.
    """
    settings = settings or ScoringSettings()
    path = Path(path)
    if codes.ndim != 2 or codes.dtype != np.uint8 or not len(codes):
        raise ValueError(
            f"codes: got {codes.dtype} {codes.shape}, expected uint8 (sequences, length)"
        )
    if not 0 <= start < end <= codes.shape[1]:
        raise ValueError(
            f"window: got [{start}, {end}), expected 0 <= start < end <= {codes.shape[1]} bp"
        )
    if block < 1:
        raise ValueError(f"block: got {block}, expected at least 1")
    parameters = {
        "kind": _KIND,
        "model": model,
        "importance": attributor.describe(),
        "settings": asdict(settings),
        "start": start,
        "end": end,
        "seed": seed,
        "block": block,
        "sequences": hashlib.sha256(np.ascontiguousarray(codes).tobytes()).hexdigest(),
        "shape": list(codes.shape),
    }
    folder = path.with_name(f"{path.name}.blocks")
    _claim(folder, parameters)
    firsts = range(0, len(codes), block)
    for first in firsts:
        file = folder / f"{first:09d}.h5"
        rows = codes[first : first + block]
        if not file.exists():
            rng = np.random.default_rng([seed, first])
            maps = [
                score_map(attributor, x, start, end, settings=settings, rng=rng)
                for x in one_hot(rows)
            ]
            write_arrays(file, _stacked(rows[:, start:end], maps))
        if progress is not None:
            progress(len(rows))
    _join(path, [folder / f"{first:09d}.h5" for first in firsts], len(codes), parameters)
    shutil.rmtree(folder)
    return MapFile(path)


def _claim(folder: Path, parameters: Mapping[str, Any]) -> None:
    """Make the folder of blocks, or see that those in it are of the same run."""
    note = folder / "run.json"
    text = json.dumps(parameters, sort_keys=True)
    if folder.is_dir() and not note.is_file():
        raise ValueError(f"{folder}: is no folder of blocks; move it, or name another path")
    if note.is_file():
        if note.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{folder}: holds blocks of a run with another model, sequences or settings; "
                "delete it, or name another path"
            )
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(note) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _stacked(codes: NDArray[np.uint8], maps: list[InteractionMap]) -> dict[str, NDArray[Any]]:
    found = {name: np.stack([getattr(m, name) for m in maps]) for name in _ARRAYS[1:]}
    return {"codes": codes, **found}


def _join(path: Path, blocks: list[Path], n: int, parameters: Mapping[str, Any]) -> None:
    """Copy blocks into one file, a block at a time."""
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        done = 0
        for block in blocks:
            arrays, _ = read_arrays(block, _ARRAYS)
            size = len(arrays["codes"])
            for name in _ARRAYS:
                if name not in file:
                    shape = arrays[name].shape[1:]
                    file.create_dataset(
                        name, (n, *shape), arrays[name].dtype, chunks=(1, *shape),
                        compression="gzip", compression_opts=1, shuffle=True,
                    )  # fmt: skip
                file[name][done : done + size] = arrays[name]
            done += size
        file.attrs["parameters"] = json.dumps(parameters, sort_keys=True)


class MapFile:
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

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with self._open() as file:
            noted = json.loads(file.attrs.get("parameters", "{}"))
            missing = [name for name in _ARRAYS if name not in file]
            if noted.get("kind") != _KIND or missing:
                raise ValueError(
                    f"{self.path}: holds no maps of dfim (kind {noted.get('kind')!r}, arrays "
                    f"{sorted(file)}); expected a file of dfim.map_file.score_maps"
                )
            self._n = len(file["codes"])
        self.parameters: dict[str, Any] = noted

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, row: int) -> InteractionMap:
        if not 0 <= row < self._n:
            raise IndexError(f"row {row}: the file has {self._n} maps")
        with self._open() as file:
            codes, *arrays = (file[name][row] for name in _ARRAYS)
        return InteractionMap(self.parameters["start"], one_hot(codes[None])[0], *arrays)

    def __iter__(self) -> Iterator[InteractionMap]:
        return (self[row] for row in range(self._n))

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self.path, "r")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ValueError(f"{self.path}: not a readable HDF5 file ({error})") from error
