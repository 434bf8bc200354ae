"""bQTLs: both forms of the file give one record, and the real ones fit hg19."""

import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest

from dfim.genome.genome import read_genome
from dfim.variants.windows import check_variants, cut_variant_windows
from flow.declarations.sheets import SHEETS
from flow.variants.bqtl import read_bqtl_table, read_workbook
from flow.variants.choice import checked_table, rows_named

HEADER = (
    "Chr\tposition\tDepth\tALTdepth\tREFDepth\tALTallele\tPOSTallele\tPOSTfreq\t"
    "prechipfreq\tpvalue\n"
)
ROWS = [
    "chr1\t11\t10\t2\t8\tg\ta\t0.8\t0.4\t1e-400\n",
    "chr1\t21\t10\t8\t2\tT\tC\t0.2\t0.6\t0.03\n",
    "chr1\t11\t10\t2\t8\tG\tA\t0.8\t0.4\t0\n",
    "chr2\t1.2e3\t10\t5\t5\tT\tC\t0.5\t0.5\t1\n",
]
SHEET = pd.DataFrame(
    {
        "Chr": ["chr1", "chr1", "chr1", "chr2"],
        "position": [11, 21.0, "11", "1.2e3"],
        "Depth": 10,
        "REFallele": ["a", "C", "A", "C"],
        "ALTallele": ["g", "T", "G", "T"],
        "higherBindingAllele": ["A", "t", "A", "N"],
        "pvalue": ["1e-400", 0.03, 0, 1],
    }
)


def expect_the_four(found, first_row):
    assert found.variants.position.tolist() == [10, 20, 10, 1199]
    assert found.variants.ref.tolist() == list("ACAC")
    assert found.variants.alt.tolist() == list("GTGT")
    assert found.variants.row.tolist() == [first_row + i for i in range(4)]
    assert found.p_value.tolist() == [0, 0.03, 0, 1]
    assert found.stronger.tolist() == ["A", "T", "A", ""]


@pytest.mark.parametrize("header", ["", "header\n", HEADER])
def test_table(tmp_path, header, caplog):
    path = tmp_path / "b.txt"
    path.write_text(header + "".join(ROWS))
    with caplog.at_level(logging.INFO):
        found = read_bqtl_table(path)
    expect_the_four(found, 2 if header else 1)
    assert "4 bQTLs; 1 repeat an earlier row (0 with another p), 2 have p = 0" in caplog.text
    assert "1 name neither" in caplog.text
    assert found.select(found.p_value > 0).variants.row.tolist() == [
        found.variants.row[1],
        found.variants.row[3],
    ]


def workbook(path, **sheets):
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False)
    return path


def test_workbook(tmp_path):
    sheets = dict.fromkeys(SHEETS.values(), SHEET.iloc[:1]) | {"PU.1": SHEET}
    path = workbook(tmp_path / "mmc2.xlsx", **sheets)
    expect_the_four(read_workbook(path, SHEETS["SPI1"]), 2)
    assert len(read_workbook(path, SHEETS["JUND"])) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"pvalue": 1.5}, "row 2: p '1.5'; expected a number from 0 to 1"),
        ({"pvalue": ""}, "row 2: p ''"),
        ({"position": "chr1"}, "row 2: position 'chr1'"),
        ({"position": -3}, "row 2: position '-3'"),
        ({"higherBindingAllele": None}, "no column 'higherBindingAllele', found ['Chr',"),
    ],
)
def test_bad_workbook_rows(tmp_path, change, fault):
    table = SHEET.assign(**change).dropna(axis=1, how="all")
    path = workbook(tmp_path / "b.xlsx", JunD=table)
    with pytest.raises(ValueError, match=r".") as error:
        read_workbook(path, "JunD")
    assert str(error.value).startswith(f"{path}, sheet JunD")
    assert fault in str(error.value)


def test_workbooks_that_are_none(tmp_path):
    path = workbook(tmp_path / "b.xlsx", JunD=SHEET, Stat1=SHEET.iloc[:0])
    with pytest.raises(ValueError, match=r"no sheet 'PU\.1', found \['JunD', 'Stat1'\]"):
        read_workbook(path, "PU.1")
    with pytest.raises(ValueError, match="sheet Stat1: no rows"):
        read_workbook(path, "Stat1")
    path.write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="not an xlsx workbook"):
        read_workbook(path, "JunD")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("\t0.03", "\t1.2", "line 3: p '1.2'; expected a number from 0 to 1"),
        ("\t0.03", "", "line 3: p ''"),
        ("\t0.6\t", "\t60%\t", "line 3: prechipfreq '60%'"),
        ("\t21\t", "\t0\t", "line 3: position '0'"),
        ("\t", " ", "line 2: POSTfreq ''"),
    ],
)
def test_bad_tables(tmp_path, old, new, fault):
    path = tmp_path / "b.txt"
    path.write_text("header\n" + "".join(ROWS).replace(old, new))
    with pytest.raises(ValueError, match=r".") as error:
        read_bqtl_table(path)
    assert str(error.value).startswith(f"{path}, {fault}")


# ---- real data -------------------------------------------------------------------


@pytest.fixture(scope="module")
def hg19(test_data):
    return read_genome(test_data / "hg19/human_g1k_v37.20.21.fasta.gz")


@pytest.fixture(params=["JUND", "SPI1", "RELA"])
def factor(request):
    return request.param


@pytest.mark.realdata
@pytest.mark.parametrize("form", ["10k", "significant_and_control"])
def test_reference_alleles_are_those_of_hg19(test_data, hg19, factor, form):
    variants = read_bqtl_table(test_data / f"bqtl/{factor}_{form}.txt").variants
    variants = variants.select(hg19.contigs.index(variants.contig) >= 0)
    assert len(variants) > 190
    for shift in (-1, 0, 1):
        moved = dataclasses.replace(variants, position=variants.position + shift)
        counts = check_variants(moved, hg19, 1).counts
        agree = (counts["ok"] + counts["duplicate"]) / len(variants)
        assert agree == 1 if shift == 0 else 0.2 < agree < 0.3


@pytest.mark.realdata
def test_numbers_of_significant_and_control_variants(test_data, hg19, factor):
    expected = {"JUND": (241, 114, 174), "SPI1": (135, 63, 120), "RELA": (123, 61, 136)}
    repeats = {"JUND": 16, "SPI1": 10, "RELA": 17}
    smallest = read_bqtl_table(test_data / f"bqtl/{factor}_10k.txt")
    both = read_bqtl_table(test_data / f"bqtl/{factor}_significant_and_control.txt")
    checked = check_variants(both.variants, hg19, 1000)
    assert checked.counts["duplicate"] == repeats[factor]
    p_value = both.p_value[checked.status == "ok"]
    ok = check_variants(smallest.variants, hg19, 1000).status == "ok"
    found = (smallest.p_value[ok] < 5e-5).sum(), (p_value < 5e-5).sum(), (p_value == 1).sum()
    assert found == expected[factor]
    windows = cut_variant_windows(checked.ok, hg19, 1000)
    assert windows.shape == (sum(found[1:]), 1000)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("factor", "place", "alleles", "stronger", "p"),
    [
        ("JUND", ("chr22", 42925131), "AG", "A", 1.71e-140),  # printed as 42925130
        ("SPI1", ("chr1", 94169844), "TC", "T", 3.13e-12),  # printed as 94169843
        ("RELA", ("chr11", 30344883), "GC", "G", 3.23e-115),
    ],
)
def test_loci_of_the_paper(test_data, factor, place, alleles, stronger, p):
    found = read_bqtl_table(test_data / f"bqtl/{factor}_10k.txt")
    there = (found.variants.contig == place[0]) & (found.variants.position + 1 == place[1])
    locus = found.select(there)
    assert [*(locus.variants.ref + locus.variants.alt), *locus.stronger] == [alleles, stronger]
    assert locus.p_value == pytest.approx(p, rel=0.01)


@pytest.mark.realdata
def test_real_loci_are_found_in_either_convention(test_data, hg19, factor):
    found = read_bqtl_table(test_data / f"bqtl/{factor}_10k.txt")
    table, checked = checked_table(factor, {"table": found}, hg19, 1000)
    for at in np.flatnonzero(table["status"] == "ok")[:4]:
        position = checked.variants.position[at]
        for printed in (position, position + 1):
            column = {"set": factor, "locus": f"{checked.variants.contig[at]}:{printed}"}
            assert rows_named(table, column).tolist() == [at]
