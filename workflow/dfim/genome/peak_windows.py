"""Cut labelled windows at the summits of peaks: one label, or a mask, for each task."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dfim.genome.intervals import Peaks, overlaps
from dfim.sequences.examples import Examples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledWindows:
    """Windows of one length, sorted by contig and start, no two at one place.

    Attributes
    ----------
    contig, start
        (N,) int64 contig index and 0-based first base (negative where a window
        extends past the beginning of its contig).
    labels
        (N, T) int8: 1 bound (or accessible), 0 not, -1 masked.
    origin
        (N,) int64 index of the task whose summit is in the middle, or T for a summit of
        accessible chromatin only; the lowest where several coincide.
    """

    contig: NDArray[np.int64]
    start: NDArray[np.int64]
    labels: NDArray[np.int8]
    origin: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "LabelledWindows":
        """Return the windows that a mask or indices choose."""
        return LabelledWindows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def label_windows(chip: Mapping[str, Peaks], accessible: Peaks, length: int) -> LabelledWindows:
    """Make windows at summits, with a label for each factor (supplement, section 1.2).

    Windows are centred on the summits of ChIP peaks that overlap an accessible
    (DNase) peak, and on the summits of accessible peaks. "Overlap" is at least
    1 bp between the peaks themselves, not the windows. For each factor:

    * a window on its own ChIP summit is 1;
    * a window on another factor's ChIP summit is 1 where that peak overlaps one
      of this factor's peaks in accessible chromatin, 0 where it overlaps none of
      this factor's peaks, and masked where it overlaps only inaccessible ones;
    * a window on an accessible summit is 0 where that peak overlaps none of this
      factor's peaks, and masked otherwise: it is neither a summit of the factor nor
      a negative.

    Windows at the same place are merged; of their labels 1 takes precedence over masked,
    and masked over 0. Windows that are masked for every factor are left out.

    Parameters
    ----------
    chip
        Peaks of each factor; their order is the order of the tasks.
    accessible
        Peaks of open chromatin in the same cell.
    length
        Length of the windows in bp; the summit is base length // 2.

    Returns
    -------
    LabelledWindows

    Raises
    ------
    ValueError
        When there are no accessible peaks, or a factor has none in accessible
        chromatin.
    """
    if not len(accessible):
        raise ValueError("accessible: no peaks on the contigs of this run; expected some")
    opened = {task: peaks.select(overlaps(peaks, accessible)) for task, peaks in chip.items()}
    for task, peaks in opened.items():
        if not len(peaks):
            raise ValueError(
                f"{task}: none of its {len(chip[task]):,} peaks on the contigs of this run "
                "overlaps an accessible peak; expected some"
            )
        log.info("%s: %d of %d peaks accessible", task, len(peaks), len(chip[task]))
    sources = [*opened.values(), accessible]
    joined, origin = _joined(sources)
    labels = [np.empty((len(source), len(chip)), np.int8) for source in sources]
    for column, task in enumerate(chip):
        for row, source in enumerate(sources):
            near = overlaps(source, chip[task])
            values = np.where(near, -1, 0)
            if row == column:
                values[:] = 1
            elif source is not accessible:
                values[overlaps(source, opened[task])] = 1
            labels[row][:, column] = values
    every = _centred(joined, np.concatenate(labels), origin, length)
    windows = _merge_equal(every)
    useless = (windows.labels == -1).all(axis=1)
    log.info(
        "%d windows; %d more stood on the summit of another, %d were masked for every task",
        int((~useless).sum()), len(every) - len(windows), int(useless.sum()),
    )  # fmt: skip
    return windows.select(~useless)


def union_windows(
    peaks: Mapping[str, Peaks], length: int, *, central: int = 200
) -> LabelledWindows:
    """Make one window for each merged region of all tasks' peaks (supplement, section 1.3).

    Peaks of all tasks are merged where they overlap or touch. Each region gives one
    window, centred on its strongest summit: strength is the rank of a peak's signal
    within its own task's list, since signals of different assays are not comparable;
    of equal ones the leftmost is taken. The label of a window is 1 for a task that has a
    peak within its central bases, else 0; every window has a 1.

    Parameters
    ----------
    peaks
        Peaks of each task, with signals; their order is the order of the tasks.
    length
        Length of the windows in bp; the summit is base length // 2.
    central
        Width in bp of the middle of a window that a peak must overlap for a label of 1.

    Returns
    -------
    LabelledWindows

    Raises
    ------
    ValueError
        For a task without peaks.
    """
    for task, of_task in peaks.items():
        if not len(of_task):
            raise ValueError(f"{task}: no peaks on the contigs of this run; expected some")
    sources = list(peaks.values())
    every, origin = _joined(sources)
    rank = np.concatenate([_share_above(source) for source in sources])
    region = _regions(every.contig, every.start, every.end)
    order = np.lexsort((every.summit, rank, region))
    first = order[np.diff(region[order], prepend=-1) != 0]
    best = every.select(first)
    middle = best.summit - central // 2
    centre = Peaks(best.contig, middle, middle + central, best.summit)
    labels = np.stack([overlaps(centre, source) for source in sources], axis=1)
    log.info("%d regions of %d peaks of %d tasks", len(best), len(every), len(sources))
    windows = _centred(best, labels.astype(np.int8), origin[first], length)
    return windows.select(np.lexsort((windows.start, windows.contig)))


def _joined(sources: Sequence[Peaks]) -> tuple[Peaks, NDArray[np.int64]]:
    """Concatenate sets of peaks, without signals; return the index of each peak's set too."""
    columns = (
        np.concatenate([getattr(source, name) for source in sources])
        for name in ("contig", "start", "end", "summit")
    )
    return Peaks(*columns), np.repeat(np.arange(len(sources)), list(map(len, sources)))


def _centred(
    peaks: Peaks, labels: NDArray[np.int8], origin: NDArray[np.int64], length: int
) -> LabelledWindows:
    """Make the window of each peak, whose base length // 2 is the peak's summit."""
    return LabelledWindows(peaks.contig, peaks.summit - length // 2, labels, origin)


def _share_above(peaks: Peaks) -> NDArray[np.float64]:
    """Return the share of a task's peaks that are stronger than each; 0 without signals."""
    if peaks.signal is None:
        return np.zeros(len(peaks))
    weaker = np.sort(-peaks.signal)
    return np.searchsorted(weaker, -peaks.signal) / len(peaks)


def _regions(
    contig: NDArray[np.integer], start: NDArray[np.integer], end: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Number the regions that intervals (P,) form where they overlap or touch: (P,) int64.

    Numbers count from 0 in genome order.
    """
    if not len(start):
        return np.empty(0, np.int64)
    order = np.lexsort((start, contig))
    # Contigs laid end to end, so that one running maximum serves all of them.
    shift = contig * (int(end.max()) - int(start.min()) + 2)
    reached = np.maximum.accumulate((end + shift)[order])
    new = (start + shift)[order][1:] > reached[:-1]
    regions = np.empty(len(start), np.int64)
    regions[order] = np.concatenate([[0], np.cumsum(new)])
    return regions


def loci(
    contig: NDArray[np.generic], start: NDArray[np.integer], length: int
) -> NDArray[np.int64]:
    """Number the loci of windows: windows that overlap, also in a chain, share a locus.

    Overlapping windows hold the same sites, so that resampling must draw them together.

    Parameters
    ----------
    contig
        (N,) contig of each window: names or indices.
    start
        (N,) first base of each window.
    length
        Length of the windows in bp.

    Returns
    -------
    ndarray of int64 (N,)
        Numbers from 0, by contig and start.
    """
    _, code = np.unique(contig, return_inverse=True)
    # Windows that merely touch share no base: the last base ends the interval here.
    return _regions(code, start, start + length - 1)


def loci_of(examples: Examples) -> NDArray[np.int64] | None:
    """Number the `loci` of examples on a genome; return None for those without a place."""
    if examples.contigs is None or examples.starts is None:
        return None
    return loci(examples.contigs, examples.starts, examples.codes.shape[1])


def _merge_equal(windows: LabelledWindows) -> LabelledWindows:
    """Sort windows, and merge the labels of those at the same place."""
    order = np.lexsort((windows.origin, windows.start, windows.contig))
    windows = windows.select(order)
    new = np.ones(len(windows), bool)
    new[1:] = (np.diff(windows.contig) != 0) | (np.diff(windows.start) != 0)
    first = np.flatnonzero(new)
    # 0, masked, 1 as 0, 1, 2: the largest wins; and back.
    rank = np.maximum.reduceat(np.array([0, 2, 1], np.int8)[windows.labels], first, axis=0)
    labels = np.array([0, -1, 1], np.int8)[rank]
    return LabelledWindows(windows.contig[first], windows.start[first], labels,
                           windows.origin[first])  # fmt: skip
