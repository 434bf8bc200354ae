"""Copy a study's raw files from the user's folder to where downloads would stand."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dfim.io.store import whole_file

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(source_sequences: str, source_labels: str, sequences: str, labels: str) -> None:
    """Copy both files whole; the readers after this step check what is in them."""
    for source, destination in ((source_sequences, sequences), (source_labels, labels)):
        with whole_file(Path(destination)) as temporary:
            shutil.copyfile(source, temporary)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
