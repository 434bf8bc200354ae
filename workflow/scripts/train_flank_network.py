"""Train the network of a study of flanks; a killed training goes on from its last epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import read_arrays
from dfim.sequences.examples import SPLITS
from dfim.sequences.kmers import sequence_codes
from flow.flanks.betseq import Measurements
from flow.flanks.positions import LENGTH
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.training_run import TrainingRun

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _rows(measurements: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes and centred ΔΔG of one part: one row per flank and replicate, as published."""
    found = Measurements.load(measurements)
    split = read_arrays(measurements, ("split",))[0]["split"]
    ddg = found.centred()
    flank, replicate = np.nonzero(np.isfinite(ddg) & (split == SPLITS.index(part))[:, None])
    return sequence_codes(LENGTH, found.index[flank]), ddg[flank, replicate]


def main(
    measurements: str,
    model: str,
    history: str,
    options: dict[str, Any],
    training: dict[str, Any],
    checkpoint: str,
    seed: int,
) -> None:
    """Build, train and save; checkpoints are removed when the model is in place."""
    settings = {k: v for k, v in training.items() if k not in ("threads", "onednn")}
    configure_tensorflow(training["threads"], seed, onednn=training["onednn"])
    # Both load TensorFlow, whose threads are fixed by now.
    from dfim.models.regression_training import RegressionSettings, train_regression
    from flow.networks.architectures import build

    network = build("m4", LENGTH, 1, options)
    script = "scripts/train_flank_network.py"
    run = TrainingRun(checkpoint, script, [measurements], options, training, seed)
    with run.progress(network.name, settings["max_epochs"]) as report:
        table = train_regression(
            network,
            *_rows(measurements, "train"),
            *_rows(measurements, "validation"),
            settings=RegressionSettings(**settings),
            seed=seed,
            checkpoint=run.state,
            progress=report,
        )
    run.finish(network, table, model=model, history=history)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
