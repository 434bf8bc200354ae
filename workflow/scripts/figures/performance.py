"""Draw how a network was trained, and how well it does on test sequences."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dfim.io.store import read_arrays, read_json, read_table
from dfim.plots.static import category_colours, style
from dfim.sequences.examples import SPLITS, Examples
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.performance import (
    FEW_TASKS,
    interval,
    performance_rows,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_NEGATIVE, _POSITIVE = "#0072B2", "#D55E00"
_POOLED = "all tasks"
_MEASURES = (("auroc", "auROC"), ("auprc", "auPRC"))


def _panels(n_tasks: int, trained: bool) -> tuple[Figure, dict[str, Axes]]:
    """Return empty axes by name; more tasks make the figure taller."""
    if n_tasks == 1:
        names = [*["curve"][: int(trained)], "logits", "reliability"]
        return plt.subplot_mosaic(
            [names], figsize=(3.5 * len(names), 2.9), layout="constrained"
        )
    tall = 0.9 + 0.21 * (n_tasks + 1)
    if not trained:
        return plt.subplot_mosaic(
            [["auroc", "auprc", "reliability"]], figsize=(10.5, max(tall, 2.9)),
            layout="constrained",
        )  # fmt: skip
    return plt.subplot_mosaic(
        [["curve", "reliability"], ["auroc", "auprc"]], figsize=(9.0, 2.9 + tall),
        height_ratios=(2.7, tall), layout="constrained",
    )  # fmt: skip


def _draw_curve(ax: Axes, curve: pd.DataFrame) -> int:
    """Draw loss by epoch; return the epoch whose weights are kept."""
    best = int(curve["epoch"][curve["validation_loss"].idxmin()])
    ax.plot(curve["epoch"], curve["train_loss"], color="#009E73", label="training")
    ax.plot(curve["epoch"], curve["validation_loss"], color="black", label="validation")
    ax.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
    ax.set(xlabel="epoch", ylabel="loss (binary cross-entropy)", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return best


def _draw_logits(
    ax: Axes,
    logits: NDArray[np.floating],
    labels: NDArray[np.integer],
    test: dict[str, Any],
    which: str,
) -> pd.DataFrame:
    """Draw a histogram of the logit of each label; return its values."""
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
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, title_fontsize=7,
        title=f"accuracy {test['accuracy']:.4f}, auROC {test['auroc']:.5f}, "
        f"auPRC {test['auprc']:.5f}",
    )  # fmt: skip
    return pd.concat(rows)


def _draw_tasks(
    axes: dict[str, Axes], tasks: dict[str, dict[str, Any]], macro: dict[str, Any], which: str
) -> None:
    """Draw both areas of each task and their mean, with intervals and chance."""
    size = [test["n_positive"] + test["n_negative"] for test in tasks.values()]
    names = [
        f"{task} ({test['n_positive']:,} of {n:,})"
        for (task, test), n in zip(tasks.items(), size, strict=True)
    ]
    names.append(f"mean of {len(tasks)} tasks")
    share = [test["n_positive"] / n for test, n in zip(tasks.values(), size, strict=True)]
    chances = {"auroc": [0.5] * len(names), "auprc": [*share, macro["base_rate"]]}
    for what, label in _MEASURES:
        ax, rows = axes[what], [*tasks.values(), macro]
        for at, row in enumerate(rows):
            value, low, high = (row[f"{what}{end}"] for end in ("", "_low", "_high"))
            bar = None if low is None else [[max(value - low, 0)], [max(high - value, 0)]]
            ax.errorbar(
                value, at, xerr=bar, capsize=2, markersize=4,
                **({"fmt": "D", "color": "black"} if row is macro
                   else {"fmt": "o", "color": _NEGATIVE}),
                label="value, 95 % interval" if at == 0 else None,
            )  # fmt: skip
            ax.annotate(
                interval(row, what, 3), (1.02, at), xycoords=("axes fraction", "data"),
                va="center", fontsize=6.5, annotation_clip=False,
            )  # fmt: skip
        ax.plot(chances[what], np.arange(len(rows)), "|", color=_POSITIVE, markersize=9,
                label="chance")  # fmt: skip
        ax.axvline(macro[what], color="black", linewidth=0.6, linestyle=":", zorder=0)
        ax.axhline(len(tasks) - 0.5, color="grey", linewidth=0.5)
        ax.set(xlabel=f"{label} of {which} sequences", ylim=(len(rows) - 0.4, -0.6))
        ax.set_xlim(right=1.01)
        ax.set_yticks(np.arange(len(rows)), names if what == "auroc" else [""] * len(rows))
    axes["auroc"].set_ylabel("task (positives of\nthose with a label)")
    axes["auroc"].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=6)


def _draw_reliability(ax: Axes, found: dict[str, Any], which: str) -> pd.DataFrame:
    """Draw observed share against predicted probability; many tasks pooled, each behind."""
    bins = pd.concat(pd.DataFrame(one["bins"]).assign(task=task) for task, one in found.items())
    tasks = [task for task in found if task != _POOLED]
    ax.plot([0, 1], [0, 1], color="grey", linewidth=0.7, linestyle=":")
    drawn = category_colours(tasks)
    if len(tasks) > FEW_TASKS:
        for number, task in enumerate(tasks):
            ax.plot(*bins.loc[bins["task"] == task, ["predicted", "observed"]].to_numpy().T,
                    color="#BDBDBD", linewidth=0.7,
                    label=None if number else f"each of {len(tasks)} tasks")  # fmt: skip
        drawn = {_POOLED: "black"}
    for name, colour in drawn.items():
        mine, one = bins[bins["task"] == name], found[name]
        spread = np.abs(mine[["low", "high"]].to_numpy().T - mine["observed"].to_numpy())
        ax.errorbar(
            mine["predicted"], mine["observed"], yerr=spread, fmt="o-", markersize=3,
            linewidth=1, capsize=2, color=colour,
            label=f"{name}: error {one['ece']:#.2g} (chance {one['ece_chance']:#.2g}),\n"
            f"Brier {one['brier']:#.2g} (base rate {one['brier_base_rate']:#.2g})",
        )  # fmt: skip
    shown = bins[bins["task"].isin(drawn)]
    least, most = shown["n"].min(), shown["n"].max()
    sizes = f"{least:,}" + f" to {most:,}" * bool(most > least)
    # Where positives are rare, every bin is near 0.
    limit = min(float(shown[["predicted", "high"]].to_numpy().max()), 1) * 1.02
    ax.set(
        xlim=(-0.02 * limit, limit), ylim=(-0.02 * limit, limit),
        xlabel=f"predicted probability\n(bins of n = {sizes})",
        ylabel=f"share of positives\n({which} sequences)",
    )  # fmt: skip
    ax.set_box_aspect(1)
    ax.set_anchor("NW")
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}
    beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    ax.legend(**(above if len(tasks) == 1 else beside), fontsize=6)
    return bins


def _calibration(record: dict[str, Any], part: str) -> dict[str, Any]:
    """Return the calibration of each task and, where there are several, of all pooled."""
    found = record["calibration"][part]
    return found["tasks"] | ({_POOLED: found["pooled"]} if "pooled" in found else {})


def _without_bins(quality: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (quality or {}).items() if key not in ("bins", "n")}


def _metrics_table(record: dict[str, Any]) -> pd.DataFrame:
    """Return one row per split and task, and one for their macro average."""
    rows: list[dict[str, Any]] = []
    for part, of_task in record["splits"].items():
        kinds = dict.fromkeys(of_task, "metrics") | {_POOLED: "macro"}
        values = of_task | {_POOLED: record["macro"].get(part)}
        for task, quality in _calibration(record, part).items():
            rows.append({"what": kinds[task], "split": part, "task": task,
                         **(values[task] or {}), **_without_bins(quality)})  # fmt: skip
    return pd.DataFrame(rows)


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
    context: FigureContext,
) -> None:
    """Draw the training, where there was one, and how well test sequences are told apart."""
    data, record = Examples.load(examples), read_json(metrics)
    duplicates = read_arrays(examples)[1].get("duplicates")
    quality = _calibration(record, "test")
    tasks, rows = record["splits"]["test"], data.splits == SPLITS.index("test")
    which = "all" if context.whole else "test"
    with style():
        figure, axes = _panels(len(tasks), bool(history))
        parts, kept = [_metrics_table(record)], None
        for path in history:
            curve = read_table(path)
            kept = _draw_curve(axes["curve"], curve)
            parts.append(curve.assign(what="epoch"))
        if len(tasks) == 1:
            (test,) = tasks.values()
            logits = read_arrays(predictions, ("logits",))[0]["logits"][rows, 0]
            counts = _draw_logits(axes["logits"], logits, data.labels[rows, 0], test, which)
            parts.append(counts.assign(what="logits"))
        else:
            _draw_tasks(axes, tasks, record["macro"]["test"], which)
        bins = _draw_reliability(axes["reliability"], quality, which)
        parts.append(bins.assign(what="reliability", split="test"))
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            pd.concat(parts),
            {
                "kept_epoch": kept,
                "metrics": record["splits"],
                "macro": record["macro"],
                "calibration": {task: _without_bins(one) for task, one in quality.items()},
                "duplicates": duplicates,
            },
            context=context,
            scorecard=performance_rows(context, record, duplicates),
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
