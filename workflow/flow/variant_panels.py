"""Which variants the figures of single variants show, and how each was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flow.variant_choice import SIGNIFICANT, rows_named

_FLANK = (1, 6)  # bp between a variant and a site whose flank it is said to hit
_MARGIN = 15  # bp shown on the far side of what a distant variant acts on


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
    """

    row: int | None
    rule: str
    n: int


def choose(found: pd.DataFrame, sites: pd.DataFrame, column: Mapping[str, Any]) -> Choice:
    """The variant that a figure's column asks for.

    Parameters
    ----------
    found
        From `flow.variant_rows.results`, a row a scored variant.
    sites
        Motif sites in their windows; `variant` is the row of `found`.
    column
        `locus` or `name` of a variant, and what to pick by (`pick`) where there is no
        such variant, or none was asked for.

    Raises
    ------
    ValueError
        Several variants fit a locus or name, or none does and there is no rule.
    """
    asked = " ".join(str(column[key]) for key in ("set", "locus", "name", "alt") if key in column)
    if "locus" in column or "name" in column:
        rows = rows_named(found, column)
        if len(rows) > 1:
            which = ", ".join(_label(found.iloc[row]) for row in rows[:5])
            raise ValueError(f"columns: {asked}: {len(rows)} variants fit: {which}; say alt, or set")
        if len(rows) == 1:
            return Choice(int(rows[0]), f"named in the configuration: {asked}", 1)
        if "pick" not in column:
            raise ValueError(
                f"columns: {asked} is not among the {len(found):,} variants that were scored; "
                "check its status in the collection's table, or give a rule (pick)"
            )
    made = _pick(found, sites, column)
    absent = f"{asked} is not among these variants; instead: " if "locus" in column else ""
    return Choice(made.row, absent + made.rule, made.n)


def shown_range(row: Mapping[str, Any], column: Mapping[str, Any], half_width: int) -> range:
    """Distances from the variant that a column shows, in bp."""
    low, high = -half_width, half_width
    if column.get("pick") == "distant" and not pd.isna(row["peak_distance"]):
        low = min(low, int(row["peak_distance"]) - _MARGIN)
        high = max(high, int(row["peak_distance"]) + _MARGIN)
    return range(low, high + 1)


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']}"


def _pick(found: pd.DataFrame, sites: pd.DataFrame, column: Mapping[str, Any]) -> Choice:
    kept = found["group"] == SIGNIFICANT
    whose = "significant bQTLs"
    if "set" in column:
        kept, whose = (
            kept & (found["set"] == column["set"]),
            f"significant {column['set']} bQTLs",
        )
    if "stronger" in column:
        kept &= found["stronger"] == column["stronger"]
        whose += f" whose stronger allele is {column['stronger']}"
    kind, motif = column["pick"], column.get("motif")
    sites = sites[sites["motif"] == motif] if motif else sites
    size = found["sum_abs_fis"]
    if kind == "loss":
        kept, size = kept & (found["sum_fis"] > 0), found["sum_fis"]
        rule = f"largest positive FIS, summed, of {whose}"
    elif kind == "gain":
        kept, size = kept & (found["sum_fis"] < 0), -found["sum_fis"]
        rule = f"largest negative FIS, summed, of {whose}"
    elif kind == "core":
        kept &= found.index.isin(sites.loc[sites["distance"] == 0, "variant"])
        rule = f"largest |FIS|, summed, of {whose} in a match of {motif}"
    elif kind == "flank":
        kept &= found.index.isin(_weak_flanks(sites))
        rule = (
            f"largest |FIS|, summed, of {whose} {_FLANK[0]} to {_FLANK[1]} bp from a weak "
            f"match of {motif} (score up to the median of its matches)"
        )
    else:
        low, high = column["distance"]
        kept &= found["peak_distance"].abs().between(low, high).fillna(False).astype(bool)
        kept &= found.index.isin(_peaks_on(found, sites))
        size = found["peak_fis"].abs()
        rule = f"largest |FIS| {low} to {high} bp away, on a match of {motif}, of {whose}"
    rows = np.flatnonzero(kept)
    if not rows.size:
        return Choice(None, f"no variant to show: {rule}", 0)
    best = rows[size.to_numpy(np.float64)[rows].argmax()]
    return Choice(int(best), rule, len(rows))


def _weak_flanks(sites: pd.DataFrame) -> pd.Series:
    """Variants just outside a weak match."""
    score = sites[["score_ref", "score_alt"]].max(axis=1)
    near = sites["distance"].abs().between(*_FLANK)
    return sites.loc[near & (score <= score.median()), "variant"]


def _peaks_on(found: pd.DataFrame, sites: pd.DataFrame) -> pd.Series:
    """Variants whose strongest FIS, in the whole window, is on one of the sites."""
    place = found["peak_position"].reindex(sites["variant"]).to_numpy(np.float64)
    inside = (place >= sites["start"]) & (place < sites["end"])
    return sites.loc[inside, "variant"]
