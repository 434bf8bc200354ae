"""Text tables with one row per flank: comma, tab or blanks, plain, gzip, or in an archive.

A file in an archive is named as "archive.tar.gz::folder/file.txt".
"""

import difflib
import gzip
import logging
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import open_plain_or_gzip
from dfim.io.text_columns import refuse
from dfim.sequences.kmers import sequence_index
from flow.flanks.positions import N_FLANKS, flank_codes, flank_strings

log = logging.getLogger(__name__)

MEMBER = "::"
"""Stands between an archive and the name of a file in it."""

_MISSING = ["", "NA", "NaN", "nan"]


@dataclass(frozen=True)
class FlankTable:
    """Rows of a file, each with a flank and a number.

    Attributes
    ----------
    source
        The file, for messages.
    line
        (N,) int64, from 1.
    index
        (N,) int64 index of the flank.
    value
        (N,) float64; NaN where the file's is missing or infinite.
    others
        Further columns that were asked for, as categories of text.
    """

    source: str
    line: NDArray[np.int64]
    index: NDArray[np.int64]
    value: NDArray[np.float64]
    others: pd.DataFrame

    def select(self, rows: NDArray[np.bool_]) -> "FlankTable":
        """The rows under a mask."""
        others = self.others[rows]
        return FlankTable(
            self.source, self.line[rows], self.index[rows], self.value[rows], others
        )

    def by_flank(self) -> NDArray[np.float32]:
        """Value of each of the 4^10 flanks, by index; NaN where there is none.

        Raises
        ------
        ValueError
            For a flank with two rows (the later is named), or a table without any
            finite value.
        """
        _, first = np.unique(self.index, return_index=True)
        again = np.ones(len(self.index), bool)
        again[first] = False
        if again.any():
            row = int(np.argmax(again))
            before = int(np.argmax(self.index == self.index[row]))
            flank = flank_strings(self.index[[row]])[0]
            raise ValueError(
                f"{self.source}, line {self.line[row]}: flank {flank} is in line "
                f"{self.line[before]} already; expected one row per flank"
            )
        if not np.isfinite(self.value).any():
            raise ValueError(
                f"{self.source}, lines {self.line[0]} to {self.line[-1]}: no finite ddG; "
                "expected numbers in kcal/mol"
            )
        values = np.full(N_FLANKS, np.nan, np.float32)
        values[self.index] = self.value
        return values


def read_flank_table(
    path: str | os.PathLike[str], *, flank: str, value: str, others: tuple[str, ...] = ()
) -> FlankTable:
    """Read columns of a table by their names; the header says what separates them.

    Parameters
    ----------
    path
        The file, or "archive::member".
    flank, value, others
        Names of the columns of flanks, of numbers and of text; their order in the
        file is free, and it may have others.

    Raises
    ------
    ValueError
        With the file, and the line where there is one: no rows, a column that is
        missing, no flank, no number, damaged gzip data, no such member.

    Notes
    -----
    About 2 s and 300 MB a million rows.
    """
    wanted = [flank, value, *others]
    with open_table(path) as file:
        names, separator = _header(file.readline(), path, wanted)
        try:
            table = pd.read_csv(
                file, sep=separator, header=None, names=names, usecols=wanted,
                index_col=False, skip_blank_lines=False, skipinitialspace=True,
                low_memory=False,
                dtype={flank: object} | dict.fromkeys(others, "category"),
                na_values={value: _MISSING}, keep_default_na=False,
                encoding_errors="replace",
            )  # fmt: skip
        except pd.errors.ParserError as error:
            raise ValueError(f"{path}: not a table: {str(error).strip()}") from error
    table.index += 2
    table[flank] = table[flank].fillna("")
    table = table[(table[flank] != "") | table[value].notna()]
    if table.empty:
        raise ValueError(f"{path}: no rows below the header; expected one row per flank")
    line, source = table.index.to_numpy(), os.fspath(path)
    number = _numbers(table[value], source)
    index = sequence_index(flank_codes(table[flank].to_numpy(), source=source, lines=line))
    finite = np.isfinite(number)
    log.info("%s: %d rows, %d without a finite %s", path, len(table), (~finite).sum(), value)
    number = np.where(finite, number, np.nan)
    # pandas makes numbers of categories such as 1, 2, 3.
    text = {name: table[name].cat.rename_categories(str) for name in others}
    return FlankTable(source, line, index, number, pd.DataFrame(text, index=table.index))


@contextmanager
def open_table(path: str | os.PathLike[str]) -> Iterator[BufferedIOBase]:
    """Open a file, or "archive::member", for reading; gzip is undone, within tar as well.

    A member is a path in the archive, or the end of just one.

    Raises
    ------
    ValueError
        No tar archive, no such member (the nearest names are listed) or several, damage.
    """
    archive, _, member = os.fspath(path).partition(MEMBER)
    with open_plain_or_gzip(archive) as file:
        if not member:
            yield file
            return
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                found = _find_member(tar, archive, member)
                compressed = found.peek(2)[:2] == b"\x1f\x8b"
                yield gzip.GzipFile(fileobj=found) if compressed else found
        except tarfile.TarError as error:
            raise ValueError(
                f"{archive}: not a tar archive, or cut short ({error}); fetch it again"
            ) from error


def _find_member(tar: tarfile.TarFile, archive: str, member: str) -> BufferedReader:
    files = {info.name.removeprefix("./"): info for info in tar if info.isfile()}
    ends = [name for name in files if name == member or name.endswith(f"/{member}")]
    chosen = [member] if member in files else ends
    if len(chosen) == 1:
        found = tar.extractfile(files[chosen[0]])
        assert isinstance(found, BufferedReader)  # None for a folder only
        return found
    if ends:
        raise ValueError(f"{archive}: {member!r} is the end of {ends}; name one in full")
    near = difflib.get_close_matches(member, files, n=5, cutoff=0.4) or list(files)[:5]
    raise ValueError(f"{archive}: no file {member!r} in it; the nearest names are {near}")


def _header(
    line: bytes, path: str | os.PathLike[str], wanted: list[str]
) -> tuple[list[str], str]:
    """Names of the columns, and what separates them."""
    text = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    if not text.strip():
        raise ValueError(f"{path}: no header; expected the columns {', '.join(wanted)}")
    separator = next((mark for mark in "\t," if mark in text), None)
    names = [name.strip().strip('"') for name in text.split(separator)]
    for name in wanted:
        if names.count(name) != 1:
            raise ValueError(
                f"{path}: {names.count(name) or 'no'} columns {name!r}, found {names}; "
                f"expected {wanted}"
            )
    return _distinct(names), separator or r"\s+"


def _distinct(names: list[str]) -> list[str]:
    """Names of which none repeats; those that do are of columns nobody asked for."""
    return [f"{name}.{at}" if names.count(name) > 1 else name for at, name in enumerate(names)]


def _numbers(column: pd.Series, source: str) -> NDArray[np.float64]:
    if column.dtype.kind in "fi":
        return column.to_numpy(np.float64)
    # There is text, or all is True and False, which pandas would take for numbers.
    text = column.astype(str).where(column.notna())
    number = pd.to_numeric(text, errors="coerce")
    wrong = number.isna() & text.notna()
    refuse(f"{source}, line", text, wrong, f"{column.name} {{!r}}; expected a number")
    return number.to_numpy(np.float64)
