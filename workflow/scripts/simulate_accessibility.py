"""Write a genome that is accessible in 18 cell types, its bQTLs, and the truth of both."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfim.genome.genome import write_genome
from dfim.genome.peak_windows import union_windows
from dfim.io.store import write_table
from flow.declarations.sheets import SHEETS
from synthetic.accessibility import TASKS, SyntheticData, binding_peaks, oracle_auroc, simulate
from synthetic.bqtl_alleles import FACTORS, draw_bqtls
from synthetic.bqtl_workbook import write_workbook
from synthetic.regulatory import write_narrowpeak

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_CELL_LINES = ("GM12878", "K562")  # DNase of ENCODE; the blood cells are ATAC


def main(
    genome: str,
    peaks: list[str],
    samples: str,
    workbook: str,
    binding: list[str],
    elements: str,
    sites: str,
    truth: str,
    oracle: str,
    simulation: dict[str, Any],
    window: int,
    test: list[str],
    validation: list[str],
    seed: int,
) -> None:
    """Simulate and write.

    `peaks` has one file per task and `binding` one per factor, named after it; variants
    are drawn from the contigs `test`, then `validation`, then others. `window` and
    `test` say which windows the oracle is measured on.
    """
    made = simulate(**simulation, seed=seed)
    write_genome(genome, made.genome)
    for path in peaks:
        found = made.peaks[_name(path)]
        write_narrowpeak(path, found, made.genome.contigs, found.signal, summits=True)
    for path in binding:
        factor = _name(path)
        rng = np.random.default_rng([seed, 4, list(FACTORS).index(factor)])
        bound = binding_peaks(made, FACTORS[factor], rng)
        write_narrowpeak(path, bound, made.genome.contigs, bound.signal, summits=True)
    named = [(_name(path), Path(path).name) for path in peaks]
    sheet = [(task, "DNase" if task in _CELL_LINES else "ATAC", file) for task, file in named]
    write_table(samples, pd.DataFrame(sheet, columns=["task", "assay", "peaks"]))
    write_table(elements, made.elements)
    write_table(sites, made.sites)
    variants = draw_bqtls(made, **simulation, seed=seed, contigs_first=(test, validation))
    write_workbook(workbook, variants, SHEETS)
    write_table(truth, variants)
    write_table(oracle, _oracle(made, window, test))


def _name(path: str) -> str:
    return Path(path).name.partition(".")[0]


def _oracle(made: SyntheticData, window: int, test: list[str]) -> pd.DataFrame:
    """What the truth knows of the windows of the contigs `test`."""
    contigs = made.genome.contigs
    windows = union_windows({task: made.peaks[task] for task in TASKS}, window)
    tested = windows.select(np.isin(windows.contig, contigs.index(test)))
    names = np.array(contigs.names)[tested.contig]
    table = oracle_auroc(made.elements, names, tested.start, window, tested.labels)
    return table.assign(contigs=",".join(test))


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
