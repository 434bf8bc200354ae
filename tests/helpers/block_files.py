"""A kind of file of blocks, with arrays whose rows are told apart."""

import itertools

import numpy as np
import pytest

from dfim.scoring.block_files import BlockFile
from dfim.scoring.blocks import write_blocks

ROWS, BLOCK = 11, 3
WHOLE = {"names": np.array(["é".encode(), b"beta"])}


class Thing(BlockFile):
    """A kind of file of its own."""

    kind = "dfim things 1"
    holds = "things"
    names = ("row", "noise", "part", "names")


def arrays_of(rows, rng):
    """Two parts a row from the second on, so that the first block is the shortest."""
    parts = np.repeat(rows, 2 * (rows > 0))
    return {"row": rows, "noise": rng.random((len(rows), 4)), "part": parts.astype(np.int32)}


def write(
    path, *, progress=None, n=ROWS, block=BLOCK, seed=4, whole=WHOLE, shard=None,
    discard_other=False, **parameters,
):  # fmt: skip
    """Write a file; give the first rows of the blocks that were scored for it."""
    scored = []

    def score(rows, rng):
        scored.append(int(rows[0]))
        return arrays_of(rows, rng)

    parameters = {"kind": Thing.kind, "model": "m", "pair": (1, 2), **parameters}
    write_blocks(
        path, parameters, score, n=n, block=block, seed=seed, whole=whole, shard=shard,
        discard_other=discard_other, progress=progress,
    )  # fmt: skip
    return scored


def stopped(path, blocks=1, **changes):
    """Leave the first blocks of a run behind; give their files."""
    calls = itertools.count(1)

    def stop(_):
        if next(calls) == blocks:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, progress=stop, **changes)
    return sorted(path.with_name(f"{path.name}.blocks").glob("[0-9]*.h5"))
