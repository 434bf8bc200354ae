"""Draw the simulated sets from the sequences themselves (Fig 2A)."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from dfim.motifs.features import Features
from dfim.plots.static import category_colours, style
from dfim.sequences.examples import Examples
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import Judged, ScorecardRow, scorecard_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_SHOWN = 7  # sequences drawn of each set
_COPY_SHADES = ("#E6E6E6", "#9ECAE1", "#3182BD", "#08306B")


def count_copies(data: Examples, features: Features) -> pd.DataFrame:
    """Count the sequences of each group with 0, 1, 2 ... copies of each motif."""
    rows = []
    for group in np.unique(data.groups):
        members = np.flatnonzero(data.groups == group)
        positive = float((data.labels[members, 0] == 1).mean()) if data.tasks else np.nan
        for name in np.unique(features.name):
            at = features.sequence[features.name == name]
            copies = np.bincount(at, minlength=len(data))[members]
            for number, sequences in enumerate(np.bincount(copies)):
                rows.append(
                    {
                        "group": group,
                        "positive_fraction": positive,
                        "motif": name,
                        "copies": number,
                        "sequences": int(sequences),
                        "fraction": sequences / len(members),
                    }
                )
    return pd.DataFrame(rows)


def _draw_sequences(
    ax: Axes, data: Examples, features: Features, members: NDArray[np.int64]
) -> None:
    colours, length = category_colours(features.name), data.codes.shape[1]
    for line, row in enumerate(members[:_SHOWN]):
        ax.plot([0, length], [line, line], color="#999999", linewidth=0.8, zorder=1)
        for i in np.flatnonzero(features.sequence == row):
            width = features.end[i] - features.start[i]
            box = Rectangle(
                (features.start[i], line - 0.36),
                width,
                0.72,
                color=colours[features.name[i]],
                linewidth=0,
                zorder=2,
            )
            ax.add_patch(box)
    ax.set(xlim=(0, length), ylim=(_SHOWN - 0.4, -0.6), yticks=[])
    ax.spines["left"].set_visible(False)


def _commonest_bases(data: Examples, features: Features, name: str) -> str:
    """Return the string that most instances of a motif have."""
    mine = features.name == name
    widths = features.end[mine] - features.start[mine]
    width = int(np.bincount(widths).argmax())
    starts, rows = (
        features.start[mine][widths == width],
        features.sequence[mine][widths == width],
    )
    codes = data.codes[rows[:, None], starts[:, None] + np.arange(width)]
    strings, counts = np.unique(codes, axis=0, return_counts=True)
    return "".join(np.array(list("ACGTN"))[strings[counts.argmax()]])


def main(
    examples: str,
    features: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw a few real sequences of each set, and the copies of every motif."""
    data = Examples.load(examples)
    found = Features.load(features, data.ids, data.codes.shape[1])
    counts = count_copies(data, found)
    groups, names = np.unique(data.groups), np.unique(found.name)
    with style():
        figure, axes = plt.subplots(
            len(groups),
            2,
            figsize=(7, 1.5 * len(groups) + 0.4),
            layout="constrained",
            width_ratios=(1.35, 1),
            sharex="col",
            squeeze=False,
        )
        for (left, right), group in zip(axes, groups, strict=True):
            members = np.flatnonzero(data.groups == group)
            mine = counts[counts["group"] == group]
            sign = "+" if mine["positive_fraction"].iloc[0] > 0.5 else "−"
            _draw_sequences(left, data, found, members)
            left.set_title(
                f"{group}: label {sign}, n = {len(members):,} (first {_SHOWN} shown)"
            )
            base = np.zeros(len(names))
            for number in sorted(mine["copies"].unique()):
                part = mine[mine["copies"] == number].set_index("motif")["fraction"]
                width = part.reindex(names, fill_value=0).to_numpy()
                right.barh(
                    names,
                    width,
                    left=base,
                    color=_COPY_SHADES[min(number, 3)],
                    edgecolor="white",
                )
                base += width
            right.invert_yaxis()
            right.set(xlim=(0, 1))
        axes[-1, 0].set_xlabel("position (bp)")
        axes[-1, 1].set_xlabel("fraction of the set's sequences")
        motifs = [
            Patch(color=colour, label=f"{name}  {_commonest_bases(data, found, name)}")
            for name, colour in category_colours(names).items()
        ]
        copies = [
            Patch(color=_COPY_SHADES[k], label=f"{k} copies" if k != 1 else "1 copy")
            for k in range(min(int(counts["copies"].max()), 3) + 1)
        ]
        figure.legend(handles=motifs + copies, loc="outside lower center", ncols=3)
        sizes = {str(g): int((data.groups == g).sum()) for g in groups}
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            counts,
            {"n_sequences": len(data), "group_sizes": sizes, "n_motifs": len(found)},
            context=context,
            scorecard=_scorecard(context, sizes),
        )


def _scorecard(context: FigureContext, sizes: dict[str, int]) -> list[ScorecardRow]:
    same = set(sizes.values()) == {20_000} and len(sizes) == 3
    met = "three sets of the printed size"
    return [
        scorecard_row(
            context,
            "sequences in each of the three sets",
            paper="20,000",
            ours=", ".join(f"{n:,}" for n in sizes.values()),
            why="counted in the run's own sequences",
            judged=Judged(same, met if same else "the config asks for another size"),
        )
    ]


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
