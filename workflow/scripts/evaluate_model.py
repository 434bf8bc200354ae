"""Predict every example, and measure the network on the held-out ones."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from dfim.metrics import evaluate_classifier
from dfim.store import SPLITS, Examples, write_arrays, write_json
from flow.runtime import configure_tensorflow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    examples: str,
    model: str,
    predictions: str,
    metrics: str,
    output_head: int | str,
    unit: int,
    tensorflow_threads: int,
    seed: int,
) -> None:
    """Write the logit of every example, and metrics a split."""
    configure_tensorflow(tensorflow_threads, seed)
    from dfim.attribution import make_attributor
    from dfim.models import load_model

    data = Examples.load(examples)
    # The same logit that is scored: gradient_input is the method with no reference.
    attributor = make_attributor(
        load_model(model), "gradient_input", output=output_head, unit=unit
    )
    logits = attributor.predict_logit(data.one_hot())
    write_arrays(predictions, {"logits": logits})
    record = {}
    if data.tasks:
        for number, part in enumerate(SPLITS):
            rows = data.splits == number
            if rows.any():
                rng = np.random.default_rng([seed, number])
                found = evaluate_classifier(data.labels[rows, 0], logits[rows], rng=rng)
                record[part] = asdict(found)
    write_json(metrics, {"task": data.tasks[0] if data.tasks else None, "splits": record})


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
