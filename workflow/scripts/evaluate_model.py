"""Predict every example, and measure the network on the parts it was not trained on."""

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.metrics import evaluate_classifier
from dfim.store import SPLITS, Examples, write_arrays, write_json
from dfim.windows import loci_of
from flow.heads import task_heads
from flow.runtime import configure_tensorflow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def _metrics(data: Examples, logits: np.ndarray, seed: int) -> dict[str, Any]:
    """Metrics by held-out split and task; null where validation lacks a class."""
    record: dict[str, Any] = {}
    groups = loci_of(data)
    for part in ("validation", "test"):
        number = SPLITS.index(part)
        rows = data.splits == number
        for column, task in enumerate(data.tasks if rows.any() else ()):
            labels = data.labels[rows, column]
            n_known, n_positive = int((labels >= 0).sum()), int((labels == 1).sum())
            found = None
            if 0 < n_positive < n_known:
                rng = np.random.default_rng([seed, number, column])
                mine = None if groups is None else groups[rows]
                found = asdict(
                    evaluate_classifier(labels, logits[rows, column], rng=rng, groups=mine)
                )
            elif part == "test":
                raise ValueError(
                    f"task {task}: {n_positive} positive of {n_known} known test sequences; "
                    "expected both classes: test on other contigs or sequences"
                )
            else:
                log.warning("%s: %d of %d positive for %s", part, n_positive, n_known, task)
            record.setdefault(part, {})[task] = found
    return record


def main(
    examples: str,
    model: str,
    predictions: str,
    metrics: str,
    declared: dict[str, Any],
    tensorflow_threads: int,
    seed: int,
) -> None:
    """Write the logits of every example, a column a task; and metrics of held-out parts."""
    configure_tensorflow(tensorflow_threads, seed)
    from dfim.attribution.logits import predict_logits
    from dfim.models import load_model

    data, network = Examples.load(examples), load_model(model)
    heads = task_heads(network, data.tasks, declared)
    logits = predict_logits(network, data.one_hot(), list(heads.values()))
    write_arrays(predictions, {"logits": logits})
    write_json(metrics, {"tasks": list(data.tasks), "splits": _metrics(data, logits, seed)})


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
