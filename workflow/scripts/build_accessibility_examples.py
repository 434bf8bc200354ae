"""Turn a genome and accessible peaks of many cell types into examples."""

from typing import TYPE_CHECKING, Any

from dfim.genome.genome import read_genome
from dfim.genome.intervals import read_narrowpeak
from dfim.genome.peak_windows import union_windows
from flow.jobs.window_examples import save_windows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    genome: str,
    peaks: list[str],
    examples: str,
    tasks: list[str],
    contigs: list[str] | None,
    window: int,
    split: dict[str, Any] | None,
    seed: int,
) -> None:
    """Merge, label, cut, split and write; without a split every window is a test window.

    `peaks` holds one narrowPeak per task, in the order of `tasks`. With a choice of
    `contigs` peaks elsewhere are left out; without one they are refused.
    """
    if len(set(tasks)) != len(tasks) or len(tasks) != len(peaks):
        raise ValueError(
            f"tasks: got {tasks} and {len(peaks)} peak files, expected one per task"
        )
    bases = read_genome(genome, contigs)
    elsewhere = "refuse" if contigs is None else "drop"
    found = {
        task: read_narrowpeak(path, bases.contigs, elsewhere=elsewhere)
        for task, path in zip(tasks, peaks, strict=True)
    }
    windows = union_windows(found, window)
    save_windows(
        examples, windows, bases, window, tasks, groups=list(tasks), split=split, seed=seed
    )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
