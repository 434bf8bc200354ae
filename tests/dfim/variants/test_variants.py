"""Variants: no row is lost, windows hold the right base, and a bad file is told where."""

import gzip
import logging
from dataclasses import fields

import numpy as np
import pytest

from dfim.genome.genome import Genome
from dfim.genome.intervals import Contigs
from dfim.io.store import write_table
from dfim.sequences.encoding import UNKNOWN
from dfim.variants.files import read_variant_bed, read_variant_table, read_variants, read_vcf
from dfim.variants.variants import STATUSES, CheckedVariants, Variants
from dfim.variants.windows import check_variants, cut_variant_windows

LENGTH = 10
VCF = (
    '##fileformat=VCFv4.2\n##INFO=<ID=X,Description="a \'b">\n#CHROM\tPOS\tID\tREF\tALT\tINFO\n'
)


@pytest.fixture
def genome():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (2, 200)).astype(np.uint8)
    codes[0, 60:70] = UNKNOWN
    return Genome(Contigs(("1", "2"), (200, 200)), tuple(codes))


def other(base, step=1):
    return "ACGT"[("ACGT".index(base) + step) % 4]


def base_at(genome, contig, position):
    return "ACGTN"[genome.codes[int(contig[-1]) - 1][position]]


def variants_at(genome, places):
    ref = [base_at(genome, *place) for place in places]
    contig, position = zip(*places, strict=True)
    rows = range(1, len(places) + 1)
    return Variants.build(contig, position, ref, [other(b) for b in ref], row=rows)


def refusal(read, path, text, **keywords):
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=r".") as error:
        read(path, **keywords)
    told = str(error.value)
    assert told.startswith(str(path))
    assert "\n" not in told
    return told


# ---- checks ----------------------------------------------------------------------


def test_every_status_has_its_row_and_none_is_lost(genome, caplog):
    r = base_at(genome, "1", 30)
    a, b = other(r), other(r, 2)
    n = base_at(genome, "1", 72)
    rows = {
        "ok": ("chr1", 30, r, a),
        "not_acgt": ("1", 30, r, "<DEL>"),
        "same_alleles": ("1", 30, r, r),
        "indel": ("1", 30, r, r + a),
        "multi_base": ("1", 30, r + r, a + a),
        "unknown_contig": ("chrX", 30, r, a),
        "outside_contig": ("1", 200, r, a),
        "n_at_variant": ("1", 65, "A", "C"),
        "swapped": ("1", 30, a, r),
        "reference_mismatch": ("1", 30, a, b),
        "window_leaves_contig": ("2", 196, base_at(genome, "2", 196), "."),
        "n_in_window": ("1", 72, n, other(n)),
        "duplicate": ("1", 30, r, a),
    }
    assert (*rows, "not_chosen") == STATUSES
    last = rows["window_leaves_contig"]
    rows["window_leaves_contig"] = (*last[:3], other(last[2]))
    columns = list(zip(*rows.values(), strict=True))
    variants = Variants.build(*columns, row=range(2, len(rows) + 2))
    with caplog.at_level(logging.INFO):
        checked = check_variants(variants, genome, LENGTH)
    assert checked.status.tolist() == list(rows)
    assert checked.counts == dict.fromkeys(rows, 1) | {"not_chosen": 0}
    assert checked.ok.row.tolist() == [2]
    assert "13 rows: 1 ok, 1 not_acgt" in caplog.text


def test_choosing_leaves_ok_variants_out_and_keeps_the_other_reasons(genome):
    variants = variants_at(genome, [("1", 30), ("1", 40), ("1", 2), ("2", 50)])
    checked = check_variants(variants, genome, LENGTH)
    chosen = checked.choose(np.array([True, False, True, False]))
    assert chosen.status.tolist() == ["ok", "not_chosen", "window_leaves_contig", "not_chosen"]
    assert chosen.counts["not_chosen"] == 2
    assert chosen.ok.position.tolist() == [30]
    assert checked.counts["ok"] == 3
    parts = [checked.select(np.array([0, 1])), checked.select(np.array([2, 3]))]
    again = CheckedVariants.concatenate(parts)
    assert again.status.tolist() == checked.status.tolist()
    assert again.variants.name.tolist() == variants.name.tolist()


@pytest.mark.parametrize("name", ["checked.tsv", "checked.tsv.gz"])
def test_checked_variants_are_saved_and_loaded(genome, tmp_path, name):
    rows = [("1", 30, "<DEL>", "NA", "001"), ("chrX", 7, "A", "C", "NA"), ("2", 9, "*", "", "")]
    contig, position, ref, alt, names = zip(*rows, strict=True)
    variants = Variants.build(contig, position, ref, alt, row=[3, 3, 9], name=names)
    checked = CheckedVariants(variants, np.array(["not_acgt", "unknown_contig", "ok"]))
    checked.save(tmp_path / name)
    found = CheckedVariants.load(tmp_path / name)
    assert found.status.tolist() == checked.status.tolist()
    for field in fields(Variants):
        mine, theirs = (getattr(each.variants, field.name) for each in (checked, found))
        assert (mine.tolist(), mine.dtype) == (theirs.tolist(), theirs.dtype)
    none = checked.select(np.zeros(3, bool))
    none.save(tmp_path / name)
    assert len(CheckedVariants.load(tmp_path / name).variants) == 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"pos": [5.5, 6]}, "column pos: expected whole numbers"),
        ({"row": ["a", "b"]}, "column row: expected whole numbers"),
        ({"status": ["ok", "good"]}, "column status: got 'good', expected one of"),
        ({"alt": None}, "column 'alt' is missing"),
    ],
)
def test_a_table_that_is_none_of_checked_variants_is_refused(genome, tmp_path, change, fault):
    variants = variants_at(genome, [("1", 30), ("1", 40)])
    table = check_variants(variants, genome, LENGTH).table().assign(**change)
    write_table(tmp_path / "t.tsv", table.dropna(axis=1))
    refused = refusal(CheckedVariants.load, tmp_path / "t.tsv", None)
    assert fault in refused


@pytest.mark.parametrize("length", [1, 7, 10, 11])
def test_exactly_the_ok_windows_can_be_cut_without_n(genome, length):
    places = [(c, p) for c in "12" for p in range(200) if base_at(genome, c, p) != "N"]
    checked = check_variants(variants_at(genome, places), genome, length)
    expected = []
    for contig, position in places:
        start = position - length // 2
        window = genome.codes[int(contig) - 1][max(start, 0) : start + length]
        expected.append(len(window) == length and start >= 0 and UNKNOWN not in window)
    assert ((checked.status == "ok") == expected).all()
    codes = cut_variant_windows(checked.ok, genome, length)
    assert (codes < UNKNOWN).all()


def test_an_alternative_at_the_same_place_is_no_duplicate(genome):
    two = variants_at(genome, [("1", 30), ("chr1", 30)])
    assert check_variants(two, genome, LENGTH).counts["duplicate"] == 1
    two.alt[1] = other(two.ref[1], 2)
    assert check_variants(two, genome, LENGTH).counts["ok"] == 2


def test_no_variants_at_all(genome):
    none = variants_at(genome, [("1", 30)]).select(np.array([False]))
    checked = check_variants(none, genome, LENGTH)
    assert sum(checked.counts.values()) == 0
    assert cut_variant_windows(checked.ok, genome, LENGTH).shape == (0, LENGTH)


def test_a_length_below_one_is_refused(genome):
    with pytest.raises(ValueError, match="length: got 0"):
        check_variants(variants_at(genome, [("1", 30)]), genome, 0)


def test_unequal_columns_are_refused():
    with pytest.raises(ValueError, match="unequal length"):
        Variants.build(["1"], [1, 2], ["A"], ["C"], row=[1])


# ---- windows ---------------------------------------------------------------------


@pytest.mark.parametrize("length", [10, 11])
def test_windows_have_the_variant_in_their_middle(genome, length):
    variants = variants_at(genome, [("chr1", 30), ("2", 100), ("1", 40)])
    codes = cut_variant_windows(variants, genome, length)
    assert codes.dtype == np.uint8
    middle = length // 2
    for row, (contig, position) in enumerate([(0, 30), (1, 100), (0, 40)]):
        start = position - middle
        assert (codes[row] == genome.codes[contig][start : start + length]).all()
    assert ["ACGT"[c] for c in codes[:, middle]] == variants.ref.tolist()


def test_windows_of_unverified_variants_are_refused(genome):
    good = variants_at(genome, [("1", 30), ("1", 40)])
    for change, fault in (("chrX", "no contig"), (None, "not the base of the genome")):
        contig, ref = good.contig.copy(), good.ref.copy()
        contig[1] = change or contig[1]
        ref[1] = ref[1] if change else good.alt[1]
        bad = Variants.build(contig, good.position, ref, good.alt, row=[5, 6], name=["a", "b"])
        with pytest.raises(ValueError, match=rf":41 .*\(row 6, b\).*{fault}"):
            cut_variant_windows(bad, genome, LENGTH)


@pytest.mark.parametrize("header", ["CHROM\tPOS\tREF\tALT", "\ufeffchrom\tpos\tref\talt"])
def test_a_header_that_is_nearly_right_is_told(tmp_path, header):
    (tmp_path / "v.tsv").write_text(header + "\n1\t5\tA\tC\n")
    with pytest.raises(ValueError, match="in lower case, without # or a byte-order mark"):
        read_variants(tmp_path / "v.tsv")


# ---- files -----------------------------------------------------------------------


def packed(path, text, how):
    data = text.encode()
    if how == "gzip":
        data = gzip.compress(data)
    if how == "bgzip":  # members one after the other, the last one empty
        half = len(data) // 2
        data = b"".join(map(gzip.compress, (data[:half], data[half:], b"")))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzip"])
def test_vcf(tmp_path, how, caplog):
    text = VCF + (
        "chr1\t100\trs1\ta\tg,T\tX='\"\n"
        "1\t0\t.\tN\tA\t.\n\n"
        "1\t10\tid\tCAA\tC,TAA,CAC\t.\textra\n"
        "2\t7\tsv\tA\t<DEL>\n2\t8\t.\tA\t*\n2\t9\tref\tA\t.\n"
    )
    with caplog.at_level(logging.INFO):
        found, others = read_variants(packed(tmp_path / "v", text, how))
    rows = zip(found.row, found.position, found.name, found.ref, found.alt, strict=True)
    assert list(rows) == [
        (4, 99, "rs1", "A", "G"),
        (4, 99, "rs1", "A", "T"),
        (5, -1, "1:0:N>A", "N", "A"),
        (7, 9, "id", "CAA", "C"),
        (7, 9, "id", "C", "T"),
        (7, 11, "id", "A", "C"),
        (8, 6, "sv", "A", "<DEL>"),
        (9, 7, "2:8:A>*", "A", "*"),
        (10, 8, "ref", "A", "."),
    ]
    assert others.shape == (9, 0)
    assert "6 rows, 9 variants; 2 rows with several ALT alleles, 2 variants" in caplog.text
    assert "3 whose ALT is not of A, C, G, T" in caplog.text


def test_table_keeps_its_other_columns(tmp_path, caplog):
    path = tmp_path / "v.tsv"
    path.write_text(
        "pos\tchrom\tref\talt\tp\r\n1.2e7\tchr1\ta\tc\t0.5\r\n12345.0\t2\tG\tNA\t1\r\n"
    )
    found, others = read_variants(path)
    assert found.position.tolist() == [11_999_999, 12_344]
    assert found.name.tolist() == ["chr1:12000000:A>C", "2:12345:G>NA"]
    assert found.row.tolist() == [2, 3]
    assert others.to_dict("list") == {"p": [0.5, 1.0]}
    assert "1 pos in scientific notation" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "track name=x\nchr1\t99\t100\tA>g\nchr1\t199\t200\trs:7:c>T\n",
        "chr1\t99\t100\t.\tA\tG\nchr1\t199\t200\trs:7\tC\tT\tmore\n",
    ],
)
def test_bed(tmp_path, text):
    (tmp_path / "v.bed").write_text(text)
    found, _ = read_variants(tmp_path / "v.bed")
    assert found.position.tolist() == [99, 199]
    assert (found.ref + found.alt).tolist() == ["AG", "CT"]
    assert found.name.tolist() == ["chr1:100:A>G", "rs:7"]


@pytest.mark.parametrize(
    ("position", "fault"),
    [("1.5", "'1.5'"), ("", "''"), ("-4", "'-4'"), ("1,000", "'1,000'"), ("1e300", "'1e300'")],
)
def test_positions_that_are_none(tmp_path, position, fault):
    told = refusal(
        read_variant_table,
        tmp_path / "v.tsv",
        f"chrom\tpos\tref\talt\n1\t5\tA\tC\n1\t{position}\tA\tC\n",
    )
    assert f"line 3: pos {fault}; expected a whole number, 1 or more" in told
    told = refusal(
        read_vcf, tmp_path / "v.vcf", f"{VCF}1\t5\t.\tA\tC\n1\t{position}\t.\tA\tC\n"
    )
    assert f"line 5: position {fault}; expected a whole number, 0 or more" in told


@pytest.mark.parametrize(
    ("read", "text", "fault"),
    [
        (read_vcf, VCF, "no rows"),
        (read_vcf, "", "no rows"),
        (read_vcf, VCF + "1\t5\t.\tA\n", "line 4: no ALT"),
        (read_variant_table, "chrom\tpos\tref\n1\t5\tA\n", "column 'alt' is missing"),
        (read_variant_table, "chrom\tpos\tref\talt\n", "no variants"),
        (read_variant_bed, "1\t5\t5\tA>C\n", "line 1: an interval of 0 bp"),
        (read_variant_bed, "#x\n1\t5\t6\tsite\t7\t+\n", "line 2: ref allele '7'"),
        (read_variant_bed, "1\t5\t6\n", "line 1: ref allele ''"),
        (read_variants, "x y z\n", "begins with 'x y z'"),
    ],
)
def test_bad_files(tmp_path, read, text, fault):
    assert fault in refusal(read, tmp_path / "file", text)


def test_damaged_gzip(tmp_path):
    path = tmp_path / "v.vcf.gz"
    path.write_bytes(gzip.compress((VCF + "1\t5\t.\tA\tC\n" * 9999).encode())[:-20])
    with pytest.raises(ValueError, match="damaged or cut short"):
        read_vcf(path)
