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
    """Compute metrics and calibration by held-out split and task.

    Returns
    -------
    dict
        `splits` and `calibration`, by split and task; None where validation lacks a class.
        Where several tasks have both classes, `macro` is their average, and their pooled
        calibration stands beside that of the tasks.
    """
    record: dict[str, Any] = {"splits": {}, "macro": {}, "calibration": {}}
    groups = loci_of(data)
    for part in ("validation", "test"):
        number = SPLITS.index(part)
        rows = data.splits == number
        if not rows.any():
            continue
        labels, scores = data.labels[rows], logits[rows]
        loci = None if groups is None else groups[rows]
        by_task: dict[str, Any] = dict.fromkeys(data.tasks)
        reliability: dict[str, Any] = dict.fromkeys(data.tasks)
        for column, task in enumerate(data.tasks):
            if _has_both(labels[:, column], part, task):
                of_task = labels[:, column], scores[:, column]
                rng = np.random.default_rng([seed, number, column])
                by_task[task] = asdict(evaluate_classifier(*of_task, rng=rng, groups=loci))
                reliability[task] = asdict(calibration(*of_task, groups=loci))
        record["splits"][part] = by_task
        record["calibration"][part] = {"tasks": reliability}
        measured = [column for column, task in enumerate(data.tasks) if by_task[task]]
        if len(measured) > 1:
            of_all = labels[:, measured], scores[:, measured]
            rng = np.random.default_rng([seed, number, len(data.tasks)])
            record["macro"][part] = asdict(macro_average(*of_all, rng=rng, groups=loci))
            record["calibration"][part]["pooled"] = asdict(calibration(*of_all, groups=loci))
    return record


def _has_both(labels: np.ndarray, part: str, task: str) -> bool:
    """Return whether a task has both classes in a part; test sequences must."""
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
    """Write the logits of every example, one column per task, and metrics of held-out parts."""
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
