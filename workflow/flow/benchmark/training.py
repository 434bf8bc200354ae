"""Count the floating-point operations of a finished training."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfim.io.store import read_arrays, read_table
from dfim.sequences.examples import SPLITS, Examples

if TYPE_CHECKING:
    import keras


def training_work(study: str | Path) -> tuple[int, int, float]:
    """Count what the training of a study computed.

    Parameters
    ----------
    study
        Folder of a study in the results of a run: model/model.keras, model/history.tsv, and
        examples.h5 or flanks/measurements.h5.

    Returns
    -------
    sequences, epochs : int
        Rows of the training set, and of the history.
    gflop : float
        Operations of all steps, in 10^9.
    """
    from dfim.models.loading import load_model

    folder = Path(study)
    epochs = len(read_table(folder / "model/history.tsv", ("epoch",)))
    sequences = _training_rows(folder)
    flops = training_flops(load_model(folder / "model/model.keras"))
    return sequences, epochs, flops * sequences * epochs / 1e9


def training_flops(model: "keras.Model") -> float:
    """Count the operations of one training step on one sequence.

    Parameters
    ----------
    model
        Whose layers form a chain: the first with weights is taken to read the input.

    Returns
    -------
    float
        2 for each multiply-add of convolutions and dense layers: forward, gradient of the
        weights, and (for all but the first layer with weights) gradient of its input.
        Elementwise work, pooling and the optimiser are not counted.
    """
    products = 0.0
    passes = 2  # the first layer's input is the sequence, which needs no gradient
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            positions = int(np.prod(layer.output.shape[1:-1]))
            products += passes * positions * int(np.prod(kernel.shape))
            passes = 3
    return 2 * products


def _training_rows(study: Path) -> int:
    """Count the rows that one epoch goes through."""
    train = SPLITS.index("train")
    if (study / "examples.h5").exists():
        return int((Examples.load(study / "examples.h5").splits == train).sum())
    arrays, _ = read_arrays(study / "flanks/measurements.h5", ("ddg", "split"))
    # A row for each flank and replicate with a measurement.
    return int(np.isfinite(arrays["ddg"][arrays["split"] == train]).sum())
