"""Results of many sequences in one HDF5 file, written block by block.

A run that was killed goes on after its last finished block and ends in the same bytes. Memory
holds one block, whatever the number of sequences. Every value in the file, and in the blocks
that wait for it, is under a checksum, so that damage is told and never read as a result.
`dfim.maps.files` and `dfim.pairs.files` say what stands in such a file.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import Arrays, append_rows, content_digest, new_hdf5, open_hdf5
from dfim.io.store import whole_file, write_json
from dfim.scoring.settings import Progress, ScoringSettings
from dfim.sequences.encoding import UNKNOWN

_NOTE = "run.json"


def scoring_parameters(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    model: str,
    settings: ScoringSettings,
) -> dict[str, Any]:
    """What any scores of sequences follow from, for their file to keep.

    Parameters
    ----------
    attributor
        Importance method on a model.
    codes
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N.
    model
        Digest of the model (`dfim.models.loading.model_digest`).
    settings
        Scoring choices.

    Raises
    ------
    ValueError
        Codes of another shape or type, or of a length that is not the model's.
    """
    if codes.ndim != 2 or codes.dtype != np.uint8 or not len(codes):
        raise ValueError(
            f"codes: got {codes.dtype} {codes.shape}, expected uint8 (sequences, length), as "
            "dfim.base_codes(X) gives"
        )
    if codes.shape[1] != attributor.length:
        raise ValueError(
            f"codes: got sequences of {codes.shape[1]} bp, expected the model's "
            f"{attributor.length}"
        )
    if codes.max() > UNKNOWN:
        raise ValueError(f"codes: got {codes.max()}, expected 0 to 3 (A, C, G, T) or 4 (N)")
    return {
        "model": model,
        "importance": attributor.describe(),
        "settings": asdict(settings),
        "sequences": hashlib.sha256(np.ascontiguousarray(codes)).hexdigest(),
        "shape": list(codes.shape),
    }


def write_blocks(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any],
    score: Callable[[NDArray[np.int64], np.random.Generator], Arrays],
    *,
    n: int,
    block: int,
    seed: int,
    whole: Arrays | None = None,
    progress: Progress | None = None,
) -> None:
    """Score what is missing, a block of rows at a time, and join all blocks in one file.

    Parameters
    ----------
    path
        The HDF5 file; finished blocks wait beside it, in `<path>.blocks`. One process at a
        time may write it. A file that these parameters made is left as it is; any other is
        replaced once the new one is whole.
    parameters
        Whatever decides the result; `kind` names the format. JSON values.
    score
        Called with the rows of a block and its random numbers; gives arrays, always by the
        same names, that are appended along their first axis. Text must be bytes ("S").
    n
        Rows in all.
    block
        Rows that are scored, and resumed, together.
    seed
        A block draws from default_rng([seed, its first row]): neither an interruption nor
        `progress` changes anything.
    whole
        Arrays that stand once in the file.
    progress
        Called with the number of rows done since the last call.

    Raises
    ------
    ValueError
        Blocks of another run or a folder of somebody else beside `path`, a damaged block.

    Notes
    -----
    On disk the blocks take as much again until they are joined.
    """
    if block < 1:
        raise ValueError(f"block: got {block}, expected at least 1")
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, expected the name of a file; name another path")
    # As it will be read back: tuples as lists.
    noted = json.loads(json.dumps({**parameters, "seed": seed, "block": block}, default=_plain))
    folder = path.with_name(f"{path.name}.blocks")
    _claim(folder, noted)
    finished = _is_of(path, noted)
    files = []
    for first in range(0, n, block):
        rows = np.arange(first, min(first + block, n))
        file = folder / f"{first:09d}.h5"
        if not (finished or file.exists()):
            arrays = score(rows, np.random.default_rng([seed, first]))
            with whole_file(file) as temporary, new_hdf5(temporary) as out:
                append_rows(out, arrays)
        files.append(file)
        if progress is not None:
            progress(len(rows))
    if not finished:
        _join(path, folder, files, whole or {}, noted)
    _remove(folder)


def _plain(value: np.generic) -> Any:  # noqa: ANN401
    """A number of NumPy as one of Python."""
    return value.item()


def _claim(folder: Path, parameters: dict[str, Any]) -> None:
    """Make the folder of blocks, or see that those in it are of the same run."""
    note = folder / _NOTE
    held = _record(note.read_bytes()) if note.is_file() else {}
    # A name with a dot is what a kill left of a file that was being written.
    foreign = any(folder.glob("[!.]*")) if folder.is_dir() else folder.exists()
    if "kind" not in held and foreign:
        raise ValueError(f"{folder}: is no folder of blocks; move it, or name another path")
    names = sorted(held.keys() | parameters.keys())
    other = [name for name in names if held.get(name) != parameters.get(name)]
    if other and any(folder.glob("[0-9]*.h5")):
        raise ValueError(
            f"{folder}: holds blocks of another run, with another {', '.join(other)}; "
            "delete it, or name another path"
        )
    write_json(note, parameters)


def _record(text: str | bytes | None) -> dict[str, Any]:
    """Parameters as they were noted; none where it is something else that was."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _remove(folder: Path) -> None:
    """Delete the folder; the note goes last, so that a kill leaves a folder that is ours."""
    note = folder / _NOTE
    for file in folder.iterdir():
        if file != note:
            file.unlink()
    note.unlink()
    folder.rmdir()


def _join(
    path: Path, folder: Path, files: list[Path], whole: Arrays, parameters: dict[str, Any]
) -> None:
    """Copy blocks into one file, a block at a time."""
    # In the folder, so that a kill leaves nothing beside it; a later try starts afresh.
    joined = folder / "joined.h5"
    with new_hdf5(joined) as out:
        # Bytes lie in the checksummed header, text would not.
        out.attrs["parameters"] = np.bytes_(json.dumps(parameters, sort_keys=True))
        append_rows(out, whole)
        for file in files:
            with open_hdf5(file) as block:
                arrays = {name: block[name][...] for name in block}
            append_rows(out, arrays)
    os.replace(joined, path)


def _is_of(path: Path, parameters: dict[str, Any]) -> bool:
    """Whether a readable file with these parameters is there."""
    try:
        with open_hdf5(path) as file:
            return _record(file.attrs.get("parameters")) == parameters
    except (FileNotFoundError, ValueError):
        return False


class BlockFile:
    """A file that `write_blocks` wrote; its kinds say how to read it.

    Parameters
    ----------
    path
        The HDF5 file.

    Attributes
    ----------
    parameters
        What made it: model, method, settings, sequences, seed, block.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else.
    """

    kind: ClassVar[str]
    holds: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with open_hdf5(self.path) as file:
            found, noted = sorted(file), _record(file.attrs.get("parameters"))
        if noted.get("kind") != self.kind or not {*self.names} <= {*found}:
            raise ValueError(
                f"{self.path}: holds no {self.holds} of dfim (kind {noted.get('kind')!r}, "
                f"arrays {found}); expected {self.kind!r} with {sorted(self.names)}"
            )
        self.parameters: dict[str, Any] = noted

    def read(self, names: tuple[str, ...], rows: int | slice = slice(None)) -> dict[str, Any]:
        """Some rows of some arrays; damage is a `ValueError` with the file."""
        with open_hdf5(self.path) as file:
            return {name: file[name][rows] for name in names}

    def content_digest(self) -> str:
        """SHA-256 of what is in it: `dfim.io.hdf5.content_digest`."""
        return content_digest(self.path)
