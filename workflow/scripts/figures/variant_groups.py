"""Significant variants beside controls, and which score tells them apart (Fig 7, SFig 3)."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from dfim.plots.static import OTHER_COLOUR, style
from dfim.statistics.effect_sizes import box_statistics
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.variants.classes import class_rows, class_table
from flow.variants.groups import OF_ALL, OF_ALT, ScoredVariants, group_table, load_variants
from flow.variants.scorecard import group_rows, interval_text, p_phrase

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_SIGNIFICANT = "#0072B2"
_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#F0E442")  # of FIS
_ISM_COLOURS = ("#D55E00", "#E69F00")
_FEW = 40  # values that are drawn one by one


def _names(context: FigureContext) -> list[str]:
    """Name the FIS of the drawn and of the compared analyses in legends.

    Analyses of one importance method are told apart by the parts of their description
    that not all of them share.
    """
    whole = [context.method, *(other.method for other in context.compared)]
    parts = [method.split(", ") for method in whole]
    names = []
    for own in parts:
        alike = [set(other) for other in parts if other[0] == own[0]]
        shared = set.intersection(*alike)
        names.append(", ".join(["maxAbsFIS", own[0], *(p for p in own if p not in shared)]))
    return names


def _draw_boxes(
    ax: Axes, variants: ScoredVariants, table: pd.DataFrame, rng: np.random.Generator
) -> None:
    """Draw a pair of boxes per set, with the n of each below and the effect size above."""
    drawn, ticks = variants.scores[0], {}
    fis = table[table["method"] == variants.methods[0]].set_index("set")
    for number, name in enumerate(variants.sets):
        of_set = variants.of_set(name)
        for high, side, colour in ((True, -0.2, _SIGNIFICANT), (False, 0.2, OTHER_COLOUR)):
            values, at = drawn[of_set & (variants.significant == high)], number + side
            ticks[at] = f"n = {len(values):,}"
            if not len(values):
                continue
            boxes = ax.bxp(
                [{**box_statistics(values), "fliers": []}], positions=[at], widths=0.34,
                showfliers=False, patch_artist=True, medianprops={"color": "black"},
            )  # fmt: skip
            boxes["boxes"][0].set(facecolor=colour, alpha=0.85)
            if len(values) <= _FEW:
                jitter = at + rng.uniform(-0.1, 0.1, len(values))
                ax.plot(jitter, values, ".", markersize=3, color="black", alpha=0.5)
        row = fis.loc[name]
        text = "one group only"
        if np.isfinite(row["p"]):
            ends = f"({row['rank_biserial_low']:.2f} to {row['rank_biserial_high']:.2f})"
            text = f"r = {row['rank_biserial']:.2f} {ends}\n{p_phrase(row['p'])}"
        ax.text(number, 1.02, text, transform=ax.get_xaxis_transform(), ha="center",
                va="bottom", fontsize=6.5)  # fmt: skip
    ax.set_xticks(list(ticks), list(ticks.values()), fontsize=6.5)
    ax.set(ylabel="maxAbsFIS (logit)", xlim=(-0.55, len(fis) - 0.45))
    ax.set_ylim(0, 1.12 * ax.get_ylim()[1])  # room for the legend
    handles = [Patch(color=_SIGNIFICANT, alpha=0.85, label="significant")]
    handles.append(Patch(color=OTHER_COLOUR, label="control"))
    ax.legend(handles=handles, loc="upper left", ncols=2, borderaxespad=0)


def _draw_areas(ax: Axes, variants: ScoredVariants, table: pd.DataFrame) -> None:
    """Draw the AUROC of every score in every set, with intervals."""
    ism = len(variants.methods) - len(_ISM_COLOURS)
    step = 0.8 / len(variants.methods)
    for k, method in enumerate(variants.methods):
        of_method = table[table["method"] == method]
        at = np.arange(len(of_method)) + (k - (len(variants.methods) - 1) / 2) * step
        fis = k < ism
        colour = _COLOURS[k % len(_COLOURS)] if fis else _ISM_COLOURS[k - ism]
        ends = [
            of_method["auroc"] - of_method["auroc_low"],
            of_method["auroc_high"] - of_method["auroc"],
        ]
        ax.errorbar(
            at, of_method["auroc"], yerr=np.clip(ends, 0, None), fmt="o" if fis else "s",
            color=colour, markersize=4.5, linewidth=1.2, markeredgecolor="black",
            markeredgewidth=0.9 if k == 0 else 0.4, label=method,
        )  # fmt: skip
    ax.axhline(0.5, color="grey", linewidth=0.7, linestyle="--", zorder=0)
    ax.set(ylabel="AUROC, significant\nagainst control", xlim=(-0.55, len(of_method) - 0.45))
    ax.set_ylim(top=1.03)  # whole markers at 1
    ax.set_xticks(range(len(of_method)), of_method["set"], weight="bold", fontsize=8)
    ax.tick_params(axis="x", length=0)


def _sentence(summary: pd.DataFrame) -> str:
    """Say which score separates best."""
    best = summary[summary["n_best"] > 0].sort_values("n_best", ascending=False, kind="stable")
    n = summary["n_sets"].iloc[0]
    which = "; ".join(f"{row['method']} in {row['n_best']}" for _, row in best.iterrows())
    fis = summary[~summary["method"].isin([OF_ALT, OF_ALL])]
    first = fis.iloc[0]
    shown = [first]
    if fis["over_ism"].idxmax() != fis.index[0]:
        shown.append(fis.loc[fis["over_ism"].idxmax()])
    gaps = "; ".join(
        f"{row['method']} {interval_text(row, 'over_ism', signed=True)}" for row in shown
    )
    return (
        f"Largest AUROC of {n} sets (a tie counts for each): {which}. AUROC minus that of "
        f"{OF_ALT}, mean of the sets: {gaps}"
    )


def _draw(
    variants: ScoredVariants,
    table: pd.DataFrame,
    rng: np.random.Generator,
) -> plt.Figure:
    width = min(7.2, 3.2 + 1.25 * len(variants.sets))
    figure, axes = plt.subplots(
        2, 1, figsize=(width, 5.2), layout="constrained", height_ratios=(1.1, 1)
    )
    _draw_boxes(axes[0], variants, table, rng)
    _draw_areas(axes[1], variants, table)
    # Of the figure: a legend of the axes would narrow them to make room for long names.
    figure.legend(
        *axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2,
        handletextpad=0.2,
    )  # fmt: skip
    return figure


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join tables of several kinds of rows; counts stay whole numbers."""
    joined = pd.concat(tables, ignore_index=True)
    whole = [name for name in joined if name == "n" or name.startswith("n_")]
    return joined.astype(dict.fromkeys(whole, "Int64"))


def main(
    results: str,
    compared: list[str],
    truth: list[str],
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    seed: int,
    context: FigureContext,
) -> None:
    """Draw boxes of maxAbsFIS and the AUROC of each score; compare with paper and truth."""
    rng = np.random.default_rng(seed)
    variants = load_variants([results, *compared], _names(context))
    of_sets, summary = group_table(variants, rng=rng)
    tables = [of_sets.assign(what="set"), summary.assign(what="all sets")]
    rows = group_rows(context, of_sets, summary)
    statistics: dict[str, Any] = {"sets": of_sets.to_dict("records")}
    statistics["all_sets"] = summary.to_dict("records")
    if truth:
        classes = class_table(variants, truth[0], rng=rng)
        rows += class_rows(context, classes)
        tables.append(classes.assign(what="class"))
        statistics["classes"] = classes.to_dict("records")
    statistics["sentence"] = _sentence(summary)
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(variants, of_sets, rng),
            _joined(tables),
            statistics,
            context=context,
            scorecard=rows,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
