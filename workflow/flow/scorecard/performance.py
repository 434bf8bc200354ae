"""Scorecard rows of a network's performance: the paper's figures, and each task's own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import ScorecardRow, Verdict

Task = dict[str, Any]

# So many tasks are listed one by one, and have a colour each where they are drawn.
FEW_TASKS = 4


def interval(test: Task, what: str, digits: int) -> str:
    """A measure with its interval, where there is one."""
    value, low, high = (test[f"{what}{end}"] for end in ("", "_low", "_high"))
    if low is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _size(test: Task) -> int:
    return int(test["n_positive"] + test["n_negative"])


def _why(context: FigureContext, n: int) -> str:
    where = "sequences, all there are" if context.whole else "held-out test sequences"
    if not context.whole and not context.trained:
        where = "sequences of the test part, by a network that was brought along"
    parts = [f"n = {n:,} {where}", "95 % interval from resampling, what overlaps together"]
    return "; ".join([*parts, *filter(None, (context.not_comparable, context.note))])


def one_task_rows(context: FigureContext, test: Task) -> list[ScorecardRow]:
    """Accuracy beside what is printed of it, and both areas."""
    n, paper = _size(test), context.printed.get("accuracy")
    why, verdict = _why(context, n), "not comparable"
    note = ""
    if paper is not None:
        # Agrees where our value rounds to what is printed.
        verdict = "agrees" if f"{100 * test['accuracy']:.0f} %" == paper else "differs"
        note = f"; {round(n * (1 - test['accuracy'])):,} wrong; rounded as the paper prints it"
    measures = [
        ("accuracy", paper or "not printed", 5, verdict, why + note),
        ("auROC", context.printed.get("auroc", "not printed"), 6, "not comparable", why),
        ("auPRC", context.printed.get("auprc", "not printed"), 6, "not comparable", why),
    ]
    return [
        ScorecardRow(
            context.printed.get("place", "–"),
            f"{context.study_title}: {name}",
            printed,
            interval(test, name.lower(), digits),
            context.origin,
            verdict,
            why,
        )
        for name, printed, digits, verdict, why in measures
    ]


def task_mean_rows(
    context: FigureContext, tasks: dict[str, Task], macro: Task
) -> list[ScorecardRow]:
    """The mean over the tasks, as the paper prints it, and each task beside it."""
    n, rows = max(_size(test) for test in tasks.values()), []
    for name in ("auROC", "auPRC"):
        what = name.lower()
        printed = context.printed.get(what)
        comparable = printed is not None and context.trained and not context.not_comparable
        verdict: Verdict = "not comparable"
        if comparable:
            verdict = "agrees" if abs(macro[what] - float(printed)) <= 0.01 else "differs"
        few = len(tasks) <= FEW_TASKS
        each = _each(tasks, what) if few else _range(tasks, what, macro["base_rate"])
        why = f"{each}; {_why(context, n)}" + "; agrees means within 0.01" * comparable
        rows.append(
            ScorecardRow(
                context.printed.get("place", "–"),
                f"{context.study_title}: mean {name} of {len(tasks)} tasks",
                printed or "not printed",
                f"{macro[what]:.3f}" if few else interval(macro, what, 3),
                context.origin,
                verdict,
                why,
            )
        )
    return rows


def _each(tasks: dict[str, Task], what: str) -> str:
    return "; ".join(
        f"{task} {interval(test, what, 3)}, {test['n_positive']:,} positive of {_size(test):,}"
        for task, test in tasks.items()
    )


def _range(tasks: dict[str, Task], what: str, base_rate: float) -> str:
    """The ends and the middle of many tasks."""
    worst, *_, best = sorted(tasks, key=lambda task: tasks[task][what])
    middle = np.median([test[what] for test in tasks.values()])
    return (
        f"from {interval(tasks[worst], what, 3)} ({worst}) to "
        f"{interval(tasks[best], what, 3)} ({best}), median {middle:.3f}; chance gives "
        + ("0.5" if what == "auroc" else f"{base_rate:.3f}, the mean share of positives")
    )


def duplicates_row(context: FigureContext, found: dict[str, int]) -> ScorecardRow:
    """Held-out windows that training has seen."""
    return ScorecardRow(
        context.printed.get("place", "–"),
        f"{context.study_title}: held-out windows with half of their words in training",
        "not printed",
        f"{found['similar']:,} of {found['n_held_out']:,}",
        context.origin,
        "not comparable",
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
