"""Draw the network of flanks layer by layer (Fig 8A)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from dfim.io.store import read_json, read_table
from dfim.plots.static import BASE_COLOURS, style
from flow.flanks.positions import LENGTH, position_labels
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_CORE = "CACGTG"
_COLUMNS = ("name", "kind", "shape", "rate", "parameters")
_UNITS, _OTHER = "#0072B2", "#999999"
_STEPS = {
    "Flatten": ("flatten", _OTHER),
    "BatchNormalization": ("batch normalisation", "#009E73"),
    "ReLU": ("ReLU", "#D55E00"),
    "Dropout": ("dropout", "#CC79A7"),
}

# All in inches.
_WIDTH, _HEIGHT, _MIDDLE, _MARGIN = 7.2, 3.4, 1.7, 0.3
_CELL, _LABEL, _LETTER, _RADIUS, _BAR = 0.14, 0.25, 0.1, 0.062, 0.15
_LEGIBLE = 1.4  # a block with its text
_STEP = 0.163  # from a circle to the next one
_SHORTEST = 1.15  # a bar that holds its text
_MOST = 15  # circles in the largest layer


@dataclass(frozen=True)
class _Block:
    """Hold the input or a dense layer, and the layers that follow it up to the next one."""

    head: pd.Series
    steps: pd.DataFrame

    @property
    def is_input(self) -> bool:
        return self.head["kind"] != "Dense"

    @property
    def units(self) -> int:
        return LENGTH if self.is_input else int(self.head["shape"])

    @property
    def width(self) -> float:
        return self.own_width + 1.25 * _BAR * len(self.steps)

    @property
    def own_width(self) -> float:
        """Return the width of the input or of the units alone, in inches."""
        return _LABEL + 4 * _CELL if self.is_input else 2 * _RADIUS


def _blocks(layers: pd.DataFrame) -> list[_Block]:
    starts = (layers["kind"].isin(["Input", "Dense"])).cumsum()
    parts = [part for _, part in layers.groupby(starts)]
    return [_Block(part.iloc[0], part.iloc[1:]) for part in parts]


def _draw_input(ax: Axes, left: float) -> np.ndarray:
    """Draw the one-hot grid with the core in its middle; return the heights of its rows."""
    gap = _LETTER * len(_CORE) + 0.06
    top = _MIDDLE + (LENGTH * _CELL + gap) / 2
    heights = top - _CELL * (np.arange(LENGTH) + 0.5)
    heights[LENGTH // 2 :] -= gap
    first = left + _LABEL
    for at, name in zip(heights, position_labels(), strict=True):
        ax.text(first - 0.04, at, name, ha="right", va="center", fontsize=6.5)
        for k, colour in enumerate(BASE_COLOURS.values()):
            ax.add_patch(
                Rectangle((first + k * _CELL, at - _CELL / 2), _CELL, _CELL, alpha=0.3,
                          facecolor=colour, edgecolor="white", linewidth=0.8)
            )  # fmt: skip
    for k, (base, colour) in enumerate(BASE_COLOURS.items()):
        ax.text(first + (k + 0.5) * _CELL, top + 0.03, base, ha="center", va="bottom",
                fontsize=7, weight="bold", color=colour)  # fmt: skip
    for k, base in enumerate(_CORE):
        at = _MIDDLE + _LETTER * (len(_CORE) / 2 - k - 0.5)
        ax.text(first + 2 * _CELL, at, base, ha="center", va="center", fontsize=6, color="grey")
    return heights


def _draw_units(ax: Axes, at: float, units: int, largest: int) -> np.ndarray:
    """Draw a column of circles, in proportion to the largest layer; return their heights."""
    n = units if largest <= _MOST else max(min(units, 3), round(_MOST * units / largest))
    heights = _MIDDLE + (np.arange(n) - (n - 1) / 2)[::-1] * _STEP
    shown = np.ones(n, bool)
    if n < units:  # dots in the middle stand for the rest
        shown[n // 2] = False
        ax.text(at, heights[n // 2], "⋮", ha="center", va="center", fontsize=8)
    for y in heights[shown]:
        ax.add_patch(Circle((at, y), _RADIUS, facecolor=_UNITS, linewidth=0, zorder=3))
    return heights[shown]


def _draw_steps(ax: Axes, left: float, height: float, steps: pd.DataFrame) -> None:
    """Draw one bar per step, in the order in which they are applied."""
    for number, row in enumerate(steps.itertuples()):
        text, colour = _STEPS.get(str(row.kind), (str(row.kind), _OTHER))
        text += f" {row.rate:g}" if np.isfinite(row.rate) else ""
        text += f" to {row.shape}" if row.kind == "Flatten" else ""
        at = left + (1.25 * number + 0.25) * _BAR
        ax.add_patch(FancyBboxPatch(
            (at, _MIDDLE - height / 2), _BAR, height, facecolor=colour, alpha=0.3,
            linewidth=0, zorder=3, boxstyle="round,pad=0,rounding_size=0.04",
        ))  # fmt: skip
        ax.text(at + _BAR / 2, _MIDDLE, text, rotation=90, ha="center", va="center",
                fontsize=6.5, zorder=4)  # fmt: skip


def _note(block: _Block, *, is_last: bool) -> str:
    """Write a block's size and its parameters."""
    if block.is_input:
        return f"input: {block.head['shape']}\none-hot bases"
    size = f"dense, {block.units:,} unit" + "s" * (block.units > 1)
    of_steps = block.steps["parameters"][block.steps["parameters"] > 0]
    counts = [f"{n:,}" for n in (block.head["parameters"], *of_steps)]
    output = ["output: ΔΔG (kcal/mol)"] if is_last else []
    return "\n".join([*output, size, f"{' + '.join(counts)} parameters"])


def _draw(layers: pd.DataFrame, total: str) -> Figure:
    blocks = _blocks(layers)
    largest = max(block.units for block in blocks[1:])
    # Texts below the outermost blocks are wider than these.
    inside = sum(block.width for block in blocks) + 2 * _MARGIN + _LABEL
    width = max(_WIDTH, _LEGIBLE * len(blocks))
    between = (width - inside) / (len(blocks) - 1)
    figure = plt.figure(figsize=(width, _HEIGHT))
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, _HEIGHT))
    ax.set_axis_off()
    left, before = _MARGIN, np.empty((0, 2))
    for block in blocks:
        if block.is_input:
            heights = _draw_input(ax, left)
        else:
            heights = _draw_units(ax, left + _RADIUS, block.units, largest)
        lines = [(start, (left + _RADIUS, y)) for start in before for y in heights]
        ax.add_collection(LineCollection(lines, colors="#CFCFCF", linewidths=0.25, zorder=1))
        height = max(float(np.ptp(heights)) + 2 * _RADIUS, _SHORTEST)
        _draw_steps(ax, left + block.own_width, height, block.steps)
        ax.text(left + (block.width + _LABEL * block.is_input) / 2, 0.36,
                _note(block, is_last=block is blocks[-1]), ha="center", va="top",
                fontsize=6.5)  # fmt: skip
        before = np.column_stack([np.full(len(heights), left + block.width), heights])
        left += block.width + between
    ax.text(width / 2, _HEIGHT - 0.3, total, ha="center", va="top", fontsize=8)
    return figure


def _quality(metrics: dict[str, Any]) -> str:
    """Write the network's test error, or else how much its output varies."""
    test = metrics["parts"].get("test")
    if test is None:
        return (
            f"sd of its ΔΔG of {metrics['n_predicted']:,} flanks {metrics['sd']:.3f} kcal/mol"
        )
    return f"RMSE {test['rmse']:.3f} kcal/mol on {test['n_flanks']:,} test flanks"


def main(
    layers: str,
    metrics: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw the network from its own list of layers."""
    listed, record = read_table(layers, _COLUMNS), read_json(metrics)
    if listed["kind"].iloc[0] != "Input" or "Dense" not in set(listed["kind"]):
        raise ValueError(
            f"{layers}: got layers {listed['kind'].tolist()}, expected the input first and a "
            "dense layer"
        )
    n_parameters = int(listed["parameters"].sum())
    total = f"{n_parameters:,} parameters; {_quality(record)}"
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(listed, total),
            listed,
            {"n_parameters": n_parameters, "n_layers": len(listed), "metrics": record},
            context=context,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
