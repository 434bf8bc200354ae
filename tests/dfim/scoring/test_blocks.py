"""Files of blocks: killed anywhere and resumed, refused when foreign, damage always told."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from dfim.io.hdf5 import append_rows, content_digest, new_hdf5
from dfim.scoring import block_layout, blocks
from dfim.scoring.block_files import scoring_parameters
from dfim.scoring.blocks import write_blocks
from dfim.scoring.settings import ScoringSettings
from helpers import ROOT, WORKFLOW
from helpers.block_files import ROWS, WHOLE, Thing, arrays_of, stopped, write

HERE = Path(__file__).parent


def flip(path, position, bit=0):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "things.h5"


# ---- what is written -----------------------------------------------------------


def test_blocks_are_joined_in_order(path):
    told = []
    assert write(path, progress=told.append) == [0, 3, 6, 9]
    assert told == [3, 3, 3, 2]
    expected = [
        arrays_of(np.arange(first, min(first + 3, ROWS)), np.random.default_rng([4, first]))
        for first in (0, 3, 6, 9)
    ]
    found = Thing(path).read(("row", "noise", "part"))
    for name, values in found.items():
        np.testing.assert_array_equal(values, np.concatenate([e[name] for e in expected]))
        assert values.dtype == expected[0][name].dtype
    assert Thing(path).read(("names",))["names"].tolist() == [*WHOLE["names"]]
    assert Thing(path).read(("part",), slice(2, 4)) == {"part": pytest.approx([2, 2])}
    assert list(path.parent.iterdir()) == [path]


def test_parameters_are_in_the_file(path):
    many = [f"motif {i}" for i in range(9000)]  # more than the 64 kB of an old attribute
    write(path, sources=many)
    assert Thing(path).parameters == {
        "kind": "dfim things 1", "model": "m", "pair": [1, 2], "sources": many,
        "seed": 4, "block": 3, "rows": ROWS,
    }  # fmt: skip


def test_no_rows_in_some_or_all_blocks(path):
    write(path, n=1)
    assert len(Thing(path).read(("part",))["part"]) == 0
    write(path, n=1, whole={"names": np.empty(0, "S1")})


def test_a_file_of_the_same_run_is_left_as_it_is(path):
    write(path)
    before, told = path.stat().st_mtime_ns, []
    assert write(path, progress=told.append) == []
    assert path.stat().st_mtime_ns == before
    assert sum(told) == ROWS
    assert write(path, model="n") == [0, 3, 6, 9]
    assert Thing(path).parameters["model"] == "n"
    path.write_bytes(path.read_bytes()[:-100])
    assert write(path, model="n") == [0, 3, 6, 9]


# ---- killed --------------------------------------------------------------------


def run_until(path, event):
    """Write in a child that is killed at some event; whether it lived to the end.

    Events: rows appended, progress, before and after each rename and deletion.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    events = itertools.count(1)

    def meet(*_):
        if next(events) == event:
            os.kill(os.getpid(), signal.SIGKILL)

    def met(function, before):
        def call(*arguments, **named):
            if before:
                meet()
            result = function(*arguments, **named)
            meet()
            return result

        return call

    for name in ("replace", "unlink", "rmdir"):
        setattr(os, name, met(getattr(os, name), before=True))
    for module in (blocks, block_layout):
        module.append_rows = met(append_rows, before=False)
    write(path, progress=meet)
    os._exit(0)


def resume_everywhere(folder):
    """Kill a run at each event, and some runs several times; resume, and compare."""
    write(folder / "whole.h5")
    whole = (folder / "whole.h5").read_bytes()
    digest = content_digest(folder / "whole.h5")

    def check(path):
        blocks = path.with_name(f"{path.name}.blocks")
        done = {int(block.stem) for block in blocks.glob("[0-9]*.h5")}
        assert path.exists() or blocks.exists()
        scored = write(path)
        # Either a file stood there already, or what was not finished was scored.
        assert sorted([*scored, *done]) == [0, 3, 6, 9] or scored == []
        assert path.read_bytes() == whole
        assert content_digest(path) == digest
        assert not [p for p in folder.iterdir() if p.name.startswith((".", blocks.name))]

    for event in itertools.count(1):
        path = folder / f"once{event}.h5"
        lived = run_until(path, event)
        check(path)
        if lived:
            break
    assert event > 30
    for seed in range(8):
        rng, path = np.random.default_rng(seed), folder / f"often{seed}.h5"
        while not run_until(path, int(rng.integers(3, 50))):
            pass
        check(path)


def test_a_kill_anywhere_leaves_the_same_file(tmp_path):
    code = (
        "import pathlib, sys; sys.path[:0] = sys.argv[2:]; import test_blocks as t; "
        "t.resume_everywhere(pathlib.Path(sys.argv[1]))"
    )  # in a process of its own: it forks, which TensorFlow's threads forbid
    command = [sys.executable, "-c", code, tmp_path, HERE, ROOT / "tests", WORKFLOW]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---- refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 5}, "seed"), ({"block": 4}, "block"), ({"model": "n"}, "model"),
        ({"gc": 0.4, "model": "n"}, "gc, model"), ({"pair": (2, 1)}, "pair"),
    ],
)  # fmt: skip
def test_blocks_of_another_run_are_refused(path, change, named):
    (block,) = stopped(path)
    message = rf"things\.h5\.blocks: holds blocks of another run, with another {named}; delete"
    with pytest.raises(ValueError, match=message):
        write(path, **change)
    assert block.exists()
    assert write(path) == [3, 6, 9]


def test_a_claim_without_blocks_binds_nobody(path):
    def fail(_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_blocks(path, {"kind": "k"}, lambda *_: fail(0), n=2, block=1, seed=1)
    assert write(path) == [0, 3, 6, 9]


@pytest.mark.parametrize("name", ["mine.txt", "run.json", "000000000.h5"])
def test_a_folder_of_somebody_else_is_left_alone(path, name):
    folder = path.with_name("things.h5.blocks")
    folder.mkdir()
    (folder / name).write_text("[1]")
    with pytest.raises(ValueError, match=r"things\.h5\.blocks: is no folder of blocks; move"):
        write(path)
    assert (folder / name).read_text() == "[1]"
    (folder / name).unlink()
    folder.rmdir()
    folder.write_text("a file")
    with pytest.raises(ValueError, match="is no folder of blocks"):
        write(path)


def test_what_a_kill_left_is_no_foreign_folder(path):
    folder = path.with_name("things.h5.blocks")
    folder.mkdir()
    (folder / ".run.12.part.json").write_text("{")
    assert write(path) == [0, 3, 6, 9]
    assert not folder.exists()


def test_arguments_are_checked(path):
    with pytest.raises(ValueError, match="block: got 0, expected at least 1"):
        write(path, block=0)
    path.mkdir()
    with pytest.raises(ValueError, match=r"things\.h5: is a folder, expected the name of a"):
        write(path)


def test_foreign_files_are_refused(path):
    path.write_text("no HDF5")
    with pytest.raises(ValueError, match=r"things\.h5: not a readable HDF5 file"):
        Thing(path)
    for noted in (None, "[1]", "no JSON", 3, '{"kind": "dfim maps 1"}'):
        with h5py.File(path, "w") as file:
            file.create_dataset("row", data=[1])
            if noted is not None:
                file.attrs["parameters"] = noted
        with pytest.raises(ValueError, match=r"holds no things of dfim \(kind .*'dfim things"):
            Thing(path)
    with h5py.File(path, "a") as file:
        file.attrs["parameters"] = json.dumps({"kind": Thing.kind})
    with pytest.raises(ValueError, match=r"arrays \['row'\]\); expected"):
        Thing(path)
    with pytest.raises(FileNotFoundError):
        Thing(path.with_name("none.h5"))


# ---- damage --------------------------------------------------------------------


def read_all(path):
    found = Thing(path)
    return found.parameters, {k: v.tolist() for k, v in found.read(Thing.names).items()}


def fault_of(read, path):
    """The message of a refusal, or what was read."""
    try:
        return "", read(path)
    except ValueError as error:
        return str(error), None


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_is_told_or_changes_nothing(path, seed):
    write(path)
    whole, good, digest = path.read_bytes(), read_all(path), content_digest(path)
    rng, refused = np.random.default_rng(seed), 0
    for position in rng.integers(0, len(whole), 200):
        flip(path, position, rng.integers(8))
        for read, expected in ((read_all, good), (content_digest, digest)):
            fault, found = fault_of(read, path)
            assert fault or found == expected
            assert not fault or re.match(rf"{path}: [^\n]+$", fault)
            refused += bool(fault)
        path.write_bytes(whole)
    assert refused > 10  # most of a small file is empty space


def test_a_flipped_value_is_told(path):
    values = np.random.default_rng(0).bytes(5000)
    write(path, whole={"names": np.frombuffer(values, "S5")})
    with h5py.File(path) as file:
        chunk = file["names"].id.get_chunk_info(0)
    for at in (chunk.byte_offset, chunk.byte_offset + chunk.size // 2):
        flip(path, at)
        with pytest.raises(ValueError, match=r"things\.h5: not a readable HDF5 file"):
            Thing(path).read(("names",))
        with pytest.raises(ValueError, match=r"things\.h5: not a readable HDF5 file"):
            content_digest(path)
        flip(path, at)
    Thing(path).read(("names",))


def test_a_cut_file_is_refused(path):
    write(path)
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 30).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"things\.h5: not a readable HDF5 file"):
            read_all(path)


def test_a_damaged_block_is_named_and_may_be_deleted(path, tmp_path):
    write(tmp_path / "whole.h5")
    blocks = stopped(path, 2)
    with h5py.File(blocks[1]) as file:
        chunk = file["noise"].id.get_chunk_info(0)
    flip(blocks[1], chunk.byte_offset + 5)
    with pytest.raises(ValueError, match=r"blocks/000000003\.h5: .*; delete it and run its"):
        write(path)
    assert not path.exists()
    blocks[1].unlink()
    assert write(path) == [3]
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()


# ---- digest --------------------------------------------------------------------


def file_with(path, arrays, attributes=(), **storage):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, **storage)
        for name, value in dict(attributes).items():
            file.attrs[name] = value
    return content_digest(path)


def test_digest_is_of_content_not_of_storage(path):
    values = {"a": np.arange(6.0), "b/c": np.eye(3, dtype=bool)}
    plain = file_with(path, values, {"x": 1, "y": "z"})
    again = dict(reversed(values.items()))
    assert file_with(path, again, {"y": "z", "x": 1}, compression="gzip", chunks=True) == plain
    changed = [
        ({**values, "a": np.arange(6)}, {"x": 1, "y": "z"}),
        ({**values, "a": np.arange(6.0).reshape(2, 3)}, {"x": 1, "y": "z"}),
        ({**values, "a": [0, 1, 2, 3, 4, 6.0]}, {"x": 1, "y": "z"}),
        ({"A": values["a"], "b/c": values["b/c"]}, {"x": 1, "y": "z"}),
        (values, {"x": 2, "y": "z"}),
        (values, {"x": 1, "y": "Z"}),
        (values, {"x": 1}),
        ({**values, "d": []}, {"x": 1, "y": "z"}),
    ]
    assert len({plain, *(file_with(path, *change) for change in changed)}) == 9


def test_digest_of_text_and_single_values(path):
    texts = [["ab", "c"], ["a", "bc"], ["ab", "c", ""], ["ab", "ç"]]
    digests = [file_with(path, {"t": np.array(t, object), "one": 3.0}, {"u": t}) for t in texts]
    assert len({*digests}) == 4
    assert digests[0] == file_with(path, {"t": texts[0], "one": 3.0}, {"u": texts[0]})
    path.write_text("no HDF5")
    with pytest.raises(ValueError, match="not a readable HDF5 file"):
        content_digest(path)


# ---- memory --------------------------------------------------------------------


def peak_of(work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_holds_one_block(path):
    def work(n):
        def score(rows, _):
            return {"x": np.zeros((len(rows), 10_000), np.float32)}

        return lambda: write_blocks(path, {"kind": "k", "n": n}, score, n=n, block=50, seed=1)

    work(50)()  # what is loaded once
    few, many = peak_of(work(100)), peak_of(work(1500))
    assert few < 8e6  # a block has 2 MB, all have 60
    assert many < few + 1e6
    assert peak_of(lambda: content_digest(path)) < 12e6


def test_rows_are_appended_whatever_the_chunks(path):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(size, 3)) for size in (1, 0, 5000, 1, 2999, 7)]
    with new_hdf5(path) as file:
        for part in parts:
            append_rows(file, {"a": part})
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["a"][...], np.concatenate(parts))


# ---- what scores follow from ---------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((2, 9), np.int64), r"codes: got int64 \(2, 9\), expected uint8"),
        (np.zeros(9, np.uint8), r"codes: got uint8 \(9,\), expected uint8 \(sequences"),
        (np.zeros((0, 9), np.uint8), r"codes: got uint8 \(0, 9\)"),
        (np.zeros((2, 8), np.uint8), "codes: got sequences of 8 bp, expected the model's 9"),
        (np.full((2, 9), 5, np.uint8), r"codes: got 5, expected 0 to 3 \(A, C, G, T\) or 4"),
    ],
)
def test_sequences_are_checked(codes, message):
    attributor = SimpleNamespace(length=9, describe=dict)
    with pytest.raises(ValueError, match=message):
        scoring_parameters(attributor, codes, ScoringSettings())
