"""Windows of accessibility: one per merged region, on its strongest summit."""

import numpy as np
import pytest

from dfim.genome.intervals import Peaks
from dfim.genome.peak_windows import union_windows


def peaks(*rows):
    """Peaks of (contig, start, end, signal); the summit is in the middle."""
    contig, start, end, signal = (np.array(column) for column in zip(*rows, strict=True))
    return Peaks(contig, start, end, (start + end) // 2, signal.astype(float))


def test_regions_merge_over_tasks_and_labels_look_at_the_middle():
    tasks = {
        # A chain of three peaks, one far away, and one at the same place of another contig.
        "a": peaks((0, 1000, 1200, 5), (0, 1350, 1500, 9), (1, 1000, 1200, 1)),
        "b": peaks((0, 1150, 1400, 3), (0, 5000, 5200, 2)),
    }
    found = union_windows(tasks, 1000)
    assert found.contig.tolist() == [0, 0, 1]
    # The strongest of its list: a's second peak (rank 0), although b's first is rank 0 too
    # and further left: b's list ranks it first, and its summit 1275 is left of 1425.
    assert (found.start + 500).tolist() == [1275, 5100, 1100]
    assert found.labels.tolist() == [[1, 1], [0, 1], [1, 0]]
    assert found.origin.tolist() == [1, 1, 0]


def test_ranks_are_within_each_list_and_touching_peaks_merge():
    tasks = {
        "weak numbers": peaks((0, 100, 200, 0.1), (0, 900, 1000, 0.2)),
        "strong numbers": peaks((0, 200, 300, 500), (0, 3000, 3100, 900)),
    }
    found = union_windows(tasks, 100)
    # 0.1 and 500 are both second of two: the leftmost summit is taken.
    assert (found.start + 50).tolist() == [150, 950, 3050]


def test_brute_force_merge():
    rng = np.random.default_rng(0)
    tasks = {}
    for name in "abc":
        start = np.sort(rng.integers(0, 30_000, 80))
        rows = [(int(rng.integers(0, 2)), s, s + int(rng.integers(50, 300)), rng.random())
                for s in start.tolist()]  # fmt: skip
        tasks[name] = peaks(*sorted(rows))
    covered = np.zeros((2, 62_000), bool)  # at half bases, so that touching is seen
    for found in tasks.values():
        for contig, start, end in zip(found.contig, found.start, found.end, strict=True):
            covered[contig, 2 * start : 2 * end + 1] = True
    edges = (np.diff(np.pad(covered, ((0, 0), (1, 1))).astype(int), axis=1) == 1).sum()
    windows = union_windows(tasks, 1000)
    assert len(windows) == edges
    assert (windows.labels.max(axis=1) == 1).all()


def test_a_task_without_peaks_is_refused():
    empty = peaks((0, 1, 2, 3)).select(np.zeros(1, bool))
    with pytest.raises(ValueError, match="b: no peaks"):
        union_windows({"a": peaks((0, 1, 2, 3)), "b": empty}, 100)
