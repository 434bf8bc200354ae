"""Draw FIS against the distance between source and target (Fig 3B, SFig 4)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from dfim.genome.peak_windows import loci_of
from dfim.io.store import read_json
from dfim.pairs.distances import DistanceBins, bin_table, step_table
from dfim.pairs.scores import PairScores
from dfim.plots.static import OTHER_COLOUR, PLANTED_COLOUR, style
from dfim.sequences.examples import Examples
from flow.run.figure_context import FigureContext
from flow.scorecard.distance import compared_row, paper_rows, reach_rows
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.recovery import (
    compared_recovery_row,
    contrast_row,
    exact_row,
    recovery_rows,
)
from flow.scorecard.rows import ScorecardRow, p_text
from flow.scorecard.truth import LEARNED_WITHIN, SyntheticFiles, shared_pairs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_BOX = ["med", "q1", "q3", "whislo", "whishi"]


def _centre_reach(scores: PairScores, reach: int | None) -> float | None:
    """Return the largest distance from centre to centre that the architecture can join, bp."""
    if reach is None:
        return None
    width = scores.features.end - scores.features.start
    return reach - 1 + float((width[scores.source] + width[scores.target]).max()) / 2


def _draw_boxes(ax: Axes, bins: pd.DataFrame, names: str) -> None:
    drawn = bins.dropna(subset=["med"])
    boxes = ax.bxp(
        [{**row, "fliers": []} for row in drawn[_BOX].to_dict("records")],
        positions=drawn.index.to_numpy(),
        widths=0.6,
        showfliers=False,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.4},
    )
    for patch, number in zip(boxes["boxes"], drawn.index, strict=True):
        patch.set_facecolor(OTHER_COLOUR if number else PLANTED_COLOUR)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.22 * (top - bottom))
    for number, row in bins.iterrows():
        if np.isfinite(row["p"]):
            text = (
                f"p {'= ' * (row['p'] > 0)}{p_text(row['p'])}\nr = {row['rank_biserial']:.2f}\n"
                f"({row['rank_biserial_low']:.2f}, {row['rank_biserial_high']:.2f})"
            )
        else:
            text = "" if row["n_reached"] else "beyond\nreach"
        ax.text(number, 0.99, text, transform=ax.get_xaxis_transform(), ha="center", va="top",
                fontsize=6.5)  # fmt: skip
    labels = [
        f"{row['bin']}\nn = {row['n_pairs']:,}\nreached {row['n_reached']:,}"
        for _, row in bins.iterrows()
    ]
    ax.axhline(0, color="grey", linewidth=0.7, zorder=0)
    ax.set(xlim=(-0.6, len(bins) - 0.4), xlabel="distance between motif centres (bp)",
           ylabel=f"FIS of {names} (logit)")  # fmt: skip
    ax.set_xticks(range(len(bins)), labels)


def _draw_steps(axes: list[Axes], steps: pd.DataFrame, reach: float | None) -> None:
    middle = (steps["low"] + steps["high"]) / 2
    panels = (("med", "median FIS", "#0072B2"), ("max_abs", "largest |FIS|", "#D55E00"))
    for ax, (column, label, colour) in zip(axes, panels, strict=True):
        ax.plot(middle, steps[column], marker="o", markersize=3, color=colour)
        ax.axhline(0, color="grey", linewidth=0.7, zorder=0)
        if reach is not None and reach <= steps["high"].max():
            ax.axvline(reach, color="black", linestyle="--", linewidth=0.9)
        ax.set(ylabel=f"{label}\n(logit)", xlim=(0, steps["high"].max()))
    axes[0].tick_params(labelbottom=False)
    if reach is not None:
        axes[0].set_title(f"dashed: structural reach, {reach:g} bp", fontsize=7)
    axes[1].set_xlabel("distance between motif centres (bp), steps of 10")


def _draw(
    bins: pd.DataFrame, steps: pd.DataFrame, reach: float | None, names: str
) -> plt.Figure:
    figure = plt.figure(figsize=(7.4, 3.5), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1.25, 1])
    _draw_boxes(figure.add_subplot(grid[:, 0]), bins, names)
    _draw_steps([figure.add_subplot(grid[k, 1]) for k in (0, 1)], steps, reach)
    return figure


def _changed(record: dict[str, Any], other: dict[str, Any]) -> str:
    """Write the settings in which another analysis differs."""
    own = record["settings"]
    return ", ".join(f"{k} {v}" for k, v in other["settings"].items() if own.get(k) != v)


def _recovery(
    here: SyntheticFiles,
    interactions: str,
    compared: SyntheticFiles | None,
    there: SyntheticFiles | None,
    task: str,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Measure the recovery of planted pairs: as drawn, compared, and in the contrasting set."""
    ours, oracle = here.aurocs(task)
    found: dict[str, Any] = {"auroc": ours, "oracle_auroc": oracle}
    found |= {"recovery": here.recovered(rng), "learned": oracle - ours <= LEARNED_WITHIN}
    found["exact"] = here.recovered_exactly(interactions, rng)
    if compared is not None:
        found["recovery_same_pairs"] = here.recovered(rng, within=compared)
        found["recovery_compared"] = compared.recovered(rng, within=here)
    if there is not None:
        ours, oracle = there.aurocs(task)
        found["contrast"] = there.recovered(rng)
        found["contrast_learned"] = oracle - ours <= LEARNED_WITHIN
    return found


def _recovery_rows(
    context: FigureContext,
    found: dict[str, Any],
    names: str,
    changed: str | None,
    contrast_title: str | None,
) -> list[ScorecardRow]:
    aurocs = found["auroc"], found["oracle_auroc"]
    rows = recovery_rows(context, found["recovery"], aurocs, names)
    rows.append(exact_row(context, found["exact"], names))
    if changed is not None and found["learned"]:
        both = found["recovery_same_pairs"], found["recovery_compared"]
        rows.append(compared_recovery_row(context, changed, *both, names))
    if "contrast" in found:
        learned = found["learned"] and found["contrast_learned"]
        both = found["recovery"], found["contrast"]
        rows.append(contrast_row(context, *both, str(contrast_title), learned, names))
    return rows


def main(
    pairs: str,
    summary: str,
    metrics: str,
    examples: str,
    sites: list[str],
    oracle: list[str],
    interactions: list[str],
    compare: list[str],
    contrast: list[str],
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    bins: list[float],
    task: str | None,
    contrast_title: str | None,
    context: FigureContext,
    seed: int,
) -> None:
    """Draw boxes by bin and profiles by step; compare with the paper and with the truth."""
    scores, rng = PairScores.load(pairs), np.random.default_rng(seed)
    record, edges = read_json(summary), DistanceBins(tuple(bins))
    reach = (record["structural_reach"], _centre_reach(scores, record["structural_reach"]))
    names = " → ".join(
        "/".join(np.unique(scores.features.name[index]))
        for index in (scores.source, scores.target)
    )
    groups = loci_of(Examples.load(examples))
    of_bin = bin_table(scores, edges, rng=rng, groups=groups)
    of_step = step_table(scores, edges)
    tables = [of_bin.assign(what="bin"), of_step.assign(what="step")]
    rows = paper_rows(context, of_bin, names)
    rows += reach_rows(context, scores, reach, names)
    changed = None
    if compare:
        other = PairScores.load(compare[0])
        both = (
            scores.select(shared_pairs(scores, other)),
            other.select(shared_pairs(other, scores)),
        )
        of_own, of_other = (bin_table(part, edges, rng=rng, groups=groups) for part in both)
        records = record, read_json(compare[1])
        gaps, changed = [r["convergence_delta_whole"] for r in records], _changed(*records)
        rows.append(compared_row(context, changed, (of_own, of_other), gaps, names))
        tables += [of_own.assign(what="bin, same pairs"), of_other.assign(what="bin, compared")]
    statistics: dict[str, Any] = {"summary": record, "centre_reach": reach[1]}
    if sites and task:
        here = SyntheticFiles(pairs, examples, sites[0], oracle[0], metrics)
        there = SyntheticFiles(*contrast) if contrast else None
        compared = replace(here, pairs=compare[0]) if compare else None
        found = _recovery(here, interactions[0], compared, there, task, rng)
        rows += _recovery_rows(context, found, names, changed, contrast_title)
        statistics |= found
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(of_bin, of_step, reach[1], names),
            pd.concat(tables),
            statistics,
            context=context,
            scorecard=rows,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
