"""Files of variant results: the table, INFO fields of a VCF, BEDPE coordinates."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest

from dfim.attribution.factory import make_attributor
from dfim.io.store import read_table, write_table
from dfim.pairs.bedpe import write_bedpe
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import one_hot_encode
from dfim.variants.affected_motifs import affected_motifs
from dfim.variants.files import read_variants, read_vcf
from dfim.variants.fis import score_variants
from dfim.variants.tables import site_pairs, variant_table
from dfim.variants.variants import CheckedVariants
from dfim.variants.vcf import write_variant_vcf
from helpers.pwms import ETS, GATA, window
from helpers.small_models import LENGTH, conv_net

MIDDLE = LENGTH // 2
TEXT = ("chrom", "ref", "alt", "name")
PWMS = [GATA, ETS]
TASKS = ("B cell", "K562")
VCF = """\
##fileformat=VCFv4.2
##source=hand
##INFO=<ID=AF,Number=A,Type=Float,Description="x">
##INFO=<ID=DFIM_delta,Number=A,Type=Float,Description="of an earlier run">
##INFO=<ID=DFIM_effect_K562,Number=A,Type=Float,Description="of an earlier version">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1
chr1\t1031\trs1\tA\tC,G\t50\tPASS\tAF=0.1,0.2;DFIM_delta=9,9;DFIM_effect_K562=9,9;DB\tGT\t0/1
chr1\t1100\t.\tAT\tA\t.\t.\t.\tGT\t0/0
chr2\t501\trs2;rs3\tT\tA\t.\tq10\tDFIM_effect=9\tGT\t1/1
"""


@pytest.fixture(scope="module")
def attributor():
    return make_attributor(conv_net(1), "gradient_input", batch_size=8)


@pytest.fixture
def vcf(tmp_path):
    path = tmp_path / "in.vcf"
    path.write_text(VCF)
    return path


@pytest.fixture
def results(attributor, vcf):
    """Checked variants of the VCF, their scores, motif sites and table."""
    variants, _ = read_variants(vcf)
    checked = CheckedVariants(variants, np.array(["ok", "ok", "indel", "ok"]))
    texts = [window({28: "AGATAAG"})] * 2 + [window({3: "CCGGAAGT", 36: "AGATAAG"})]
    X = one_hot_encode(texts)
    scores = score_variants(
        attributor, X, alleles=checked.ok.alt, settings=ScoringSettings(references="gc"),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    motifs = affected_motifs(scores, X, PWMS, p_value=2e-4, gc=0.5)
    deltas = np.arange(6, dtype=np.float32).reshape(3, 2) / 7
    table = variant_table(checked, scores, deltas=deltas, tasks=TASKS, motifs=motifs)
    return checked, scores, motifs, table


def info(line):
    """INFO of one line, a list of values a key."""
    entries = (entry.partition("=") for entry in line.split("\t")[7].split(";"))
    return {key: values.split(",") for key, _, values in entries}


# ---- the table -----------------------------------------------------------------


def test_table_has_every_variant(results):
    _, scores, motifs, table = results
    assert table["status"].tolist() == ["ok", "ok", "indel", "ok"]
    assert table["pos"].tolist() == [1031, 1031, 1100, 501]
    assert table["row"].tolist() == [7, 7, 8, 9]
    ok = table[table["status"] == "ok"]
    peak = scores.peak(15, "alt")
    np.testing.assert_array_equal(ok["max_abs_fis"], np.abs(peak.value))
    np.testing.assert_array_equal(ok["delta"], scores.of_alt(scores.delta))
    np.testing.assert_allclose(ok["delta_K562"], [1 / 7, 3 / 7, 5 / 7], rtol=1e-6)
    for row, place in zip(ok.itertuples(), peak.position, strict=True):
        assert row.peak_distance == place - MIDDLE
        assert row.peak_pos - row.pos == row.peak_distance
    strongest = motifs.drop_duplicates("variant")
    assert ok["motif"].tolist() == strongest["motif"].tolist()
    assert ok["motif_distance"].tolist() == strongest["distance"].tolist()
    assert table.loc[2, "delta":].isna().all()


def test_table_reads_back(results, tmp_path):
    table = results[3]
    write_table(tmp_path / "t.tsv", table)
    found = read_table(tmp_path / "t.tsv", tuple(table.columns), text=TEXT)
    for name in ("max_abs_fis", "delta_B cell", "peak_fis", "peak_pos", "motif_fis"):
        expected = table[name].astype("Float64").to_numpy(float, na_value=np.nan)
        np.testing.assert_allclose(found[name].to_numpy(float), expected, rtol=1e-7)
    again, others = read_variants(tmp_path / "t.tsv")  # it is a table of variants itself
    assert again.position.tolist() == (table["pos"] - 1).tolist()
    assert "max_abs_fis" in others.columns


def test_a_peak_of_nothing_has_no_place(results):
    checked, scores, _, _ = results
    dead = scores.select(np.arange(3))
    dead.mutant_importance[:] = dead.importance[:, None]
    table = variant_table(checked, dead)
    assert (table["max_abs_fis"].dropna() == 0).all()
    assert table["peak_pos"].isna().all()
    assert not {"motif", "delta_K562"} & set(table.columns)


def test_results_of_other_variants_are_refused(results):
    checked, scores, _, _ = results
    with pytest.raises(ValueError, match=r"scores: got \(2,\), expected \(3,\)"):
        variant_table(checked, scores.select(np.arange(2)))
    with pytest.raises(ValueError, match=r"deltas: got \(3, 1\), expected \(3, 2\)"):
        variant_table(checked, scores, deltas=np.zeros((3, 1)), tasks=TASKS)


# ---- VCF -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz"])
@pytest.mark.parametrize("from_file", [False, True])
def test_vcf_is_copied_with_fields_added(results, vcf, tmp_path, name, from_file):
    table = results[3]
    if from_file:
        write_table(tmp_path / "t.tsv", table)
        table = read_table(tmp_path / "t.tsv", text=TEXT)
    out = tmp_path / name
    write_variant_vcf(out, table, source=vcf)
    data = out.read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    lines, before = text.splitlines(), VCF.splitlines()
    kept = [line for line in lines if line.startswith("#") and "ID=DFIM_" not in line]
    assert kept == [*before[:3], before[5]]
    declared = re.findall(r"^##INFO=<ID=(DFIM_\w+),Number=A,Type=(\w+),", text, re.MULTILINE)
    assert len(dict(declared)) == len(declared) == len(table.columns) - 6
    types = dict(declared)
    assert types["DFIM_delta_B_cell"] == "Float"
    told = 'Description="logit of ALT minus logit of REF, '
    assert [f'{told}{task}"' in text for task in ("scored task", *TASKS)] == [True] * 3
    assert types["DFIM_peak_pos"] == types["DFIM_motif_distance"] == "Integer"
    assert types["DFIM_status"] == "String"
    rows = [line for line in lines if not line.startswith("#")]
    assert len(rows) == 3
    for row, old in zip(rows, before[6:], strict=True):
        cells, expected = row.split("\t"), old.split("\t")
        assert cells[:7] + cells[8:] == expected[:7] + expected[8:]
        assert {*info(row)} <= {"AF", "DB"} | types.keys()
    first, indel, last = (info(row) for row in rows)
    assert first["AF"] == ["0.1", "0.2"]
    assert first["DB"] == [""]
    assert first["DFIM_status"] == ["ok", "ok"]
    assert first["DFIM_delta_K562"] == ["0.142857", "0.428571"]
    assert first["DFIM_motif"] == ["GATA", "GATA"]
    assert indel == {"DFIM_status": ["indel"]}
    assert float(last["DFIM_delta"][0]) == pytest.approx(float(table["delta"][3]), rel=1e-5)
    assert float(first["DFIM_peak_pos"][1]) == table["peak_pos"][1]
    # What was added does not change what is read; and a second run changes nothing.
    for field in ("contig", "position", "ref", "alt", "row"):
        again, was = (getattr(read_vcf(path), field) for path in (out, vcf))
        shift = len(lines) - len(before) if field == "row" else 0
        assert (again == was + shift if shift else again == was).all(), field
    if not from_file:
        shifted = table.assign(row=table["row"] + len(lines) - len(before))
        write_variant_vcf(tmp_path / "second.vcf", shifted, source=out)
        assert (tmp_path / "second.vcf").read_text() == text


def test_another_source_is_refused_and_nothing_left(results, vcf, tmp_path):
    table = results[3]
    vcf.write_text(VCF.replace("A\tC,G", "A\tC"))
    with pytest.raises(ValueError, match=r"in.vcf, line 7: chr1:1031, 1 ALT: not in the table"):
        write_variant_vcf(tmp_path / "out.vcf", table, source=vcf)
    vcf.write_text("\n".join(VCF.splitlines()[:-1]) + "\n")
    with pytest.raises(ValueError, match=r"in.vcf: no line 9, which the table has"):
        write_variant_vcf(tmp_path / "out.vcf", table, source=vcf)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.vcf"]
    old = table.rename(columns={"delta": "effect"})
    with pytest.raises(ValueError, match=r"column 'effect' .* expected 'delta' \(ALT minus"):
        write_variant_vcf(tmp_path / "out.vcf", old)
    twins = table.rename(columns={"delta_K562": "delta_B_cell"})
    with pytest.raises(ValueError, match=r"make equal INFO fields"):
        write_variant_vcf(tmp_path / "out.vcf", twins)


def test_new_vcf_is_sorted_and_encoded(results, tmp_path, caplog):
    table = results[3].assign(note=["a;b=c d", None, "", "50%"])
    table.loc[0, ["ref", "name"]] = ["<X>", "no bases"]
    table.loc[3, "pos"] = 7
    table = pd.concat([table, table.tail(1).assign(chrom="chr1")], ignore_index=True)
    write_variant_vcf(tmp_path / "new.vcf", table)
    lines = (tmp_path / "new.vcf").read_text().splitlines()
    assert lines[:3] == ["##fileformat=VCFv4.3", "##contig=<ID=chr1>", "##contig=<ID=chr2>"]
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert [row[:2] for row in rows] == [
        ["chr1", "7"], ["chr1", "1031"], ["chr1", "1100"], ["chr2", "7"]
    ]  # fmt: skip
    assert rows[3][2:7] == ["rs2_rs3", "T", "A", ".", "."]
    assert info("\t".join(rows[3]))["DFIM_note"] == ["50%25"]
    assert "DFIM_note" not in info("\t".join(rows[1]))
    assert "1 variants without bases are left out" in caplog.text
    read = read_vcf(tmp_path / "new.vcf")
    assert read.position.tolist() == [6, 1030, 1099, 6]


# ---- BEDPE ---------------------------------------------------------------------


def test_bedpe_of_sites(results, tmp_path):
    checked, _, motifs, _ = results
    pairs = site_pairs(checked.ok, motifs, MIDDLE)
    write_bedpe(tmp_path / "sites.bedpe", [pairs])
    found = read_table(tmp_path / "sites.bedpe", ("#chrom1", "score"), text=("name",))
    assert list(found.columns[:10]) == [
        "#chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score",
        "strand1", "strand2",
    ]  # fmt: skip
    # The variant of chr2 is base 500 (0-based) and index 30 of its window.
    row = found[(found["name"] == "rs2;rs3") & (found["motif"] == "ETS")].iloc[0]
    assert row[["start1", "end1", "start2", "end2"]].tolist() == [500, 501, 473, 481]
    assert (found["end2"] - found["start2"]).tolist() == (
        motifs["end"] - motifs["start"]
    ).tolist()
    np.testing.assert_allclose(found["score"], motifs["fis"])
    assert (found["#chrom1"] == found["chrom2"]).all()
