"""Draw importance around one pair before and after its source is mutated (Fig 3A)."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from dfim.io.store import read_arrays
from dfim.plots.static import logo_track, style
from dfim.sequences.encoding import ALPHABET
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import A_PLOT, scorecard_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_SOURCE, _TARGET = "#CC79A7", "#0072B2"


def _box(ax: plt.Axes, site: dict[str, Any], colour: str, label: str | None) -> None:
    """Frame a site over the whole height of a track, and name it above."""
    left, width = site["start"] - 0.5, site["end"] - site["start"]
    ax.add_patch(
        Rectangle((left, 0), width, 1, transform=ax.get_xaxis_transform(), fill=False,
                  edgecolor=colour, linewidth=1.3, clip_on=False)
    )  # fmt: skip
    if label:
        ax.text(left + width / 2, 1.04, label, transform=ax.get_xaxis_transform(), ha="center",
                va="bottom", color=colour, weight="bold", fontsize=7)  # fmt: skip


def _draw(arrays: dict[str, NDArray[Any]], chosen: dict[str, Any], result: str) -> plt.Figure:
    start, bases = chosen["start"], arrays["one_hot"]
    source, target = chosen["source"], chosen["target"]
    position = np.arange(start, start + len(bases))
    in_source = (position >= source["start"]) & (position < source["end"])
    # What stands at the source of the mutant is no letter.
    without = np.where(in_source[:, None], 0, bases)
    difference = arrays["original"] - arrays["mutant"]
    tracks = (
        (arrays["original"], bases, "original"),
        (arrays["mutant"], without, f"{source['name']}\nmutated"),
        (difference, without, "difference"),
    )
    figure, axes = plt.subplots(3, 1, figsize=(7.4, 4.2), layout="constrained", sharex=True)
    for number, (ax, (scores, letters, label)) in enumerate(zip(axes, tracks, strict=True)):
        logo_track(ax, scores, letters, start=start, label=f"{label}\n(logit)")
        near = source["end"] > target["start"] - 6 and target["end"] > source["start"] - 6
        names = [f"source {source['name']}", f"target {target['name']}"]
        if near:  # both names over the pair would overlap
            order = sorted(
                ((source, names[0]), (target, names[1])), key=lambda s: s[0]["start"]
            )
            for (site, name), side in zip(order, ("right", "left"), strict=True):
                if number == 0:
                    edge = site["end"] if side == "right" else site["start"] - 1
                    ax.text(edge, 1.04, name, transform=ax.get_xaxis_transform(), ha=side,
                            va="bottom", weight="bold", fontsize=7,
                            color=_SOURCE if site is source else _TARGET)  # fmt: skip
            names = [None, None]
        show = number == 0
        _box(ax, source, _SOURCE, names[0] if show else None)
        _box(ax, target, _TARGET, names[1] if show else None)
    low = min(ax.get_ylim()[0] for ax in axes)
    high = max(ax.get_ylim()[1] for ax in axes)
    margin = 0.06 * (high - low)
    for ax in axes:
        ax.set_ylim(low - margin, high + margin)
    axes[-1].set_xlabel(f"position in {chosen['sequence']} (bp)")
    outputs = f"output {chosen['logit']:.2f} → {chosen['mutant_logit']:.2f} (logit)"
    axes[1].set_title(outputs, fontsize=8)
    axes[2].set_title(result, fontsize=8)
    return figure


def main(
    tracks: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw the three tracks with both sites framed."""
    arrays, attributes = read_arrays(tracks, ("one_hot", "original", "mutant"))
    chosen = attributes["chosen"]
    bases = [ALPHABET[column.argmax()] if column.any() else "N" for column in arrays["one_hot"]]
    frame = pd.DataFrame(
        {
            "position": np.arange(chosen["start"], chosen["start"] + len(bases)),
            "base": bases,
            "original": arrays["original"],
            "mutant": arrays["mutant"],
            "difference": arrays["original"] - arrays["mutant"],
        }
    )
    source, target = chosen["source"], chosen["target"]
    apart = abs(source["start"] + source["end"] - target["start"] - target["end"]) / 2
    names = f"{source['name']} → {target['name']}"
    row = scorecard_row(
        context,
        f"{names}: FIS of the example (largest of its kind, chosen by rule)",
        paper=A_PLOT,
        ours=f"{chosen['fis']:.3f}, {apart:g} bp apart",
        why=f"{chosen['sequence']}, of {chosen['n_candidates']:,} pairs in "
        f"{chosen['chosen_from']}; "
        f"{chosen['fis_in_table']:.3f} in the table, whose references were other draws",
    )
    with style():
        result = f"{names}, {apart:g} bp apart: FIS {chosen['fis']:.2f}"
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(arrays, chosen, result), frame, chosen, context=context, scorecard=[row]
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
