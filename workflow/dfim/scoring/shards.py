"""Joining the shards of a run, once it is verified that they belong together."""

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dfim.io.hdf5 import open_hdf5
from dfim.io.store import whole_file
from dfim.scoring.block_layout import assemble, block_starts, read_blocks, read_header


def join_shards(shards: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str]) -> None:
    """Join all shards of a run in the file that the run would have written unsharded.

    Parameters
    ----------
    shards
        Files that `write_blocks` wrote with `shard`, in any order.
    path
        The HDF5 file; replaced where it exists. Its bytes do not depend on the number of
        shards.

    Raises
    ------
    ValueError
        As `ordered_shards`, and for a damaged file.

    Notes
    -----
    Reads each shard once; memory holds one block.
    """
    ordered = ordered_shards(shards)
    header = read_header(ordered[0])
    with open_hdf5(ordered[0]) as file:
        whole = {name: file[name][...] for name in header.whole}
    with whole_file(path) as temporary:
        blocks = chain.from_iterable(map(read_blocks, ordered))
        assemble(temporary, replace(header, shard=None), whole, blocks)


def ordered_shards(shards: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files of all shards of one run in their order.

    Raises
    ------
    ValueError
        With the file: none at all, no shard, a shard of another run (model, method, settings,
        sequences, block size, ...), one that is missing or there twice.
    """
    paths = [Path(shard) for shard in shards]
    if not paths:
        raise ValueError("shards: got none, expected the files of all shards of a run")
    headers = [read_header(path) for path in paths]
    numbered: dict[int, Path] = {}
    of = 0
    for path, header in zip(paths, headers, strict=True):
        if header.shard is None:
            raise ValueError(f"{path}: is no shard of a run; expected files of shards only")
        other = header.differences(headers[0])
        if other:
            raise ValueError(
                f"{path}: belongs to another run than {paths[0]}, with another "
                f"{', '.join(other)}; expected shards of one run"
            )
        number, of = header.shard
        if number in numbered:
            raise ValueError(
                f"shards: {numbered[number]} and {path} are both shard {number} of {of}; "
                "expected each once"
            )
        numbered[number] = path
        if len(header) != len(block_starts(header.rows, header.block, header.shard)):
            raise ValueError(f"{path}: holds {len(header)} blocks, not those of its shard")
    missing = [str(number) for number in range(of) if number not in numbered]
    if missing:
        raise ValueError(
            f"shards: got {len(numbered)} of {of}, missing {', '.join(missing)} (counted from "
            "0); score them, or name their files too"
        )
    return [numbered[number] for number in range(of)]
