"""Features: reading them strictly, choosing sequences, pairing."""

import itertools

import numpy as np
import pytest

from dfim.io.store import read_table, write_table
from dfim.motifs.features import Features
from dfim.motifs.pairing import ordered_pairs
from dfim.sequences.examples import Examples
from helpers.pairs import features_of
from scripts.locate_features import main as locate_features

IDS = np.array(["s0", "001", "NA", "s3"])
LENGTH = 50
HEADER = "sequence\tstart\tend\tname\tstrand\n"


def as_rows(features: Features) -> list[tuple]:
    columns = (features.sequence, features.start, features.end, features.name)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.fixture
def random_features():
    rng = np.random.default_rng(2)
    rows = [
        (int(s), int(a), int(a + w), str(n))
        for s, a, w, n in zip(
            rng.integers(0, 8, 60),
            rng.integers(0, 35, 60),
            rng.integers(1, 12, 60),
            rng.choice(["A", "B", "C"], 60),
            strict=True,
        )
    ]
    return features_of(sorted(set(rows)))


# ---- the record ----------------------------------------------------------------


def test_unequal_columns_and_bad_intervals_are_refused():
    one = np.array([0])
    text = np.array(["a"])
    with pytest.raises(ValueError, match="columns of unequal length"):
        Features(one, one, np.array([1, 2]), text, text)
    for start, end in ((3, 3), (4, 3), (-1, 2)):
        with pytest.raises(ValueError, match=rf"row 1 is \[{start}, {end}\)"):
            features_of([(0, 0, 1, "a"), (0, start, end, "a")])


def test_sequences_that_are_no_rows_are_refused():
    with pytest.raises(ValueError, match="row 1 is of sequence -1"):
        features_of([(0, 0, 1, "a"), (-1, 0, 1, "a")])


def test_lists_are_columns_too():
    made = Features([0, 0], [3, 9], [5, 12], ["a", "b"], ["+", "-"])
    assert as_rows(made) == [(0, 3, 5, "a"), (0, 9, 12, "b")]


def test_features_out_of_order_make_no_pairs():
    for rows in ([(2, 0, 1, "a"), (0, 3, 4, "b")], [(1, 9, 12, "a"), (1, 2, 4, "b")]):
        given = features_of(rows)
        with pytest.raises(ValueError, match=r"row 1 .* comes after a later one"):
            ordered_pairs(given)
        ordered_pairs(given.of_sequences(np.arange(3)))


def test_features_come_back_sorted(tmp_path):
    given = features_of([(3, 0, 4, "x"), (1, 9, 12, "NA"), (1, 2, 50, "007"), (2, 0, 1, "y")])
    given.save(tmp_path / "f.tsv.gz", IDS)
    found = Features.load(tmp_path / "f.tsv.gz", IDS, LENGTH)
    assert as_rows(found) == sorted(as_rows(given), key=lambda row: row[:3])
    assert found.sequence.dtype == found.start.dtype == np.int64


# ---- the reader ----------------------------------------------------------------

GOOD = "s0\t3\t9\tELF1\t+\n"


def test_windows_newlines_and_gaps_in_columns_are_read(tmp_path):
    path = tmp_path / "f.tsv"
    text = "score\tend\tstart\tsequence\tstrand\tname\n0.5\t9\t3\ts0\t-\tELF1\n"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert as_rows(Features.load(path, IDS, LENGTH)) == [(0, 3, 9, "ELF1")]


def test_table_without_rows_has_no_features(tmp_path):
    (tmp_path / "f.tsv").write_text(HEADER)
    assert len(Features.load(tmp_path / "f.tsv", IDS, LENGTH)) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s9\t3\t9\tELF1\t+\n", "sequence 's9' is not among the examples"),
        ("1\t3\t9\tELF1\t+\n", "sequence '1' is not among the examples"),  # it is 001
        ("\t3\t9\tELF1\t+\n", "sequence '' is not"),
        ("s0\t-1\t9\tELF1\t+\n", r"interval \[-1, 9\) is not inside"),
        ("s0\t9\t9\tELF1\t+\n", r"interval \[9, 9\) is not inside"),
        ("s0\t3\t51\tELF1\t+\n", "expected whole numbers with 0 <= start < end <= 50"),
        ("s0\t3.5\t9\tELF1\t+\n", r"interval \[3.5, 9"),
        ("s0\tx\t9\tELF1\t+\n", r"interval \[x, 9\) is not inside"),
        ("s0\t\t9\tELF1\t+\n", r"interval \[, 9\) is not inside"),
        ("s0\t3\tNA\tELF1\t+\n", "is not inside"),
        ("s0\t3\t9\tELF1\t.\n", "strand '.'; expected"),
        ("s0\t3\t9\tELF1\n", "strand ''; expected"),
        ("s0\t3\t9\t\t+\n", "name is empty"),
    ],
)
def test_bad_row_is_named_with_its_line(tmp_path, row, message):
    path = tmp_path / "f.tsv"
    path.write_text(HEADER + GOOD + row + GOOD)
    with pytest.raises(ValueError, match=message) as error:
        Features.load(path, IDS, LENGTH)
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert "\n" not in str(error.value)


def test_missing_column_is_named(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("sequence\tstart\tstop\tname\tstrand\n" + GOOD)
    with pytest.raises(ValueError, match="column 'end' is missing"):
        Features.load(path, IDS, LENGTH)


# ---- choosing ------------------------------------------------------------------


def test_of_sequences_renumbers_to_the_order_of_rows(random_features):
    rows = np.array([6, 1, 99, 4])
    expected = sorted(
        (rows.tolist().index(s), *rest)
        for s, *rest in as_rows(random_features)
        if s in rows.tolist()
    )
    chosen = random_features.of_sequences(rows)
    assert [row[:3] for row in as_rows(chosen)] == [row[:3] for row in expected]
    assert sorted(as_rows(chosen)) == expected
    assert len(random_features.of_sequences(np.empty(0, np.int64))) == 0


# ---- pairs ---------------------------------------------------------------------


@pytest.mark.parametrize("same_name", [False, True])
def test_pairs_are_those_of_a_plain_loop(random_features, same_name):
    rows = as_rows(random_features)
    expected, overlapping = [], 0
    for (i, a), (j, b) in itertools.permutations(enumerate(rows), 2):
        if a[0] != b[0] or (a[3] == b[3] and not same_name):
            continue
        if a[1] < b[2] and b[1] < a[2]:
            overlapping += 1
        else:
            expected.append((i, j))
    source, target, n_overlapping = ordered_pairs(random_features, same_name=same_name)
    assert overlapping > 0
    assert n_overlapping == overlapping
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == expected


def test_pairs_that_touch_are_kept_in_both_directions():
    features = features_of([(0, 0, 4, "A"), (0, 3, 5, "B"), (0, 5, 9, "C"), (1, 5, 9, "D")])
    source, target, n_overlapping = ordered_pairs(features)
    pairs = list(zip(source.tolist(), target.tolist(), strict=True))
    assert pairs == [(0, 2), (1, 2), (2, 0), (2, 1)]
    assert n_overlapping == 2  # A and B, each way


def test_no_features_make_no_pairs():
    none = features_of([(0, 0, 4, "A")]).select(np.zeros(1, bool))
    source, target, n_overlapping = ordered_pairs(none)
    assert (len(source), len(target), n_overlapping) == (0, 0, 0)


# ---- where features come from --------------------------------------------------


@pytest.fixture
def examples(tmp_path):
    """Two sequences: ACGGT twice in the first, its reverse complement in the second."""
    bases = ["ACGGTTTACGGTTTTT", "TTTTACCGTTTNNNTT"]
    codes = np.array([["ACGTN".index(base) for base in s] for s in bases], np.uint8)
    data = Examples(
        np.array(["a", "b"]), codes, np.array(["", ""]), np.empty((2, 0), np.int8), (),
        np.full(2, 2, np.uint8),
    )  # fmt: skip
    data.save(tmp_path / "examples.h5", {})
    return str(tmp_path / "examples.h5")


@pytest.mark.parametrize(("both_strands", "n"), [(False, 2), (True, 3)])
def test_features_from_patterns(tmp_path, examples, both_strands, n):
    out = str(tmp_path / "f.tsv.gz")
    declared = {"source": "patterns", "patterns": {"M": "ACGST"}, "both_strands": both_strands}
    locate_features(examples, [], out, declared, 0.5)
    found = read_table(out)
    assert found["sequence"].tolist() == ["a", "a", "b"][:n]
    assert found["start"].tolist() == [0, 7, 4][:n]
    assert found["strand"].tolist() == ["+", "+", "-"][:n]


def test_features_from_a_table_are_checked_and_sorted(tmp_path, examples):
    table, out = tmp_path / "mine.tsv", str(tmp_path / "f.tsv.gz")
    table.write_text(HEADER + "b\t1\t3\tx\t-\na\t5\t7\ty\t+\n")
    locate_features(examples, [str(table)], out, {"source": "table"}, 0.5)
    assert read_table(out)["sequence"].tolist() == ["a", "b"]
    table.write_text(HEADER + "b\t1\t17\tx\t-\n")
    with pytest.raises(ValueError, match=r"mine\.tsv, line 2.*<= 16"):
        locate_features(examples, [str(table)], out, {"source": "table"}, 0.5)


MOTIFS = """MEME version 4
MOTIF first
letter-probability matrix: w= 4
1 0 0 0
0 1 0 0
0 0 1 0
0 0 1 0
MOTIF second
letter-probability matrix: w= 4
0 0 0 1
0 0 0 1
0 0 0 1
0 0 0 1
"""


def test_features_from_pwms_keep_score_and_p(tmp_path, examples):
    meme, out = tmp_path / "m.meme", str(tmp_path / "f.tsv.gz")
    meme.write_text(MOTIFS)
    declared = {"source": "pwms", "p_value": 0.004, "motifs": {"X": "first"}}
    locate_features(examples, [str(meme)], out, declared, 0.5)
    found = read_table(out)
    data = Examples.load(examples)
    letters = np.array(["".join("ACGTN"[c] for c in row) for row in data.codes])
    words = [
        letters[list(data.ids).index(i)][a:b]
        for i, a, b in zip(found["sequence"], found["start"], found["end"], strict=True)
    ]
    assert words == ["ACGG"] * 2
    assert set(found["name"]) == {"X"}
    np.testing.assert_allclose(found["p"], 0.25**4)
    np.testing.assert_allclose(found["score"], 8, atol=0.05)
    with pytest.raises(ValueError, match=r"m\.meme: no motif 'third'.*first, second"):
        locate_features(examples, [str(meme)], out, declared | {"motifs": {"X": "third"}}, 0.5)


def test_no_feature_at_all_is_an_error(tmp_path, examples):
    out = tmp_path / "f.tsv.gz"
    with pytest.raises(ValueError, match=r"no feature in 2 sequences; check"):
        locate_features(
            examples, [], str(out), {"source": "patterns", "patterns": {"M": "CCCCC"}}, 0.5
        )
    assert not out.exists()


def test_table_of_features_has_the_columns_that_load_wants(tmp_path):
    features_of([(0, 1, 2, "x")]).save(tmp_path / "f.tsv", IDS)
    write_table(tmp_path / "g.tsv", read_table(tmp_path / "f.tsv"))
    assert (tmp_path / "g.tsv").read_text() == HEADER + "s0\t1\t2\tx\t+\n"
