"""Predict every example, and measure the network on the parts it was not trained on."""

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.genome.peak_windows import loci_of
from dfim.io.store import write_arrays, write_json
from dfim.sequences.examples import SPLITS, Examples
from dfim.statistics.calibration import calibration
from dfim.statistics.metrics import evaluate_classifier, macro_average
from flow.jobs.runtime import configure_tensorflow
from flow.networks.heads import task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def _metrics(data: Examples, logits: np.ndarray, seed: int) -> dict[str, Any]:
    """Metrics and calibration by held-out split and task; null where validation lacks a class.

    Beside them, where there are several tasks, their macro average and their
    calibration pooled.
    """
    record: dict[str, Any] = {"splits": {}, "macro": {}, "calibration": {}}
    groups = loci_of(data)
    for part in ("validation", "test"):
        number = SPLITS.index(part)
        rows = data.splits == number
        if not rows.any():
            continue
        mine = None if groups is None else groups[rows]
        labels, scores = data.labels[rows], logits[rows]
        found: dict[str, Any] = {}
        reliability: dict[str, Any] = {}
        for column, task in enumerate(data.tasks):
            found[task] = reliability[task] = None
            if _has_both(labels[:, column], part, task):
                one, rng = (labels[:, column], scores[:, column]), [seed, number, column]
                found[task] = asdict(
                    evaluate_classifier(*one, rng=np.random.default_rng(rng), groups=mine)
                )
                reliability[task] = asdict(calibration(*one, groups=mine))
        record["splits"][part] = found
        record["calibration"][part] = {"tasks": reliability}
        measured = [column for column, task in enumerate(data.tasks) if found[task]]
        if len(measured) > 1:
            every, rng = (labels[:, measured], scores[:, measured]), [seed, number, len(found)]
            record["macro"][part] = asdict(
                macro_average(*every, rng=np.random.default_rng(rng), groups=mine)
            )
            record["calibration"][part]["pooled"] = asdict(calibration(*every, groups=mine))
    return record


def _has_both(labels: np.ndarray, part: str, task: str) -> bool:
    """Whether a task has both classes in a part; test sequences must have them."""
    n_known, n_positive = int((labels >= 0).sum()), int((labels == 1).sum())
    both = 0 < n_positive < n_known
    if part == "test" and not both:
        raise ValueError(
            f"task {task}: {n_positive} positive of {n_known} known test sequences; "
            "expected both classes: test on other contigs or sequences"
        )
    if not both:
        log.warning("%s: %d of %d positive for %s", part, n_positive, n_known, task)
    return both


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
    from dfim.models.loading import load_model

    data, network = Examples.load(examples), load_model(model)
    heads = task_heads(network, data.tasks, declared)
    logits = predict_logits(network, data.one_hot(), list(heads.values()))
    write_arrays(predictions, {"logits": logits})
    write_json(metrics, {"tasks": list(data.tasks), **_metrics(data, logits, seed)})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
