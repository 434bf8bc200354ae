"""Bring a finished model into the run, as a Keras 3 file."""

from pathlib import Path
from typing import TYPE_CHECKING

from dfim.io.store import whole_file
from flow.jobs.runtime import configure_tensorflow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(source: str, weights: list[str], model: str, seed: int) -> None:
    """Read a .keras file, an architecture with its weights, or a network of flanks (npz)."""
    configure_tensorflow(1, seed)
    from dfim.models.loading import load_model
    from flow.networks.betseq_network import read_betseq_network

    if Path(source).suffix == ".npz" and not weights:
        network = read_betseq_network(source)
    else:
        network = load_model(source, weights=weights[0] if weights else None)
    with whole_file(model) as temporary:
        network.save(temporary)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
