"""Which sequences there are, where they belong, and which an analysis scores."""

import numpy as np
import pytest

from dfim.io.store import read_arrays, read_json, write_arrays
from dfim.sequences.examples import SPLITS, Examples
from dfim.sequences.fasta import write_fasta
from flow.jobs.selection import select_rows, spread
from helpers.pairs import simulated
from scripts.build_examples import main as build_examples
from scripts.build_examples import split_by_group
from scripts.choose_window import main as choose_window

# ---- split ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [(400, 100, 100), (599, 0, 1), (200, 200, 200), (401, 98, 101), (1, 598, 1)]
)
def test_split_has_the_sizes_and_every_group_its_share(sizes):
    groups = np.repeat(["a", "b", "c"], [300, 200, 100])
    asked = dict(zip(SPLITS, sizes, strict=True))
    split = split_by_group(groups, asked, np.random.default_rng(0))
    assert np.bincount(split, minlength=3).tolist() == list(sizes)
    for group in "abc":
        mine = split[groups == group]
        share = np.array(sizes) * len(mine) / 600
        assert (np.abs(np.bincount(mine, minlength=3) - share) <= 2).all()


def test_split_is_random_and_follows_the_seed():
    groups, sizes = np.repeat(["a", "b"], 300), {"train": 300, "validation": 150, "test": 150}
    first, again, other = (
        split_by_group(groups, sizes, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert 0.2 < (first != other).mean() < 0.8
    # Not by position: each part is spread over the file.
    for part in range(3):
        at = np.flatnonzero(first == part)
        assert abs(at.mean() - 299.5) < 40


def test_split_of_another_total_is_refused():
    with pytest.raises(ValueError, match="parts add up to 7, but there are 6 sequences"):
        split_by_group(
            np.full(6, ""), {"train": 5, "validation": 1, "test": 1}, np.random.default_rng(0)
        )


# ---- examples from files -------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """Four sequences and their labels in another order, with names that look like numbers."""
    ids = ["a_1", "007", "b_1", "NA"]
    write_fasta(tmp_path / "s.fa.gz", ids, ["ACGT", "NNAC", "TTTT", "acgn"])
    (tmp_path / "l.tsv").write_text("name\ty\tz\nNA\t1\t0\n007\t0\t1\nb_1\t1\t0\na_1\t0\t0\n")
    return tmp_path


def build(folder, **changes) -> Examples:
    files = {"labels": [str(folder / "l.tsv")], "sequences": str(folder / "s.fa.gz")}
    choices = {"label": "y", "group": None, "split": None, "seed": 1}
    build_examples(examples=str(folder / "e.h5"), **{**files, **choices, **changes})
    return Examples.load(folder / "e.h5")


def test_examples_have_labels_of_their_own_names(files):
    data = build(files, group="id_prefix")
    assert data.ids.tolist() == ["a_1", "007", "b_1", "NA"]
    assert data.labels.tolist() == [[0], [0], [1], [1]]
    assert data.tasks == ("y",)
    assert data.groups.tolist() == ["a", "007", "b", "NA"]
    assert data.codes.tolist() == [[0, 1, 2, 3], [4, 4, 0, 1], [3, 3, 3, 3], [0, 1, 2, 4]]
    assert (data.splits == SPLITS.index("test")).all()


def test_examples_without_labels(files):
    data = build(files, labels=[], label=None)
    assert data.tasks == ()
    assert data.labels.shape == (4, 0)


def test_examples_follow_the_seed(files):
    split = {"train": 2, "validation": 1, "test": 1}
    splits = [build(files, split=split, seed=seed).splits.tolist() for seed in (1, 1, 2, 3, 4)]
    assert splits[0] == splits[1]
    assert len({tuple(s) for s in splits}) > 1
    assert all(sorted(s) == [0, 0, 1, 2] for s in splits)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("name\tx\na_1\t1\n", "l.tsv: column 'y' is missing"),
        ("name\ty\na_1\t1\n007\t1\nb_1\t1\n", "l.tsv: no label for sequence 'NA'"),
        ("name\ty\na_1\t1\n7\t1\nb_1\t1\nNA\t1\n", "l.tsv: no label for sequence '007'"),
        ("name\ty\na_1\t1\n007\t1\na_1\t1\n", "l.tsv, line 4: 'a_1' is there twice"),
        (
            "name\ty\na_1\t1\n007\t2\nb_1\t1\nNA\t1\n",
            "l.tsv, line 3: y is '2', expected 0 or 1",
        ),
        ("name\ty\na_1\t1\n007\t0\nb_1\t\nNA\t1\n", "l.tsv, line 4: y is '', expected 0 or 1"),
        ("name\ty\na_1\t1\n007\t0\nb_1\nNA\t1\n", "l.tsv, line 4: y is ''"),
        ("name\ty\na_1\t1\n007\t0\nb_1\tyes\nNA\t1\n", "l.tsv, line 4: y is 'yes'"),
        ("", "l.tsv: empty file; expected a header with name, y"),
    ],
)
def test_bad_labels_are_named_with_file_and_line(files, labels, message):
    (files / "l.tsv").write_text(labels)
    with pytest.raises(ValueError, match=message.replace(".", r"\.")) as error:
        build(files)
    assert "\n" not in str(error.value)
    assert not (files / "e.h5").exists()


@pytest.mark.parametrize(
    ("fasta", "message"),
    [
        (">a\nACGT\n>b\nACXT\n", r"row 1 \(b\) has 'X' at position 2"),
        (">a\nACGT\n>b\nACG\n", r"row 1 \(b\) has length 3"),
        (">a\nACGT\n>a\nACGT\n", "line 3: id a is also on line 1"),
        ("", "file is empty"),
    ],
)
def test_bad_sequences_are_named(files, fasta, message):
    (files / "s.fa").write_text(fasta)
    with pytest.raises(ValueError, match=message) as error:
        build(files, sequences=str(files / "s.fa"), labels=[], label=None)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(files / "s.fa"))
    assert not (files / "e.h5").exists()


# ---- what an analysis scores ---------------------------------------------------


@pytest.fixture
def examples():
    n = 12
    return Examples(
        ids=np.array([f"s{i}" for i in range(n)]),
        codes=np.zeros((n, 5), np.uint8),
        groups=np.repeat(["a", "b", "c"], 4),
        labels=np.tile([[0], [1]], (6, 1)).astype(np.int8),
        tasks=("y",),
        splits=np.tile([0, 0, 1, 2], 3).astype(np.uint8),
    )


LOGITS = np.array([[1.0], [1], [-1], [-1]] * 3)  # label 0, 1, 0, 1: wrong, right, right, wrong


@pytest.mark.parametrize(
    ("select", "rows"),
    [
        ({}, range(12)),
        ({"groups": ["c", "a"]}, [0, 1, 2, 3, 8, 9, 10, 11]),
        ({"splits": ["test"]}, [3, 7, 11]),
        ({"splits": ["validation", "test"]}, [2, 3, 6, 7, 10, 11]),
        ({"positive_only": True}, [1, 3, 5, 7, 9, 11]),
        ({"positive_only": False}, range(12)),
        ({"correct_only": True}, [1, 2, 5, 6, 9, 10]),
        ({"limit": 3}, [0, 4, 8]),
        ({"correct_only": True, "positive_only": True, "groups": ["b", "c"], "limit": 1}, [5]),
    ],
)
def test_select(examples, select, rows):
    assert select_rows(examples, LOGITS, select).tolist() == list(rows)


def test_selection_that_cannot_be_is_one_line(examples):
    with pytest.raises(
        ValueError, match=r"no sequence in group 'd'; there are \['a', 'b', 'c'\]"
    ):
        select_rows(examples, LOGITS, {"groups": ["a", "d"]})
    with pytest.raises(ValueError, match="leaves no sequence of 12"):
        select_rows(examples, LOGITS, {"splits": ["validation"], "positive_only": True})
    bare = Examples(**{**vars(examples), "labels": examples.labels[:, :0], "tasks": ()})
    for key in ("positive_only", "correct_only"):
        with pytest.raises(ValueError, match=rf"select\.{key}: needs labels"):
            select_rows(bare, LOGITS, {key: True})


# ---- blocks and null inputs ----------------------------------------------------


# ---- the window of the worked example ------------------------------------------


@pytest.fixture
def window(tmp_path):
    """Six sequences with B at 0, A at 10 and C at 20 to 25; scores are random."""
    n = 6
    codes = np.zeros((n, 40), np.uint8)
    data = Examples(
        np.array([f"s{i}" for i in range(n)]), codes, np.full(n, ""),
        np.array([[1], [1], [0], [1], [1], [1]], np.int8), ("y",),
        np.array([2, 2, 2, 0, 2, 2], np.uint8),
    )  # fmt: skip
    data.save(tmp_path / "e.h5", {})
    write_arrays(tmp_path / "p.h5", {"logits": np.array([[1.0], [-1], [-1], [1], [1], [1]])})
    scores = simulated(np.random.default_rng(1), n)
    scores.save(tmp_path / "s.h5")

    def choose(**changes):
        choice = {"source": "A", "target": "C", "width": 20, "split": "test"} | changes
        files = [str(tmp_path / name) for name in ("e.h5", "p.h5", "s.h5", "w.json")]
        choose_window(*files, choice)
        return read_json(files[-1])

    return scores, choose


def test_window_is_round_the_strongest_pair_of_a_correct_sequence(window):
    scores, choose = window
    found = choose()
    # 1 is misclassified and 3 is of another split; 2 is a true negative.
    allowed = [0, 2, 4, 5]
    names, f = scores.features.name, scores.features
    mine = [
        i
        for i in range(len(scores))
        if (names[scores.source[i]], names[scores.target[i]]) == ("A", "C")
        and f.sequence[scores.source[i]] in allowed
    ]
    assert found["n_candidates"] == len(mine) == 4
    best = max(mine, key=lambda i: abs(scores.fis[i]))
    assert found["row"] == f.sequence[scores.source[best]]
    assert found["sequence"] == f"s{found['row']}"
    # A and C span 10 to 25: the window of 20 bp has 2 or 3 bp on either side.
    assert (found["start"], found["end"]) == (7, 27)
    assert [(m["name"], m["start"]) for m in found["features"]] == [("A", 10), ("C", 20)]


def test_window_stays_in_the_sequence(window):
    assert [window[1](source="B", target="A", width=30)[key] for key in ("start", "end")] == [
        0, 30
    ]  # fmt: skip
    assert window[1](width=40)["start"] == 0


def test_window_without_a_candidate_is_one_line(window):
    with pytest.raises(ValueError, match="no correctly classified test sequence has A and C "
                                         "within 14 bp; make"):  # fmt: skip
        window[1](width=14)
    with pytest.raises(ValueError, match="no correctly classified validation sequence"):
        window[1](split="validation")


def test_predictions_are_read_whole(tmp_path):
    write_arrays(tmp_path / "p.h5", {"other": np.zeros(1)})
    with pytest.raises(ValueError, match="array 'logits' is missing"):
        read_arrays(tmp_path / "p.h5", ("logits",))


def test_spread_takes_rows_from_end_to_end():
    rows = np.array([2, 3, 5, 7, 11, 13])
    assert spread(rows, 3).tolist() == [2, 5, 11]
    assert spread(rows, None).tolist() == spread(rows, 9).tolist() == rows.tolist()
    assert spread(rows[:0], 3).size == 0
