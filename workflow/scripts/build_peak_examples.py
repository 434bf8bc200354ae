"""Turn a genome and peaks into examples: windows, labels, masks and a split."""

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.genome import read_genome
from dfim.intervals import read_narrowpeak
from dfim.sequences import UNKNOWN
from dfim.splits import count_duplicates, split_windows
from dfim.store import SPLITS, Examples
from dfim.windows import label_windows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def _report_balance(examples: Examples) -> None:
    """Log each part's labels a task; refuse a part in which a task has one class only."""
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


def main(
    genome: str,
    accessible: str,
    chip: list[str],
    examples: str,
    tasks: list[str],
    contigs: list[str] | None,
    window: int,
    split: dict[str, Any] | None,
    seed: int,
) -> None:
    """Read, label, cut, split and write; without a split every window is a test window.

    `chip` holds one narrowPeak a task, in the order of `tasks`. With a choice of
    `contigs` peaks elsewhere are left out; without one they are refused.
    """
    if len(set(tasks)) != len(tasks) or len(tasks) != len(chip):
        raise ValueError(f"tasks: got {tasks} and {len(chip)} peak files, expected one a task")
    bases = read_genome(genome, contigs)
    elsewhere = "refuse" if contigs is None else "drop"
    opened = read_narrowpeak(accessible, bases.contigs, elsewhere=elsewhere)
    peaks = [read_narrowpeak(path, bases.contigs, elsewhere=elsewhere) for path in chip]
    windows = label_windows(dict(zip(tasks, peaks, strict=True)), opened, window)
    inside = bases.holds(windows.contig, windows.start, window)
    windows = windows.select(inside)
    codes = bases.windows(windows.contig, windows.start, window)
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
            window,
            bases.contigs,
            test=split["test"],
            validation=split["validation"],
            rng=np.random.default_rng(seed),
        )
        windows, codes, splits = windows.select(kept), codes[kept], splits[kept]
        found = count_duplicates(codes, windows.contig, windows.start, splits)
        attributes["duplicates"] = asdict(found)
    names = np.array(bases.contigs.names)[windows.contig]
    ids = [f"{n}:{s}-{s + window}" for n, s in zip(names, windows.start.tolist(), strict=True)]
    made = Examples(
        ids=np.array(ids),
        codes=codes,
        groups=np.array([*tasks, "accessible"])[windows.origin],
        labels=windows.labels,
        tasks=tuple(tasks),
        splits=splits,
        contigs=names,
        starts=windows.start,
    )
    _report_balance(made)
    made.save(examples, attributes)


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
