"""Genomes: whatever the file's wrapping and packing, the same bases."""

import gzip
import logging

import numpy as np
import pyfaidx
import pytest

from dfim.genome import genome as genome_module
from dfim.genome.genome import Genome, read_genome, write_genome
from dfim.genome.intervals import Contigs

SEQUENCES = {"chr1": "ACGTNacgtnRYTTAGC" * 7, "2": "GATTACA", "chrX": "T" * 61}


def codes_of(text):
    return ["ACGT".index(c) if c in "ACGT" else 4 for c in text.upper()]


def fasta(width=10, newline="\n", header=" some words > here"):
    parts = []
    for name, text in SEQUENCES.items():
        lines = [text[i : i + width] for i in range(0, len(text), width)]
        parts += [f">{name}{header}", *lines]
    return (newline.join(parts) + newline).encode()


def refusal(path, data=None, **keywords):
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=r".") as error:
        read_genome(path, **keywords)
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


def same(found):
    assert found.contigs.names == tuple(SEQUENCES)
    assert found.contigs.lengths == tuple(map(len, SEQUENCES.values()))
    for codes, text in zip(found.codes, SEQUENCES.values(), strict=True):
        assert codes.dtype == np.uint8
        assert codes.tolist() == codes_of(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("width", [1, 7, 10, 1000])
def test_lines_do_not_matter(tmp_path, width, newline):
    (tmp_path / "g.fa").write_bytes(fasta(width, newline))
    same(read_genome(tmp_path / "g.fa"))
    (tmp_path / "h.fa").write_bytes(fasta(width, newline).rstrip())
    same(read_genome(tmp_path / "h.fa"))


def test_windows_are_those_of_pyfaidx(tmp_path):
    (tmp_path / "g.fa").write_bytes(fasta(11))
    genome, by_index = read_genome(tmp_path / "g.fa"), pyfaidx.Fasta(str(tmp_path / "g.fa"))
    rng = np.random.default_rng(2)
    contig = rng.integers(0, 3, 200)
    start = rng.integers(0, np.array(genome.contigs.lengths)[contig] - 4)
    cut = genome.windows(contig, start, 5)
    for row, (place, first) in enumerate(zip(contig, start, strict=True)):
        text = by_index[genome.contigs.names[place]][first : first + 5].seq
        assert cut[row].tolist() == codes_of(text)


@pytest.mark.parametrize("block", [*range(1, 25), 40, 97])
def test_blocks_do_not_matter(tmp_path, monkeypatch, block):
    # Headers, line ends and contigs fall across every boundary there is.
    monkeypatch.setattr(genome_module, "_BLOCK", block)
    (tmp_path / "g.fa").write_bytes(fasta(9))
    same(read_genome(tmp_path / "g.fa"))


def test_gzip_and_bgzip(tmp_path):
    text = fasta()
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(text))
    same(read_genome(tmp_path / "g.fa.gz"))
    # bgzip is many gzip members, the last of them empty.
    members = [gzip.compress(text[i : i + 50]) for i in range(0, len(text), 50)]
    (tmp_path / "b.gz").write_bytes(b"".join([*members, gzip.compress(b"")]))
    same(read_genome(tmp_path / "b.gz"))
    assert "gzip data damaged or cut short" in refusal(
        tmp_path / "c.gz", gzip.compress(text)[:-9]
    )


def test_choice_of_contigs_with_and_without_chr(tmp_path, caplog):
    (tmp_path / "g.fa").write_bytes(fasta())
    with caplog.at_level(logging.INFO):
        found = read_genome(tmp_path / "g.fa", ["chr2", "1"])
    assert found.contigs == Contigs(("2", "chr1"), (7, 119))  # in the order asked for
    assert found.codes[0].tolist() == codes_of("GATTACA")
    assert "2 of 3 contigs, 126 bp; 14 ambiguous letters taken as N" in caplog.text
    text = refusal(tmp_path / "g.fa", contigs=["chr1", "chr21"])
    assert "no contig 'chr21'; there are chr1, 2, chrX" in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file, expected FASTA records"),
        (b"\n\n", "empty file, expected FASTA records"),
        (b"ACGT\n", "starts with b'ACGT', expected a FASTA header"),
        (b">a\nAC\n>b\n>c\nA\n", "contig 'b' has no sequence"),
        (b">a\nAC\n>b", "contig 'b' has no sequence"),
        (b">\nAC\n", "a header without a name"),
        (b">a\nAC\n>a\nAC\n", "contig 'a' is there twice"),
        (b">chr1\nAC\n>1\nAC\n", "contig 'chr1' is there twice (again as '1')"),
        (b">a\nACG\nTT-A\n", "a has '-' at position 5 (0-based)"),
        (b">a\nACG\nAC GT\n", "a has ' ' at position 5 (0-based)"),
    ],
)
def test_wrong_files_are_refused(tmp_path, data, message):
    assert message in refusal(tmp_path / "g.fa", data)


def test_stale_index_is_refused(tmp_path):
    path, index = tmp_path / "g.fa", tmp_path / "g.fa.fai"
    path.write_bytes(fasta())
    right = [f"{n}\t{len(s)}\t0\t10\t11" for n, s in SEQUENCES.items()]
    index.write_text("\n".join(right) + "\n")
    same(read_genome(path))
    for wrong, message in (
        (
            [right[0].replace("119", "120"), *right[1:]],
            "it gives chr1 120 bp, the FASTA has 119",
        ),
        (right[1:], "it gives chr1 None bp, the FASTA has 119"),
        ([*right, "chr4\t9\t0\t10\t11"], "it gives chr4 9 bp, the FASTA has None"),
    ):
        index.write_text("\n".join(wrong) + "\n")
        text = refusal(path, contigs=["chr1"])
        assert "stale index: " + message in text
        assert "delete it, or write it again (samtools faidx)" in text
    index.write_text("nothing\n")
    assert "g.fa.fai, line 1: no index row" in refusal(path)


def test_windows_are_slices(tmp_path):
    (tmp_path / "g.fa").write_bytes(fasta())
    found = read_genome(tmp_path / "g.fa")
    rng = np.random.default_rng(0)
    contig = rng.integers(0, 3, 50)
    start = rng.integers(0, np.array(found.contigs.lengths)[contig] - 5 + 1)
    windows = found.windows(contig, start, 5)
    assert windows.shape == (50, 5)
    for window, c, s in zip(windows, contig, start, strict=True):
        assert window.tolist() == found.codes[c][s : s + 5].tolist()
    assert found.windows(contig[:0], start[:0], 5).shape == (0, 5)
    edges = np.array([0, 1, 2]), np.array([-1, 3, 56])
    assert found.holds(*edges, 5).tolist() == [False, False, True]
    with pytest.raises(ValueError, match=r"row 0 is chr1:-1-4, expected inside the 119 bp"):
        found.windows(*edges, 5)


def test_written_genome_reads_back(tmp_path):
    rng = np.random.default_rng(0)
    codes = tuple(rng.integers(0, 5, n).astype(np.uint8) for n in (1, 59, 60, 61, 500))
    made = Genome(Contigs(tuple("abcde"), tuple(map(len, codes))), codes)
    for name in ("g.fa", "g.fa.gz"):
        write_genome(tmp_path / name, made)
        found = read_genome(tmp_path / name)
        assert found.contigs == made.contigs
        assert all((x == y).all() for x, y in zip(found.codes, codes, strict=True))
    lines = (tmp_path / "g.fa").read_text().splitlines()
    assert max(map(len, lines)) == 60
    first = (tmp_path / "g.fa.gz").read_bytes()
    write_genome(tmp_path / "g.fa.gz", made)
    assert (tmp_path / "g.fa.gz").read_bytes() == first
