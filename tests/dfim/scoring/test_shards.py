"""Shards of a run: joined to the same bytes, resumed, refused where they do not belong."""

import doctest
import os
import signal
from multiprocessing import get_context

import h5py
import numpy as np
import pytest

from dfim.scoring import block_layout, blocks
from dfim.scoring.block_layout import block_starts, read_blocks, rows_of_shard
from dfim.scoring.shards import join_shards, ordered_shards
from helpers.block_files import BLOCK, ROWS, Thing, stopped, write


@pytest.fixture
def whole(tmp_path):
    """The bytes of an unsharded run."""
    write(tmp_path / "whole.h5")
    return (tmp_path / "whole.h5").read_bytes()


def shards_of(folder, of, **changes):
    paths = [folder / f"{k}.of.{of}.h5" for k in range(of)]
    for k, path in enumerate(paths):
        write(path, shard=(k, of), **changes)
    return paths


def test_examples_run():
    for module in (blocks, block_layout):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("of", [1, 2, 3, 4, 7])  # four blocks: three shards of seven are empty
def test_any_number_of_shards_gives_the_same_bytes(tmp_path, whole, of):
    paths = shards_of(tmp_path, of)
    order = np.random.default_rng(of).permutation(of)
    join_shards([paths[k] for k in order], tmp_path / "joined.h5")
    assert (tmp_path / "joined.h5").read_bytes() == whole
    assert ordered_shards([paths[k] for k in order]) == paths
    rows = [row for path in paths for row in Thing(path).rows]
    assert rows == list(range(ROWS))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_shards_are_whole_blocks_and_read_as_such(tmp_path):
    first, second = shards_of(tmp_path, 2)
    assert [Thing(path).rows for path in (first, second)] == [range(6), range(6, ROWS)]
    assert Thing(second).shard == (1, 2)
    found = [arrays["row"].tolist() for arrays in read_blocks(second)]
    assert found == [[6, 7, 8], [9, 10]]
    assert [len(arrays["part"]) for arrays in read_blocks(first)] == [4, 6]
    starts = [block_starts(ROWS, BLOCK, (k, 3)) for k in range(3)]
    assert starts == [[0, 3], [6], [9]]


def write_and_be_killed(path, shard):
    """Kill this process once the first block is finished."""
    write(path, shard=shard, progress=lambda _: os.kill(os.getpid(), signal.SIGKILL))


def test_a_killed_shard_goes_on_to_the_same_bytes(tmp_path, whole):
    paths = shards_of(tmp_path, 2)
    before = paths[0].read_bytes()
    paths[0].unlink()
    process = get_context("spawn").Process(target=write_and_be_killed, args=(paths[0], (0, 2)))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not paths[0].exists()
    assert write(paths[0], shard=(0, 2)) == [3]
    assert paths[0].read_bytes() == before
    join_shards(paths, tmp_path / "joined.h5")
    assert (tmp_path / "joined.h5").read_bytes() == whole


def test_a_finished_shard_is_left_as_it_is(tmp_path):
    path = tmp_path / "0.h5"
    assert write(path, shard=(0, 2)) == [0, 3]
    assert write(path, shard=(0, 2)) == []
    assert write(path, shard=(1, 2)) == [6, 9]
    assert write(path) == [0, 3, 6, 9]


def test_blocks_of_another_shard_are_refused_or_discarded(tmp_path):
    path = tmp_path / "0.h5"
    stopped(path, shard=(0, 2))
    with pytest.raises(ValueError, match="blocks of another run, with another shard; delete"):
        write(path, shard=(1, 2))
    assert write(path, shard=(1, 2), discard_other=True) == [6, 9]
    foreign = path.with_name("0.h5.blocks")
    foreign.mkdir()
    (foreign / "mine.txt").write_text("")
    with pytest.raises(ValueError, match="is no folder of blocks"):
        write(path, discard_other=True)


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_does_not_exist_is_refused(tmp_path, shard):
    with pytest.raises(ValueError, match=r"shard: got \(.*\), expected \(k, n\)"):
        write(tmp_path / "0.h5", shard=shard)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [1, 7, 100, 101])
@pytest.mark.parametrize("of", [1, 3, 9, 40])
def test_shards_hold_all_rows_once_whatever_their_number(n, of):
    starts = [start for k in range(of) for start in block_starts(n, 10, (k, of))]
    assert starts == list(range(0, n, 10))
    rows = [row for k in range(of) for row in rows_of_shard(n, 10, (k, of))]
    assert rows == list(range(n))


# ---- what is not joined ----------------------------------------------------------------


def refused(paths, folder, message):
    with pytest.raises(ValueError, match=message) as error:
        join_shards(paths, folder / "joined.h5")
    assert "\n" not in str(error.value)
    assert not (folder / "joined.h5").exists()


def test_missing_and_doubled_shards_are_refused(tmp_path):
    paths = shards_of(tmp_path, 3)
    refused([], tmp_path, "shards: got none")
    refused(paths[::2], tmp_path, r"shards: got 2 of 3, missing 1 \(counted from 0\)")
    refused([*paths, paths[1]], tmp_path, r"1\.of\.3\.h5 are both shard 1 of 3; expected each")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "n"}, "model"), ({"seed": 5}, "seed"), ({"block": 4}, "block"),
        ({"n": ROWS + 1}, "rows"), ({"settings": {"gc": 0.4}}, "settings"),
    ],
)  # fmt: skip
def test_shards_of_another_run_are_refused(tmp_path, change, named):
    mine = shards_of(tmp_path, 2)
    foreign = tmp_path / "foreign.h5"
    write(foreign, shard=(1, 2), **change)
    refused(
        [mine[0], foreign], tmp_path,
        rf"foreign\.h5: belongs to another run than \S*0\.of\.2\.h5, with another {named};",
    )  # fmt: skip


def test_shards_of_another_cut_are_refused(tmp_path):
    halves, thirds = shards_of(tmp_path, 2), shards_of(tmp_path, 3)
    refused([halves[0], *thirds[1:]], tmp_path, "with another number of shards; expected")


def test_what_is_no_shard_is_refused(tmp_path, whole):
    paths = shards_of(tmp_path, 2)
    refused([paths[0], tmp_path / "whole.h5"], tmp_path, r"whole\.h5: is no shard of a run")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["row"] = [1]
    refused([paths[0], tmp_path / "other.h5"], tmp_path, r"other\.h5: is no shard of a run")
    (tmp_path / "text.h5").write_text("no HDF5")
    refused([paths[0], tmp_path / "text.h5"], tmp_path, r"text\.h5: not a readable HDF5 file")


def test_a_damaged_shard_is_refused(tmp_path):
    paths = shards_of(tmp_path, 2)
    with h5py.File(paths[1]) as file:
        place = file["noise"].id.get_chunk_info(0).byte_offset + 5
    data = bytearray(paths[1].read_bytes())
    data[place] ^= 1
    paths[1].write_bytes(data)
    refused(paths, tmp_path, r"1\.of\.2\.h5: not a readable HDF5 file")
