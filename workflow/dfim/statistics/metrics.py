"""Compute accuracy, auROC and auPRC of classifiers, per task and averaged over tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from dfim.statistics.bootstrap import draw_groups

# Resamples that may lack a class of a task, for each that is wanted.
_TRIES = 20

_Resampled = Callable[[NDArray[np.integer]], tuple[float, float, float] | None]


@dataclass(frozen=True)
class ClassifierMetrics:
    """Metrics of one task on one set of sequences.

    Attributes
    ----------
    n_positive, n_negative
        Sequences of each class.
    accuracy
        Fraction of sequences that a threshold of 0.5 on the probability classifies correctly.
    auroc
        Area under the receiver operating characteristic.
    auprc
        Average precision.
    auroc_low, auroc_high, auprc_low, auprc_high, accuracy_low, accuracy_high
        Percentile intervals (95 %) from resampling the groups.
    """

    n_positive: int
    n_negative: int
    accuracy: float
    auroc: float
    auprc: float
    accuracy_low: float
    accuracy_high: float
    auroc_low: float
    auroc_high: float
    auprc_low: float
    auprc_high: float


@dataclass(frozen=True)
class MacroMetrics:
    """Metrics averaged over tasks, each with the same weight.

    Attributes
    ----------
    n_tasks, n_groups
        Tasks, and groups with a labelled sequence in any of them.
    base_rate
        Mean share of positives: the auPRC that chance gives.
    auroc, auprc
        Means over tasks.
    auroc_low, auroc_high, auprc_low, auprc_high
        Percentile intervals (95 %); None where most resamples lack a class of some task.
    """

    n_tasks: int
    n_groups: int
    base_rate: float
    auroc: float
    auprc: float
    auroc_low: float | None
    auroc_high: float | None
    auprc_low: float | None
    auprc_high: float | None


def evaluate_classifier(
    labels: NDArray[np.integer],
    logits: NDArray[np.floating],
    *,
    rng: np.random.Generator,
    groups: NDArray[np.integer] | None = None,
    n_resamples: int = 200,
) -> ClassifierMetrics:
    """Compute accuracy, auROC and average precision, with bootstrap intervals.

    Parameters
    ----------
    labels
        (N,) 1 or 0; -1 marks a masked sequence, which is left out.
    logits
        (N,) network output before the sigmoid.
    rng
        Draws the resamples.
    groups
        (N,) the group of each sequence, resampled together (`dfim.genome.peak_windows.loci`,
        where sequences overlap in a genome); by default each is its own.
    n_resamples
        Resamples of the groups for the intervals.

    Raises
    ------
    ValueError
        If a class is empty.

    Notes
    -----
    Sorted once; a resample is a few passes over the sequences (0.1 ms for 7,000).
    """
    known = labels >= 0
    labels, logits = labels[known], logits[known]
    owner = np.arange(len(labels)) if groups is None else groups[known]
    _, owner = np.unique(owner, return_inverse=True)
    positive = int(labels.sum())
    if positive in (0, len(labels)):
        raise ValueError(
            f"metrics: {positive} positive of {len(labels)} sequences; expected both classes: "
            "check the labels and the split"
        )
    accuracy = float(np.mean((logits > 0) == (labels == 1)))
    areas = roc_auc_score(labels, logits), average_precision_score(labels, logits)
    best = (accuracy, *map(float, areas))
    resampled, n_groups = _ranked(labels, logits, owner), int(owner.max()) + 1
    draws: list[tuple[float, float, float]] = []
    while len(draws) < n_resamples:
        figures = resampled(draw_groups(n_groups, rng))
        if figures is not None:
            draws.append(figures)
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    spread = [float(x) for pair in zip(low, high, strict=True) for x in pair]
    return ClassifierMetrics(positive, len(labels) - positive, *best, *spread)


def macro_average(
    labels: NDArray[np.integer],
    logits: NDArray[np.floating],
    *,
    rng: np.random.Generator,
    groups: NDArray[np.integer] | None = None,
    n_resamples: int = 200,
) -> MacroMetrics:
    """Average auROC and average precision over tasks, with bootstrap intervals.

    A resample holds the same groups for every task, since tasks share their
    sequences: errors that they have in common do not average out.

    Parameters
    ----------
    labels, logits
        (N, T) as in `evaluate_classifier`, one column per task.
    rng
        Draws the resamples.
    groups
        (N,) the group of each sequence.
    n_resamples
        Resamples in which every task has both classes.

    Raises
    ------
    ValueError
        If a class of a task is empty.

    Notes
    -----
    Costs as much as `evaluate_classifier` of every task.
    """
    used = (labels >= 0).any(axis=1)
    labels, logits = labels[used], logits[used]
    owner = np.arange(len(labels)) if groups is None else groups[used]
    names, owner = np.unique(owner, return_inverse=True)
    tasks, rates = [], []
    for column, (mine, scores) in enumerate(zip(labels.T, logits.T, strict=True)):
        known = mine >= 0
        n_positive, n_known = int((mine == 1).sum()), int(known.sum())
        if not 0 < n_positive < n_known:
            raise ValueError(
                f"metrics: {n_positive} positive of {n_known} sequences in column {column}; "
                "expected both classes: leave that task out"
            )
        rates.append(n_positive / n_known)
        tasks.append(_ranked(mine[known], scores[known], owner[known]))
    best = _areas(tasks, np.ones(len(names), np.int64))
    draws: list[NDArray[np.floating]] = []
    for _ in range(_TRIES * n_resamples):
        areas = _areas(tasks, draw_groups(len(names), rng))
        if not np.isnan(areas).any():
            draws.append(areas)
        if len(draws) == n_resamples:
            break
    spread: list[float | None] = [None] * 4
    if len(draws) == n_resamples:
        spread = np.percentile(draws, [2.5, 97.5], axis=0).T.ravel().tolist()
    return MacroMetrics(len(tasks), len(names), float(np.mean(rates)), *best.tolist(), *spread)


def _areas(tasks: Sequence[_Resampled], times: NDArray[np.integer]) -> NDArray[np.float64]:
    """Average auROC and auPRC (2,) over tasks in a resample; NaN where one lacks a class."""
    areas = []
    for resampled in tasks:
        figures = resampled(times)
        if figures is None:
            return np.full(2, np.nan)
        areas.append(figures[1:])
    return np.mean(areas, axis=0)


def _ranked(
    labels: NDArray[np.integer], logits: NDArray[np.floating], owner: NDArray[np.integer]
) -> _Resampled:
    """Make a function that computes accuracy, auROC and auPRC of a bootstrap resample.

    The function takes how often each group was drawn, and returns None where a class is
    missing. Its values are scikit-learn's, to the last digit, without sorting again.
    """
    order = np.argsort(-logits, kind="stable")
    scores, positive, owner = logits[order], labels[order] == 1, owner[order]
    right = (scores > 0) == positive
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of equal scores

    def figures(times_of_group: NDArray[np.integer]) -> tuple[float, float, float] | None:
        times = times_of_group[owner]
        hits, drawn = np.cumsum(times * positive)[last], np.cumsum(times)[last]
        if not 0 < hits[-1] < drawn[-1]:
            return None
        there = np.diff(drawn, prepend=0) > 0
        hits, drawn = hits[there], drawn[there]
        recall = np.append((hits / hits[-1])[::-1], 0)
        precision = -np.sum(np.diff(recall) * (hits / drawn)[::-1])
        false = drawn - hits
        bent = (np.diff(hits, 2) != 0) | (np.diff(false, 2) != 0)
        corner = np.concatenate([[True], bent, [True]])[: len(hits)]
        x, y = (np.append(0, n[corner] / n[-1]) for n in (false, hits))
        accuracy = times[right].sum() / drawn[-1]
        return float(accuracy), float(auc(x, y)), float(precision)

    return figures
