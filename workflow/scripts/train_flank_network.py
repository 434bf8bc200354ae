"""Train the network of a study of flanks; a killed training goes on from its last epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.numbering import sequence_codes
from dfim.store import SPLITS, read_arrays, whole_file, write_table
from flow.betseq import Measurements
from flow.digest import code_digest, config_digest
from flow.flanks import LENGTH
from flow.progress import Progress
from flow.runtime import configure_tensorflow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _rows(measurements: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes and centred ΔΔG of one part: a row a flank and replicate, as published."""
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
    settings = {key: value for key, value in training.items() if key != "threads"}
    configure_tensorflow(training["threads"], seed)
    # Both load TensorFlow, whose threads are fixed by now.
    from dfim.regression_training import RegressionSettings, train_regression
    from flow.architectures import build

    network = build("m4", LENGTH, 1, options)
    # A checkpoint's name says whose it is: one of other settings is never picked up.
    stat = Path(measurements).stat()
    code = code_digest("scripts/train_flank_network.py")
    whose = config_digest([options, training, seed, stat.st_size, stat.st_mtime_ns, code])
    state = Path(checkpoint).with_suffix(f".{whose}.h5")
    with Progress(f"train {network.name}", settings["max_epochs"]) as progress:
        shown = 0

        def report(epochs: int, note: str) -> None:
            nonlocal shown
            progress.advance(epochs - shown, note)
            shown = epochs

        table = train_regression(
            network,
            *_rows(measurements, "train"),
            *_rows(measurements, "validation"),
            settings=RegressionSettings(**settings),
            seed=seed,
            checkpoint=state,
            progress=report,
        )
    write_table(history, table)
    with whole_file(model) as temporary:
        network.save(temporary)
    # With those that earlier settings, or a kill in the middle of a write, have left.
    for left in state.parent.glob(f"*{Path(checkpoint).name}.*"):
        left.unlink(missing_ok=True)


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
