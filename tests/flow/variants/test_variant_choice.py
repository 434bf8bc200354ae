"""Which variants are scored: files, their faults, and the choice of bQTLs and controls."""

import logging
import shutil

import numpy as np
import pandas as pd
import pytest

from dfim.genome.genome import Genome, write_genome
from dfim.genome.intervals import Contigs, Peaks
from dfim.io.store import read_arrays, read_json, read_table
from dfim.sequences.encoding import UNKNOWN
from dfim.variants.variants import Variants
from flow.declarations.sheets import SHEETS
from flow.variants.choice import (
    COLUMNS,
    add_listed,
    choose_bqtls,
    inside_peaks,
    require_reference,
    rows_named,
)
from flow.variants.rows import TEXT
from scripts.collect_variants import main

SIZE, WINDOW = 6000, 1000
N_RUN = 3000  # ten Ns on contig 1
CHOICE = {"significant": 5e-5, "control_p": 0.9, "controls": "matched", "limit": None}
OUT = ("variants.tsv.gz", "windows.h5", "counts.json")


@pytest.fixture(scope="module")
def genome():
    """Two contigs without chr in their names; the files of variants have it."""
    codes = np.random.default_rng(4).integers(0, 4, (2, SIZE)).astype(np.uint8)
    codes[0, N_RUN : N_RUN + 10] = UNKNOWN
    return Genome(Contigs(("1", "2"), (SIZE, SIZE)), tuple(codes))


@pytest.fixture
def folder(tmp_path, genome):
    write_genome(tmp_path / "genome.fa", genome)
    return tmp_path


def base_at(genome, contig, pos):
    """The base at a 1-based position; an A where there is none."""
    codes = genome.codes[int(contig[-1]) - 1] if contig[3:] in "12" else []
    return "ACGTA"[codes[pos - 1]] if pos <= len(codes) else "A"


def other(base, step=1):
    return "ACGT"[("ACGT".index(base) + step) % 4]


def bqtls(genome, *rows) -> pd.DataFrame:
    """Rows of contig, 1-based position and p-value; alleles that fit the genome."""
    made = []
    for contig, pos, p, *alleles in rows:
        ref = base_at(genome, contig, int(float(pos)))
        ref, alt = alleles or (ref, other(ref))
        made.append((contig, pos, ref, alt, ref, p))
    columns = ["Chr", "position", "REFallele", "ALTallele", "higherBindingAllele", "pvalue"]
    return pd.DataFrame(made, columns=columns)


def write_ten(path, table):
    """The form of ten columns, with the word header first."""
    rows = [
        f"{t.Chr}\t{t.position}\t10\t5\t5\t{t.ALTallele}\t{t.REFallele}\t0.7\t0.5\t{t.pvalue}"
        for t in table.itertuples()
    ]
    path.write_text("\n".join(["header", *rows]) + "\n")
    return str(path)


def write_book(path, **sheets):
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False)
    return str(path)


def write_peaks(path, *places):
    rows = (f"{c}\t{a}\t{b}\t.\t0\t.\t1\t-1\t-1\t-1" for c, a, b in places)
    path.write_text("".join(f"{row}\n" for row in rows))
    return str(path)


def collect(folder, *, choice=None, **more):
    """What the step writes: table, windows and counts."""
    lists = ("variants", "workbook", "tables", "controls", "accessible", "binding",
             "control_sets", "binding_sets", "listed")  # fmt: skip
    arguments = {key: [] for key in lists} | {
        "genome": str(folder / "genome.fa"), "sets": ["JUND"], "contigs": None,
        "window": WINDOW, "seed": 7, "chunks": 1, "choice": CHOICE | (choice or {}),
    }  # fmt: skip
    names = dict(zip(("table", "windows", "counts"), OUT, strict=True))
    main(**arguments | more, **{key: str(folder / name) for key, name in names.items()})
    table = read_table(folder / OUT[0], text=TEXT)
    return table, read_arrays(folder / OUT[1])[0]["codes"], read_json(folder / OUT[2])


def refusal(folder, **more) -> str:
    with pytest.raises(ValueError, match=r".") as error:
        collect(folder, **more)
    text = str(error.value)
    assert "\n" not in text
    assert not any((folder / name).exists() for name in OUT)
    return text


STRONG = [("chr1", 1000, "1e-9"), ("chr1", 1200, "1e-6"), ("chr2", 2000, "4.9e-5")]
WEAK = [("chr1", 1300, "1"), ("chr2", 2500, "0.99"), ("chr1", 1500, "0.95"),
        ("chr2", 2600, "0.91"), ("chr2", 2700, "0.9"), ("chr2", 2800, "5e-5")]  # fmt: skip


@pytest.fixture
def good(genome):
    return bqtls(genome, *WEAK[:2], *STRONG, *WEAK[2:])


# ---- the step, from files --------------------------------------------------------


def test_significant_variants_and_the_weakest_as_controls(folder, genome, good):
    table, codes, counts = collect(folder, tables=[write_ten(folder / "b.txt", good)])
    assert tuple(table.columns) == COLUMNS
    assert table["pos"].tolist() == good["position"].tolist()  # all rows, in their order
    groups = table.set_index("pos")["group"]
    assert groups[groups == "significant"].index.tolist() == [1000, 1200, 2000]
    assert groups[groups == "control"].index.tolist() == [1300, 2500, 1500]
    assert (groups == "").sum() == 3  # p of 0.91 is not needed, 0.9 and 5e-5 are neither
    chosen = table[table["chosen"] == 1]
    assert (table["chosen"] == (table["group"] != "")).all()
    for window, row in zip(codes, chosen.itertuples(), strict=True):
        expected = genome.codes[int(row.chrom[-1]) - 1][row.pos - 501 : row.pos + 499]
        np.testing.assert_array_equal(window, expected)
    assert counts == {
        "JUND": {
            "read": 9, "status": {"ok": 9}, "ok_outside_peaks": 0, "multi_allelic": 0,
            "p_is_0": 0, "group": {"control": 3, "significant": 3}, "scored": 6,
        }
    }  # fmt: skip


def test_every_kind_of_bad_row_is_kept_and_counted(folder, genome, good):
    fine = base_at(genome, "chr2", 3500)
    rows = bqtls(
        genome,
        ("chr1", N_RUN + 5, "1e-9"),  # in the run
        ("chr1", N_RUN + 505, "1e-9"),  # it is in the window's first half
        ("chr1", N_RUN + 511, "1e-9"),  # it is just outside: row 13 of the file
        ("chr2", 500, "1e-9"),  # one base too near to either end, and just enough
        ("chr2", 501, "1e-9"),
        ("chr2", SIZE - 499, "1e-9"),
        ("chr2", SIZE - 498, "1e-9"),
        ("chr2", SIZE + 1, "1e-9"),
        ("chrX", 2000, "1e-9"),
        ("chr2", 3500, "1e-9", other(fine), fine),  # exchanged
        ("chr2", 3500, "1e-9", other(fine), other(fine, 2)),  # neither is there
        ("chr2", 3500, "1e-9", fine, fine),
        ("chr2", 3500, "1e-9", fine, fine + "A"),
        ("chr2", 3500, "1e-9", fine, "N"),
        ("chr2", 3500, "1e-9", fine.lower(), other(fine).lower()),
        ("chr2", 3500, "0.5", fine, other(fine)),  # the first row holds
        ("chr2", 3500, "1e-9", fine, other(fine, 2)),  # another allele is no duplicate
        ("chr2", "3.6e3", "1e-9"),
        ("chr2", "3700.0", "1e-400"),  # a float holds neither
        ("chr2", 3800, "0"),
    )
    every = pd.concat([good, rows])
    table, _, counts = collect(
        folder, tables=[write_ten(folder / "b.txt", every)], choice={"controls": "largest_p",
                                                                     "limit": 4}
    )  # fmt: skip
    assert table["status"].tolist()[9:] == [
        "n_at_variant", "n_in_window", "ok", "window_leaves_contig", "ok", "ok",
        "window_leaves_contig", "outside_contig", "unknown_contig", "swapped",
        "reference_mismatch", "same_alleles", "indel", "not_acgt", "ok", "duplicate", "ok",
        "ok", "ok", "ok",
    ]  # fmt: skip
    found = counts["JUND"]
    assert found["status"] == table["status"].value_counts().to_dict()
    assert sum(found["status"].values()) == found["read"] == len(every)
    assert found["p_is_0"] == 2
    scientific = table.iloc[26]
    assert (scientific["pos"], scientific["row"]) == (3600, 28)  # the header is line 1
    lower = table.iloc[23]
    assert (lower["ref"], lower["alt"]) == (fine, other(fine))
    assert (table.loc[table["chosen"] == 1, "status"] == "ok").all()


def test_a_p_that_underflows_is_significant(folder, genome):
    rows = bqtls(genome, ("chr1", 1000, "1e-400"), ("chr1", 1100, "0"), *WEAK[:2])
    table, _, counts = collect(folder, tables=[write_ten(folder / "b.txt", rows)])
    assert table["group"].tolist() == ["significant"] * 2 + ["control"] * 2
    assert counts["JUND"]["p_is_0"] == 2


@pytest.mark.parametrize("p", ["1.5", "-0.1", "", "high"])
def test_a_p_that_is_none_is_refused_with_its_line(folder, genome, good, p):
    bad = pd.concat([good, bqtls(genome, ("chr1", 1600, p))])
    path = write_ten(folder / "b.txt", bad)
    expected = f"{path}, line 11: p {p!r}; expected a number from 0 to 1"
    assert refusal(folder, tables=[path]).startswith(expected)


def test_positions_in_scientific_notation_that_lost_digits_show_as_mismatches(
    folder, genome, good, caplog
):
    at_1600 = base_at(genome, "chr1", 1600)
    place = next(p for p in range(1601, 1650) if base_at(genome, "chr1", p) != at_1600)
    lost = bqtls(genome, ("chr1", place, "1e-9")).assign(position="1.6e3")
    with caplog.at_level(logging.WARNING):
        table, *_ = collect(
            folder, tables=[write_ten(folder / "b.txt", pd.concat([good, lost]))]
        )
    assert table["status"].iloc[-1] in ("swapped", "reference_mismatch")
    assert "line 11 and on: 1 position in scientific notation" in caplog.text


def test_workbook_and_table_give_the_same_choice(folder, good):
    (folder / "other").mkdir()
    shutil.copy(folder / "genome.fa", folder / "other")
    book = write_book(folder / "mmc2.xlsx", JunD=good, Stat1=good.iloc[:0])
    first = collect(folder, workbook=[book])
    second = collect(folder / "other", tables=[write_ten(folder / "b.txt", good)])
    assert first[0]["file"].unique() == ["mmc2.xlsx"]
    pd.testing.assert_frame_equal(*(found[0].drop(columns="file") for found in (first, second)))
    np.testing.assert_array_equal(first[1], second[1])
    assert first[2] == second[2]


@pytest.mark.parametrize("column", ["pvalue", "position", "REFallele", "ALTallele", "Chr"])
def test_a_workbook_without_a_column_is_refused(folder, good, column):
    book = write_book(folder / "mmc2.xlsx", JunD=good.drop(columns=column))
    assert f"{book}, sheet JunD: no column {column!r}, found" in refusal(
        folder, workbook=[book]
    )


def test_a_workbook_without_a_sheet_is_refused(folder, good):
    book = write_book(folder / "mmc2.xlsx", JunD=good)
    told = refusal(folder, workbook=[book], sets=["JUND", "SPI1"])
    assert told.startswith(f"{book}: no sheet 'PU.1', found ['JunD']")
    told = refusal(folder, workbook=[book], sets=["MYC"])
    assert told.startswith("sets: 'MYC' has no sheet in the workbook; expected one of JUND")
    for factor in SHEETS:
        assert factor in told


def test_fewer_controls_than_asked(folder, genome, good):
    few = write_ten(folder / "b.txt", good[good["pvalue"] != "1"])
    collect(folder, tables=[few])  # 0.91 takes its place
    for name in OUT:
        (folder / name).unlink()
    fewer = good[~good["pvalue"].isin(["1", "0.99"])]
    told = refusal(folder, tables=[write_ten(folder / "c.txt", fewer)])
    assert told == (
        "JUND: 2 controls with p > 0.9, expected 3, one for each significant variant; give a "
        "file with more controls, or say controls: largest_p or all"
    )
    made = write_ten(folder / "d.txt", bqtls(genome, *STRONG, WEAK[-1]))
    told = refusal(folder, tables=[made], choice={"controls": "all"})
    assert told == "JUND: no control with p > 0.9; give a file of controls"
    told = refusal(folder, tables=[made], choice={"controls": "largest_p"})
    assert "JUND: 1 controls, expected 3" in told


def test_none_significant(folder, genome):
    made = write_ten(folder / "b.txt", bqtls(genome, *WEAK))
    told = refusal(folder, tables=[made])
    assert told.startswith(
        "JUND: none of 6 variants (6 of them ok and inside the peaks) has p < 5e-05; check file"
    )
    peaks = write_peaks(folder / "p.bed", ("chr1", 10, 20))
    good = write_ten(folder / "c.txt", bqtls(genome, *STRONG, *WEAK))
    assert "none of 9 variants (0 of them ok" in refusal(
        folder, tables=[good], accessible=[peaks]
    )


def test_a_set_without_a_table_is_refused_before_anything_is_written(folder, good):
    made = write_ten(folder / "b.txt", good)
    with pytest.raises((ValueError, FileNotFoundError)):
        collect(folder, sets=["JUND", "SPI1"], tables=[made])
    assert not any((folder / name).exists() for name in OUT)


def test_variants_lie_in_the_peaks_of_both_files(folder, genome):
    strong = [("chr1", 1000), ("chr1", 1001), ("chr1", 1010), ("chr1", 1011), ("chr2", 1005)]
    weak = [("chr1", 1006, "1"), ("chr1", 2006, "1"), ("chr1", 1007, "0.95"),
            ("chr1", 1008, "0.92")]  # fmt: skip
    rows = bqtls(genome, *((*place, "1e-9") for place in strong), *weak)
    made = write_ten(folder / "b.txt", rows)
    open_ = write_peaks(folder / "open.bed", ("1", 1000, 1010), ("chr2", 1000, 1010))
    bound = write_peaks(folder / "bound.bed", ("1", 900, 2100), ("chrUn", 5, 9))
    both = {"accessible": [open_], "binding": [bound], "binding_sets": ["JUND"]}
    table, _, counts = collect(folder, tables=[made], **both)
    assert table["inside"].tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 1]  # [1000, 1010) from 0
    assert table["group"].tolist() == [
        "", "significant", "significant", "", "", "control", "", "control", "",
    ]  # fmt: skip
    assert counts["JUND"]["ok_outside_peaks"] == 4
    # Peaks of another set's factor are not this one's.
    made = [made, write_ten(folder / "c.txt", rows)]
    table, *_ = collect(folder, tables=made, sets=["SPI1", "JUND"], **both)
    inside = table.groupby("set", sort=False)["inside"].sum()
    assert inside.to_dict() == {"SPI1": 6, "JUND": 5}


def test_controls_come_from_their_own_file(folder, genome):
    own = bqtls(genome, *STRONG[:2], ("chr2", 2900, "1"), ("chr1", 1500, "0.93"))
    lent = bqtls(genome, ("chr1", 1500, "0.93"), ("chr2", 2500, "1"), ("chr1", 1700, "0.95"),
                 ("chr1", 1000, "1"))  # fmt: skip
    table, _, counts = collect(
        folder,
        tables=[write_ten(folder / "b.txt", own)],
        controls=[write_ten(folder / "controls.txt", lent)],
        control_sets=["JUND"],
    )
    assert table["file"].tolist() == ["b.txt"] * 4 + ["controls.txt"] * 4
    # The first row holds: rows 5 and 8 repeat rows 4 and 1 and are told, not chosen.
    assert table["status"].tolist() == ["ok"] * 4 + ["duplicate", "ok", "ok", "duplicate"]
    assert table["group"].tolist() == ["significant"] * 2 + [
        "",
        "",
        "",
        "control",
        "control",
        "",
    ]
    assert counts["JUND"]["status"] == {"ok": 6, "duplicate": 2}
    assert table["row"].tolist() == [2, 3, 4, 5] * 2


def test_a_file_of_controls_named_like_the_table_is_refused(folder, good):
    (folder / "more").mkdir()
    names = [write_ten(folder / place / "b.txt", good) for place in ("", "more")]
    told = refusal(folder, tables=names[:1], controls=names[1:], control_sets=["JUND"])
    assert told.startswith(f"controls: {names[1]} has the name of the set's own file")


def test_a_set_does_not_depend_on_the_sets_after_it(folder, genome):
    ties = [("chr1", 1300 + 10 * i, "1") for i in range(30)]
    made = write_ten(folder / "b.txt", bqtls(genome, *STRONG, *ties))
    alone = collect(folder, tables=[made])[0]
    both = collect(folder, tables=[made, made], sets=["JUND", "SPI1"])[0]
    pd.testing.assert_frame_equal(alone, both[both["set"] == "JUND"])
    # ... and the lots of another are others.
    groups = [part["group"].tolist() for _, part in both.groupby("set")]
    assert groups[0] != groups[1]


def test_a_users_variants_are_all_scored(folder, genome):
    ref = {pos: base_at(genome, "chr2", pos) for pos in (1000, 2000, 3000, 10)}
    rows = [(1000, "rs1", ref[1000].lower(), other(ref[1000])),
            (2000, "rs2", ref[2000], f"{other(ref[2000])},{other(ref[2000], 2)}"),
            (3000, "rs3", ref[3000], "<DEL>"),
            (10, "rs4", ref[10], other(ref[10]))]  # fmt: skip
    lines = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT"]
    path = folder / "mine.vcf"
    path.write_text("\n".join([*lines, *(f"chr2\t{p}\t{n}\t{r}\t{a}" for p, n, r, a in rows)]))
    table, codes, counts = collect(folder, variants=[str(path)], sets=[""])
    assert table["group"].tolist() == ["variant"] * 3 + ["", ""]
    assert table["status"].tolist() == ["ok"] * 3 + ["not_acgt", "window_leaves_contig"]
    assert table["p_value"].isna().all()
    assert len(codes) == 3
    assert counts[""]["group"] == {"variant": 3}
    path.write_text("\n".join([*lines, f"chr2\t10\trs4\t{ref[10]}\t{other(ref[10])}"]))
    for name in OUT:
        (folder / name).unlink()
    told = refusal(folder, variants=[str(path)], sets=[""])
    assert told == "variants: none of 1 can be scored: {'window_leaves_contig': 1}"


def test_only_the_contigs_asked_for_are_known(folder, good):
    made = write_ten(folder / "b.txt", good)
    table, *_ = collect(folder, tables=[made], contigs=["chr1"])
    assert (table["status"] == np.where(table["chrom"] == "chr1", "ok", "unknown_contig")).all()
    assert (table["inside"] == (table["chrom"] == "chr1")).all()


# ---- variants that figures name ----------------------------------------------------


@pytest.mark.parametrize("locus", ["chr2:2700", "chr2:2699", "2:2700"])
def test_a_listed_locus_is_scored_in_either_convention_and_outside_peaks(folder, good, locus):
    open_ = write_peaks(folder / "open.bed", ("1", 900, 2100), ("2", 1900, 2650))
    made = {"tables": [write_ten(folder / "b.txt", good)], "accessible": [open_]}
    without = collect(folder, **made)
    table, codes, counts = collect(folder, listed=[{"set": "JUND", "locus": locus}], **made)
    assert table.loc[table["group"] == "listed", "pos"].tolist() == [2700]
    assert table.loc[table["pos"] == 2700, "inside"].tolist() == [0]
    assert len(codes) == len(without[1]) + 1
    assert counts["JUND"]["group"] == {"significant": 3, "control": 3, "listed": 1}


def test_what_is_listed_keeps_its_group_and_must_be_ok(folder, genome, good):
    swapped = bqtls(genome, ("chr2", 5000, "0.5")).rename(
        columns={"REFallele": "ALTallele", "ALTallele": "REFallele"}
    )
    made = write_ten(folder / "b.txt", pd.concat([good, swapped]))
    rule = {"pick": "loss"}  # for where there is no such variant
    listed = [{"locus": "chr1:1000"}, {"locus": "chr1:1300"}, {"locus": "chr2:5000", **rule},
              {"set": "SPI1", "locus": "chr2:2800", **rule},
              {"locus": "chr9:5", **rule}]  # fmt: skip
    table, *_ = collect(folder, tables=[made], listed=listed)
    assert (table["group"] == "listed").sum() == 0
    for locus, why in (("chr2:5000", "swapped"), ("chr9:5", "not in the file")):
        with pytest.raises(ValueError, match=rf"columns: {locus}: no variant .*\({why}\)"):
            collect(folder, tables=[made], listed=[{"locus": locus}])
    ref = base_at(genome, "chr2", 2800)
    name = f"chr2:2800:{ref}>{other(ref)}"
    table, *_ = collect(folder, tables=[made], listed=[{"name": name}])
    assert table.loc[table["group"] == "listed", "pos"].tolist() == [2800]


def small(**columns) -> pd.DataFrame:
    n = len(columns["pos"])
    table = {"set": ["A"] * n, "chrom": ["chr1"] * n, "name": [f"rs{i}" for i in range(n)],
             "alt": ["T"] * n, "status": ["ok"] * n, "group": [""] * n}  # fmt: skip
    return pd.DataFrame(table | columns)


def test_rows_named():
    table = small(
        pos=[100, 101, 101, 103, 100, 100],
        chrom=["chr1", "chr1", "1", "1", "chr10", "chr1"],
        set=["A", "A", "B", "A", "A", "A"],
        alt=["T", "T", "G", "T", "T", "T"],
        status=["ok"] * 5 + ["duplicate"],
    )
    assert rows_named(table, {"locus": "chr1:100"}).tolist() == [0]  # it stands there
    assert rows_named(table, {"locus": "chr1:102"}).tolist() == [3]  # printed 0-based
    assert rows_named(table, {"locus": "chr1:104"}).tolist() == []
    assert rows_named(table, {"locus": "chr1:100", "set": "B"}).tolist() == [2]
    assert rows_named(table, {"locus": "1:101", "alt": "G"}).tolist() == [2]
    assert rows_named(table, {"locus": "1:103"}).tolist() == [3]
    assert rows_named(table, {"name": "rs4"}).tolist() == [4]
    assert rows_named(table, {"name": "rs5"}).tolist() == []  # not ok
    assert rows_named(table, {"name": "rs4", "set": "B"}).tolist() == []
    assert add_listed(table, [{"name": "rs4"}]).tolist() == [""] * 4 + ["listed", ""]
    assert (table["group"] == "").all()  # the table itself stays


# ---- the choice --------------------------------------------------------------------


def scored(p, *, status="ok", inside=True, file="a") -> pd.DataFrame:
    return pd.DataFrame(
        {"set": "A", "p_value": p, "status": status, "inside": inside, "file": file}
    )


def chosen(table, *, seed=0, control_file=None, **choice) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return choose_bqtls(table, **CHOICE | choice, control_file=control_file, rng=rng)


@pytest.fixture
def table():
    """Many rows, a third of them bad or outside, with ties among the largest p."""
    rng = np.random.default_rng(8)
    p = np.concatenate([rng.random(40) * 1e-5, rng.random(80), np.repeat([1.0, 0.97], 30)])
    rng.shuffle(p)
    status = rng.choice(["ok", "ok", "ok", "swapped"], len(p))
    return scored(p, status=status, inside=rng.random(len(p)) < 0.9)


def test_controls_are_those_with_the_largest_p(table):
    group = chosen(table)
    usable = (table["status"] == "ok") & table["inside"]
    p = table["p_value"]
    assert ((group == "significant") == (usable & (p < 5e-5))).all()
    n = (group == "significant").sum()
    assert 20 < n == (group == "control").sum()
    assert (usable & (p > 0.9))[group == "control"].all()
    expected = sorted(p[usable & (p > 0.9)], reverse=True)[:n]
    assert sorted(p[group == "control"], reverse=True) == expected


def test_ties_are_broken_by_the_seed_alone(table):
    first = chosen(table)
    assert (first == chosen(table)).all()
    second = chosen(table, seed=1)
    assert ((first == "significant") == (second == "significant")).all()
    assert ((first == "control") != (second == "control")).any()
    p = table["p_value"]
    assert sorted(p[first == "control"]) == sorted(p[second == "control"])


def test_lots_are_fair():
    table = scored([1e-9, *[1.0] * 4])
    found = np.array([chosen(table, seed=seed) == "control" for seed in range(400)])
    assert (found.sum(axis=1) == 1).all()
    assert found[:, 1:].sum(axis=0) == pytest.approx(np.full(4, 100), abs=30)


@pytest.mark.parametrize("limit", [1, 3, 7, 10])
def test_a_limit_is_spread_evenly(limit):
    table = scored([1e-9] * 10 + [0.95] * 30)
    group = chosen(table, limit=limit, controls="all")
    for name, n, first in (("significant", 10, 0), ("control", 30, 10)):
        rows = np.flatnonzero(group == name)
        assert len(rows) == limit
        assert rows[0] == first
        steps = np.diff([*rows, first + n])
        assert steps.max() - steps.min() <= 1
    assert (chosen(table, limit=limit) == "control").sum() == limit
    assert (chosen(table, limit=99) == "significant").sum() == 10


def test_all_controls_or_those_of_any_p():
    table = scored([1e-9, 1e-9, 0.95, 0.96, 0.97, 0.5, 5e-5])
    assert chosen(table, controls="all").tolist() == ["significant"] * 2 + ["control"] * 3 + [
        "", "",
    ]  # fmt: skip
    few = scored([1e-9, 1e-9, 1e-9, 0.6, 0.5, 5e-5, np.nan])
    with pytest.raises(ValueError, match=r"A: 0 controls with p > 0\.9, expected 3"):
        chosen(few)
    group = chosen(few, controls="largest_p")
    assert group.tolist() == ["significant"] * 3 + ["control"] * 3 + [""]


def test_edges_are_neither():
    group = chosen(scored([5e-5, 0.9, np.nextafter(5e-5, 0), np.nextafter(0.9, 1)]))
    assert group.tolist() == ["", "", "significant", "control"]


def test_inside_peaks_of_every_file(genome):
    variants = Variants.build(
        ["chr1", "1", "2", "chrX"], [9, 10, 15, 15], list("AAAA"), list("TTTT"), row=range(4)
    )
    start = np.array([10])
    of_one = Peaks(np.array([0]), start, start + 10, start)
    of_two = Peaks(np.array([0, 1]), np.array([0, 12]), np.array([11, 16]), np.array([0, 12]))
    assert inside_peaks(variants, genome, []).tolist() == [True, True, True, False]
    assert inside_peaks(variants, genome, [of_one]).tolist() == [False, True, False, False]
    assert inside_peaks(variants, genome, [of_two]).tolist() == [True, True, True, False]
    assert inside_peaks(variants, genome, [of_one, of_two]).tolist() == [
        False, True, False, False,
    ]  # fmt: skip


def test_a_control_that_the_table_has_too_is_still_a_control():
    rows = pd.DataFrame({
        "set": "JUND", "chrom": ["1", "1", "1", "chr1"], "pos": [10, 20, 30, 20], "ref": "A",
        "alt": "C", "file": ["a", "a", "a", "b"], "p_value": [1e-9, 1.0, 1.0, 1.0],
        "status": ["ok", "ok", "ok", "duplicate"], "inside": True,
    })  # fmt: skip
    group = choose_bqtls(
        rows, significant=5e-5, control_p=0.9, controls="matched", limit=None,
        control_file="b", rng=np.random.default_rng(0),
    )  # fmt: skip
    assert group.tolist() == ["significant", "control", "", ""]


def test_mostly_wrong_reference_alleles_are_refused():
    table = pd.DataFrame({"status": ["ok"] * 4 + ["swapped"] * 2 + ["reference_mismatch"] * 7})
    with pytest.raises(ValueError, match="of 13 reference alleles 7 are not the genome's"):
        require_reference(table)
    require_reference(table.iloc[:-1])  # half: said in the log
