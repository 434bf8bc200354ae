"""Have one raw file of the paper, whole and verified."""

from typing import TYPE_CHECKING

from flow.declarations.sources import read_sources
from flow.downloads.fetch import fetch

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(downloaded: str, name: str) -> None:
    """Fetch the file of a row of sources.tsv to its place below the folder of downloads."""
    source = read_sources()[name]
    fetch(source, downloaded.removesuffix(f"/{source.file}"))


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
