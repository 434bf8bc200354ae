"""Scorecard rows of a synthetic genome: how well FIS recovers planted pairs."""

from typing import Any

from flow.run.figure_context import FigureContext
from flow.scorecard.rows import NO_SUCH_STUDY, ScorecardRow, scorecard_row
from flow.scorecard.truth import LEARNED_WITHIN, MATCHING_EDGES


def _row(context: FigureContext, quantity: str, ours: str, why: str) -> ScorecardRow:
    """Return a row of a study that the paper does not have."""
    return scorecard_row(context, quantity, paper=NO_SUCH_STUDY, ours=ours, why=why)


def _auroc_text(found: dict[str, Any]) -> str:
    return f"{found['auroc']:.3f} ({found['auroc_low']:.3f} to {found['auroc_high']:.3f})"


def recovery_rows(
    context: FigureContext,
    found: dict[str, Any],
    aurocs: tuple[float, float],
    names: str,
) -> list[ScorecardRow]:
    """Return the recovery of planted pairs; one row where the network did not learn."""
    ours, oracle = aurocs
    how = f"auROC of the network {ours:.3f}, of the oracle {oracle:.3f}"
    if oracle - ours > LEARNED_WITHIN:
        why = f"{how}: further apart than {LEARNED_WITHIN}, so FIS says nothing of the truth"
        return [_row(context, f"{names}: recovery of planted pairs", "did not learn", why)]
    return [
        _row(
            context,
            f"{names}: AUROC of |FIS|, planted against chance pairs at equal distance",
            _auroc_text(found),
            "chance: neither site belongs to a composite (pairs of a composite's site with "
            "another are left out); 95 % interval by loci; bins at "
            f"{', '.join(map(str, MATCHING_EDGES))} bp; n = {found['n_planted_compared']:,} "
            f"planted, {found['n_chance']:,} chance; {how}",
        ),
        _calls_row(context, found, names, how),
        _row(
            context,
            f"{names}: median FIS of planted pairs (of chance pairs)",
            f"{found['median_planted']:.4f} ({found['median_chance']:.4f})",
            f"n = {found['n_planted']:,} and {found['n_chance']:,}; {how}",
        ),
    ]


def _calls_row(
    context: FigureContext, found: dict[str, Any], names: str, how: str
) -> ScorecardRow:
    """Return precision and recall; where nothing interacts every call is false."""
    called = (
        f"called: {found['n_called_planted']:,} of {found['n_tested_planted']:,} planted, "
        f"{found['n_called_chance']:,} of {found['n_tested_chance']:,} chance, "
        f"{found['n_called_half']:,} of {found['n_tested_half']:,} half-planted pairs (with a "
        f"site of a composite; neither right nor wrong, so in neither figure); {how}"
    )
    if context.planted_effect == "joint":
        ours = f"precision {found['precision']:.3f}, recall {found['recall']:.3f}"
    else:
        false = found["n_called_planted"] + found["n_called_chance"]
        tested = found["n_tested_planted"] + found["n_tested_chance"]
        share = 100 * false / tested
        ours = f"precision 0: all {false:,} calls are false ({share:.1f} % of pairs)"
    return _row(context, f"{names}: pairs called at q < {found['alpha']:g}", ours, called)


def exact_row(context: FigureContext, exact: dict[str, Any], names: str) -> ScorecardRow:
    """What the network has learnt of the planted pairs, by double mutants and without FIS."""
    return _row(
        context,
        f"{names}: AUROC of |exact interaction|, planted against chance pairs",
        _auroc_text(exact),
        "by double mutants: f(original) - f(source mutated) - f(target mutated) + f(both "
        "mutated) of the logit, on the pairs, distances and mutations of FIS. Median "
        f"size {exact['median_planted']:.3f} logit of planted pairs within reach, "
        f"{exact['median_chance']:.3f} of chance pairs; Spearman of |FIS| with it among "
        f"planted pairs {exact['spearman']:.2f}; n = {exact['n_planted_compared']:,} planted, "
        f"{exact['n_chance']:,} chance",
    )


def compared_recovery_row(
    context: FigureContext,
    changed: str,
    own: dict[str, Any],
    compared: dict[str, Any],
    names: str,
) -> ScorecardRow:
    """Return the recovery of the planted pairs under other settings."""
    return _row(
        context,
        f"{names}: AUROC of |FIS|, planted against chance pairs, with {changed}",
        _auroc_text(compared),
        f"as drawn, on the same pairs: {_auroc_text(own)}; n = "
        f"{compared['n_planted_compared']:,} planted, {compared['n_chance']:,} chance",
    )


def contrast_row(
    context: FigureContext,
    found: dict[str, Any],
    contrast: dict[str, Any],
    title: str,
    learned: bool,
    names: str,
) -> ScorecardRow:
    """Compare the planted pairs with those of a data set in which nothing interacts."""
    there = abs(contrast["median_planted"])
    ratio = found["median_planted"] / max(there, 1e-12)
    return _row(
        context,
        f"{names}: median FIS of planted pairs over its absolute value in {title}",
        f"{found['median_planted']:.4f} / {there:.4f} = {ratio:.1f}"
        if learned
        else "did not learn",
        f"there: n = {contrast['n_planted']:,}, AUROC of |FIS| {_auroc_text(contrast)} (a "
        "network is never additive between neighbours, so this alone proves no joint effect)",
    )
