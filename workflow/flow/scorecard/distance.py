"""Scorecard rows of FIS against distance: the paper's numbers, reach, other settings."""

import re
from typing import Any

import numpy as np
import pandas as pd

from dfim.pairs.distances import pair_distance
from dfim.pairs.scores import PairScores
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import ScorecardRow, Verdict


def p_text(p: float) -> str:
    """A p-value as text; one that underflowed is a bound."""
    return f"{p:.2g}" if p > 0 else "< 1e-300"


def _numbers(printed: list[str]) -> list[int | None]:
    """What is printed of the n's; None for what is no number (a misprint)."""
    grouped = re.compile(r"\d{1,3}(,\d{3})*")
    return [int(x.replace(",", "")) if grouped.fullmatch(x) else None for x in printed]


def _n_verdict(context: FigureContext, ours: list[int]) -> Verdict:
    """Whether every number of pairs is within a tenth of the printed one."""
    printed = _numbers(context.printed.get("n", []))
    if context.not_comparable or len(printed) != len(ours):
        return "not comparable"
    pairs = [(a, b) for a, b in zip(ours, printed, strict=True) if b is not None]
    return "agrees" if all(abs(a - b) <= b / 10 for a, b in pairs) else "differs"


def _p_verdict(context: FigureContext, p: pd.Series) -> Verdict:
    """Whether every bin's test, zeros counted as in the paper, is below what is printed."""
    found = re.search(r"< ?([\d.]+e?-?\d*)", context.printed.get("p", ""))
    if found is None or context.planted_effect is not None:
        return "not comparable"
    return "agrees" if (p < float(found[1])).all() else "differs"


def paper_rows(context: FigureContext, bins: pd.DataFrame, names: str) -> list[ScorecardRow]:
    """Pairs and tests of the bins beside the paper's."""
    printed, near, others = context.printed, bins.iloc[0], bins.iloc[1:]
    tests = "; ".join(
        f"{row['bin']}: p {p_text(row['p'])}, r {row['rank_biserial']:.3f} "
        f"({row['rank_biserial_low']:.3f} to {row['rank_biserial_high']:.3f}), "
        f"n {near['n_reached']:,} and {row['n_reached']:,}"
        if np.isfinite(row["p"])
        else f"{row['bin']}: no pair within reach"
        for _, row in others.iterrows()
    )
    counted = "; ".join(
        f"{row['bin']}: p {p_text(row['p_all'])}, r {row['rank_biserial_all']:.3f}"
        for _, row in others.iterrows()
        if np.isfinite(row["p_all"])
    )
    why = "; ".join(filter(None, (context.not_comparable, context.note)))
    return [
        ScorecardRow(
            context.label,
            f"{names}: pairs a bin of distance ({', '.join(bins['bin'])} bp)",
            "; ".join(printed.get("n", [])) or "not printed",
            "; ".join(f"{n:,}" for n in bins["n_pairs"]),
            context.origin,
            _n_verdict(context, bins["n_pairs"].tolist()),
            "; ".join(
                filter(
                    None,
                    (
                        "reached by a path of the network: "
                        + "; ".join(f"{n:,}" for n in bins["n_reached"]),
                        why,
                    ),
                )
            ),
        ),
        ScorecardRow(
            context.label,
            f"{names}: Mann–Whitney, FIS of pairs {near['bin']} bp above each other bin "
            "(rank-biserial r, 95 % interval by loci)",
            printed.get("p", "not printed"),
            tests,
            context.origin,
            _p_verdict(context, others["p_all"]),
            "; ".join(
                filter(
                    None,
                    (
                        "pairs within reach; the verdict is of the test that counts the zeros "
                        f"beyond it as values, as the paper's must have: {counted}",
                        why,
                    ),
                )
            ),
        ),
    ]


def reach_rows(
    context: FigureContext,
    scores: PairScores,
    reach: tuple[int | None, float | None],
    names: str,
) -> list[ScorecardRow]:
    """How far apart interacting motifs are, beside the ceiling of the architecture."""
    if reach[0] is None:
        return []
    printed = context.printed.get("reach")
    farthest = pair_distance(scores)[scores.fis_max_abs != 0].max(initial=0)
    why = "convolutions and pooling see no further; references are shared, so FIS beyond is 0"
    if printed:
        why += "; the distance that the paper prints is this ceiling of its architecture"
    return [
        ScorecardRow(
            context.label,
            f"{names}: farthest pair with a FIS (ceiling of the architecture)",
            printed or "not printed",
            f"{farthest:g} bp between centres ({reach[1]:g} bp; {reach[0]} of nucleotides)",
            context.origin,
            "not comparable" if context.planted_effect else _near(farthest, printed),
            why,
        )
    ]


def compared_row(
    context: FigureContext,
    changed: str,
    bins: tuple[pd.DataFrame, pd.DataFrame],
    gaps: list[dict[str, Any]],
    names: str,
) -> ScorecardRow:
    """The same pairs under other settings, and how far each is from adding up."""
    own, other = bins
    return ScorecardRow(
        context.label,
        f"{names}: median FIS a bin with {changed}, and completeness",
        "not printed",
        f"{_medians(other)}; contributions are {_gap_text(gaps[1])} from adding up",
        context.origin,
        "not comparable",
        f"the same pairs as drawn: {_medians(own)}; {_gap_text(gaps[0])} from adding up",
    )


def _near(bp: float, printed: str | None) -> Verdict:
    """Whether a distance is within 5 bp of the one that the paper prints."""
    found = re.search(r"\d+", printed or "")
    if found is None:
        return "not comparable"
    return "agrees" if abs(bp - int(found[0])) <= 5 else "differs"


def _medians(bins: pd.DataFrame) -> str:
    """Median FIS of each bin that the network reaches, with its n."""
    return "; ".join(
        f"{row['bin']}: {row['med']:.4f} (n {row['n_reached']:,})"
        for _, row in bins.dropna(subset=["med"]).iterrows()
    )


def _gap_text(gap: dict[str, Any]) -> str:
    if gap["median"] is None:
        return "not defined"
    return f"{gap['median']:.3g} logit (median of {gap['n']:,} whole sequences)"
