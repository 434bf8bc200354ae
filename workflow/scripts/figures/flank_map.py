"""Draw the Deep Feature Interaction Map of one flank (Fig 8B)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from dfim.io.store import read_arrays
from dfim.maps.every_kmer import Factorial
from dfim.maps.interaction_map import InteractionMap
from dfim.plots.static import BASE_COLOURS, interaction_heatmap, logo_track, style
from dfim.sequences.encoding import ALPHABET
from dfim.sequences.kmers import mutant_index, sequence_codes
from flow.flanks.positions import (
    LENGTH,
    N_FLANKS,
    POSITIONS,
    base_name,
    flank_strings,
    parse_cell,
    position_labels,
)
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import NOT_PRINTED, ScorecardRow, scorecard_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

Base = tuple[int, int]  # position (0 to 9) and code

_CORE = "CACGTG"
_HALF = LENGTH // 2
# Columns, and first rows of a source, on axes that leave a place for the core.
_COLUMNS = np.delete(np.arange(LENGTH + 1), _HALF)
_ROWS = 3 * np.arange(LENGTH) + (np.arange(LENGTH) >= _HALF)
_LETTERS = np.array(list(ALPHABET))


@dataclass(frozen=True)
class _Choice:
    """Hold the chosen flank, those it was chosen from, and the largest of its named cells."""

    index: int
    among: str  # strongest, all
    candidates: NDArray[np.int64]  # that have both bases
    source: int
    target: int
    mutant: int  # 0 to 2


def _having(index: NDArray[np.int64], cell: list[Base]) -> NDArray[np.int64]:
    """Return the flanks that have both the source's and the target's base."""
    codes = sequence_codes(LENGTH, index)
    return index[np.all([codes[:, position] == base for position, base in cell], axis=0)]


def _choose(scored: Factorial, strongest: NDArray[np.int64], cell: list[Base]) -> _Choice:
    """Choose the flank with both bases and the largest FIS, if possible a strong one."""
    among, index = "strongest", _having(strongest, cell)
    if not index.size:
        among, index = "all", _having(np.arange(N_FLANKS), cell)
    (s, _), (t, _) = cell
    mutants = mutant_index(index, LENGTH)[:, s]
    fis = np.abs(scored.importance[index, None, t] - scored.importance[mutants, t])
    row, mutant = np.unravel_index(fis.argmax(), fis.shape)
    return _Choice(int(index[row]), among, index, s, t, int(mutant))


def _spaced(values: NDArray[Any], at: int, axis: int = 0) -> NDArray[Any]:
    """Insert a blank where the core is."""
    return np.insert(values, at, np.nan if values.dtype.kind == "f" else 0, axis=axis)


def _draw_logo(ax: Axes, found: InteractionMap) -> None:
    spaced = _spaced(found.importance, _HALF), _spaced(found.one_hot, _HALF)
    logo_track(ax, *spaced, label="importance\n(kcal/mol)")
    ax.set_ylim(*(1.12 * edge for edge in ax.get_ylim()))
    for k, base in enumerate(_CORE):
        ax.text(_HALF - 0.4 + 0.16 * k, 0, base, ha="center", va="bottom",
                color="grey", fontsize=7)  # fmt: skip
    ax.set_xticks(_COLUMNS, position_labels())
    ax.tick_params(axis="x", length=0)


def _draw_map(ax: Axes, found: InteractionMap, chosen: _Choice) -> AxesImage:
    """Draw sources and mutants down, targets across, and white where the core is."""
    bases, mutants = _LETTERS[found.one_hot.argmax(axis=1)], _LETTERS[found.mutant_base]
    names = [base_name(b, p) for b, p in zip(bases, POSITIONS, strict=True)]
    rows = found.fis.reshape(3 * LENGTH, LENGTH)
    image = interaction_heatmap(ax, _spaced(_spaced(rows, 3 * _HALF), _HALF, axis=1))
    white = {"color": "white", "linewidth": 1}
    ax.axvspan(_HALF - 0.5, _HALF + 0.5, **white)
    ax.axhspan(3 * _HALF - 0.5, 3 * _HALF + 0.5, **white)
    for column, row in zip(_COLUMNS, _ROWS, strict=True):
        ax.axvline(column - 0.5, **white)
        ax.axhline(row - 0.5, **white)
    ax.set_xticks(_COLUMNS, names)
    for text, base in zip(ax.get_xticklabels(), bases, strict=True):
        text.set(color=BASE_COLOURS[base], weight="bold")
    labels = [f"{names[p]}→{base}" for p in range(LENGTH) for base in mutants[p]]
    ax.set_yticks(np.add.outer(_ROWS, np.arange(3)).ravel(), labels, fontsize=6.5)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    place = (_COLUMNS[chosen.target] - 0.5, _ROWS[chosen.source] + chosen.mutant - 0.5)
    ax.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor="black", linewidth=1.4, zorder=3))
    ax.set(xlabel="target base, by position from the CACGTG core",
           ylabel="source base and its mutant")  # fmt: skip
    return image


def _draw(found: InteractionMap, chosen: _Choice, about: tuple[str, str]) -> Figure:
    figure = plt.figure(figsize=(7.2, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 4), width_ratios=(1, 0.025))
    axes = [figure.add_subplot(grid[row, 0]) for row in (0, 1)]
    _draw_logo(axes[0], found)
    drawn = _draw_map(axes[1], found, chosen)
    for ax, text in zip(axes, about, strict=True):
        ax.set_title(text, fontsize=8)
    figure.colorbar(drawn, cax=figure.add_subplot(grid[1, 1]), label="FIS (kcal/mol)")
    return figure


def _signed(fis: float) -> str:
    return f"{fis:+.3f}".replace("-", "−")


def _row(context: FigureContext, record: dict[str, Any]) -> ScorecardRow:
    """Return the row of the cell that the paper names, in the flank where it is the largest."""
    of_mutants = (record[key] for key in ("mutants", "fis_of_mutants", "rank_of_mutants"))
    each = ", ".join(
        f"to {base} {_signed(fis)} (rank {rank})"
        for base, fis, rank in zip(*of_mutants, strict=True)
    )
    why = (
        f"{each}; flank {record['flank']} was chosen as the one with the largest of "
        f"{record['n_candidates']:,} with both bases, whose median rank is "
        f"{record['median_rank']:.0f}; {context.method}"
    )
    ours = f"{_signed(record['fis'])} (mutated to {record['mutant']}), rank {record['rank']}"
    return scorecard_row(
        context,
        f"FIS of {record['source']} mutated on {record['target']} (kcal/mol)",
        paper=context.printed.get("strength", NOT_PRINTED),
        ours=f"{ours} of {record['n_cells']} cells of its map by |FIS|",
        why=why,
        unjudged="an example chosen by rule, and no test",
    )


def _record(scored: Factorial, found: InteractionMap, chosen: _Choice) -> dict[str, Any]:
    """Return the statistics: the flank, the cell, and its rank in the map."""
    s, t = chosen.source, chosen.target
    size, word = np.abs(found.fis), str(flank_strings(np.array([chosen.index]))[0])
    mutants = _LETTERS[found.mutant_base[s]]
    ranks = [int((size > one).sum()) + 1 for one in size[s, :, t]]
    return {
        "flank": word,
        "among": chosen.among,
        "n_candidates": len(chosen.candidates),
        "predicted": float(scored.target[chosen.index]),
        "source": base_name(word[s], POSITIONS[s]),
        "target": base_name(word[t], POSITIONS[t]),
        "mutant": str(mutants[chosen.mutant]),
        "fis": float(found.fis[s, chosen.mutant, t]),
        "rank": ranks[chosen.mutant],
        "n_cells": int(np.isfinite(size).sum()),
        "mutants": mutants.tolist(),
        "fis_of_mutants": found.fis[s, :, t].tolist(),
        "rank_of_mutants": ranks,
        "median_rank": _median_rank(scored, chosen),
    }


def _median_rank(scored: Factorial, chosen: _Choice) -> float:
    """Return the median, over all candidates, of the cell's rank in the flank's own map."""
    size = np.abs(scored.fis(chosen.candidates))
    cell = size[:, chosen.source, :, chosen.target].max(axis=1)
    larger = size > cell[:, None, None, None]  # of NaN it is none
    return float(np.median(larger.sum(axis=(1, 2, 3)) + 1))


def _about(record: dict[str, Any], n_strongest: int, rank_by: str) -> tuple[str, str]:
    """Write the headings of the flank and of its map: how it was chosen, and its cell."""
    source, target, word = record["source"], record["target"], record["flank"]
    strongest = f"of the {n_strongest:,} with the lowest {rank_by} ΔΔG"
    group = strongest if record["among"] == "strongest" else f"of all (none {strongest})"
    flank = (
        f"{word[:_HALF]}·{_CORE}·{word[_HALF:]}, one of {record['n_candidates']:,} {group} "
        f"that have {source} and {target}"
    )
    cell = (
        f"outlined: {source} changed to {record['mutant']}, on {target}: FIS "
        f"{_signed(record['fis'])} kcal/mol, rank {record['rank']} of {record['n_cells']}"
    )
    return flank, cell


def main(
    factorial: str,
    chosen: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw the flank in which the asked source base acts most on the asked target base."""
    named = context.options["cell"]
    cell = [parse_cell(text) for text in named]
    if cell[0][0] == cell[1][0]:
        raise ValueError(f"cell: got {named}, expected bases at two positions")
    scored = Factorial.load(factorial)
    arrays, ranked = read_arrays(chosen, ("strongest",))
    choice = _choose(scored, arrays["strongest"], cell)
    found = scored.map_of(choice.index)
    record = _record(scored, found, choice)
    about = _about(record, len(arrays["strongest"]), ranked["rank_by"])
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(found, choice, about),
            found.table(POSITIONS),
            record,
            context=context,
            scorecard=[_row(context, record)],
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
