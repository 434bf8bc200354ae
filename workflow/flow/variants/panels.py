"""Choice of the variants that figures of single variants show."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flow.variants.choice import SIGNIFICANT, rows_named

_FLANK = (1, 6)  # bp between a variant and a site whose flank it is said to hit
_MARGIN = 20  # bp shown from the near end of a distant site


@dataclass(frozen=True)
class Choice:
    """The variant of one column of a figure.

    Attributes
    ----------
    row
        Of the results; None where no variant fits.
    rule
        How it was chosen, in words.
    n
        Variants that it was chosen from.
    distance
        bp from the variant to the site that it was chosen for; 0 where none.
    """

    row: int | None
    rule: str
    n: int
    distance: int = 0


def choose(found: pd.DataFrame, sites: pd.DataFrame, column: Mapping[str, Any]) -> Choice:
    """Choose the variant that a figure's column asks for.

    Parameters
    ----------
    found
        From `flow.variants.rows.results`, one row per scored variant.
    sites
        Motif sites in their input sequences; `variant` is the row of `found`.
    column
        `locus` or `name` of a variant, and what to pick by (`pick`) where there is no
        such variant, or none was asked for.

    Raises
    ------
    ValueError
        Several variants fit a locus or name, or none does and there is no rule.
    """
    asked = " ".join(
        str(column[key]) for key in ("set", "locus", "name", "alt") if key in column
    )
    if "locus" in column or "name" in column:
        rows = rows_named(found, column)
        if len(rows) > 1:
            which = ", ".join(_label(found.iloc[row]) for row in rows[:5])
            raise ValueError(
                f"columns: {asked}: {len(rows)} variants fit: {which}; say alt, or set"
            )
        if len(rows) == 1:
            return Choice(int(rows[0]), f"named in the configuration: {asked}", 1)
        if "pick" not in column:
            raise ValueError(
                f"columns: {asked} is not among the {len(found):,} variants that were scored; "
                "check its status in the collection's table, or give a rule (pick)"
            )
    made = _pick(found, sites, column)
    named = "locus" in column or "name" in column
    absent = f"{asked} is not among these variants; instead: " if named else ""
    return replace(made, rule=absent + made.rule)


def shown_range(choice: Choice, half_width: int, window: int) -> range:
    """Return the distances (bp) from the variant, at the middle of `window`, that are shown."""
    low, high = -half_width, half_width
    if choice.distance:
        low, high = min(low, choice.distance - _MARGIN), max(high, choice.distance + _MARGIN)
    middle = window // 2
    return range(max(low, -middle), min(high, window - middle - 1) + 1)


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']}"


def _pick(found: pd.DataFrame, sites: pd.DataFrame, column: Mapping[str, Any]) -> Choice:
    kept = found["group"] == SIGNIFICANT
    whose = "significant bQTLs"
    if "set" in column:
        kept &= found["set"] == column["set"]
        whose = f"significant {column['set']} bQTLs"
    if "stronger" in column:
        kept &= found["stronger"] == column["stronger"]
        whose += f" whose stronger allele is {column['stronger']}"
    sites = sites[sites["variant"].isin(found.index[kept])]
    if column["pick"] == "distant":
        return _pick_distant(sites, column, whose)
    size, here, rule = _BY_SUM[column["pick"]](found, sites, column.get("motif"))
    rows = np.flatnonzero(kept & here)
    if not rows.size:
        return Choice(
            None, f"no variant fits the rule ({rule}) of {int(kept.sum())} {whose}", 0
        )
    best = rows[size.to_numpy(np.float64)[rows].argmax()]
    return Choice(int(best), f"{rule}, of {whose}", len(rows))


def _pick_distant(sites: pd.DataFrame, column: Mapping[str, Any], whose: str) -> Choice:
    """Choose by |FIS| among variants whose most affected distant site is of the motif."""
    low, high = column["distance"]
    far = sites[sites["distance"].abs().between(low, high)]
    strongest = far.loc[far["fis"].abs().groupby(far["variant"]).idxmax()]
    strongest = strongest[strongest["motif"] == column["motif"]]
    rule = (
        f"largest |FIS|, summed over a match of {column['motif']} {low} to {high} bp away, "
        f"of {whose} whose most affected motif there it is"
    )
    if strongest.empty:
        return Choice(None, f"no variant fits the rule ({rule})", 0)
    best = strongest.loc[strongest["fis"].abs().idxmax()]
    return Choice(int(best["variant"]), rule, len(strongest), int(best["distance"]))


Ranked = tuple[pd.Series, pd.Series, str]


def _loss(found: pd.DataFrame, sites: pd.DataFrame, motif: str | None) -> Ranked:
    return found["sum_fis"], found["sum_fis"] > 0, "largest positive FIS, summed"


def _gain(found: pd.DataFrame, sites: pd.DataFrame, motif: str | None) -> Ranked:
    return -found["sum_fis"], found["sum_fis"] < 0, "largest negative FIS, summed"


def _core(found: pd.DataFrame, sites: pd.DataFrame, motif: str | None) -> Ranked:
    inside = sites.loc[(sites["motif"] == motif) & (sites["distance"] == 0), "variant"]
    here = pd.Series(found.index.isin(inside), found.index)
    return found["sum_abs_fis"], here, f"largest |FIS|, summed, in a match of {motif}"


def _flank(found: pd.DataFrame, sites: pd.DataFrame, motif: str | None) -> Ranked:
    """Rank variants just outside a weak match: score up to the median of those so near."""
    own = sites[(sites["motif"] == motif) & (sites["distance"].abs() <= _FLANK[1])]
    score = own[["score_ref", "score_alt"]].max(axis=1)
    outside = own["distance"].abs() >= _FLANK[0]
    inside = own.loc[~outside, "variant"]  # in one match, maybe beside another
    here = found.index.isin(own.loc[outside & (score <= score.median()), "variant"])
    here &= ~found.index.isin(inside)
    rule = (
        f"largest |FIS|, summed, {_FLANK[0]} to {_FLANK[1]} bp from a weak match of {motif} "
        "(score up to the median of matches that such variants are in or so near)"
    )
    return found["sum_abs_fis"], pd.Series(here, found.index), rule


_BY_SUM = {"loss": _loss, "gain": _gain, "core": _core, "flank": _flank}
