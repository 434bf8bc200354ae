"""Score every nucleotide of one window against every other."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import read_json
from dfim.maps.maps import score_map
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.examples import Examples
from flow.jobs.runtime import configure_tensorflow
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    examples: str,
    model: str,
    window: str,
    interaction_map: str,
    settings: dict[str, Any],
    declared: dict[str, Any],
    seed: int,
) -> None:
    """Write the map of the chosen window."""
    configure_tensorflow(settings["threads"], seed)
    # Loads TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model

    chosen, data, network = read_json(window), Examples.load(examples), load_model(model)
    head = task_heads(network, data.tasks, declared)[settings["task"] or ""]
    attributor = head_attributor(network, head, settings)
    x = data.one_hot(np.array([chosen["row"]]))[0]
    score_map(
        attributor,
        x,
        chosen["start"],
        chosen["end"],
        settings=ScoringSettings.choose(settings),
        rng=np.random.default_rng(seed),
    ).save(interaction_map, {"settings": settings})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
