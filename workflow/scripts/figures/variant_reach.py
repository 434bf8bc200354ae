"""Distance from a variant to its largest FIS (Fig 6A)."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullFormatter

from dfim.io.store import read_table
from dfim.plots.static import style
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.variants.scorecard import reach_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# bp; a bin holds its upper edge. The paper describes its figure by these.
_EDGES = (0, 10, 20, 200)
_LABELS = ("1–10", "11–20", "21–200", ">200")
_TEXT = ("set", "group", "chrom", "ref", "alt", "name", "motif")
_COLUMNS = (*_TEXT, "pos", "p_value", "peak_distance", "peak_fis", "motif_distance")
_LOSS, _GAIN = "#0072B2", "#D55E00"


def _points(results: str, name: str | None) -> pd.DataFrame:
    """Read the variants of a set with their bin; "" where no position has any FIS."""
    table = read_table(results, _COLUMNS, text=_TEXT)
    here = table if name is None else table[table["set"] == name]
    if here.empty:
        there = ", ".join(pd.unique(table["set"]))
        raise ValueError(f"{results}: no variants of set {name!r}, found {there}")
    found = here[["set", "group", *_COLUMNS[2:]]].reset_index(drop=True)
    distance = found["peak_distance"].abs().to_numpy(np.float64)
    number = np.searchsorted(_EDGES, np.nan_to_num(distance)) - 1
    labels = np.array([*_LABELS, ""], dtype=object)
    found["bin"] = labels[np.where(np.isnan(distance), len(_LABELS), number)]
    return found.assign(abs_peak_fis=found["peak_fis"].abs())


def _counts(points: pd.DataFrame) -> dict[str, int]:
    """Count variants by bin of distance; those without any FIS are in none."""
    return {label: int((points["bin"] == label).sum()) for label in _LABELS}


def _draw(
    points: pd.DataFrame,
    counts: dict[str, int],
    of_controls: dict[str, int],
    drawn: str,
) -> plt.Figure:
    figure, ax = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    signs = (
        (points["peak_fis"] > 0, "o", _LOSS, "the mutation takes importance away (FIS > 0)"),
        (points["peak_fis"] < 0, "^", _GAIN, "the mutation gives importance (FIS < 0)"),
    )
    for mask, marker, colour, label in signs:
        of_sign = points[mask]
        ax.plot(
            of_sign["peak_distance"], of_sign["abs_peak_fis"], marker, color=colour,
            markersize=4, alpha=0.6, markeredgewidth=0, label=f"{label}, n = {len(of_sign):,}",
        )  # fmt: skip
    far = max(_EDGES[-1] * 1.5, np.nanmax(points["peak_distance"].abs(), initial=0) * 1.15)
    ax.set_xscale("symlog", linthresh=_EDGES[1], linscale=0.8)
    ax.set(xlim=(-far, far), ylim=(0, None), ylabel="largest |FIS| (logit)")
    ax.set_xlabel(
        "distance of the position with the largest |FIS| from the variant "
        f"(bp; logarithmic beyond {_EDGES[1]})"
    )
    ticks = [0, 5, 10, 20, 50, 100, 200, 500]
    shown = [tick for tick in ticks if tick <= far]
    ax.xaxis.set_major_locator(FixedLocator([-t for t in shown[:0:-1]] + shown))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:+.0f}".replace("-", "−") if x else "0")
    for edge in _EDGES[1:]:
        for side in (-edge, edge):
            ax.axvline(side, color="grey", linewidth=0.7, linestyle=":", zorder=0)
    middle = (0, 14.5, 63, np.sqrt(_EDGES[-1] * far))
    n, of = max(sum(counts.values()), 1), sum(of_controls.values())
    for (label, count), at in zip(counts.items(), middle, strict=True):
        text = f"{label} bp\n{count:,} ({100 * count / n:.0f} %)"
        if of:  # controls have a nearest answer, too
            text += f"\ncontrols {100 * of_controls[label] / of:.0f} %"
        ax.text(at, 1.01, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom",
                fontsize=6.5)  # fmt: skip
    ax.legend(title=drawn, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return figure


def main(
    results: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw distance and size of the strongest FIS of each variant of a set."""
    name = context.options.get("set")
    every = _points(results, name)
    control = every["group"] == "control"
    # Collections without p-values have no significant variants: all are drawn.
    chosen = every["group"] == "significant"
    chosen = chosen if chosen.any() else ~control
    points, controls = every[chosen], every[control]
    counts, of_controls = _counts(points), _counts(controls)
    without = int((points["bin"] == "").sum())
    shown = name or ", ".join(filter(None, pd.unique(points["set"]))) or "variants"
    with style():
        drawn = f"{len(points):,} variants, {shown}; {without:,} without any FIS"
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(points, counts, of_controls, drawn),
            pd.concat([points, controls]),
            {"set": name, "n": len(points), "n_without_fis": without, "bins": counts,
             "bins_of_controls": of_controls, "n_controls": len(controls)},
            context=context,
            scorecard=[reach_row(context, shown, counts, of_controls)],
        )  # fmt: skip


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
