"""Write a synthetic genome with peaks, in the formats of the real files, and its truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.genome.genome import write_genome
from dfim.genome.peak_windows import label_windows
from dfim.io.store import write_table
from synthetic.regulatory import write_narrowpeak
from synthetic.tal_gata import oracle_auroc, simulate

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    genome: str,
    accessible: str,
    chip: list[str],
    elements: str,
    sites: str,
    oracle: str,
    simulation: dict[str, Any],
    window: int,
    test: list[str],
    seed: int,
) -> None:
    """Simulate and write.

    `chip` has one file per task, named after it; `window`
    and `test` (contigs) say which windows the oracle is measured on.
    """
    made = simulate(**simulation, seed=seed)
    write_genome(genome, made.genome)
    contigs = made.genome.contigs
    rng = np.random.default_rng([seed, 2])
    opened = rng.lognormal(3.5, 0.6, len(made.accessible))
    write_narrowpeak(accessible, made.accessible, contigs, opened, summits=False)
    signals = {task: rng.lognormal(3.5, 0.6, len(peaks)) for task, peaks in made.chip.items()}
    for path in chip:
        task = Path(path).name.partition(".")[0]
        write_narrowpeak(path, made.chip[task], contigs, signals[task], summits=True)
    write_table(elements, made.elements)
    write_table(sites, made.sites)
    windows = label_windows(made.chip, made.accessible, window)
    tested = windows.select(np.isin(windows.contig, contigs.index(test)))
    names = np.array(contigs.names)[tested.contig]
    table = oracle_auroc(made.elements, names, tested.start, window, tested.labels)
    write_table(oracle, table.assign(contigs=",".join(test)))


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
