"""Compare FIS of flanks with linear models of the network and with exact epistasis."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from dfim.comparators.epistasis import Epistasis
from dfim.comparators.linear_models import LinearModels
from dfim.io.store import read_table
from dfim.maps.base_pair_maps import BasePairMaps
from dfim.plots.static import OTHER_COLOUR, PLANTED_COLOUR, style
from flow.flanks.pair_measures import (
    EPISTASIS,
    PAIR_TERMS,
    TOP_OF,
    Level,
    Measure,
    PairTerm,
    compare,
    recovery,
    strongest_terms,
)
from flow.flanks.positions import N_FLANKS, position_labels
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.flanks import (
    agreement_row,
    fit_row,
    measure_text,
    recovery_row,
    spearman_text,
)
from synthetic.cbf1 import planted_pairs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

Pairs = NDArray[np.bool_] | None

_TERMS = 12
_NAMED, _NAMED_ABOVE = 8, 0.25  # at most so many; a share of the strongest
_ALIKE = 0.85  # share of the other order above which a pair is not named again
_LABEL = (45, 9)  # width and height of a name, in pixels
_COLOURS = {PAIR_TERMS: "#0072B2", EPISTASIS: "#D55E00"}
_TRUE = "#009E73"
_FILLS = {"bases": _TRUE, "positions": PLANTED_COLOUR, "": OTHER_COLOUR}


def _draw_fit(ax: Axes, models: LinearModels) -> None:
    values = {"mono": models.r2_single, "mono\nand di": models.r2_pair}
    bars = ax.bar(list(values), list(values.values()), width=0.62, color=["#BDBDBD", "#0072B2"])
    ax.bar_label(bars, [f"{value:.3f}" for value in values.values()], fontsize=7, padding=1)
    ax.set(ylim=(0, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="r² with the network")
    ax.set_title(f"linear models,\nn = {N_FLANKS:,} flanks", fontsize=8)


def _draw_terms(ax: Axes, terms: Sequence[PairTerm]) -> None:
    """Draw the strongest pair terms, with a tick at the planted one."""
    rows = np.arange(len(terms))
    fills = [_FILLS[term.planted] for term in terms]
    ax.barh(rows, [term.term for term in terms], height=0.75, color=fills)
    ax.axvline(0, color="black", linewidth=0.6)
    ax.set_yticks(rows, [term.name for term in terms], fontsize=6.5)
    ax.set(ylim=(len(terms) - 0.4, -0.6), xlabel="pair term (kcal/mol)")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_title(f"the {len(terms)} strongest {PAIR_TERMS}", fontsize=8)
    if all(term.truth is None for term in terms):
        return
    ax.plot([term.truth for term in terms], rows, "|", color="black", markersize=7)
    handles = [
        Patch(color=_TRUE, label="planted bases"),
        Patch(color=PLANTED_COLOUR, label="other bases at their positions"),
        Patch(color=OTHER_COLOUR, label="other positions"),
        _key("|", "black", "term as planted"),
    ]
    ax.legend(handles=handles, fontsize=6.5)


def _key(marker: str, colour: str, label: str, *, filled: bool = True) -> Line2D:
    """Return a marker for a legend."""
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=5, markeredgecolor=colour,
        color=colour if filled else "white", label=label,
    )  # fmt: skip


def _draw_scatter(
    ax: Axes, fis: Measure, other: Measure, level: Level, planted: Pairs, compared: pd.DataFrame
) -> None:
    """Draw one measure against another; planted pairs of positions stand out."""
    x, y = other.at(level), fis.at(level)
    known = np.isfinite(x) & np.isfinite(y)
    at_planted = np.zeros(x.shape, bool)
    if planted is not None:
        at_planted[planted] = True
    size, edge = (22, 0.5) if level == "position pairs" else (7, 0.2)
    of_all = (
        (~at_planted, OTHER_COLOUR, "other positions"),
        (at_planted, PLANTED_COLOUR, "planted positions"),
    )
    for mask, colour, label in of_all:
        shown = known & mask
        ax.scatter(x[shown], y[shown], s=size, c=colour, ec="black", lw=edge,
                   label=f"{label}, n = {shown.sum():,}")  # fmt: skip
    if min(x[known].min(initial=1), y[known].min(initial=1)) > 0:
        ax.set(xscale="log", yscale="log")
    row = _rows(compared, fis).query("second == @other.name and level == @level").iloc[0]
    k = TOP_OF[level]
    shared, chance = row[f"shared_{k}"], row[f"by_chance_{k}"]
    ax.set(xlabel=f"{other.name} (kcal/mol)", ylabel="mean |FIS| (kcal/mol)")
    ax.set_title(
        f"{row['n']:,} {level}: Spearman {spearman_text(row['spearman'])},\n"
        f"top {k} share {shared:.3g} ({chance:.1f} by chance)", fontsize=8,
    )  # fmt: skip
    if planted is not None:
        ax.legend(loc="lower right", fontsize=6.5, handletextpad=0.2)


def _name_strongest(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Name the position pairs that are strongest by y.

    A pair is named in the stronger of its orders, and in the other where that is apart.
    """
    labels, named = position_labels(), set()
    places: dict[str, list[NDArray[np.float64]]] = {"left": [], "right": []}
    ax.get_xlim()  # the limits are final from here on
    for flat in np.argsort(-np.nan_to_num(y), axis=None, kind="stable"):
        s, t = divmod(int(flat), len(y))
        if len(named) == _NAMED or not y[s, t] > _NAMED_ABOVE * np.nanmax(y):
            return
        if (t, s) in named and y[s, t] > _ALIKE * y[t, s]:
            continue
        at, side = ((-5, 0), "right") if len(named) % 2 == 0 else ((5, 0), "left")
        place = ax.transData.transform((x[s, t], y[s, t])) + at
        named.add((s, t))
        if any((np.abs(place - other) < _LABEL).all() for other in places[side]):
            continue  # it would lie on another name
        places[side].append(place)
        ax.annotate(f"{labels[s]}→{labels[t]}", (x[s, t], y[s, t]), at, ha=side, va="center",
                    textcoords="offset points", fontsize=6.5)  # fmt: skip


def _rows(compared: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return the rows that compare a measure with others."""
    mine = (compared["first"] == measure.name) & (compared["flanks"] == measure.flanks)
    return compared[mine]


def _draw_agreement(ax: Axes, measures: Sequence[Measure], compared: pd.DataFrame) -> None:
    """Draw Spearman correlations of each measure with both references, at both levels."""
    for at, measure in enumerate(measures):
        for row in _rows(compared, measure).itertuples():
            filled, colour = row.level == "position pairs", _COLOURS[row.second]
            place = at + (-0.15 if row.second == PAIR_TERMS else 0.15)
            ax.plot(row.spearman, place, "o" if filled else "s", markersize=5,
                    markeredgecolor=colour, color=colour if filled else "white",
                    clip_on=False)  # fmt: skip
    names = [textwrap.fill(measure_text(m.name, m.flanks), 32) for m in measures]
    ax.set_yticks(range(len(measures)), names, fontsize=6.5)
    ax.set(xlim=(min(0.0, compared["spearman"].min()), 1), ylim=(len(measures) - 0.5, -0.5))
    ax.set(xlabel="Spearman")
    handles = [_key("D", colour, f"with {name}") for name, colour in _COLOURS.items()]
    handles += [_key("o", "black", "position pairs"), _key("s", "black", "cells", filled=False)]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2,
              ncols=2, columnspacing=1, handletextpad=0.1)  # fmt: skip


def _draw_recovery(ax: Axes, measures: Sequence[Measure], recovered: pd.DataFrame) -> None:
    """Draw the AUROC of the planted position pairs by each measure."""
    for at, measure in enumerate(measures):
        for row in _rows(recovered, measure).itertuples():
            ax.plot(row.auroc, at, "D", color=_TRUE, markersize=5, clip_on=False)
            text = f"{row.auroc:.3f} (rank {row.worst_rank:g} of {row.n})"
            ax.text(1.04, at, text, fontsize=6.5, va="center",
                    transform=ax.get_yaxis_transform())  # fmt: skip
    ax.axvline(0.5, color="grey", linewidth=0.7, linestyle="--", zorder=0)
    ax.set(xlim=(min(0.45, recovered["auroc"].min()), 1), xlabel="AUROC (rank of the last one)")
    ax.set_title(f"{recovered['n_planted'].max()} planted position pairs", fontsize=8)


def _row(
    figure: Figure, bottom: float, height: float, *sides: tuple[float, float]
) -> list[Axes]:
    """Add axes beside each other: bottom and height in inches, sides as shares of the width."""
    inches = figure.get_figheight()
    return [
        figure.add_axes((left, bottom / inches, right - left, height / inches))
        for left, right in sides
    ]


def _draw(
    models: LinearModels,
    terms: Sequence[PairTerm],
    measures: Sequence[Measure],
    planted: Pairs,
    compared: pd.DataFrame,
    recovered: pd.DataFrame,
) -> Figure:
    """Draw all panels; `measures` begin with FIS and end with epistasis and pair terms."""
    # Placed by hand: a constrained layout's last bits, and so the files, differ between runs.
    tall = 0.36 * len(measures)
    figure = plt.figure(figsize=(7.2, 6.55 + tall))
    fit, strongest = _row(figure, tall + 4.15, 1.55, (0.075, 0.25), (0.345, 0.985))
    _draw_fit(fit, models)
    _draw_terms(strongest, terms)
    fis, exact, distilled = measures[0], *measures[-2:]
    by_pairs, by_cells = _row(figure, tall + 1.25, 2.05, (0.085, 0.485), (0.585, 0.985))
    _draw_scatter(by_pairs, fis, exact, "position pairs", planted, compared)
    _name_strongest(by_pairs, exact.at("position pairs"), fis.at("position pairs"))
    _draw_scatter(by_cells, fis, distilled, "cells", planted, compared)
    sides = [(0.195, 0.985)] if recovered.empty else [(0.195, 0.505), (0.535, 0.825)]
    axes = _row(figure, 0.4, tall, *sides)
    # The last measure stands against the one before it already.
    _draw_agreement(axes[0], measures[:-1] if recovered.empty else measures, compared)
    if not recovered.empty:
        axes[1].sharey(axes[0])
        _draw_recovery(axes[1], measures, recovered)
        axes[1].tick_params(labelleft=False)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="#E0E0E0", linewidth=0.6)
        ax.set_axisbelow(True)
    return figure


def main(
    maps: str,
    strongest: str,
    linear: str,
    epistatic: str,
    compared: list[str],
    terms: list[str],
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    min_n: int,
    context: FigureContext,
) -> None:
    """Draw r², pair terms and agreements; compare with the paper and with what was planted."""
    models = LinearModels.load(linear)
    terms_of_model = Measure(PAIR_TERMS, "all", models.cells())
    exact = Measure(EPISTASIS, "all", Epistasis.load(epistatic).cells())
    methods = [context.method, *(other.method for other in context.compared)]
    own, *others = (f"FIS by {method}" for method in methods)
    files = [(own, "all", maps), (own, "strongest", strongest)]
    files += [(name, "all", path) for name, path in zip(others, compared, strict=True)]
    measures = [
        Measure(name, flanks, BasePairMaps.load(path).marginal(min_n=min_n).cells())
        for name, flanks, path in files
    ]
    measures += [exact, terms_of_model]
    agreements = compare(measures, [terms_of_model, exact])
    rows = [fit_row(context, models), agreement_row(context, agreements, own)]
    written = read_table(terms[0], text=("base", "base2")) if terms else None
    planted = None if written is None else planted_pairs(written)
    recovered = recovery(measures, planted)
    if not recovered.empty:
        rows.append(recovery_row(context, recovered))
    strongest_of_model = strongest_terms(models, written, _TERMS)
    with style():
        drawing = _draw(models, strongest_of_model, measures, planted, agreements, recovered)
        FigureFiles(svg, pdf, png, table, stats).save(
            drawing,
            pd.concat([agreements, recovered], ignore_index=True),
            {
                "r2_mono": models.r2_single,
                "r2_mono_and_di": models.r2_pair,
                "pair_terms": [asdict(term) for term in strongest_of_model],
                "agreement": agreements.to_dict("records"),
                "recovery": recovered.to_dict("records"),
            },
            context=context,
            scorecard=rows,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
