"""Which sequences of a study an analysis scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.sequences.examples import SPLITS, Examples


def select_rows(
    examples: Examples,
    logits: NDArray[np.floating],
    select: Mapping[str, Any],
    *,
    task: str | None = None,
) -> NDArray[np.int64]:
    """Rows of the examples that a `select` declaration asks for, in their order.

    Parameters
    ----------
    examples
        All sequences of the study.
    logits
        (N, T) the network's outputs for them, one column per task.
    select
        `groups`, `splits`, `positive_only`, `correct_only`, `positive_tasks`,
        `limit`; each is optional and narrows the choice.
    task
        Whose label and output `positive_only` and `correct_only` look at; the
        first by default. A masked label is neither positive nor correct.

    Raises
    ------
    ValueError
        For a group that no sequence has, or when nothing is left.
    """
    kept = np.ones(len(examples), bool)
    if "groups" in select:
        unknown = sorted(set(select["groups"]) - set(examples.groups.tolist()))
        if unknown:
            raise ValueError(
                f"select.groups: no sequence in group {unknown[0]!r}; "
                f"there are {sorted(set(examples.groups.tolist()))}"
            )
        kept &= np.isin(examples.groups, select["groups"])
    if "splits" in select:
        kept &= np.isin(examples.splits, [SPLITS.index(part) for part in select["splits"]])
    if select.get("positive_only"):
        kept &= _labels(examples, "positive_only", task) == 1
    if select.get("correct_only"):
        kept &= is_correct(examples, logits, task, key="correct_only")
    if "positive_tasks" in select:
        columns = [
            _column(examples, "positive_tasks", name) for name in select["positive_tasks"]
        ]
        kept &= (examples.labels[:, columns] == 1).any(axis=1)
    rows = np.flatnonzero(kept)
    if not rows.size:
        raise ValueError(f"select: {dict(select)} leaves no sequence of {len(examples):,}")
    return spread(rows, select.get("limit"))


def spread(rows: NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """Return `limit` of the rows in their order, evenly spread; all where None or too few.

    The first ones of a genome would all be of one chromosome.
    """
    wanted = min(limit or len(rows), len(rows))
    return rows[np.arange(wanted) * len(rows) // max(wanted, 1)]


def is_correct(
    examples: Examples, logits: NDArray[np.floating], task: str | None, *, key: str = "choice"
) -> NDArray[np.bool_]:
    """(N,) whether the output for a task lies on the side of a known label."""
    labels, output = _labels(examples, key, task), logits[:, _column(examples, key, task)]
    return ((output > 0) == (labels == 1)) & (labels >= 0)


def _column(examples: Examples, key: str, task: str | None) -> int:
    if not examples.tasks:
        raise ValueError(f"select.{key}: needs labels, and the examples have none")
    if task is None:
        return 0
    if task not in examples.tasks:
        raise ValueError(
            f"select.{key}: no task {task!r}; the examples have {', '.join(examples.tasks)}"
        )
    return examples.tasks.index(task)


def _labels(examples: Examples, key: str, task: str | None) -> NDArray[np.int8]:
    return examples.labels[:, _column(examples, key, task)]
