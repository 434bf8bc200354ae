"""Draw how one changed base leads to the whole map, in six steps of an example (Fig 1)."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from dfim.io.store import read_json
from dfim.maps.interaction_map import InteractionMap
from dfim.plots.static import (
    category_colours,
    interaction_heatmap,
    letter_row,
    logo_track,
    motif_boxes,
    style,
)
from dfim.sequences.encoding import ALPHABET
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _strongest_source(found: InteractionMap, source: dict[str, Any]) -> tuple[int, int]:
    """Return the position in the source motif and the mutant with the largest sum of |FIS|."""
    total = np.nansum(np.abs(found.fis), axis=2)
    inside = np.arange(source["start"], source["end"]) - found.start
    inside = inside[(inside >= 0) & (inside < len(total))]
    best = np.unravel_index(total[inside].argmax(), (len(inside), 3))
    return int(inside[best[0]]), int(best[1])


def _draw(found: InteractionMap, window: dict[str, Any], position: int, mutant: int) -> Figure:
    start, width = found.start, len(found.importance)
    at = start + position
    changed = found.one_hot.copy()
    changed[position] = np.eye(4, dtype=changed.dtype)[found.mutant_base[position, mutant]]
    before = ALPHABET[int(found.one_hot[position].argmax())]
    after = ALPHABET[int(found.mutant_base[position, mutant])]
    figure = plt.figure(figsize=(7.2, 9.8), layout="constrained")
    grid = figure.add_gridspec(
        6, 2, height_ratios=(1, 0.28, 1, 1, 1, 5.2), width_ratios=(1, 0.025)
    )
    axes = [figure.add_subplot(grid[i, 0]) for i in range(5)]
    tracks = (found.importance, None, found.mutant_importance[position, mutant])
    limit = 1.08 * max(float(np.abs(t).max()) for t in tracks if t is not None)
    logo_track(axes[0], tracks[0], found.one_hot, start=start)
    axes[0].set_title(
        f"1  importance of every base of the sequence X, {window['sequence']}", pad=14
    )
    letter_row(axes[1], changed, start=start, highlight=[at])
    axes[1].set_title(f"2  one base changed: {before} to {after} at position {at} (X′)")
    logo_track(axes[2], tracks[2], changed, start=start)
    axes[2].set_title("3  importance of every base of X′")
    fis = found.fis[position, mutant]
    logo_track(axes[3], fis, found.one_hot, start=start, label="FIS (logit)")
    axes[3].set_title("4  their difference: the FIS of this change on every other base")
    others = found.max_abs()[position]
    for k in range(3):
        base = ALPHABET[int(found.mutant_base[position, k])]
        shown = np.abs(found.fis[position, k])
        axes[4].plot(
            np.arange(start, start + width), shown, marker="osv"[k], markersize=3,
            linewidth=0.8, label=f"{before} to {base}",
        )  # fmt: skip
    axes[4].plot(
        np.arange(start, start + width), others, color="black", linewidth=1.2, label="maximum",
        zorder=0, drawstyle="steps-mid",
    )  # fmt: skip
    axes[4].legend(
        ncols=4, loc="lower right", bbox_to_anchor=(1.01, 0.96), handlelength=1.4,
        columnspacing=1,
    )  # fmt: skip
    axes[4].set(ylabel="|FIS| (logit)", xlim=(start - 0.5, start + width - 0.5))
    axes[4].set_title("5  maximum over the three changes")
    for ax in (axes[0], axes[2]):
        ax.set_ylim(-limit, limit)
    colours = category_colours(window["names"])
    for k, ax in enumerate(axes):
        motif_boxes(ax, window["features"], colours, label=k == 0)
    ax = figure.add_subplot(grid[5, 0])
    image = interaction_heatmap(ax, found.max_signed(), start=start)
    ax.set_title("6  all rows: the Deep Feature Interaction Map")
    ax.set_xlim(start - 0.5, start + width - 0.5)
    ax.axhline(at, color="black", linewidth=0.5, linestyle=":")
    figure.colorbar(image, cax=figure.add_subplot(grid[5, 1]), label="FIS, signed (logit)")
    return figure


def main(
    interaction_map: str,
    window: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    source: str,
    context: FigureContext,
) -> None:
    """Draw the six steps, and write the whole map as a table."""
    found, chosen = InteractionMap.load(interaction_map), read_json(window)
    motif = next(f for f in chosen["features"] if f["name"] == source)
    position, mutant = _strongest_source(found, motif)
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(found, chosen, position, mutant),
            found.table(),
            {
                "window": chosen,
                "source_position": found.start + position,
                "largest_abs_fis": float(np.nanmax(found.max_abs())),
            },
            context=context,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
