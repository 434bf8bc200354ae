"""Importance around variants with either allele, FIS and map (Fig 4, 5, 6B, SFig 1, 5)."""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from matplotlib.ticker import MultipleLocator

from dfim.plots.static import category_colours, logo_track, style
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import ScorecardRow
from flow.variants.columns import MotifBar, Panel, letters, load_panels
from flow.variants.groups import ALPHA
from flow.variants.scorecard import track_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_VARIANT = "#F0E442"
_WIDTH = 7.2  # inches: two columns of a page
_LANE = 0.19  # inches of a motif's bar with its name
_LEGIBLE = 0.07  # inches a letter needs on the axes of a map


def _wrapped(text: str, inches: float) -> str:
    """Break text into lines that fit into a column, at the font size of its notes."""
    lines = (textwrap.wrap(line, int(18 * inches)) for line in text.split("\n"))
    return "\n".join(part for line in lines for part in line)


def _height(texts: Iterable[str], inches: float) -> float:
    """Return the height (inches) of the longest of some notes in a column."""
    return 0.12 * max((_wrapped(text, inches).count("\n") + 1 for text in texts), default=1)


def _draw_motifs(
    axes: list[Axes], bars: list[MotifBar], lanes: int, colours: dict[str, str]
) -> None:
    """Draw a bar per motif match above the tracks, its name on top, its frame in each track."""
    top, *tracks = axes
    for bar in bars:
        colour, width = colours[bar.name], bar.right - bar.left
        top.add_patch(Rectangle((bar.left, bar.lane + 0.06), width, 0.26, facecolor=colour,
                                alpha=0.6, linewidth=0))  # fmt: skip
        # Above the bar, not on it: a name may be wider than its match.
        top.text(bar.text_left, bar.lane + 0.36, bar.text, va="bottom", fontsize=6)
        for ax in tracks:
            ax.add_patch(Rectangle(
                (bar.left, 0), width, 1, transform=ax.get_xaxis_transform(), fill=False,
                edgecolor=colour, linewidth=0.9, alpha=0.8, zorder=-1,
            ))  # fmt: skip
    top.set(ylim=(0, max(lanes, 1)), yticks=[], xlim=tracks[0].get_xlim())
    top.spines[["left", "bottom"]].set_visible(False)
    top.tick_params(axis="x", length=0, labelbottom=False)


def _draw_tracks(axes: list[Axes], panel: Panel, first: bool) -> None:
    """Draw both alleles on one scale, FIS and its significant part on another."""
    found = panel.arrays
    fis = [found["fis"], np.where(panel.significant, found["fis"], np.nan)]
    shown = [(found["importance_ref"], found["ref"]), (found["importance_alt"], found["alt"])]
    shown += [(values, found["ref"]) for values in fis[: len(axes) - 2]]
    labels = ("REF allele", "ALT allele", "FIS,\nREF − ALT", f"FIS with\np < {ALPHA:g}")
    for pair in (slice(0, 2), slice(2, 4)):
        values = np.nan_to_num(np.concatenate([scores for scores, _ in shown[pair]]))
        low, high = min(values.min(), 0), max(values.max(), 0)
        margin = 0.08 * (high - low) or 1
        for ax, (scores, bases), label in zip(
            axes[pair], shown[pair], labels[pair], strict=False
        ):
            logo_track(ax, scores, bases, start=panel.offset, label="")
            ax.set_ylim(low - margin, high + margin)
            ax.axvspan(-0.5, 0.5, color=_VARIANT, alpha=0.45, linewidth=0, zorder=-3)
            if first:
                ax.set_ylabel(f"{label}\n(logit)", fontsize=6.5)
            ax.xaxis.set_major_locator(MultipleLocator(5 if len(scores) <= 41 else 10))
            ax.tick_params(labelbottom=ax is axes[-1], labelsize=6.5)
    if len(axes) > 3 and not panel.significant.any():
        none = f"none of {panel.tested} positions" if panel.tested else "no null was computed"
        axes[3].text(0.02, 0.9, none, transform=axes[3].transAxes, va="top", fontsize=7)
    axes[-1].set_xlabel("bp from the variant")


def _draw_map(figure: Figure, ax: Axes, panel: Panel, first: bool, inches: float) -> None:
    """Draw the largest |FIS| of each source on each target, sources down, targets across."""
    values, bases = panel.arrays["map"], panel.arrays["ref"]
    edges = (panel.offset - 0.5, panel.offset + len(values) - 0.5)
    colours = plt.get_cmap("viridis").with_extremes(bad="white")
    image = ax.imshow(np.ma.masked_invalid(values), cmap=colours, vmin=0, aspect="auto",
                      interpolation="nearest", extent=(*edges, *edges[::-1]))  # fmt: skip
    legible = inches / len(values) >= _LEGIBLE
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(5 if len(values) <= 41 else 10))
        axis.set_tick_params(labelsize=6.5, pad=9 if legible else 2, length=0 if legible else 3)
        if legible:
            places = np.arange(len(values)) + panel.offset
            axis.remove_overlapping_locs = False
            axis.set_ticks(places, letters(bases), minor=True, fontsize=5)
            axis.set_tick_params(which="minor", length=0, pad=1.5)
    ax.spines[["top", "right"]].set_visible(True)
    ax.set_xlabel("target (bp from the variant)")
    if first:
        ax.set_ylabel("source (bp)")
    bar = figure.colorbar(image, ax=ax, location="bottom", aspect=30, pad=0.02, fraction=0.06)
    bar.set_label(
        _wrapped("largest |FIS| of the three mutations (logit)", inches), fontsize=6.5
    )
    bar.ax.tick_params(labelsize=6.5)


def _draw_column(
    figure: Figure, grid: GridSpec, column: int, panel: Panel, tracks: int, inches: float,
    lanes: int, colours: dict[str, str], *, first: bool,
) -> None:  # fmt: skip
    if not panel.found:
        ax = figure.add_subplot(grid[1, column])
        ax.text(0.5, 0.9, _wrapped(panel.note(), 0.8 * inches), ha="center", va="top",
                transform=ax.transAxes, fontsize=7, in_layout=False)  # fmt: skip
        ax.set_axis_off()
        return
    axes = [figure.add_subplot(grid[row, column]) for row in range(tracks + 1)]
    _draw_tracks(axes[1:], panel, first)
    _draw_motifs(axes, panel.bars(inches), lanes, colours)
    axes[0].set_title(_wrapped(panel.heading(), inches), fontsize=6.5)
    if "map" in panel.arrays:
        ax = figure.add_subplot(grid[tracks + 1, column])
        _draw_map(figure, ax, panel, first, inches)
    note = figure.add_subplot(grid[grid.nrows - 1, column])
    note.text(0, 1, _wrapped(panel.note(), inches), va="top", fontsize=6.5,
              transform=note.transAxes)  # fmt: skip
    note.set_axis_off()


def _draw(panels: list[Panel]) -> Figure:
    found = [panel for panel in panels if panel.found]
    bases = max((len(panel.arrays["fis"]) for panel in found), default=31)
    width = 4.4 if len(panels) == 1 and bases <= 41 else _WIDTH
    inches = (width - 0.6) / len(panels) - 0.15
    tracks = 3 + any(panel.tested for panel in found) if found else 1
    bars = [bar for panel in found for bar in panel.bars(inches)]
    lanes = max((bar.lane + 1 for bar in bars), default=1)
    heights = [_LANE * lanes] + [0.8] * tracks
    heights += [inches + 0.5] if any("map" in panel.arrays for panel in found) else []
    heights.append(_height((panel.note() for panel in found), inches))
    spare = 1.1 + _height((panel.heading() for panel in found), inches)
    figure = plt.figure(figsize=(width, sum(heights) + spare), layout="constrained")
    grid = figure.add_gridspec(len(heights), len(panels), height_ratios=heights)
    colours = category_colours([bar.name for bar in bars])
    for column, panel in enumerate(panels):
        first = bool(found) and panel is found[0]
        _draw_column(figure, grid, column, panel, tracks, inches, lanes, colours, first=first)
    return figure


def _row(context: FigureContext, panel: Panel) -> ScorecardRow:
    if not panel.found:
        return track_row(context, panel.about)
    called = f"; {panel.significant.sum()} of {panel.tested} positions p < {ALPHA:g}"
    return track_row(
        context,
        panel.about,
        ref=panel.ref,
        total=panel.total,
        significant=called if panel.tested else "",
    )


def main(
    panels: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw one column per variant; compare those that the paper names with it."""
    columns = load_panels(panels, context.figure)
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(columns),
            pd.concat([panel.table() for panel in columns]),
            {"columns": [panel.about for panel in columns]},
            context=context,
            scorecard=[_row(context, panel) for panel in columns],
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
