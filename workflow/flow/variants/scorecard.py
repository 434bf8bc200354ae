"""Scorecard rows of the figures of variants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dfim.genome.intervals import contig_key
from flow.run.figure_context import FigureContext
from flow.scorecard import rows as scorecard_rows
from flow.scorecard.rows import A_PLOT, NOT_PRINTED, Judged, ScorecardRow, p_text
from flow.variants.groups import ALPHA, OF_ALT


def scorecard_row(
    context: FigureContext,
    quantity: str,
    ours: str,
    *why: str,
    paper: str = NOT_PRINTED,
    judged: Judged | None = None,
    unjudged: str = "",
) -> ScorecardRow:
    """Make a row from its remarks; see `flow.scorecard.rows.scorecard_row`."""
    return scorecard_rows.scorecard_row(
        context,
        quantity,
        paper=paper,
        ours=ours,
        why="; ".join(filter(None, why)),
        judged=judged,
        unjudged=unjudged,
    )


def group_rows(
    context: FigureContext, table: pd.DataFrame, summary: pd.DataFrame
) -> list[ScorecardRow]:
    """Make rows of the test that the paper prints, the AUROC of each set, the best score.

    Parameters
    ----------
    context
        Of the figure.
    table, summary
        From `group_table`.
    """
    known = table.dropna(subset=["auroc"])
    fis = known[known["method"] == summary["method"].iloc[0]]
    of_alt = known[known["method"] == OF_ALT].set_index("set")
    rows = [_test_row(context, fis)]
    for _, row in fis.iterrows():
        other = of_alt.loc[row["set"]]
        rows.append(
            scorecard_row(
                context,
                f"{row['set']}: AUROC of maxAbsFIS; of |alt − ref logit|",
                f"{interval_text(row, 'auroc')}; {interval_text(other, 'auroc')}",
                f"n = {row['n_significant']:,} significant, {row['n_control']:,} control; "
                f"difference {interval_text(other, 'difference', signed=True)}",
            )
        )
    counts = "; ".join(f"{row['method']}: {row['n_best']}" for _, row in summary.iterrows())
    gaps = "; ".join(
        f"{row['method']} {interval_text(row, 'difference', signed=True)}"
        for _, row in summary.iloc[1:].iterrows()
    )
    what = f"sets, of {len(fis)}, in which a score has the largest AUROC"
    why = f"mean AUROC of {summary['method'].iloc[0]} minus that of: {gaps}"
    return [*rows, scorecard_row(context, what, counts, why)]


def _test_row(context: FigureContext, fis: pd.DataFrame) -> ScorecardRow:
    """Say whether FIS is larger for significant variants in every set.

    Both tests must agree: of variants, and of labels shuffled among loci.
    """
    printed = context.printed.get("p")
    failed = fis.loc[fis[["p", "p_loci"]].max(axis=1) >= ALPHA, "set"].tolist()
    judged = None
    if printed:
        met = f"every set's p is below {ALPHA:g}"
        judged = Judged(
            not failed, f"p not below {ALPHA:g}: {', '.join(failed)}" if failed else met
        )
    tests = "; ".join(
        f"{row['set']}: {p_phrase(row['p'])}, r {interval_text(row, 'rank_biserial')}"
        for _, row in fis.iterrows()
    )
    shuffled = "; ".join(
        f"{row['set']} {row['n_significant']:,} and {row['n_control']:,} in {row['n_loci']:,} "
        f"loci, {row['p_loci']:.2g}, {row['error_rate']:.3f}"
        for _, row in fis.iterrows()
    )
    return scorecard_row(
        context,
        f"maxAbsFIS of significant variants above that of controls, {len(fis)} sets: "
        "Mann–Whitney, one-sided (rank-biserial r, 95 % interval by loci)",
        tests,
        "significant and control variants, p when labels are shuffled among loci, share of "
        f"those shuffles with p < {ALPHA:g}: {shuffled}",
        paper=printed or NOT_PRINTED,
        judged=judged,
    )


def reach_row(
    context: FigureContext, name: str, counts: Mapping[str, int], controls: Mapping[str, int]
) -> ScorecardRow:
    """Count variants by the distance of their largest |FIS|, nearest bin first."""
    of, n = list(counts.values()), sum(counts.values())
    share = of[0] / n if n else float("nan")
    return scorecard_row(
        context,
        f"{name}: variants by the distance of their largest |FIS| ({', '.join(counts)} bp)",
        f"{'; '.join(f'{count:,}' for count in of)} ({100 * share:.0f} % in the first)",
        f"n = {n:,} with any FIS",
        "controls " + "; ".join(f"{count:,}" for count in controls.values())
        if any(controls.values())
        else "",
        paper=context.printed.get("reach", NOT_PRINTED),
        unjudged="importance changes most near a mutation in any network, also for controls",
    )


def track_row(
    context: FigureContext,
    panel: Mapping[str, Any],
    *,
    ref: str = "",
    total: float = float("nan"),
    significant: str = "",
) -> ScorecardRow:
    """Make the row of one column, with a verdict where it is the locus that the paper names.

    It agrees where REF is stronger, FIS (importance in the reference minus in the mutant) is
    positive and the output falls (delta, ALT − REF, is negative); or all the other way round.

    Parameters
    ----------
    context
        Of the figure.
    panel
        Facts of the column.
    ref, total
        Its reference base, and its FIS summed over its half width (logit).
    significant
        Text: how many positions are significant.
    """
    columns = context.options.get("columns", [])
    asked = columns[panel["column"]] if panel["column"] < len(columns) else {}
    quantity = f"FIS summed over ±{panel['half_width']} bp of "
    shown = panel["found"] and _is_locus(panel, asked.get("locus"))
    printed = context.printed.get("p")
    paper = f"{A_PLOT}; the bQTL has p = {printed}" if printed and shown else A_PLOT
    if not panel["found"]:
        named = asked.get("locus") or asked.get("name") or f"column {panel['column'] + 1}"
        return scorecard_row(context, quantity + named, "not found", panel["rule"], paper=paper)
    judged, unjudged = None, "the paper shows another variant, in a plot"
    if _is_locus(panel, asked.get("locus")) and panel["stronger"]:
        expected = 1 if panel["stronger"] == ref else -1
        # FIS is reference minus mutant, the change of the output ALT minus REF.
        values = {"FIS": total, "output": -panel["delta"]}
        wrong = [name for name, value in values.items() if not expected * value > 0]
        judged = Judged(
            not wrong,
            f"{panel['stronger']} is the stronger allele, "
            + (f"but not by {' and '.join(wrong)}" if wrong else "as FIS and output say too"),
        )
    elif shown:
        unjudged = "the paper shows a plot, and no allele is known to be the stronger one"
    p = panel["p_value"]
    return scorecard_row(
        context,
        quantity + panel["label"],
        f"{total:.3f} logit (output, ALT − REF: {panel['delta']:.3f}{significant})",
        f"{panel['set']} {p_phrase(p)}".lstrip() if p is not None and np.isfinite(p) else "",
        chosen_text(panel),
        paper=paper,
        judged=judged,
        unjudged=unjudged,
    )


def chosen_text(panel: Mapping[str, Any]) -> str:
    """Say which rule chose a column, and among how many variants."""
    n = panel["chosen_from"]
    return f"{panel['rule']} (of {n:,})" if n and n > 1 else str(panel["rule"])


def p_phrase(p: float) -> str:
    """Write `p = ...`, or a bound where it underflowed."""
    return f"p = {p_text(p)}" if p > 0 else f"p {p_text(p)}"


def interval_text(row: Mapping[str, Any], what: str, *, signed: bool = False) -> str:
    """Write a measure with its interval."""
    form = "+.3f" if signed else ".3f"
    value, low, high = (format(row[f"{what}{end}"], form) for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def _is_locus(panel: Mapping[str, Any], locus: str | None) -> bool:
    """Tell whether a panel is of the named locus, not of one chosen in its place."""
    if locus is None:
        return False
    contig, _, place = locus.rpartition(":")
    same = contig_key(panel["label"].rpartition(":")[0]) == contig_key(contig)
    return same and abs(panel["pos"] - int(place)) <= 1
