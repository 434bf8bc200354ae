"""BET-seq tables: every form gives one record, and what is wrong is told with its line."""

import gzip
import io
import logging
import tarfile

import numpy as np
import pytest

from dfim.sequences.kmers import sequence_index
from flow.flanks.betseq import (
    Measurements,
    random_split,
    read_counts,
    read_ddg,
    read_replicates,
    read_split,
)
from flow.flanks.positions import (
    N_FLANKS,
    POSITIONS,
    base_name,
    flank_codes,
    flank_strings,
    parse_cell,
    position_labels,
)

A, B, C, D = "AAAAAAAAAC", "ACGTACGTAC", "CCCCCTTTTT", "TTTTTTTTTT"
REPLICATE = f"""sequence\tinput_count\tbound_count\tddG
{D}\t10\t12\t-0.5
{A}\t10\t2\t1.5
{C}\t10\t0\tinf
"""
COUNTS = f"""protein,rep,flank,tf_count,ref_count,ddG
Cbf1,1,{A},3,4,0.25
Cbf1,2,{B},3,4,-0.25
Pho4,1,{A},3,4,9
Cbf1,2,{A},3,4,0.5
Cbf1,1,{C},3,4,NA
"""


def index_of(*flanks):
    return sequence_index(flank_codes(flanks, source="here")).tolist()


def written(folder, text, name="cbf1_rep1_counts.txt"):
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def archived(folder, name="data/cbf1_rep1_counts.txt", text=REPLICATE):
    path = folder / "all.tar.gz"
    data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    with tarfile.open(path, "w:gz") as tar:
        for member, content in (("./data/first.txt", b"first"), (f"./{name}", data)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def fault_of(read, *arguments):
    """The one line in which a reader refuses."""
    with pytest.raises(ValueError, match=r".") as error:
        read(*arguments)
    message = str(error.value)
    assert "\n" not in message
    return message


# ---- flanks ----------------------------------------------------------------------


def test_positions_are_named_as_people_read_them():
    labels = position_labels()
    assert labels[:5] + labels[5:6] == ["−5", "−4", "−3", "−2", "−1", "+1"]
    assert f"{base_name('T', -1)}/{base_name('A', 1)}" == "T−1/A+1"
    with pytest.raises(ValueError, match="position: got 0, expected -5 to -1 or 1 to 5"):
        base_name("T", 0)
    with pytest.raises(ValueError, match="base: got 'N'"):
        base_name("N", 1)


def test_cells_are_read_as_files_and_as_people_write_them():
    assert parse_cell("T-1") == parse_cell("T−1") == (4, 3)
    assert [parse_cell(f"A{p:+d}") for p in POSITIONS] == [(k, 0) for k in range(10)]


@pytest.mark.parametrize("text", ["T1", "N-1", "t-1", "T-0", "T+6", "T-1 ", "T-1/A+1", ""])
def test_what_is_no_cell(text):
    assert f"cell: got {text!r}, expected a base and its position" in fault_of(parse_cell, text)


def test_flanks_to_codes_and_back():
    rng = np.random.default_rng(1)
    index = rng.integers(0, N_FLANKS, 1000)
    words = flank_strings(index)
    assert {len(word) for word in words} == {10}
    assert np.array_equal(sequence_index(flank_codes(words, source="here")), index)
    assert flank_codes(["acgtACGTaa"], source="here").tolist() == [[0, 1, 2, 3] * 2 + [0, 0]]
    assert flank_codes([], source="here").shape == (0, 10)
    assert flank_strings(np.array([0, N_FLANKS - 1, 1])).tolist() == ["A" * 10, "T" * 10, A]


@pytest.mark.parametrize("flank", ["ACGTNACGTA", "ACGT", "", "ACGTACGTACG", "ACGTACGTÄC"])
def test_what_is_no_flank(flank):
    fault = fault_of(lambda: flank_codes([A, flank, B], source="x.txt"))
    assert fault == f"x.txt, line 3: flank {flank!r}; expected 10 letters of A, C, G, T"


# ---- readers ---------------------------------------------------------------------


def test_replicates(tmp_path, caplog):
    first = written(tmp_path, REPLICATE)
    second = written(
        tmp_path,
        f'"ddG","note","sequence"\r\n2,"x",{A.lower()}\r\n\r\n-1,"x","{B}"\r\n-2,"x",{D}\r\n',
        "other_rep2.csv.gz",
    )
    with caplog.at_level(logging.INFO):
        found = read_replicates([first, second])
    assert found.replicates.tolist() == ["cbf1_rep1_counts", "other_rep2"]
    assert found.index.tolist() == index_of(A, B, D)  # C has no finite ddG in either
    nan = np.float32(np.nan)
    expected = np.array([[1.5, 2], [nan, -1], [-0.5, -2]], np.float32)
    np.testing.assert_array_equal(found.ddg, expected)
    assert "cbf1_rep1_counts.txt: 3 rows, 1 without a finite ddG" in caplog.text
    assert "3 flanks in 2 replicates; 1 more have no finite ddG in any" in caplog.text


def test_means_are_of_replicates_about_their_own():
    nan = np.nan
    ddg = np.array([[1, 10], [nan, 12], [3, nan]], np.float32)
    found = Measurements(np.arange(3), ddg, np.array(["a", "b"]))
    np.testing.assert_array_equal(found.centred(), [[-1, -1], [nan, 1], [1, nan]])
    assert found.mean().tolist() == [-1, 1, 1]
    assert found.mean().dtype == np.float32
    one = found.select(np.array([1]))  # the first replicate has nothing left
    assert np.isnan(one.centred()[0, 0])


def test_measurements_are_kept(tmp_path):
    found = read_replicates([written(tmp_path, REPLICATE)])
    found.save(tmp_path / "m.h5")
    again = Measurements.load(tmp_path / "m.h5")
    for name in ("index", "ddg", "replicates"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


@pytest.mark.parametrize("separator", [",", "\t", "  "])
def test_counts_of_a_protein(tmp_path, separator):
    path = written(tmp_path, COUNTS.replace(",", separator), "counts.txt.gz")
    found = read_counts(path, "CBF1")
    assert found.replicates.tolist() == ["1", "2"]
    assert found.index.tolist() == index_of(A, B)
    np.testing.assert_array_equal(found.ddg, [[0.25, 0.5], [np.nan, -0.25]])
    fault = fault_of(read_counts, path, "Gcn4")
    assert fault == f"{path}: no rows of protein 'Gcn4'; it has ['Cbf1', 'Pho4']"


def test_column_of_a_table(tmp_path):
    path = written(tmp_path, f",Pho4_ddG,flank,Cbf1_ddG\n0,1,{B},2\n1,3,{A},4\n", "ddg.csv")
    found = read_ddg(path, "Cbf1_ddG")
    assert found.index.tolist() == index_of(A, B)
    assert found.ddg.tolist() == [[4], [2]]
    assert found.replicates.tolist() == ["Cbf1_ddG"]
    fault = fault_of(read_ddg, path, "Cbf1_ddg")
    assert fault.startswith(f"{path}: no columns 'Cbf1_ddg', found ['', 'Pho4_ddG', 'flank',")


@pytest.mark.parametrize("name", ["data/rep1.txt", "data/rep1.txt.gz"])
def test_member_of_an_archive(tmp_path, name):
    path = archived(tmp_path, name)
    found = read_replicates([f"{path}::{name}"])
    assert found.replicates.tolist() == ["rep1"]
    assert found.index.tolist() == index_of(A, D)


def test_replicates_of_an_archive_have_their_own_names(tmp_path):
    written(tmp_path, REPLICATE, "rep2.txt")
    path = tmp_path / "all.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member in ("rep1.txt", "deep/rep2.txt"):
            tar.add(tmp_path / "rep2.txt", member)
    found = read_replicates([f"{path}::rep1.txt", f"{path}::rep2.txt"])
    assert found.replicates.tolist() == ["rep1", "rep2"]
    assert found.ddg.shape == (2, 2)


def test_member_by_the_end_of_its_path(tmp_path):
    path = archived(tmp_path, "deep/down/rep1.txt")
    assert len(read_replicates([f"{path}::down/rep1.txt"])) == 2
    twice = archived(tmp_path, "other/first.txt")  # beside data/first.txt
    fault = fault_of(read_ddg, f"{twice}::first.txt", "ddG")
    assert "'first.txt' is the end of ['data/first.txt', 'other/first.txt']" in fault


def test_archives_that_lack_it(tmp_path):
    path = archived(tmp_path)
    fault = fault_of(read_ddg, f"{path}::cbf1_rep2_counts.txt", "ddG")
    assert "no file 'cbf1_rep2_counts.txt' in it; the nearest names are" in fault
    assert "'data/cbf1_rep1_counts.txt'" in fault
    assert "'data/first.txt'" in fault_of(read_ddg, f"{path}::zzzzzzz", "ddG")
    path.write_bytes(gzip.compress(b"no archive, whatever its name says"))
    assert "not a tar archive" in fault_of(read_ddg, f"{path}::a", "ddG")


# ---- what is refused -------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ddG", "dG", ": no columns 'ddG', found ['sequence', 'input_count', 'bound_count'"),
        ("input_count", "ddG", ": 2 columns 'ddG', found"),
        (A, "AAAAANAAAA", ", line 3: flank 'AAAAANAAAA'; expected 10 letters"),
        (A, "AAAA", ", line 3: flank 'AAAA'"),
        (A, "", ", line 3: flank ''"),
        (A, D, f", line 3: flank {D} is in line 2 already; expected one row per flank"),
        ("1.5", "low", ", line 3: ddG 'low'; expected a number"),
        ("1.5", "1,5", ", line 3: ddG '1,5'; expected a number"),
    ],
)
def test_bad_rows(tmp_path, old, new, fault):
    path = written(tmp_path, REPLICATE.replace(old, new))
    assert fault_of(read_replicates, [path]).startswith(f"{path}{fault}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ": no header; expected the columns sequence, ddG"),
        ("\n", ": no header"),
        ("sequence\tddG\n", ": no rows below the header"),
        ("sequence\tddG\n\n\n", ": not a table: "),
        (f"sequence\tddG\n{A}\tNA\n{B}\tinf\n", ", lines 2 to 3: no finite ddG"),
        (f"sequence\tddG\n{A}\tTrue\n{B}\tFalse\n", ", line 2: ddG 'True'; expected a number"),
        (f'sequence\tddG\n{A}\t1\n{B}\t"2\n', ": not a table: "),
    ],
)
def test_tables_without_content(tmp_path, text, fault):
    path = written(tmp_path, text)
    assert fault_of(read_replicates, [path]).startswith(f"{path}{fault}")


def test_a_replicate_without_numbers_is_named(tmp_path):
    text = COUNTS + f"Cbf1,3,{A},1,1,-inf\n"
    fault = fault_of(read_counts, written(tmp_path, text, "counts.csv"), "Cbf1")
    assert "counts.csv, lines 7 to 7: no finite ddG" in fault


def test_rows_without_a_replicate(tmp_path):
    path = written(tmp_path, COUNTS.replace(f"Cbf1,2,{A}", f"Cbf1,,{A}"), "counts.csv")
    fault = fault_of(read_counts, path, "Cbf1")
    assert fault == f"{path}, line 5: rep ''; expected the name of a replicate"


def test_damaged_files(tmp_path):
    rng = np.random.default_rng(1)
    rows = [f"{flank}\t{ddg}\n" for flank, ddg in zip(
        flank_strings(np.arange(5000)), rng.normal(size=5000), strict=True
    )]  # fmt: skip
    text = "sequence\tddG\n" + "".join(rows)
    for path, name in (
        (written(tmp_path, text, "a.txt.gz"), ""),
        (archived(tmp_path, "a.txt", text), "::a.txt"),
        (archived(tmp_path, "a.txt.gz", text), "::a.txt.gz"),
    ):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        fault = fault_of(read_replicates, [f"{path}{name}"])
        assert fault.startswith(f"{path}: ")
        assert "cut short" in fault


def test_replicates_need_names_of_their_own(tmp_path):
    path = written(tmp_path, REPLICATE)
    assert "expected one name a replicate" in fault_of(read_replicates, [path, path])
    assert "got files named []" in fault_of(read_replicates, [])


# ---- splits ----------------------------------------------------------------------


def lists(folder, **parts):
    texts = {"train": f"{A}\n{B}\n", "validation": f"\n{C}\r\n\n", "test": D} | parts
    return {part: written(folder, text, f"{part}.txt") for part, text in texts.items()}


def test_split_from_lists(tmp_path):
    part_of = read_split(lists(tmp_path))
    assert part_of[index_of(A, B, C, D)].tolist() == [0, 0, 1, 2]
    assert (part_of == -1).sum() == N_FLANKS - 4


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"test": f"{D}\n{B}\n"}, f"test.txt: flank {B} is in part train too"),
        ({"test": f"{D}\n\nACGT\n"}, "test.txt, line 3: flank 'ACGT'"),
        ({"validation": "\n"}, "validation.txt: no flanks"),
        ({"extra": A}, "expected a file for each of"),
    ],
)
def test_bad_lists(tmp_path, parts, fault):
    assert fault in fault_of(read_split, lists(tmp_path, **parts))


def test_random_split_keeps_flanks_together():
    index = np.tile(np.random.default_rng(1).permutation(2000)[:1000], 3)
    part = random_split(index, (0.8, 0.1, 0.1), np.random.default_rng(2))
    assert part.dtype == np.int8
    assert np.bincount(part).tolist() == [2400, 300, 300]
    assert np.array_equal(part[:1000], part[2000:])
    again = random_split(index, (0.8, 0.1, 0.1), np.random.default_rng(2))
    other = random_split(index, (0.8, 0.1, 0.1), np.random.default_rng(3))
    assert np.array_equal(part, again)
    assert not np.array_equal(part, other)


@pytest.mark.parametrize(
    ("fractions", "fault"),
    [
        ((0.8, 0.2), "expected three above 0"),
        ((0.8, 0.2, 0.1), "expected three above 0"),
        ((1.1, -0.2, 0.1), "expected three above 0"),
        ((0.998, 0.001, 0.001), "leave a part without any"),
    ],
)
def test_bad_fractions(fractions, fault):
    rng = np.random.default_rng(1)
    assert fault in fault_of(random_split, np.arange(100), fractions, rng)
