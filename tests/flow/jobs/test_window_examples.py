"""Windows cut from a genome into examples: what is left out, split, named and refused."""

import logging

import numpy as np
import pytest

from dfim.genome.genome import Genome, write_genome
from dfim.genome.intervals import Contigs
from dfim.genome.peak_windows import LabelledWindows
from dfim.io.store import read_arrays
from dfim.sequences.encoding import UNKNOWN
from dfim.sequences.examples import SPLITS, Examples
from flow.jobs.window_examples import save_windows
from scripts.build_accessibility_examples import main as build

SIZE, LENGTH = 4000, 100
SPLIT = {"validation": ["chr2"], "test": ["3"]}
N_RUN = 1990


@pytest.fixture
def genome():
    codes = np.random.default_rng(2).integers(0, 4, (3, SIZE)).astype(np.uint8)
    codes[0, N_RUN : N_RUN + 5] = UNKNOWN
    return Genome(Contigs(("1", "2", "3"), (SIZE,) * 3), tuple(codes))


@pytest.fixture
def windows():
    """Nine a contig, 400 bp apart, with either label in each part of the split."""
    start = np.tile(np.arange(0, 3600, 400), 3)
    labels = np.stack([np.arange(27) % 2, (np.arange(27) // 2) % 2], axis=1).astype(np.int8)
    return LabelledWindows(np.repeat(np.arange(3), 9), start, labels, np.arange(27) % 2)


@pytest.fixture
def save(tmp_path, genome):
    def made(windows, **more):
        options = {"groups": ["A", "B"], "split": SPLIT, "seed": 3} | more
        save_windows(
            str(tmp_path / "e.h5"), windows, genome, LENGTH, options.pop("tasks", ["a", "b"]),
            **options,
        )  # fmt: skip
        return Examples.load(tmp_path / "e.h5"), read_arrays(tmp_path / "e.h5")[1]

    return made


def test_windows_are_what_stands_at_their_place(save, windows, genome):
    found, attributes = save(windows)
    assert len(found) == len(set(found.ids)) == 27
    for row in range(27):
        contig, start = found.contigs[row], found.starts[row]
        assert found.ids[row] == f"{contig}:{start}-{start + LENGTH}"
        bases = genome.codes[int(contig) - 1][start : start + LENGTH]
        np.testing.assert_array_equal(found.codes[row], bases)
    assert found.tasks == ("a", "b")
    np.testing.assert_array_equal(found.labels, windows.labels)
    assert found.groups.tolist() == [["A", "B"][i] for i in windows.origin]
    parts = {"1": "train", "2": "validation", "3": "test"}
    assert [SPLITS[i] for i in found.splits] == [parts[contig] for contig in found.contigs]
    assert attributes["split"] == SPLIT
    assert attributes["seed"] == 3
    assert attributes["duplicates"]["n_held_out"] == 18
    assert attributes["duplicates"]["identical"] == 0


def test_windows_that_leave_their_contig_or_hold_an_n_are_counted(save, windows, caplog):
    start = windows.start.copy()
    start[[1, 2, 3]] = -1, SIZE - LENGTH + 1, SIZE - LENGTH  # the last is whole
    start[[4, 5, 6]] = N_RUN - LENGTH, N_RUN - LENGTH + 1, N_RUN + 4  # two hold an N
    moved = LabelledWindows(windows.contig, start, windows.labels, windows.origin)
    with caplog.at_level(logging.INFO):
        found, _ = save(moved)
    assert "2 windows leave their contig and 2 hold an N: left out" in caplog.text
    kept = np.delete(np.arange(27), [1, 2, 5, 6])
    assert found.starts.tolist() == start[kept].tolist()
    np.testing.assert_array_equal(found.labels, windows.labels[kept])
    assert (found.codes < 4).all()


def test_without_a_split_every_window_is_a_test_window(save, windows):
    found, attributes = save(windows, split=None)
    assert {SPLITS[i] for i in found.splits} == {"test"}
    assert len(found) == 27
    assert "duplicates" not in attributes


def test_a_copy_of_a_training_window_is_counted(save, windows, genome):
    genome.codes[2][:LENGTH] = 3 - genome.codes[0][400 : 400 + LENGTH][::-1]
    _, attributes = save(windows)
    assert attributes["duplicates"]["identical"] == attributes["duplicates"]["similar"] == 1
    assert attributes["duplicates"]["overlapping"] == 0


def test_blocks_are_chosen_by_the_seed(tmp_path, genome, windows):
    codes = np.random.default_rng(0).integers(0, 4, 9_000_000).astype(np.uint8)
    large = Genome(Contigs(("1",), (len(codes),)), (codes,))
    start = np.arange(0, 8_999_000, 25_000)
    labels = (np.arange(len(start)) % 2).astype(np.int8)[:, None]
    every = LabelledWindows(np.zeros_like(start), start, labels, np.zeros_like(start))
    splits = []
    for seed in (1, 1, 2):
        save_windows(
            str(tmp_path / "e.h5"), every, large, LENGTH, ["a"], groups=["A"],
            split={"validation": 0.2, "test": 0.2}, seed=seed,
        )  # fmt: skip
        found = Examples.load(tmp_path / "e.h5")
        splits.append(found.splits.tolist())
        # Windows at the edge of a block of another part are left out; the rest stays whole.
        assert len(start) - 9 < len(found) < len(start)
        np.testing.assert_array_equal(
            found.codes, codes[found.starts[:, None] + np.arange(LENGTH)]
        )
        blocks = (found.starts + LENGTH // 2) // 1_000_000
        for part, n in ((1, 2), (2, 2), (0, 5)):  # fractions are rounded up
            assert len(np.unique(blocks[found.splits == part])) == n
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


@pytest.mark.parametrize(("value", "positive", "negative"), [(0, 0, 9), (1, 9, 0), (-1, 0, 0)])
def test_a_part_with_one_class_is_refused_and_nothing_written(
    save, tmp_path, windows, value, positive, negative
):
    windows.labels[18:, 1] = value
    with pytest.raises(ValueError, match=r".") as error:
        save(windows)
    assert str(error.value) == (
        f"examples: b has {positive} positive and {negative} negative windows in the test "
        "part; expected both: hold out other contigs, or give more peaks"
    )
    assert list(tmp_path.iterdir()) == []


def test_balance_and_contigs_without_positives_are_told(save, windows, caplog):
    windows.labels[18, 1] = -1
    windows.labels[:9, 0] = 0
    with caplog.at_level(logging.INFO):
        save(windows, split=None)
    assert "a, test: 9 positive, 18 negative, 0 masked (33.3 % positive)" in caplog.text
    positive = int((windows.labels[:, 1] == 1).sum())
    assert f"b, test: {positive} positive, {26 - positive} negative, 1 masked" in caplog.text
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == ["a: no positive window on 1"]


# ---- from files ----------------------------------------------------------------------


def peaks(path, *rows):
    text = (
        f"{c}\t{s - 50}\t{s + 50}\t.\t0\t.\t{signal}\t-1\t-1\t50\n" for c, s, signal in rows
    )
    path.write_text("".join(text))
    return str(path)


@pytest.fixture
def inputs(tmp_path, genome):
    write_genome(tmp_path / "g.fa", genome)
    # Every contig has a peak of each task, and one that both have, at other summits.
    first = [(f"chr{c}", s, 5) for c in (1, 2, 3) for s in (500, 1000)]
    first[1] = ("chr1", 1000, 1)
    second = [(f"chr{c}", s, 5) for c in (1, 2, 3) for s in (1030, 3000)]
    second[0] = ("chr1", 1030, 9)  # the strongest of its list: its summit is the centre
    return {
        "genome": str(tmp_path / "g.fa"),
        "peaks": [peaks(tmp_path / "a.bed", *first), peaks(tmp_path / "b.bed", *second)],
        "tasks": ["A", "B"], "window": LENGTH, "split": SPLIT, "seed": 1, "contigs": None,
        "examples": str(tmp_path / "e.h5"),
    }  # fmt: skip


def test_examples_of_the_union_of_peaks(inputs):
    build(**inputs)
    found = Examples.load(inputs["examples"])
    assert found.tasks == ("A", "B")
    assert (found.starts + LENGTH // 2).tolist() == [500, 1030, 3000] + [500, 1000, 3000] * 2
    assert found.labels.tolist() == [[1, 0], [1, 1], [0, 1]] * 3
    assert found.groups.tolist() == ["A", "B", "B"] + ["A", "A", "B"] * 2
    assert found.contigs.tolist() == ["1"] * 3 + ["2"] * 3 + ["3"] * 3


def test_peaks_elsewhere_are_refused_unless_contigs_were_chosen(inputs, tmp_path):
    with open(tmp_path / "a.bed", "a") as file:
        file.write("chrUn\t10\t20\t.\t0\t.\t1\t-1\t-1\t-1\n")
    with pytest.raises(
        ValueError, match=r"a\.bed, line 7: contig 'chrUn' is not in the genome"
    ):
        build(**inputs)
    build(**inputs | {"contigs": ["1", "2", "3"]})
    build(**inputs | {"contigs": ["chr3", "chr1"], "split": None})
    assert set(Examples.load(inputs["examples"]).contigs) == {"1", "3"}


def test_one_file_a_task(inputs):
    for tasks in (["A"], ["A", "A"], ["A", "B", "C"]):
        with pytest.raises(
            ValueError, match=r"tasks: got .* 2 peak files, expected one per task"
        ):
            build(**inputs | {"tasks": tasks})


def test_a_task_without_peaks_on_the_contigs_is_named(inputs, tmp_path):
    peaks(tmp_path / "b.bed", ("chr1", 500, 1))
    with pytest.raises(ValueError, match="B: no peaks on the contigs of this run"):
        build(**inputs | {"contigs": ["2", "3"], "split": None})
