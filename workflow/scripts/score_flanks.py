"""Score every flank: one importance profile each, since every mutant is another flank."""

from typing import TYPE_CHECKING, Any

from dfim.scoring.settings import ScoringSettings
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.networks.heads import head_attributor

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(model: str, factorial: str, settings: dict[str, Any], seed: int) -> None:
    """Write the importance of every base of every flank."""
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.attribution.results import Head
    from dfim.maps.every_kmer import score_factorial
    from dfim.models.loading import load_model

    attributor = head_attributor(load_model(model), Head(0, 0), settings)
    with Progress("score flanks", 4**attributor.length) as progress:
        found = score_factorial(
            attributor, ScoringSettings.choose(settings), progress=progress.advance
        )
    found.save(factorial, {"settings": settings})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
