"""Scorecard rows of FIS against distance: the paper's numbers, and what was planted."""

import re
from typing import Any

import numpy as np
import pandas as pd

from dfim.distances import pair_distance
from dfim.interactions import PairScores
from flow.figure import ScorecardRow, Verdict
from flow.truth import LEARNED_WITHIN, MATCHING_EDGES

Context = dict[str, Any]


def p_text(p: float) -> str:
    """A p-value as text; one that underflowed is a bound."""
    return f"{p:.2g}" if p > 0 else "< 1e-300"


def paper_rows(
    context: Context,
    bins: pd.DataFrame,
    names: str,
) -> list[ScorecardRow]:
    """Pairs and tests of the bins beside the paper's."""
    paper, near, others = context["printed"], bins.iloc[0], bins.iloc[1:]
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
    tested = others["p"].dropna()
    verdict: Verdict = "not comparable"
    if "p" in paper and "synthetic" not in context["not_comparable"]:
        verdict = "agrees" if len(tested) and (tested < 1e-16).all() else "differs"
    why = "; ".join(filter(None, (context["not_comparable"], context["remark"])))
    return [
        ScorecardRow(
            context["label"],
            f"{names}: pairs a bin of distance ({', '.join(bins['bin'])} bp)",
            "; ".join(paper.get("n", [])) or "not printed",
            "; ".join(f"{n:,}" for n in bins["n_pairs"]),
            context["origin"],
            "not comparable" if context["not_comparable"] or "n" not in paper else "differs",
            f"reached by a path of the network: "
            f"{'; '.join(f'{n:,}' for n in bins['n_reached'])}; {why}",
        ),
        ScorecardRow(
            context["label"],
            f"{names}: Mann–Whitney, FIS of pairs {near['bin']} bp above each other bin "
            "(rank-biserial r, 95 % interval by loci)",
            paper.get("p", "not printed"),
            tests,
            context["origin"],
            verdict,
            f"pairs within reach; with the zeros of the others as values: {counted}; {why}",
        ),
    ]


def reach_rows(
    context: Context,
    scores: PairScores,
    reach: tuple[int | None, float | None],
    names: str,
) -> list[ScorecardRow]:
    """How far apart interacting motifs are, beside the ceiling of the architecture."""
    if reach[0] is None:
        return []
    printed = context["printed"].get("reach")
    farthest = pair_distance(scores)[scores.fis_max_abs != 0].max(initial=0)
    return [
        ScorecardRow(
            context["label"],
            f"{names}: largest distance at which motifs interact",
            printed or "not printed",
            f"{farthest:g} bp between centres; ceiling of the architecture {reach[0]} bp "
            f"between nucleotides, {reach[1]:g} bp between centres",
            context["origin"],
            _near(reach[0], printed),
            "convolutions and pooling see no further: the printed distance is this "
            "ceiling; with references shared by original and mutant FIS beyond it is 0",
        )
    ]


def pooling_row(
    context: Context,
    settings: dict[str, Any],
    bins: tuple[pd.DataFrame, pd.DataFrame],
    gaps: list[dict[str, Any]],
    names: str,
) -> ScorecardRow:
    """The same pairs under both rules for max-pooling, and how far each is from complete."""
    own, other = bins
    return ScorecardRow(
        context["label"],
        f"{names}: median FIS a bin under the other rule for max-pooling, and completeness",
        "not printed",
        f"{_medians(other)}; contributions are {_gap_text(gaps[1])} from adding up",
        context["origin"],
        "not comparable",
        f"the same pairs under {settings['maxpool_rule']}, as drawn: {_medians(own)}; "
        f"{_gap_text(gaps[0])} from adding up",
    )


def _near(bp: int, printed: str | None) -> Verdict:
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
    if gap["median_gap"] is None:
        return "not defined"
    return f"{gap['median_gap']:.3g} logit (median of {gap['n']:,} whole sequences)"


def recovery_rows(
    context: Context,
    found: dict[str, Any],
    aurocs: tuple[float, float],
    names: str,
    alpha: float,
) -> list[ScorecardRow]:
    """How well the planted pairs came back; one row where the network did not learn."""
    ours, oracle = aurocs
    how = f"auROC of the network {ours:.3f}, of the oracle {oracle:.3f}"
    if oracle - ours > LEARNED_WITHIN:
        return [
            ScorecardRow(
                context["label"], f"{names}: recovery of planted pairs", "no such study",
                "did not learn", context["origin"], "not comparable",
                f"{how}: further apart than {LEARNED_WITHIN}, so FIS says nothing of the truth",
            )
        ]  # fmt: skip
    chance = "chance: neither site belongs to a composite"
    return [
        ScorecardRow(
            context["label"],
            f"{names}: AUROC of |FIS|, planted against chance pairs at equal distance",
            "no such study",
            _auroc_text(found),
            context["origin"],
            "not comparable",
            f"{chance}; 95 % interval by loci; bins at {', '.join(map(str, MATCHING_EDGES))} "
            f"bp; n = {found['n_planted_compared']:,} planted, {found['n_chance']:,} chance; "
            f"{how}",
        ),
        ScorecardRow(
            context["label"],
            f"{names}: pairs called at q < {alpha}, planted against chance",
            "no such study",
            f"precision {found['precision']:.3f}, recall {found['recall']:.3f}",
            context["origin"],
            "not comparable",
            f"{found['n_called_planted']:,} planted and {found['n_called_chance']:,} of "
            f"{found['n_tested_chance']:,} chance pairs called; where binding is additive "
            f"every call is false; {how}",
        ),
        ScorecardRow(
            context["label"],
            f"{names}: median FIS of planted pairs (of chance pairs)",
            "no such study",
            f"{found['median_planted']:.4f} ({found['median_chance']:.4f})",
            context["origin"],
            "not comparable",
            f"n = {found['n_planted']:,} and {found['n_chance']:,}; {how}",
        ),
    ]


def _auroc_text(found: dict[str, Any]) -> str:
    return f"{found['auroc']:.3f} ({found['auroc_low']:.3f} to {found['auroc_high']:.3f})"


def pooling_recovery_row(
    context: Context, own: dict[str, Any], compared: dict[str, Any], names: str
) -> ScorecardRow:
    """Recovery of the planted pairs under the other rule for max-pooling."""
    return ScorecardRow(
        context["label"],
        f"{names}: AUROC of |FIS|, planted against chance pairs, other rule for max-pooling",
        "no such study",
        _auroc_text(compared),
        context["origin"],
        "not comparable",
        f"under the rule that is drawn, on the same pairs: {_auroc_text(own)}; n = "
        f"{compared['n_planted_compared']:,} planted, {compared['n_chance']:,} chance",
    )


def contrast_row(
    context: Context,
    found: dict[str, Any],
    contrast: dict[str, Any],
    title: str,
    learned: bool,
    names: str,
) -> ScorecardRow:
    """The same planted pairs where nothing makes them interact."""
    ratio = found["median_planted"] / max(abs(contrast["median_planted"]), 1e-12)
    return ScorecardRow(
        context["label"],
        f"{names}: median FIS of planted pairs over its absolute value in {title}",
        "no such study",
        f"{found['median_planted']:.4f} / {abs(contrast['median_planted']):.4f} = {ratio:.1f}"
        if learned
        else "did not learn",
        context["origin"],
        "not comparable",
        f"there: n = {contrast['n_planted']:,}, AUROC of |FIS| {contrast['auroc']:.3f} (a "
        "network is never additive between neighbours, so this alone proves no joint effect), "
        f"{contrast['n_called_planted']:,} planted and {contrast['n_called_chance']:,} chance "
        "pairs called, all of them false",
    )
