"""Train a study's network; a killed training goes on from its last epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.sequences.examples import SPLITS, Examples
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import spread
from flow.jobs.training_run import TrainingRun

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    examples: str,
    start: list[str],
    model: str,
    history: str,
    architecture: str,
    options: dict[str, Any],
    training: dict[str, Any],
    checkpoint: str,
    seed: int,
) -> None:
    """Build, train and save; checkpoints are removed when the model is in place.

    `start` is empty, or the file of a trained network to start from (and its weights).
    """
    settings = {k: v for k, v in training.items() if k not in ("threads", "onednn", "limit")}
    configure_tensorflow(training["threads"], seed, onednn=training["onednn"])
    # Both load TensorFlow, whose threads are fixed by now.
    import keras

    from dfim.models.classifier_training import TrainingSettings
    from dfim.models.starts import train_best_start
    from flow.networks.architectures import build
    from flow.networks.starting_weights import start_from

    data = Examples.load(examples)
    parts = {part: np.flatnonzero(data.splits == SPLITS.index(part)) for part in SPLITS}
    parts["train"] = spread(parts["train"], training.get("limit"))

    def initial(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        network = build(architecture, data.codes.shape[1], len(data.tasks), options)
        if start:
            start_from(network, *start)
        return network

    choices = TrainingSettings(**settings)
    files = [examples, *start]
    run = TrainingRun(
        checkpoint, "scripts/train_model.py", files, architecture, options, training, seed
    )
    with run.progress(architecture, choices.epochs_in_all) as report:
        network, table = train_best_start(
            initial,
            data.codes[parts["train"]],
            data.labels[parts["train"]],
            data.codes[parts["validation"]],
            data.labels[parts["validation"]],
            settings=choices,
            seed=seed,
            checkpoint=run.state,
            progress=report,
        )
    run.finish(network, table, model=model, history=history)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
