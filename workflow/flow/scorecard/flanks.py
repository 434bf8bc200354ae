"""Scorecard rows of flanks: FIS beside linear models and exact epistasis."""

import re

import numpy as np
import pandas as pd

from dfim.comparators.linear_models import LinearModels
from flow.flanks.pair_measures import EPISTASIS, PAIR_TERMS, TOP_OF
from flow.flanks.positions import N_FLANKS
from flow.run.figure_context import FigureContext
from flow.scorecard.rows import NOT_PRINTED, Judged, ScorecardRow, scorecard_row


def fit_row(context: FigureContext, models: LinearModels) -> ScorecardRow:
    """Compare the r² of linear models of the network with the printed one."""
    printed = context.printed.get("r2")
    judged = None
    why = "exact least squares, every flank once"
    if printed:
        agrees = models.r2_pair > float(re.findall(r"[01]?\.\d+", printed)[0])
        judged = Judged(agrees, f"r² is {models.r2_pair:.4f}; printed is {printed}")
        why += "; the printed number is that of Le et al. 2018"
    return scorecard_row(
        context,
        "r² of a linear model with mono- and dinucleotides fitted to the network's predictions "
        f"(n = {N_FLANKS:,})",
        paper=printed or NOT_PRINTED,
        ours=f"{models.r2_pair:.4f} (mononucleotides alone: {models.r2_single:.4f})",
        why=why,
        judged=judged,
    )


def agreement_row(context: FigureContext, compared: pd.DataFrame, name: str) -> ScorecardRow:
    """Return rank correlations of one measure over all flanks with each reference.

    `compared` is from `compare`.
    """
    mine = compared[(compared["first"] == name) & (compared["flanks"] == "all")]
    ours, why = [], []
    for level, rows in mine.groupby("level", sort=False):
        values = [f"{spearman_text(row.spearman)} {row.second}" for row in rows.itertuples()]
        ours.append(f"{level}: {', '.join(values)}")
        k, first = TOP_OF[level], rows.iloc[0]
        shared = " and ".join(f"{value:.3g}" for value in rows[f"shared_{k}"])
        chance = first[f"by_chance_{k}"]
        why.append(
            f"n = {first['n']:,} {level}, top {k} share {shared} ({chance:.1f} by chance)"
        )
    return scorecard_row(
        context,
        f"{name}, all flanks: Spearman with {PAIR_TERMS} and with {EPISTASIS}",
        paper=NOT_PRINTED,
        ours="; ".join(ours),
        why="; ".join(why),
    )


def recovery_row(context: FigureContext, recovered: pd.DataFrame) -> ScorecardRow:
    """Return AUROCs of the planted position pairs by every measure, from `recovery`."""
    ours, ranks = [], []
    for row in recovered.itertuples():
        ours.append(f"{measure_text(row.first, row.flanks)} {row.auroc:.3f}")
        ranks.append(f"{row.worst_rank:g} ({row.n_planted} planted of {row.n})")
    return scorecard_row(
        context,
        "AUROC of the planted pairs of positions (ordered) among all",
        paper=NOT_PRINTED,
        ours="; ".join(ours),
        why=f"in the same order, rank of the last planted pair: {', '.join(ranks)}",
    )


def measure_text(name: str, flanks: str) -> str:
    """Write a measure's name, with its flanks where they are not all of them."""
    return name if flanks == "all" else f"{name}, {flanks} flanks"


def spearman_text(value: float) -> str:
    """Write a rank correlation with a minus sign, or that it is not defined."""
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else "not defined"
