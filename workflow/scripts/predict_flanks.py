"""Predict every flank; measure the network on what was measured, and on what is true."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfim.io.store import read_arrays, write_arrays, write_json, write_table
from dfim.sequences.examples import SPLITS
from flow.flanks.betseq import Measurements
from flow.flanks.metrics import flank_metrics, squared_correlation
from flow.flanks.positions import LENGTH
from flow.jobs.runtime import configure_tensorflow

if TYPE_CHECKING:
    import keras
    from snakemake.iocontainers import snakemake


def main(
    model: str,
    measurements: list[str],
    truth: list[str],
    predictions: str,
    layers: str,
    metrics: str,
    tensorflow_threads: int,
    seed: int,
) -> None:
    """Write the centred ΔΔG of all 4^10 flanks, the network's layers, and its metrics.

    `measurements` and `truth` are empty, or a file each.
    """
    configure_tensorflow(tensorflow_threads, seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.attribution.graph.trace import output_tensor
    from dfim.attribution.methods.logit_tensors import pre_activation
    from dfim.models.loading import load_model
    from dfim.models.prediction import predict_all

    network = load_model(model)
    tensor, name = output_tensor(network, 0)
    if tuple(tensor.shape[1:]) != (1,) or pre_activation(tensor, name) is not tensor:
        raise ValueError(
            f"model: {model} has output {name!r} of shape {tuple(tensor.shape[1:])}, expected "
            "one number without a sigmoid: a ΔΔG"
        )
    if network.input_shape != (None, LENGTH, 4):
        raise ValueError(
            f"model: {model} reads {network.input_shape[1:]}, expected ({LENGTH}, 4): flanks "
            f"of {LENGTH} bases"
        )
    ddg = predict_all(network)
    ddg -= ddg.mean(dtype=np.float64)
    write_arrays(predictions, {"ddg": ddg})
    write_table(layers, _layers(network))
    record: dict[str, Any] = {"n_predicted": len(ddg), "sd": float(ddg.std()), "parts": {}}
    if measurements:
        measured = Measurements.load(measurements[0])
        split = read_arrays(measurements[0], ("split",))[0]["split"]
        for number, part in enumerate(SPLITS):
            if (split == number).sum() > 2:
                found = flank_metrics(ddg, measured, split == number)
                record["parts"][part] = asdict(found)
    if truth:
        true = read_arrays(truth[0], ("ddg",))[0]["ddg"]
        record["r2_with_truth"] = squared_correlation(ddg, true)
    write_json(metrics, record)


def _layers(network: "keras.Model") -> pd.DataFrame:
    """One row per layer, from the input to the output."""
    rows = [("input", "Input", _text(network.input_shape), np.nan, 0)]
    for layer in network.layers:
        kind, rate = type(layer).__name__, getattr(layer, "rate", np.nan)
        if kind != "InputLayer":
            shape = _text(layer.output.shape)
            rows.append((layer.name, kind, shape, rate, layer.count_params()))
    return pd.DataFrame(rows, columns=["name", "kind", "shape", "rate", "parameters"])


def _text(shape: tuple[int | None, ...]) -> str:
    return " × ".join(str(size) for size in shape[1:])


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
