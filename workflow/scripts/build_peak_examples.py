"""Turn a genome and peaks into examples: windows, labels, masks and a split."""

from typing import TYPE_CHECKING, Any

from dfim.genome.genome import read_genome
from dfim.genome.intervals import read_narrowpeak
from dfim.genome.peak_windows import label_windows
from flow.jobs.window_examples import save_windows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


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

    `chip` holds one narrowPeak per task, in the order of `tasks`. With a choice of
    `contigs` peaks elsewhere are left out; without one they are refused.
    """
    if len(set(tasks)) != len(tasks) or len(tasks) != len(chip):
        raise ValueError(
            f"tasks: got {tasks} and {len(chip)} peak files, expected one per task"
        )
    bases = read_genome(genome, contigs)
    elsewhere = "refuse" if contigs is None else "drop"
    opened = read_narrowpeak(accessible, bases.contigs, elsewhere=elsewhere)
    peaks = [read_narrowpeak(path, bases.contigs, elsewhere=elsewhere) for path in chip]
    windows = label_windows(dict(zip(tasks, peaks, strict=True)), opened, window)
    save_windows(
        examples, windows, bases, window, tasks, groups=[*tasks, "accessible"], split=split,
        seed=seed,
    )  # fmt: skip


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
