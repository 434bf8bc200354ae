"""The table of raw files: every cell is checked, and the tracked table passes."""

import hashlib
import re
from dataclasses import fields

import pytest

from flow.declarations.sources import COLUMNS, Source, SourcesError, read_sources

GOOD = {
    "name": "genome",
    "study": "shared",
    "url": "https://host.example/a/hg19.fa.gz",
    "file": "genome/hg19.fa.gz",
    "bytes": "12",
    "checksum": "md5:" + "a" * 32,
    "checksum_origin": "known",
    "by_hand": "no",
    "note": "a genome",
}
OTHER = {**GOOD, "name": "other", "file": "genome/other.fa.gz"}


def write(path, *rows, columns=COLUMNS):
    lines = [list(columns), *([row[column] for column in columns] for row in rows)]
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


@pytest.fixture
def table(tmp_path):
    return tmp_path / "sources.tsv"


def test_reads_rows_in_any_column_order(table):
    unknown = {**OTHER, "bytes": "", "checksum": "", "checksum_origin": "first-use"}
    write(table, GOOD, {**unknown, "by_hand": "yes"}, columns=sorted(COLUMNS))
    genome, other = read_sources(table).values()
    assert genome == Source(
        "genome",
        "shared",
        GOOD["url"],
        "genome/hg19.fa.gz",
        12,
        GOOD["checksum"],
        "known",
        False,
        "a genome",
    )
    assert (other.bytes, other.checksum, other.by_hand) == (None, None, True)
    assert genome.path == "resources/downloads/genome/hg19.fa.gz"
    assert genome.basename == "hg19.fa.gz"


def test_windows_text_is_read_the_same(table):
    write(table, GOOD, OTHER)
    plain = read_sources(table)
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    assert read_sources(table) == plain


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "hg19 genome"),
        ("name", ""),
        ("study", ""),
        ("url", "ftp://host.example/x"),
        ("url", "https:///x"),
        ("url", "https://host.example/a b"),
        ("url", ""),
        ("file", "hg19.fa.gz"),
        ("file", "/genome/hg19.fa.gz"),
        ("file", "genome/../../hg19.fa.gz"),
        ("file", "genome/"),
        ("file", ".cache/hg19.fa.gz"),
        ("file", "by_hand/hg19.fa.gz"),
        ("bytes", "12.5"),
        ("bytes", "1,000"),
        ("bytes", "0"),
        ("bytes", "-3"),
        ("checksum", "a" * 32),
        ("checksum", "md5:" + "a" * 31),
        ("checksum", "md5:" + "A" * 32),
        ("checksum", "sha256:" + "a" * 32),
        ("checksum", "sha1:" + "a" * 40),
        ("checksum_origin", "guessed"),
        ("checksum_origin", ""),
        ("by_hand", "maybe"),
    ],
)
def test_bad_cell_is_named_with_its_line(table, column, value):
    write(table, OTHER, {**GOOD, column: value})
    with pytest.raises(SourcesError) as caught:
        read_sources(table)
    message = str(caught.value)
    assert message.startswith(f"{table}, line 3: {column}: got {value!r}, expected ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"checksum": ""}, "checksum_origin is known, expected a checksum;"),
        (
            {"checksum": "", "checksum_origin": "publisher"},
            "checksum_origin is publisher, expected a checksum;",
        ),
        (
            {"checksum_origin": "first-use"},
            "checksum_origin is first-use, expected no checksum",
        ),
        ({"name": "other"}, "name 'other' is also on line 2,"),
        ({"file": "b/other.fa.gz"}, "file name 'other.fa.gz' is also on line 2,"),
    ],
)
def test_contradictions_are_named_with_their_line(table, change, expected):
    write(table, OTHER, {**GOOD, **change})
    with pytest.raises(SourcesError, match=f"line 3: {re.escape(expected)}"):
        read_sources(table)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": no row|line 1: column 'name' is missing"),
        ("\t".join(COLUMNS) + "\n", ": no row below the header"),
        ("\t".join([*COLUMNS, "md5"]) + "\n", "line 1: unknown column 'md5'; expected name, "),
        ("\t".join(COLUMNS[1:]) + "\n", "line 1: column 'name' is missing"),
        ("\t".join([*COLUMNS, "note"]) + "\n", "line 1: a column is named twice"),
        ("\t".join(COLUMNS) + "\na\tb\n", "line 2: got 2 cells, expected 9"),
        ("\t".join(COLUMNS) + "\n\n", "line 2: got 0 cells, expected 9"),
    ],
)
def test_bad_tables(table, text, expected):
    table.write_text(text)
    with pytest.raises(SourcesError, match=expected):
        read_sources(table)


def test_unreadable_table(table):
    with pytest.raises(SourcesError, match=f"{re.escape(str(table))}: cannot be read"):
        read_sources(table)
    table.write_bytes(b"name\xff\n")
    with pytest.raises(SourcesError, match="UTF-8"):
        read_sources(table)


def test_tracked_table():
    sources = read_sources()
    assert {field.name for field in fields(Source)} == set(COLUMNS)
    studies = {source.study for source in sources.values()}
    assert studies == {"shared", "simulated", "tal_gata", "accessibility", "cbf1"}
    genome = sources["hg19_fasta"]
    assert genome.checksum == "md5:806c02398f5ac5da8ffd6da2d1d5d1a9"
    assert [s.basename for s in sources.values() if s.by_hand] == ["mmc2.xlsx"]
    # A branch of a repository moves; a commit does not.
    for source in sources.values():
        if "raw.githubusercontent.com" in source.url:
            assert re.search(r"/[0-9a-f]{40}/", source.url), source.name


@pytest.mark.realdata
def test_released_checksums_are_those_of_the_copies(test_data):
    known = [s for s in read_sources().values() if s.file.startswith("dfim_release/")]
    compared = 0
    for source in known:
        copy = test_data / source.file
        if source.checksum and copy.is_file():
            data = copy.read_bytes()
            assert source.bytes == len(data)
            assert source.checksum == f"md5:{hashlib.md5(data).hexdigest()}"
            compared += 1
    assert compared == 10
