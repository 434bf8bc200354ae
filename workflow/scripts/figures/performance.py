"""How a study's network was trained, and how well it does on test sequences."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dfim.plots import style
from dfim.store import SPLITS, Examples, read_arrays, read_json, read_table
from flow.figure import FigureFiles
from flow.performance_scorecard import duplicates_row, one_task_rows, task_mean_rows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_NEGATIVE, _POSITIVE = "#0072B2", "#D55E00"


def _draw_curve(ax: Axes, curve: pd.DataFrame) -> int:
    """Loss by epoch; returns the epoch whose weights are kept."""
    best = int(curve["epoch"][curve["validation_loss"].idxmin()])
    ax.plot(curve["epoch"], curve["train_loss"], color="#009E73", label="training")
    ax.plot(curve["epoch"], curve["validation_loss"], color="black", label="validation")
    ax.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
    ax.set(xlabel="epoch", ylabel="loss (binary cross-entropy)", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return best


def _draw_logits(
    ax: Axes, logits: NDArray[np.floating], labels: NDArray[np.integer], which: str
) -> pd.DataFrame:
    """Histogram of the logit of each label, and its values."""
    edges = np.histogram_bin_edges(logits, 60)
    rows = []
    for label, colour in ((0, _NEGATIVE), (1, _POSITIVE)):
        mine = logits[labels == label]
        counts, _ = np.histogram(mine, edges)
        ax.stairs(
            counts, edges, fill=True, alpha=0.6, color=colour,
            label=f"label {label} (n = {len(mine):,})",
        )  # fmt: skip
        rows.append(pd.DataFrame({"logit": edges[:-1], "label": label, "sequences": counts}))
    ax.axvline(0, color="grey", linewidth=0.7)
    ax.set(xlabel="network output (logit)", ylabel=f"{which} sequences", yscale="log")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return pd.concat(rows)


def _draw_tasks(axes: list[Axes], tasks: dict[str, dict[str, Any]], which: str) -> None:
    """Both areas of each task with intervals; what chance would give is marked."""
    at = np.arange(len(tasks))
    size = [test["n_positive"] + test["n_negative"] for test in tasks.values()]
    names = [
        f"{task}\n{test['n_positive']:,} of {n:,} positive"
        for (task, test), n in zip(tasks.items(), size, strict=True)
    ]
    share = [test["n_positive"] / n for test, n in zip(tasks.values(), size, strict=True)]
    panels = (("auroc", "auROC", [0.5] * len(tasks)), ("auprc", "auPRC", share))
    for ax, (what, label, chance) in zip(axes, panels, strict=True):
        value = np.array([test[what] for test in tasks.values()])
        low, high = (
            np.array([t[f"{what}_{end}"] for t in tasks.values()]) for end in ("low", "high")
        )
        ax.errorbar(value, at, xerr=[value - low, high - value], fmt="o", markersize=5,
                    color="#0072B2", capsize=3, label="95 % interval")  # fmt: skip
        ax.plot(chance, at, "|", color="#D55E00", markersize=14, label="chance")
        for x, y, a, b in zip(value, at, low, high, strict=True):
            ax.annotate(
                f"{x:.3f} ({a:.3f} to {b:.3f})",
                (x, y),
                (0, 6),
                textcoords="offset points",
                ha="right" if x > 0.6 else "left",
                fontsize=7,
            )
        ax.set(
            xlim=(0, 1.05),
            xlabel=f"{label} of {which} sequences",
            ylim=(len(tasks) - 0.4, -0.6),
        )
        ax.set_yticks(at, names if what == "auroc" else [""] * len(tasks))
    axes[0].legend(loc="upper left", fontsize=6)


def main(
    history: list[str],
    examples: str,
    predictions: str,
    metrics: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: dict[str, Any],
) -> None:
    """Draw the training, where there was one, and how well test sequences are told apart."""
    data, splits = Examples.load(examples), read_json(metrics)["splits"]
    duplicates = read_arrays(examples)[1].get("duplicates")
    tasks, rows = splits["test"], data.splits == SPLITS.index("test")
    panels = len(history) + (1 if len(tasks) == 1 else 2)
    with style():
        figure, axes = plt.subplots(
            1, panels, figsize=(3.6 * panels if panels < 3 else 9.0, 2.9), layout="constrained",
            squeeze=False,
        )  # fmt: skip
        parts, kept = [], None
        for path in history:
            curve = read_table(path)
            kept = _draw_curve(axes[0, 0], curve)
            parts.append(curve.assign(what="epoch"))
        which = "all" if context["whole"] else "test"
        if len(tasks) == 1:
            (test,) = tasks.values()
            logits = read_arrays(predictions, ("logits",))[0]["logits"][rows, 0]
            counts = _draw_logits(axes[0, -1], logits, data.labels[rows, 0], which)
            parts.append(counts.assign(what="logits"))
            result = (
                f"accuracy {test['accuracy']:.4f}, auROC {test['auroc']:.5f}, "
                f"auPRC {test['auprc']:.5f}"
            )
            scorecard = one_task_rows(context, test)
        else:
            _draw_tasks(list(axes[0, -2:]), tasks, which)
            mean = {w: np.mean([t[w] for t in tasks.values()]) for w in ("auroc", "auprc")}
            result = (
                f"mean of {len(tasks)} tasks: auROC {mean['auroc']:.3f}, "
                f"auPRC {mean['auprc']:.3f}"
            )
            scorecard = task_mean_rows(context, tasks)
        if duplicates and context["trained"]:
            scorecard.append(duplicates_row(context, duplicates))
        title = f"{context['study_title']} ({context['origin']} inputs)"
        figure.suptitle(f"{title}\n{which} sequences: {result}", fontsize=9)
        found = pd.DataFrame(
            [
                {"split": part, "task": task, **(value or {})}
                for part, of_task in splits.items()
                for task, value in of_task.items()
            ]
        )
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            pd.concat([found.assign(what="metrics"), *parts]),
            {"kept_epoch": kept, "metrics": splits, "duplicates": duplicates},
            context=context,
            scorecard=scorecard,
        )


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
