"""Draw the mean |FIS| of every base at every position on every other (Fig 8C, SFig 6)."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from dfim.io.store import read_table
from dfim.maps.base_pair_maps import BasePairMaps, MarginalMap
from dfim.plots.static import BASE_COLOURS, BLANK_COLOUR, SEQUENTIAL, style
from dfim.sequences.encoding import ALPHABET
from flow.flanks.pair_measures import Measure, recovery
from flow.flanks.positions import parse_cell, position_labels
from flow.run.figure_context import FigureContext
from flow.scorecard.cells import cell_rows, percentile_99, ranked_cells, weakness_row
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import ScorecardRow
from synthetic.cbf1 import planted_pairs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_GROUPS = {
    "strongest": "the {:,} flanks that bind most strongly",
    "weakest": "the {:,} flanks that bind most weakly",
    "all": "all {:,} flanks",
}


def _square(ax: Axes, cells: np.ndarray, limit: float) -> AxesImage:
    """Draw (L, 4, L, 4) as 4L × 4L; blanks are grey, cells of one position white."""
    length = len(cells)
    own = np.kron(np.eye(length), np.ones((4, 4)))
    ax.imshow(own, cmap=ListedColormap([BLANK_COLOUR, "white"]), interpolation="nearest")
    shown = np.ma.masked_invalid(cells.reshape(4 * length, 4 * length))
    image = ax.imshow(shown, cmap=SEQUENTIAL, vmin=0, vmax=limit, interpolation="nearest")
    for edge in np.arange(0, 4 * length + 1, 4) - 0.5:
        ax.axhline(edge, color="white", linewidth=0.8)
        ax.axvline(edge, color="white", linewidth=0.8)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return image


def _letters(ax: Axes, which: str, length: int) -> None:
    """Label rows or columns with bases, and outside them with positions."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(np.arange(4 * length), list(ALPHABET) * length, fontsize=5.5)
    for label, base in zip(axis.get_ticklabels(), list(ALPHABET) * length, strict=True):
        label.set_color(BASE_COLOURS[base])
    for k, name in enumerate(position_labels()):
        middle, outside = 4 * k + 1.5, -0.055
        place = (middle, outside) if which == "x" else (outside, middle)
        transform = ax.get_xaxis_transform() if which == "x" else ax.get_yaxis_transform()
        ax.text(
            *place, name, transform=transform, ha="center", va="center", fontsize=7,
            weight="bold",
        )  # fmt: skip


def _outline(ax: Axes, cells: list[list[str]]) -> None:
    """Frame the cells that the paper speaks of."""
    for named in cells:
        (s, a), (t, b) = (parse_cell(text) for text in named)
        row, column = 4 * s + a, 4 * t + b
        ax.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#0072B2", linewidth=1.4
            )
        )


def _share_bars(ax: Axes, shares: np.ndarray, ylim: tuple[float, float]) -> None:
    """Draw the share of the flanks that have the base of each row."""
    rows = np.arange(shares.size)
    ax.barh(rows, 100 * shares.ravel(), color=list(BASE_COLOURS.values()) * len(shares))
    ax.set(
        ylim=ylim,
        xlim=(0, 100),
        xticks=[0, 50, 100],
        yticks=[],
        xlabel="flanks with\nthe base (%)",
    )
    ax.spines["left"].set_visible(False)
    for edge in np.arange(0, rows.size + 1, 4) - 0.5:
        ax.axhline(edge, color="#BDBDBD", linewidth=0.4)


def _draw(
    maps: BasePairMaps, limit: float, cells: list[list[str]], min_n: int, flanks: str
) -> Figure:
    found, length = maps.marginal(min_n=min_n), len(maps.n)
    figure = plt.figure(figsize=(7.2, 8.7))
    top = figure.add_gridspec(
        1, 3, left=0.1, right=0.9, bottom=0.335, top=0.925, width_ratios=(1, 0.13, 0.03),
        wspace=0.04,
    )  # fmt: skip
    ax = figure.add_subplot(top[0])
    image = _square(ax, found.values, limit)
    ax.set_aspect("auto")
    for which in "xy":
        _letters(ax, which, length)
    ax.set_xlabel("target: base and position from the CACGTG core", labelpad=16)
    ax.set_ylabel("source: base that is mutated, and its position", labelpad=18)
    ax.set_title(f"{flanks}: largest mean of the three mutants (cells of n ≥ {min_n})")
    _outline(ax, cells)
    _share_bars(figure.add_subplot(top[1]), maps.base_shares(), ax.get_ylim())
    figure.colorbar(image, cax=figure.add_subplot(top[2]), label="mean |FIS| (kcal/mol)")
    below = figure.add_gridspec(
        1, 4, left=0.12, right=0.965, bottom=0.065, top=0.24, wspace=0.12
    )
    middles = np.arange(length) * 4 + 1.5
    for base, letter in enumerate(ALPHABET):
        small = figure.add_subplot(below[base])
        _square(small, maps.of_base(base, min_n=min_n), limit)
        small.set_title(f"source {letter}, by mutant", color=BASE_COLOURS[letter])
        small.set_xticks(middles, position_labels(), fontsize=5.5, rotation=90)
        small.set_yticks(middles, position_labels() if base == 0 else [], fontsize=5.5)
    figure.text(
        0.54, 0.012, "target position (bases A, C, G, T in each)", ha="center", fontsize=8
    )
    figure.text(
        0.015, 0.15, "source position\n(mutants A, C, G, T)", rotation=90, ha="center",
        va="center", fontsize=8,
    )  # fmt: skip
    return figure


def _largest(found: MarginalMap) -> float | None:
    filled = found.values[np.isfinite(found.values)]
    return float(filled.max()) if filled.size else None


def _statistics(
    maps: dict[str, BasePairMaps], cells: list[list[str]], min_n: int, terms: list[str]
) -> dict[str, Any]:
    """Summarise each group of flanks: filled cells, their size, named cells, base shares."""
    planted = planted_pairs(read_table(terms[0], text=("base", "base2"))) if terms else None
    record: dict[str, Any] = {}
    for name, group in maps.items():
        found = group.marginal(min_n=min_n)
        record[name] = {
            "n_flanks": group.n_sequences,
            "n_cells": int(np.isfinite(found.values).sum()),
            "percentile_99": percentile_99(found),
            "largest": _largest(found),
            "cells": [asdict(cell) for cell in ranked_cells(found, cells)],
            "base_shares": dict(
                zip(position_labels(), group.base_shares().round(4).tolist(), strict=True)
            ),
        }
        if planted is not None:
            measure = Measure(name, name, found.cells())
            recovered = recovery([measure], planted).to_dict("records")
            record[name]["planted_position_pairs"] = recovered[0] if recovered else None
    return record


def _shares_text(maps: dict[str, BasePairMaps]) -> str:
    """Write the most frequent base at the positions next to the core, in both groups."""
    texts = []
    for name in ("strongest", "weakest"):
        shares, labels = maps[name].base_shares(), position_labels()
        most = [
            f"{ALPHABET[int(shares[p].argmax())]}{labels[p]} {shares[p].max():.0%}"
            for p in range(len(shares) // 2 - 2, len(shares) // 2 + 2)
        ]
        texts.append(f"{name} {maps[name].n_sequences:,} flanks: {', '.join(most)}")
    return "; ".join(texts)


def _scorecard(
    sequences: str, maps: dict[str, BasePairMaps], min_n: int, context: FigureContext
) -> list[ScorecardRow]:
    found = {name: group.marginal(min_n=min_n) for name, group in maps.items()}
    if sequences == "strongest":
        ranked = ranked_cells(found["strongest"], context.options.get("cells", []))
        return cell_rows(ranked, min_n, context)
    if sequences == "weakest":
        shares = _shares_text(maps)
        return [weakness_row(found["strongest"], found["weakest"], shares, context)]
    return []


def main(
    all: str,
    strongest: str,
    weakest: str,
    terms: list[str],
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    min_n: int,
    context: FigureContext,
) -> None:
    """Draw one group's map, on the colour scale that all three groups share."""
    files = {"strongest": strongest, "weakest": weakest, "all": all}
    maps = {name: BasePairMaps.load(path) for name, path in files.items()}
    largest = [_largest(m.marginal(min_n=min_n)) for m in maps.values()]
    limit = max((value for value in largest if value is not None), default=1.0)
    sequences, cells = context.options["sequences"], context.options.get("cells", [])
    chosen = maps[sequences]
    flanks = _GROUPS[sequences].format(chosen.n_sequences)
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(chosen, limit, cells, min_n, flanks),
            chosen.table(position_labels()),
            {"colour_limit": limit, **_statistics(maps, cells, min_n, terms)},
            context=context,
            scorecard=_scorecard(sequences, maps, min_n, context),
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
