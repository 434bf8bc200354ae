"""Draw importance logos, motif boxes, interaction maps and box plots with matplotlib.

All functions draw into axes that the caller lays out. The colours can be told apart in print
and by colour-blind readers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import logomaker
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from dfim.sequences.encoding import ALPHABET

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

# Okabe and Ito's colours, which every kind of colour vision tells apart.
BASE_COLOURS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
_CATEGORY_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
PLANTED_COLOUR = "#8FD6A0"
OTHER_COLOUR = "#A9CCE8"
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "dfim_up", ["#F7F7F7", "#F4A582", "#B2182B", "#4D0013"]
)
BLANK_COLOUR = "#BDBDBD"
DIVERGING = LinearSegmentedColormap.from_list("dfim", ["#2166AC", "#F7F7F7", "#B2182B"])

_STYLE: "dict[RcKeyType, Any]" = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    # Equal drawings give equal files.
    "svg.hashsalt": "dfim",
}


@contextmanager
def style() -> Iterator[None]:
    """Apply the project's style of figures inside a block, with the Agg backend (no screen)."""
    with mpl.rc_context(_STYLE):
        mpl.use("Agg")
        yield


def logo_track(
    ax: Axes,
    scores: NDArray[np.floating],
    one_hot: NDArray[np.integer],
    *,
    start: int = 0,
    label: str = "importance (logit)",
) -> None:
    """Draw one letter per position, with the height of its score.

    Parameters
    ----------
    ax
        Where to draw.
    scores
        (W,) importance or FIS; NaN leaves a gap.
    one_hot
        (W, 4) bases; a zero column (N) leaves a gap.
    start
        Coordinate of the first position.
    label
        Label of the y axis, with its unit.
    """
    heights = np.nan_to_num(scores)[:, None] * one_hot
    frame = pd.DataFrame(
        heights, columns=list(ALPHABET), index=np.arange(start, start + len(heights))
    )
    logomaker.Logo(frame, ax=ax, color_scheme=BASE_COLOURS, show_spines=None)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlim(start - 0.5, start + len(heights) - 0.5)
    ax.axhline(0, color="black", linewidth=0.5)
    ax.set_ylabel(label)


def letter_row(
    ax: Axes, one_hot: NDArray[np.integer], *, start: int = 0, highlight: Sequence[int] = ()
) -> None:
    """Write a sequence as letters of one height, with some positions highlighted.

    Parameters
    ----------
    ax
        Where to draw.
    one_hot
        (W, 4) bases; a zero column is written as N.
    start
        Coordinate of the first position.
    highlight
        Coordinates of the positions to highlight.
    """
    for i, column in enumerate(one_hot):
        letter = ALPHABET[int(column.argmax())] if column.any() else "N"
        at = start + i
        if at in highlight:
            ax.add_patch(Rectangle((at - 0.5, 0.05), 1, 0.9, color="#F0E442", linewidth=0))
        ax.text(
            at,
            0.5,
            letter,
            ha="center",
            va="center",
            family="DejaVu Sans Mono",
            weight="bold" if at in highlight else "normal",
            color=BASE_COLOURS.get(letter, "grey"),
        )
    ax.set(xlim=(start - 0.5, start + len(one_hot) - 0.5), ylim=(0, 1), yticks=[])
    ax.spines[["left", "bottom"]].set_visible(False)


def category_colours(names: Sequence[str]) -> dict[str, str]:
    """Choose one colour per name; the same set of names always gets the same colours."""
    ordered = sorted(set(names))
    return {n: _CATEGORY_COLOURS[i % len(_CATEGORY_COLOURS)] for i, n in enumerate(ordered)}


def motif_boxes(
    ax: Axes,
    features: Sequence[dict[str, Any]],
    colours: dict[str, str],
    *,
    label: bool = True,
) -> None:
    """Shade features of a track, and write their names above it.

    Parameters
    ----------
    ax
        The track; its x axis is in the features' coordinates.
    features
        Dictionaries with name, start and end (0-based, half-open).
    colours
        Colour by name; features of other names are not drawn.
    label
        Whether to write the names.
    """
    low, high = ax.get_xlim()
    for name, colour in colours.items():
        for feature in (f for f in features if f["name"] == name):
            left, right = max(feature["start"] - 0.5, low), min(feature["end"] - 0.5, high)
            ax.axvspan(left, right, color=colour, alpha=0.13, linewidth=0, zorder=-2)
            if label:
                ax.text(
                    (left + right) / 2,
                    1.02,
                    name,
                    transform=ax.get_xaxis_transform(),
                    ha="center",
                    va="bottom",
                    color=colour,
                    weight="bold",
                )


def interaction_heatmap(
    ax: Axes, matrix: NDArray[np.floating], *, start: int = 0, limit: float | None = None
) -> AxesImage:
    """Draw a map of signed scores, sources down and targets across.

    Parameters
    ----------
    ax
        Where to draw.
    matrix
        (S, T) scores of each source on each target; NaN is drawn in grey, zero in white.
    start
        Coordinate of the first position on both axes.
    limit
        End of the symmetric colour scale; by default the largest absolute score.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
    limit = limit or float(np.nanmax(np.abs(matrix))) or 1.0
    colours = DIVERGING.with_extremes(bad=BLANK_COLOUR)
    rows, columns = matrix.shape
    image = ax.imshow(
        np.ma.masked_invalid(matrix),
        cmap=colours,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
        extent=(start - 0.5, start + columns - 0.5, start + rows - 0.5, start - 0.5),
    )
    ax.set(xlabel="target position (bp)", ylabel="source position (bp)")
    ax.spines[["top", "right"]].set_visible(True)
    return image


def class_boxes(
    ax: Axes,
    boxes: Sequence[dict[str, float]],
    labels: Sequence[str],
    colours: Sequence[str],
) -> None:
    """Draw horizontal boxes without fliers, the first on top.

    Parameters
    ----------
    ax
        Where to draw.
    boxes
        Box statistics: med, q1, q3, whislo, whishi, as
        `dfim.statistics.effect_sizes.box_statistics` gives them.
    labels, colours
        One per box.
    """
    drawn = ax.bxp(
        [{**box, "fliers": []} for box in boxes],
        positions=np.arange(len(boxes)),
        orientation="horizontal",
        widths=0.6,
        showfliers=False,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.4},
        boxprops={"linewidth": 0.8},
    )
    for patch, colour in zip(drawn["boxes"], colours, strict=True):
        patch.set_facecolor(colour)
    ax.set_yticks(np.arange(len(labels)), labels)
    for text, colour in zip(ax.get_yticklabels(), colours, strict=True):
        if colour == PLANTED_COLOUR:  # seen also where the box is but a line
            text.set_bbox({"facecolor": colour, "edgecolor": "none", "pad": 1.5})
    ax.invert_yaxis()
