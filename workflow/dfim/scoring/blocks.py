"""Results of many sequences in one HDF5 file, scored block by block and shard by shard.

A block of rows is the unit of scoring, of random numbers and of resuming: a run that was
killed continues after its last finished block, and ends in the same bytes. A shard is a share
of whole blocks, for a job of its own; `dfim.scoring.shards.join_shards` makes of all shards
the file that one run would have written, to the byte. Memory holds one block. All values
carry checksums, so that damage is an error and never a result.
`dfim.scoring.block_files` reads such files.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.hdf5 import Arrays, append_rows, new_hdf5, open_hdf5
from dfim.io.store import whole_file, write_json
from dfim.scoring.block_layout import (
    Header,
    Shard,
    assemble,
    block_starts,
    parameters_of,
    parse_record,
    read_header,
)
from dfim.scoring.settings import Progress

log = logging.getLogger(__name__)

_NOTE = "run.json"


def write_blocks(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any],
    score: Callable[[NDArray[np.int64], np.random.Generator], Arrays],
    *,
    n: int,
    block: int,
    seed: int,
    whole: Arrays | None = None,
    shard: Shard | None = None,
    discard_other: bool = False,
    progress: Progress | None = None,
) -> None:
    """Score the blocks that are missing, then join all blocks in one file.

    Parameters
    ----------
    path
        The HDF5 file; finished blocks wait beside it, in the folder `<path>.blocks`. One
        process at a time may write it. A file that these parameters made is left as it is;
        any other is replaced once the new one is complete.
    parameters
        Whatever decides the result; `kind` names the format. JSON values.
    score
        Called with the rows of a block and its random numbers; returns arrays, always by the
        same names, that are appended along their first axis. Text must be bytes ("S").
    n
        Rows in all.
    block
        Rows that are scored, and resumed, together.
    seed
        A block draws from default_rng([seed, its first row]): neither an interruption nor the
        number of shards, their order or `progress` changes anything.
    whole
        Arrays that stand once in the file (and once in every shard).
    shard
        (k, of): score the k-th of so many shares of whole blocks only, counted from 0.
    discard_other
        Delete finished blocks of another run in `<path>.blocks` rather than raise.
    progress
        Called with the number of rows done since the last call.

    Raises
    ------
    ValueError
        Blocks of another run, or a folder that is not one of blocks, beside `path`; a damaged
        block; a shard that does not exist.

    Notes
    -----
    On disk the blocks take as much again until they are joined.

    Examples
    --------
    Two shards, and the file that they make:

    >>> import tempfile
    >>> from dfim.scoring.shards import join_shards
    >>> folder = Path(tempfile.mkdtemp())
    >>> def score(rows, rng):
    ...     return {"row": rows, "noise": rng.random(len(rows))}
    >>> for k in range(2):
    ...     write_blocks(
    ...         folder / f"{k}.h5", {"kind": "noise"}, score, n=7, block=2, seed=1, shard=(k, 2)
    ...     )
    >>> join_shards([folder / "0.h5", folder / "1.h5"], folder / "joined.h5")
    >>> write_blocks(folder / "one.h5", {"kind": "noise"}, score, n=7, block=2, seed=1)
    >>> (folder / "joined.h5").read_bytes() == (folder / "one.h5").read_bytes()
    True
    """
    if block < 1:
        raise ValueError(f"block: got {block}, expected at least 1")
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, expected the name of a file; name another path")
    starts = block_starts(n, block, shard)
    noted = parameters_of({**parameters, "seed": seed, "block": block, "rows": n})
    header = Header(noted, shard, tuple(whole or ()), {})
    folder = path.with_name(f"{path.name}.blocks")
    _claim(folder, {**noted, "shard": shard and list(shard)}, discard_other=discard_other)
    files = [folder / f"{first:09d}.h5" for first in starts]
    finished = _is_of(path, header)
    done = sum(file.exists() for file in files)
    if done and not finished:
        log.info("%s: resuming: %d of %d blocks are there", path.name, done, len(files))
    for first, file in zip(starts, files, strict=True):
        rows = np.arange(first, min(first + block, n))
        if not (finished or file.exists()):
            arrays = score(rows, np.random.default_rng([seed, first]))
            with whole_file(file) as temporary, new_hdf5(temporary) as out:
                append_rows(out, arrays)
        if progress is not None:
            progress(len(rows))
    if not finished:
        # In the folder, so that a kill leaves nothing beside it; a later try starts afresh.
        joined = folder / "joined.h5"
        assemble(joined, header, whole or {}, map(_read_block, files))
        os.replace(joined, path)
    _remove(folder)


def _read_block(file: Path) -> Arrays:
    with open_hdf5(file) as block:
        return {name: block[name][...] for name in block}


def _claim(folder: Path, noted: dict[str, Any], *, discard_other: bool) -> None:
    """Make the folder of blocks, or see that those in it are of the same run."""
    note = folder / _NOTE
    held = _record(note)
    # A name with a dot is what a kill left of a file that was being written.
    foreign = any(folder.glob("[!.]*")) if folder.is_dir() else folder.exists()
    if "kind" not in held and foreign:
        raise ValueError(f"{folder}: is no folder of blocks; move it, or name another path")
    names = sorted(held.keys() | noted.keys())
    other = [name for name in names if held.get(name) != noted.get(name)]
    blocks = list(_block_files(folder)) if other else []
    if blocks and not discard_other:
        raise ValueError(
            f"{folder}: holds blocks of another run, with another {', '.join(other)}; "
            "delete it, or name another path"
        )
    for file in blocks:
        file.unlink()
    write_json(note, noted)


def _block_files(folder: Path) -> Iterator[Path]:
    return folder.glob("[0-9]*.h5")


def _record(note: Path) -> dict[str, Any]:
    """Read the parameters that a run noted; none where the file is missing or another."""
    try:
        return parse_record(note.read_bytes())
    except OSError:
        return {}


def _remove(folder: Path) -> None:
    """Delete the folder; the note goes last, so that a kill leaves a folder that is ours."""
    note = folder / _NOTE
    for file in folder.iterdir():
        if file != note:
            file.unlink()
    note.unlink()
    folder.rmdir()


def _is_of(path: Path, header: Header) -> bool:
    """Tell whether a readable file of this very run and shard is there."""
    try:
        there = read_header(path)
    except (FileNotFoundError, ValueError):
        return False
    return there.parameters == header.parameters and there.shard == header.shard
