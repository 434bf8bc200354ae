"""Scorecard rows of a network's performance on held-out sequences."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from flow.run.figure_context import FigureContext
from flow.scorecard.rows import NOT_PRINTED, Judged, ScorecardRow, scorecard_row

Task = dict[str, Any]

# So many tasks are listed one by one, and have a colour each where they are drawn.
FEW_TASKS = 4
# A mean area that is no further from the printed one agrees with it.
_CLOSE = 0.01


def interval(test: Task, what: str, digits: int) -> str:
    """Write a measure with its interval, where there is one."""
    value, low, high = (test[f"{what}{end}"] for end in ("", "_low", "_high"))
    if low is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _size(test: Task) -> int:
    return int(test["n_positive"] + test["n_negative"])


def _row(
    context: FigureContext,
    quantity: str,
    paper: str | None,
    ours: str,
    why: str,
    *,
    judged: Judged | None = None,
    unjudged: str = "",
) -> ScorecardRow:
    """Return a row that names the study, at the place where the paper prints its numbers."""
    return scorecard_row(
        context,
        f"{context.study_title}: {quantity}",
        paper=paper or NOT_PRINTED,
        ours=ours,
        why=why,
        judged=judged,
        unjudged=unjudged if paper else "",
        place=context.printed.get("place", "–"),
    )


def _how(context: FigureContext, n: int) -> str:
    where = "sequences, all there are" if context.whole else "held-out test sequences"
    if not context.whole and not context.trained:
        where = "sequences of the test part, by a network that was brought along"
    return f"n = {n:,} {where}; 95 % interval from resampling, what overlaps together"


def one_task_rows(context: FigureContext, test: Task) -> list[ScorecardRow]:
    """Compare the accuracy with the printed one, and return both areas beside it."""
    n, paper = _size(test), context.printed.get("accuracy")
    how, accuracy = _how(context, n), test["accuracy"]
    judged, note = None, ""
    if paper is not None:
        rounded = f"{100 * accuracy:.0f} %"
        judged = Judged(rounded == paper, f"rounds to {rounded}; printed is {paper}")
        note = f"; {round(n * (1 - accuracy)):,} wrong"
    rows = [
        _row(
            context, "accuracy", paper, interval(test, "accuracy", 5), how + note, judged=judged
        )
    ]
    for name in ("auROC", "auPRC"):
        what = name.lower()
        rows.append(
            _row(
                context,
                name,
                context.printed.get(what),
                interval(test, what, 6),
                how,
                unjudged="a single task is compared by its accuracy",
            )
        )
    return rows


def task_mean_rows(
    context: FigureContext, tasks: dict[str, Task], macro: Task
) -> list[ScorecardRow]:
    """Compare the tasks' mean areas with the printed ones; each task goes into `why`."""
    n, rows = max(_size(test) for test in tasks.values()), []
    few = len(tasks) <= FEW_TASKS
    for name in ("auROC", "auPRC"):
        what = name.lower()
        printed, value = context.printed.get(what), macro[what]
        judged = None
        if printed is not None and context.trained:
            apart = abs(value - float(printed))
            judged = Judged(
                apart <= _CLOSE, f"{apart:.3f} from the printed {printed}; close is {_CLOSE}"
            )
        each = _each(tasks, what) if few else _range(tasks, what, macro["base_rate"])
        rows.append(
            _row(
                context,
                f"mean {name} of {len(tasks)} tasks",
                printed,
                f"{value:.3f}" if few else interval(macro, what, 3),
                f"{each}; {_how(context, n)}",
                judged=judged,
                unjudged="the network was brought along, not trained by this run",
            )
        )
    return rows


def _each(tasks: dict[str, Task], what: str) -> str:
    return "; ".join(
        f"{task} {interval(test, what, 3)}, {test['n_positive']:,} positive of {_size(test):,}"
        for task, test in tasks.items()
    )


def _range(tasks: dict[str, Task], what: str, base_rate: float) -> str:
    """Write the lowest, highest and median area of many tasks."""
    worst, *_, best = sorted(tasks, key=lambda task: tasks[task][what])
    middle = np.median([test[what] for test in tasks.values()])
    return (
        f"from {interval(tasks[worst], what, 3)} ({worst}) to "
        f"{interval(tasks[best], what, 3)} ({best}), median {middle:.3f}; chance gives "
        + ("0.5" if what == "auroc" else f"{base_rate:.3f}, the mean share of positives")
    )


def duplicates_row(context: FigureContext, found: dict[str, int]) -> ScorecardRow:
    """Return the number of held-out input sequences that resemble training ones."""
    return _row(
        context,
        "held-out windows with half of their words in training",
        None,
        f"{found['similar']:,} of {found['n_held_out']:,}",
        f"{found['overlapping']:,} overlap a training window, {found['identical']:,} have the "
        "sequence of one",
    )


def performance_rows(
    context: FigureContext, record: Mapping[str, Any], duplicates: dict[str, int] | None
) -> list[ScorecardRow]:
    """All rows of a network.

    Parameters
    ----------
    context
        Of its page.
    record
        Its metrics, as evaluate_model writes them.
    duplicates
        Counts of held-out windows that training has seen, where they were counted.
    """
    tasks = record["splits"]["test"]
    if len(tasks) == 1:
        rows = one_task_rows(context, *tasks.values())
    else:
        rows = task_mean_rows(context, tasks, record["macro"]["test"])
    if duplicates and context.trained:
        rows.append(duplicates_row(context, duplicates))
    return rows
