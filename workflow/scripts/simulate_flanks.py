"""Write BET-seq counts of a synthetic set of flanks, one file per replicate, and the truth."""

from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic.cbf1 import simulate, write_replicate, write_terms, write_true_ddg

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    counts: list[str], terms: str, truth: str, simulation: dict[str, Any], seed: int
) -> None:
    """Simulate and write."""
    data = simulate(**simulation, rng=np.random.default_rng(seed))
    for replicate, path in enumerate(counts):
        write_replicate(path, data, replicate)
    write_terms(terms, data)
    write_true_ddg(truth, data)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
