"""Bring a finished model into the run, as a Keras 3 file."""

from typing import TYPE_CHECKING

from dfim.store import whole_file
from flow.runtime import configure_tensorflow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(source: str, weights: list[str], model: str, seed: int) -> None:
    """Read a .keras file, or an architecture with its weights, and save it."""
    configure_tensorflow(1, seed)
    from dfim.models import load_model

    network = load_model(source, weights=weights[0] if weights else None)
    with whole_file(model) as temporary:
        network.save(temporary)


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
