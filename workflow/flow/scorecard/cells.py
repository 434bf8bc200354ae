"""Scorecard rows of the base-pair maps (Fig 8C, SFig 6): ranks of cells, strength of maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfim.maps.base_pair_maps import MarginalMap
from dfim.sequences.encoding import ALPHABET
from flow.flanks.positions import POSITIONS, base_name, parse_cell
from flow.run.figure_context import FigureContext
from flow.scorecard.rows import Judged, ScorecardRow, scorecard_row

# What "strong" is taken to mean: the paper gives no number.
_STRONG_SHARE = 0.05
# And "weak": 99 % of the cells below this share of what they are below in the other map.
_WEAK_RATIO = 0.5


@dataclass(frozen=True)
class RankedCell:
    """Hold a cell of a map and its rank.

    Attributes
    ----------
    name
        Source and target, such as T−1→A+1.
    mean_abs_fis
        Mean |FIS| in kcal/mol of the mutant whose mean is largest; NaN where blank.
    mutant
        That mutant's base; "" where blank.
    rank, n_cells
        1 is the largest, None where blank; cells with a value.
    n
        Flanks that have both bases.
    """

    name: str
    mean_abs_fis: float
    mutant: str
    rank: int | None
    n_cells: int
    n: int


def ranked_cells(found: MarginalMap, cells: Sequence[Sequence[str]]) -> list[RankedCell]:
    """Rank cells, each given as source and target (T-1, A+1), in a map."""
    ranked = []
    for named in cells:
        source, target = (parse_cell(text) for text in named)
        at = (*source, *target)
        rank, n_cells = found.rank_of(source, target)
        mutant = int(found.mutant[at])
        ranked.append(
            RankedCell(
                "→".join(base_name(ALPHABET[b], POSITIONS[p]) for p, b in (source, target)),
                float(found.values[at]),
                ALPHABET[mutant] if mutant >= 0 else "",
                rank,
                n_cells,
                int(found.n[at]),
            )
        )
    return ranked


def percentile_99(found: MarginalMap) -> float:
    """Return the 99th percentile of a map's cells, kcal/mol; NaN where all are blank."""
    filled = found.values[np.isfinite(found.values)]
    return float(np.percentile(filled, 99)) if filled.size else np.nan


def cell_rows(
    ranked: Sequence[RankedCell], min_n: int, context: FigureContext
) -> list[ScorecardRow]:
    """Return one row per cell, which the paper calls strong: its rank among all cells."""
    rows = []
    for cell in ranked:
        if cell.rank is None:
            ours = f"blank: {cell.n} flanks"
            judged = Judged(False, f"only {cell.n} flanks have both bases, fewer than {min_n}")
        else:
            share = cell.rank / cell.n_cells
            ours = (
                f"rank {cell.rank} of {cell.n_cells} cells ({share:.1%}), mean |FIS| "
                f"{cell.mean_abs_fis:.4f} kcal/mol (to {cell.mutant}), n = {cell.n:,}"
            )
            judged = Judged(
                share <= _STRONG_SHARE,
                f"{share:.1%} of the way down; strong is the first {_STRONG_SHARE:.0%}",
            )
        rows.append(
            scorecard_row(
                context,
                f"rank of {cell.name} by mean |FIS|",
                paper=context.printed.get("strength", "strong"),
                ours=ours,
                why=f"among the cells of at least {min_n} flanks; {context.method}",
                judged=judged,
            )
        )
    return rows


def weakness_row(
    strongest: MarginalMap, weakest: MarginalMap, shares: str, context: FigureContext
) -> ScorecardRow:
    """Compare the maps of the weakest and strongest flanks; `shares` describes both."""
    weak, strong = percentile_99(weakest), percentile_99(strongest)
    return scorecard_row(
        context,
        "99th percentile of mean |FIS|, weakest flanks against strongest (kcal/mol)",
        paper=context.printed.get("strength", "weak"),
        ours=f"{weak:.4f} against {strong:.4f} ({weak / strong:.2f} times)",
        why=f"{shares}; {context.method}",
        judged=Judged(
            weak < _WEAK_RATIO * strong,
            f"{weak / strong:.2f} times that of the strongest; weak is below {_WEAK_RATIO}",
        ),
    )
