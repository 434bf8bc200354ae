"""Train a study's network; a killed training goes on from its last epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.store import SPLITS, Examples, whole_file, write_table
from flow.digest import code_digest, config_digest
from flow.progress import Progress
from flow.runtime import configure_tensorflow

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
    settings = {key: value for key, value in training.items() if key != "threads"}
    configure_tensorflow(training["threads"], seed)
    # Both load TensorFlow, whose threads are fixed by now.
    from dfim.training import TrainingSettings, train
    from flow.architectures import build
    from flow.starting_weights import start_from

    data = Examples.load(examples)
    parts = {part: np.flatnonzero(data.splits == SPLITS.index(part)) for part in SPLITS}
    network = build(architecture, data.codes.shape[1], len(data.tasks), options)
    if start:
        start_from(network, *start)
    # A checkpoint of other settings, examples or code must never be picked up: its name
    # says whose it is.
    stats = [Path(path).stat() for path in (examples, *start)]
    files = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
    code = code_digest("scripts/train_model.py")
    whose = config_digest([architecture, options, training, seed, files, code])
    state = Path(checkpoint).with_suffix(f".{whose}.h5")
    with Progress(f"train {network.name}", settings["max_epochs"]) as progress:
        shown = 0

        def report(epochs: int, note: str) -> None:
            nonlocal shown
            progress.advance(epochs - shown, note)
            shown = epochs

        table = train(
            network,
            data.codes[parts["train"]],
            data.labels[parts["train"]],
            data.codes[parts["validation"]],
            data.labels[parts["validation"]],
            settings=TrainingSettings(**settings),
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
