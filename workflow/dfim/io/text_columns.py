"""Columns of text files: read as they are written, checked with the line in the message."""

import csv
import logging
import os
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import open_plain_or_gzip

log = logging.getLogger(__name__)


def read_rows(
    path: str | os.PathLike[str], columns: tuple[str, ...], skip: tuple[str, ...]
) -> pd.DataFrame:
    """Read the first columns of a tab-separated file without header, all as text.

    Parameters
    ----------
    path
        Plain or gzip.
    columns
        Names to give them; a cell that is not there is "".
    skip
        Lines before the first row that begin with one of these are skipped.

    Returns
    -------
    DataFrame
        Indexed by the line in the file, from 1; blank lines left out.

    Raises
    ------
    ValueError
        No rows, or damaged gzip data.
    """
    marks = tuple(text.encode() for text in skip)
    with open_plain_or_gzip(path) as file:
        before, line = 0, file.readline()
        while line and (line.startswith(marks) or not line.strip()):
            before, line = before + 1, file.readline()
    if not line:
        raise ValueError(f"{path}: no rows; expected the columns {', '.join(columns)}")
    there = columns[: line.count(b"\t") + 1]
    with open_plain_or_gzip(path) as file:
        table = pd.read_csv(
            file, sep="\t", header=None, names=list(there), usecols=range(len(there)),
            index_col=False, skiprows=before, dtype=str, na_filter=False,
            skip_blank_lines=False, quoting=csv.QUOTE_NONE, encoding_errors="replace",
        )  # fmt: skip
    table.index += before + 1
    table = table.fillna("").reindex(columns=list(columns), fill_value="")
    return table[(table != "").any(axis=1)]


def whole_numbers(where: str, text: pd.Series, *, least: int) -> NDArray[np.int64]:
    """Convert a column of text to whole numbers; 1.2e7 and 12345.0 are accepted.

    Parameters
    ----------
    where
        Start of a message, before the index of the row: "file, line".
    text
        The column; its index is the line of each row.
    least
        Smallest number allowed.

    Raises
    ------
    ValueError
        With the row: blank, a fraction, too small, or beyond what a float holds.
    """
    number = pd.to_numeric(text, errors="coerce")
    right = (number % 1 == 0) & (number >= least) & (number <= 2**53)  # exact as floats
    refuse(where, text, ~right, f"{text.name} {{!r}}; expected a whole number, {least} or more")
    exponents = text.str.contains("e", case=False)
    if exponents.any():
        said = "%s %s and on: %d %s in scientific notation; lost digits show as mismatches"
        log.warning(said, where, exponents.idxmax(), int(exponents.sum()), text.name)
    return number.to_numpy().astype(np.int64)


def refuse(where: str, values: pd.Series, wrong: Iterable[bool], message: str) -> None:
    """Raise a ValueError for the first wrong row; {} or {!r} in the message is its value."""
    wrong = np.asarray(wrong, bool)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{where} {values.index[at]}: " + message.format(values.iloc[at]))
