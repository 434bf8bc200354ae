"""Read peak files, and find intervals of a genome that overlap.

Coordinates are 0-based and half-open, as in the files. A contig is an index into
`Contigs`, so that "chr20" of a peak file and "20" of a genome are the same.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import open_plain_or_gzip

log = logging.getLogger(__name__)

_NARROWPEAK_COLUMNS = 10
# Columns of a narrowPeak that are read; the others are scores.
_CONTIG, _START, _END, _SIGNAL, _SUMMIT = 0, 1, 2, 6, 9


def contig_key(name: str) -> str:
    """Return a name of a contig without "chr": chr20 and 20 are 20, chrM and MT are M."""
    key = name[3:] if name[:3].lower() == "chr" else name
    return "M" if key == "MT" else key


@dataclass(frozen=True)
class Contigs:
    """Names and lengths of a genome's contigs.

    Attributes
    ----------
    names
        As the genome has them, with or without "chr".
    lengths
        In bp.
    """

    names: tuple[str, ...]
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for name in self.names:
            other = seen.setdefault(contig_key(name), name)
            if other is not name:
                raise ValueError(
                    f"contigs: {other!r} and {name!r} name one contig; expected each once"
                )

    def index(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return the index of each name, with or without "chr"; -1 for an unknown one."""
        places = {contig_key(name): place for place, name in enumerate(self.names)}
        codes, unique = pd.factorize(np.asarray(list(names), dtype=object))
        found = np.array([places.get(contig_key(str(name)), -1) for name in unique], np.int64)
        return found[codes] if len(unique) else np.empty(0, np.int64)


@dataclass(frozen=True)
class Peaks:
    """Intervals with a summit, sorted by contig, start, end and summit.

    Attributes
    ----------
    contig
        (P,) int64 index into the genome's contigs.
    start, end
        (P,) int64, 0-based and half-open; peaks may overlap.
    summit
        (P,) int64 position, inside the peak.
    signal
        (P,) float64 signal (column 7 of a narrowPeak), comparable within one file only;
        None where there is none.
    """

    contig: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]
    signal: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.start)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Peaks":
        """Return the peaks that a mask or indices choose."""
        signal = None if self.signal is None else self.signal[chosen]
        places = self.contig[chosen], self.start[chosen], self.end[chosen]
        return Peaks(*places, self.summit[chosen], signal)


def read_narrowpeak(
    path: str | os.PathLike[str],
    contigs: Contigs,
    *,
    elsewhere: Literal["refuse", "drop"] = "refuse",
) -> Peaks:
    """Read a narrowPeak file (BED6+4), plain or gzip.

    Parameters
    ----------
    path
        The file; leading lines of `track`, `browser` or # are skipped.
    contigs
        Of the genome that the peaks lie on.
    elsewhere
        What to do with peaks on other contigs: refuse the file (as it belongs to
        another genome), or drop and count them (where only some contigs are wanted).

    Returns
    -------
    Peaks
        Sorted. For a peak without a summit (-1 in column 10) its centre is taken,
        rounded down. A summit at the very end of its peak, as in a few rows of
        ENCODE's uniform peaks, becomes the last base. A peak that extends past the end
        of its contig is cut there. The log counts all of these.

    Raises
    ------
    ValueError
        In one line with file and line: an empty file, too few columns, a start,
        end or summit that is none, a contig that the genome does not have (under
        "refuse"), a peak that starts, or has its summit, beyond its contig.
    """
    table, first = _read_columns(path)
    lines = table.index.to_numpy() + first
    names = table[_CONTIG].to_numpy()
    numbers = [pd.to_numeric(table[c], errors="coerce") for c in (_START, _END, _SUMMIT)]
    _require_intervals(path, lines, table, *numbers)
    start, end, offset = (column.to_numpy().astype(np.int64) for column in numbers)
    contig = contigs.index(names)
    unknown = contig < 0
    if unknown.any() and elsewhere == "refuse":
        row = int(np.argmax(unknown))
        raise ValueError(
            f"{path}, line {lines[row]}: contig {names[row]!r} is not in the genome "
            f"({_some(contigs.names)}); expected peaks of this genome, or a choice of contigs"
        )
    known = ~unknown
    given = start + np.minimum(offset, end - start - 1)
    signal = pd.to_numeric(table[_SIGNAL], errors="coerce").to_numpy(np.float64)
    peaks = Peaks(contig, start, end, np.where(offset < 0, (start + end) // 2, given), signal)
    at_end = offset == end - start
    peaks, lines, offset = peaks.select(known), lines[known], offset[known]
    lengths = np.array([*contigs.lengths, 0], np.int64)[peaks.contig]
    beyond = np.maximum(peaks.start, peaks.summit) >= lengths
    if beyond.any():
        row = int(np.argmax(beyond))
        raise ValueError(
            f"{path}, line {lines[row]}: peak {names[known][row]}:{peaks.start[row]}-"
            f"{peaks.end[row]} (summit {peaks.summit[row]}) lies beyond the end of its contig, "
            f"which has {lengths[row]:,} bp; the peaks are of another assembly"
        )
    cut = replace(peaks, end=np.minimum(peaks.end, lengths))
    order = np.lexsort((cut.summit, cut.end, cut.start, cut.contig))
    log.info(
        "%s: %d peaks; %d on other contigs left out, %d without summit (centre taken), %d with "
        "the summit at the very end (last base taken), %d cut at the end of a contig, file %s",
        path, len(cut), int(unknown.sum()), int((offset < 0).sum()),
        int(at_end[known].sum()), int((peaks.end > lengths).sum()),
        "sorted" if (np.diff(order) > 0).all() else "not sorted (sorted here)",
    )  # fmt: skip
    return cut.select(order)


def _some(names: tuple[str, ...]) -> str:
    """Join the first five names for a message."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _read_columns(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, int]:
    """Return all columns as text, and the line number of the first row."""
    with open_plain_or_gzip(path) as file:
        lines = file.read().decode("utf-8", "replace").rstrip("\r\n").splitlines()
    skipped = 0
    while skipped < len(lines) and lines[skipped].startswith(("#", "track", "browser")):
        skipped += 1
    if not any(lines[skipped:]):
        raise ValueError(f"{path}: no peaks in the file; expected a narrowPeak of ten columns")
    cells = pd.Series(lines[skipped:]).str.split("\t", expand=True)
    cells = cells.reindex(columns=range(max(_NARROWPEAK_COLUMNS, cells.shape[1])))
    short = cells[_NARROWPEAK_COLUMNS - 1].isna()
    if short.any():
        row = int(np.argmax(short))
        raise ValueError(
            f"{path}, line {row + skipped + 1}: {int(cells.iloc[row].notna().sum())} columns, "
            "expected the ten of a narrowPeak, separated by tabs"
        )
    return cells, skipped + 1


def _require_intervals(
    path: str | os.PathLike[str],
    lines: NDArray[np.int64],
    table: pd.DataFrame,
    start: pd.Series,
    end: pd.Series,
    summit: pd.Series,
) -> None:
    """Raise with the line of the first row whose start, end or summit is no valid one."""
    whole = (start % 1 == 0) & (end % 1 == 0)  # False for what is no number
    checks = (
        (~whole | (start < 0) | (end <= start),
         "[{0[1]}, {0[2]}) is no interval; expected whole numbers with 0 <= start < end"),
        ((summit % 1 != 0) | (summit < -1) | (summit > end - start),
         "summit {0[9]!r} in column 10; expected an offset inside the peak, or -1 for none"),
    )  # fmt: skip
    for wrong, message in checks:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"{path}, line {lines[row]}: " + message.format(table.iloc[row]))


def overlaps(query: Peaks, subject: Peaks) -> NDArray[np.bool_]:
    """Return which query intervals share at least one bp with any subject interval.

    Parameters
    ----------
    query
        Q intervals.
    subject
        S intervals; they may overlap each other.

    Returns
    -------
    ndarray of bool (Q,)

    Notes
    -----
    Of the subjects that start before the end of an interval, those that end before its
    start are subtracted: two counts by bisection. Time (Q + S) log S.
    """
    if not len(query) or not len(subject):
        return np.zeros(len(query), bool)
    # One line of coordinates: contigs one after the other, with room between.
    step = int(max(query.end.max(), subject.end.max())) + 1
    starts = np.sort(subject.contig * step + subject.start)
    ends = np.sort(subject.contig * step + subject.end)
    begun = np.searchsorted(starts, query.contig * step + query.end, side="left")
    over = np.searchsorted(ends, query.contig * step + query.start, side="right")
    return begun > over
