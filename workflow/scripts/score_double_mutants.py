"""Compute the exact interaction of an analysis' pairs by double mutants."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.comparators.double_mutants import double_mutant_interactions
from dfim.io.store import write_arrays
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.examples import Examples
from flow.jobs.digest import rule_seed
from flow.jobs.runtime import configure_tensorflow
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    examples: str,
    model: str,
    pairs: str,
    interactions: str,
    settings: dict[str, Any],
    declared: dict[str, Any],
    seed: int,
) -> None:
    """Write (P,) interactions in logits, in the order of the pairs; 0 beyond the reach."""
    configure_tensorflow(settings["threads"], seed)
    # Loads TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model

    data, scores, network = Examples.load(examples), PairScores.load(pairs), load_model(model)
    head = task_heads(network, data.tasks, declared)[settings["task"] or ""]
    attributor = head_attributor(network, head, settings)
    rows, row_of = np.unique(scores.features.sequence, return_inverse=True)
    near = scores.reachable
    found = np.zeros(len(scores))
    found[near] = double_mutant_interactions(
        attributor.predict_logit,
        data.one_hot(rows),
        replace(scores.features, sequence=row_of),
        scores.source[near],
        scores.target[near],
        settings=ScoringSettings.choose(settings),
        rng=np.random.default_rng(rule_seed(seed, "shuffled features")),
    )
    write_arrays(interactions, {"interaction": found}, {"settings": settings})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
