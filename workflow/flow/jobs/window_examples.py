"""Examples from windows of a genome: cut, split, checked and counted."""

import logging
from dataclasses import asdict
from typing import Any

import numpy as np

from dfim.genome.genome import Genome
from dfim.genome.peak_windows import LabelledWindows
from dfim.genome.splits import count_duplicates, split_windows
from dfim.sequences.encoding import UNKNOWN
from dfim.sequences.examples import SPLITS, Examples

log = logging.getLogger(__name__)


def save_windows(
    path: str,
    windows: LabelledWindows,
    bases: Genome,
    length: int,
    tasks: list[str],
    *,
    groups: list[str],
    split: dict[str, Any] | None,
    seed: int,
) -> None:
    """Write windows as examples.

    Windows that leave their contig or hold an N are left out and counted; without a
    split every window is a test window.

    Parameters
    ----------
    path
        Of the examples.
    windows, length
        What to cut, and how much.
    bases
        The genome.
    tasks
        Names of the labels.
    groups
        Names of `windows.origin`.
    split
        Keys validation and test: `dfim.genome.splits.split_windows`.
    seed
        Of the split.

    Raises
    ------
    ValueError
        A part in which a task has windows of one class only.
    """
    inside = bases.holds(windows.contig, windows.start, length)
    windows = windows.select(inside)
    codes = bases.windows(windows.contig, windows.start, length)
    known = (codes != UNKNOWN).all(axis=1)
    windows, codes = windows.select(known), codes[known]
    log.info("%d windows leave their contig and %d hold an N: left out",
             int((~inside).sum()), int((~known).sum()))  # fmt: skip
    attributes: dict[str, Any] = {"split": split, "seed": seed}
    splits = np.full(len(windows), SPLITS.index("test"), np.uint8)
    if split:
        splits, kept = split_windows(
            windows.contig,
            windows.start,
            length,
            bases.contigs,
            test=split["test"],
            validation=split["validation"],
            rng=np.random.default_rng(seed),
        )
        windows, codes, splits = windows.select(kept), codes[kept], splits[kept]
        found = count_duplicates(codes, windows.contig, windows.start, splits)
        attributes["duplicates"] = asdict(found)
    names = np.array(bases.contigs.names)[windows.contig]
    ids = [f"{n}:{s}-{s + length}" for n, s in zip(names, windows.start.tolist(), strict=True)]
    made = Examples(
        ids=np.array(ids),
        codes=codes,
        groups=np.array(groups)[windows.origin],
        labels=windows.labels,
        tasks=tuple(tasks),
        splits=splits,
        contigs=names,
        starts=windows.start,
    )
    _report_balance(made)
    made.save(path, attributes)


def _report_balance(examples: Examples) -> None:
    """Log each part's labels per task; refuse a part in which a task has one class only."""
    places = np.array([] if examples.contigs is None else examples.contigs)
    for column, task in enumerate(examples.tasks):
        labels = examples.labels[:, column]
        for number in np.unique(examples.splits):
            part, here = SPLITS[number], labels[examples.splits == number]
            positive, negative, masked = (int((here == v).sum()) for v in (1, 0, -1))
            log.info("%s, %s: %d positive, %d negative, %d masked (%.1f %% positive)",
                     task, part, positive, negative, masked,
                     100 * positive / max(positive + negative, 1))  # fmt: skip
            if not positive or not negative:
                raise ValueError(
                    f"examples: {task} has {positive} positive and {negative} negative windows "
                    f"in the {part} part; expected both: hold out other contigs, or give more "
                    "peaks"
                )
        without = sorted(set(places.tolist()) - set(places[labels == 1].tolist()))
        if without:
            log.warning("%s: no positive window on %s", task, ", ".join(without))
