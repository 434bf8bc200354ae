"""The table of raw files: what the paper needs, from where, and how to know it is right.

`resources/sources.tsv` has one row per file; `resources/README.md` explains its
columns. Reading checks every cell, so that a typing error costs a line of text
and not a wrong download.
"""

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

TABLE = Path(__file__).parents[3] / "resources/sources.tsv"
DOWNLOADS = "resources/downloads"

# Where checksums come from: the file's publisher, public text, or our first download.
ORIGINS = ("publisher", "known", "first-use")
_DIGITS = {"md5": 32, "sha256": 64}


class SourcesError(ValueError):
    """A table that cannot be used; the message is one line with file and line number."""


@dataclass(frozen=True)
class Source:
    """One raw file.

    Attributes
    ----------
    name
        Short name, unique.
    study
        The study of the paper that needs it, or ``shared``.
    url
        Where it is published (http or https).
    file
        Where it lands below the folder of downloads; its last part is unique,
        so that a local folder can give it by name.
    bytes
        Size, where it is known.
    checksum
        ``md5:...`` or ``sha256:...``, where one is known.
    checksum_origin
        ``publisher``, ``known`` or ``first-use`` (recorded beside the download).
    by_hand
        The publisher refuses scripts: the user places the file.
    note
        What it is.
    """

    name: str
    study: str
    url: str
    file: str
    bytes: int | None
    checksum: str | None
    checksum_origin: str
    by_hand: bool
    note: str

    @property
    def path(self) -> str:
        """Where it lands, seen from the repository's root."""
        return f"{DOWNLOADS}/{self.file}"

    @property
    def basename(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.file).name


COLUMNS = tuple(field.name for field in fields(Source))


def read_sources(path: str | os.PathLike[str] = TABLE) -> dict[str, Source]:
    """Read and check a table of raw files.

    Parameters
    ----------
    path
        Tab-separated text in UTF-8, first line the nine columns in any order.

    Returns
    -------
    dict of str to Source
        By name, in file order.

    Raises
    ------
    SourcesError
        One line with file, line, column, what was got and what is expected:
        unknown or missing columns, a row of another length, a cell that breaks
        its column's rule, a name or file that an earlier line has.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    lines = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    _check_header(path, lines[0] if lines else [])
    found: dict[str, Source] = {}
    first: dict[tuple[str, str], int] = {}  # (column, value) -> line that has it
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(lines[0]):
            raise SourcesError(
                f"{path}, line {number}: got {len(cells)} cells, expected {len(lines[0])}, "
                "one per column with tabs between them"
            )
        source = _source(f"{path}, line {number}", dict(zip(lines[0], cells, strict=True)))
        for column, value in (("name", source.name), ("file name", source.basename)):
            if (line := first.setdefault((column, value), number)) != number:
                raise SourcesError(
                    f"{path}, line {number}: {column} {value!r} is also on line {line}, "
                    "expected each once"
                )
        found[source.name] = source
    if not found:
        raise SourcesError(f"{path}: no row below the header, expected one per raw file")
    return found


def _check_header(path: str | os.PathLike[str], header: list[str]) -> None:
    unknown = [column for column in header if column not in COLUMNS]
    missing = [column for column in COLUMNS if column not in header]
    if unknown:
        raise SourcesError(
            f"{path}, line 1: unknown column {unknown[0]!r}; expected {', '.join(COLUMNS)}"
        )
    if missing:
        raise SourcesError(f"{path}, line 1: column {missing[0]!r} is missing")
    if len(header) != len(COLUMNS):
        raise SourcesError(f"{path}, line 1: a column is named twice, expected each once")


def _source(where: str, cells: Mapping[str, str]) -> Source:
    """Check one row, cell by cell."""
    for column, pattern, expected in (
        ("name", r"[a-z][a-z0-9_]*", "small letters, digits and _"),
        ("study", r"[a-z][a-z0-9_]*", "the name of a study, or shared"),
        ("bytes", r"([1-9][0-9]*)?", "a whole number of bytes, or nothing"),
        ("checksum_origin", "|".join(ORIGINS), f"one of {', '.join(ORIGINS)}"),
        ("by_hand", "yes|no", "yes or no"),
    ):
        _require(re.fullmatch(pattern, cells[column]), where, column, cells[column], expected)
    _require(_is_url(cells["url"]), where, "url", cells["url"], "http(s)://host/path")
    expected = "a path below the downloads, such as genome/hg19.fa.gz"
    _require(_is_below(cells["file"]), where, "file", cells["file"], expected)
    checksum = cells["checksum"]
    expected = "md5: and 32, or sha256: and 64 small hexadecimal digits, or nothing"
    _require(_is_checksum(checksum), where, "checksum", checksum, expected)
    origin = cells["checksum_origin"]
    if (origin == "first-use") == bool(checksum):
        expected = (
            "no checksum: it is recorded beside the download"
            if checksum
            else "a checksum; leave the origin first-use where none is known"
        )
        raise SourcesError(f"{where}: checksum_origin is {origin}, expected {expected}")
    values: dict[str, Any] = {
        **cells,
        "bytes": int(cells["bytes"]) if cells["bytes"] else None,
        "checksum": checksum or None,
        "by_hand": cells["by_hand"] == "yes",
    }
    return Source(**values)


def _require(passed: object, where: str, column: str, got: str, expected: str) -> None:
    if not passed:
        raise SourcesError(f"{where}: {column}: got {got!r}, expected {expected}")


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and text.split() == [text]


def _is_below(text: str) -> bool:
    """Whether a path stays below its folder, and out of the folders that fetching keeps."""
    parts = text.split("/")
    reserved = parts[0] in ("by_hand", "checksums") or len(parts) == 1
    return not reserved and all(re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", p) for p in parts)


def _is_checksum(text: str) -> bool:
    algorithm, _, digest = text.partition(":")
    return not text or bool(re.fullmatch(f"[0-9a-f]{{{_DIGITS.get(algorithm, 1000)}}}", digest))
