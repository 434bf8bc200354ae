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
from flow.figure import FigureFiles, ScorecardRow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_NEGATIVE, _POSITIVE = "#0072B2", "#D55E00"


def _interval(test: dict[str, Any], what: str, digits: int) -> str:
    value, low, high = (test[f"{what}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _scorecard(context: dict[str, Any], test: dict[str, Any]) -> list[ScorecardRow]:
    n = test["n_positive"] + test["n_negative"]
    where = "held-out test sequences" if context["trained"] else "sequences, all there are"
    why = f"n = {n:,} {where}; 95 % interval from resampling them"
    paper = context["printed"].get("accuracy")
    verdict = "not comparable"
    if paper is not None:
        # Agrees where our value rounds to what is printed.
        verdict = "agrees" if f"{100 * test['accuracy']:.0f} %" == paper else "differs"
        why += f"; {round(n * (1 - test['accuracy'])):,} wrong; rounded as the paper prints it"
    name = f"{context['study_title']}: accuracy"
    rows = [
        ScorecardRow(
            "text 3.1",
            name,
            paper or "not printed",
            _interval(test, "accuracy", 5),
            context["origin"],
            verdict,
            why,
        )
    ]
    for what, label in (("auroc", "auROC"), ("auprc", "auPRC")):
        rows.append(
            ScorecardRow(
                "text 3.1",
                f"{context['study_title']}: {label}",
                "not printed",
                _interval(test, what, 6),
                context["origin"],
                "not comparable",
                why.split(";")[0],
            )
        )
    return rows


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
    """Draw the training, where there was one, and the outputs for test sequences."""
    data, splits = Examples.load(examples), read_json(metrics)["splits"]
    test = splits["test"]
    logits = read_arrays(predictions, ("logits",))[0]["logits"]
    rows = data.splits == SPLITS.index("test")
    with style():
        figure, axes = plt.subplots(
            1, 1 + len(history), figsize=(3.6 * (1 + len(history)), 2.9), layout="constrained",
            squeeze=False,
        )  # fmt: skip
        parts, kept = [], None
        for path in history:
            curve = read_table(path)
            kept = _draw_curve(axes[0, 0], curve)
            parts.append(curve.assign(what="epoch"))
        which = "test" if context["trained"] else "all"
        counts = _draw_logits(axes[0, -1], logits[rows], data.labels[rows, 0], which)
        figure.suptitle(
            f"{context['study_title']} ({context['origin']} inputs)\n"
            f"{which} sequences: accuracy {test['accuracy']:.4f}, "
            f"auROC {test['auroc']:.5f}, auPRC {test['auprc']:.5f}",
            fontsize=9,
        )
        found = pd.DataFrame([{"split": part, **value} for part, value in splits.items()])
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            pd.concat([found.assign(what="metrics"), *parts, counts.assign(what="logits")]),
            {"kept_epoch": kept, "metrics": splits},
            context=context,
            scorecard=_scorecard(context, test),
        )


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
