"""Scorecard rows of FIS against distance: the paper's numbers, reach, other settings."""

import re
from typing import Any

import numpy as np
import pandas as pd

from dfim.pairs.distances import pair_distance
from dfim.pairs.scores import PairScores
from flow.run.figure_context import FigureContext
from flow.scorecard.rows import NOT_PRINTED, Judged, ScorecardRow, p_text, scorecard_row


def _numbers(printed: list[str]) -> list[int | None]:
    """Parse printed numbers of pairs; None for what is no number (a misprint)."""
    grouped = re.compile(r"\d{1,3}(,\d{3})*")
    return [int(x.replace(",", "")) if grouped.fullmatch(x) else None for x in printed]


def _judge_n(context: FigureContext, bins: pd.DataFrame) -> Judged | None:
    """Judge whether every number of pairs is within a tenth of the printed one."""
    printed = _numbers(context.printed.get("n", []))
    if len(printed) != len(bins):
        return None
    apart = [
        f"{name}: {ours:,} against {paper:,}"
        for name, ours, paper in zip(bins["bin"], bins["n_pairs"], printed, strict=True)
        if paper is not None and abs(ours - paper) > paper / 10
    ]
    met = "every number is within a tenth of the printed one"
    return Judged(not apart, f"more than a tenth apart: {', '.join(apart)}" if apart else met)


def _judge_p(context: FigureContext, p: pd.Series) -> Judged | None:
    """Judge whether every bin's p, zeros counted as in the paper, is below the printed one."""
    printed = context.printed.get("p", "")
    found = re.search(r"< ?([\d.]+e?-?\d*)", printed)
    if found is None or context.planted_effect is not None:
        return None
    limit = float(found[1])
    return Judged(
        bool((p < limit).all()), f"the largest p is {p_text(p.max())}; printed is {printed}"
    )


def paper_rows(context: FigureContext, bins: pd.DataFrame, names: str) -> list[ScorecardRow]:
    """Compare numbers of pairs and tests of the bins with the paper's."""
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
    reached = "; ".join(f"{n:,}" for n in bins["n_reached"])
    return [
        scorecard_row(
            context,
            f"{names}: pairs by bin of distance ({', '.join(bins['bin'])} bp)",
            paper="; ".join(printed.get("n", [])) or NOT_PRINTED,
            ours="; ".join(f"{n:,}" for n in bins["n_pairs"]),
            why=f"reached by a path of the network: {reached}",
            judged=_judge_n(context, bins),
            unjudged="the paper prints other bins" if printed.get("n") else "",
        ),
        scorecard_row(
            context,
            f"{names}: Mann–Whitney, FIS of pairs {near['bin']} bp above each other bin "
            "(rank-biserial r, 95 % interval by loci)",
            paper=printed.get("p", NOT_PRINTED),
            ours=tests,
            why="pairs within reach; the verdict is of the test that counts the zeros "
            f"beyond it as values, as the paper's must have: {counted}",
            judged=_judge_p(context, others["p_all"]),
            unjudged="the paper prints no p-value" if printed.get("p") else "",
            on_any_inputs=True,
        ),
    ]


def reach_rows(
    context: FigureContext,
    scores: PairScores,
    reach: tuple[int | None, float | None],
    names: str,
) -> list[ScorecardRow]:
    """Compare the distance of the farthest interacting pair with the architecture's reach."""
    if reach[0] is None:
        return []
    printed = context.printed.get("reach")
    farthest = pair_distance(scores)[scores.fis_max_abs != 0].max(initial=0)
    why = "convolutions and pooling see no further; references are shared, so FIS beyond is 0"
    if printed:
        why += "; the distance that the paper prints is this ceiling of its architecture"
    return [
        scorecard_row(
            context,
            f"{names}: farthest pair with a FIS (ceiling of the architecture)",
            paper=printed or NOT_PRINTED,
            ours=f"{farthest:g} bp between centres ({reach[1]:g} bp; {reach[0]} of "
            "nucleotides)",
            why=why,
            judged=None if context.planted_effect else _judge_distance(farthest, printed),
            unjudged="the paper prints no distance" if printed else "",
            on_any_inputs=True,
        )
    ]


def compared_row(
    context: FigureContext,
    changed: str,
    bins: tuple[pd.DataFrame, pd.DataFrame],
    gaps: list[dict[str, Any]],
    names: str,
) -> ScorecardRow:
    """Return medians and convergence deltas of the same pairs under other settings."""
    own, other = bins
    return scorecard_row(
        context,
        f"{names}: median FIS by bin with {changed}, and convergence delta",
        paper=NOT_PRINTED,
        ours=f"{_medians(other)}; convergence delta {_gap_text(gaps[1])}",
        why=f"the same pairs as drawn: {_medians(own)}; convergence delta {_gap_text(gaps[0])}",
    )


def _judge_distance(bp: float, printed: str | None) -> Judged | None:
    """Judge whether a distance is within 5 bp of the one that the paper prints."""
    found = re.search(r"\d+", printed or "")
    if found is None:
        return None
    apart = abs(bp - int(found[0]))
    return Judged(apart <= 5, f"{bp:g} bp is {apart:g} bp from the printed {found[0]}")


def _medians(bins: pd.DataFrame) -> str:
    """Write the median FIS of each bin that the network reaches, with its n."""
    return "; ".join(
        f"{row['bin']}: {row['med']:.4f} (n {row['n_reached']:,})"
        for _, row in bins.dropna(subset=["med"]).iterrows()
    )


def _gap_text(gap: dict[str, Any]) -> str:
    if gap["median"] is None:
        return "not defined"
    return f"{gap['median']:.3g} logit (median of {gap['n']:,} whole sequences)"
