"""Choice of the variants to score: significant ones, controls, those named in figures."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.genome.genome import Genome
from dfim.genome.intervals import Peaks, contig_key, overlaps
from dfim.variants.variants import CheckedVariants, Variants
from dfim.variants.windows import check_variants
from flow.variants.bqtl import Bqtls

log = logging.getLogger(__name__)

COLUMNS = (
    "set", "group", "chrom", "pos", "ref", "alt", "name", "file", "row", "p_value", "stronger",
    "status", "inside", "chosen",
)  # fmt: skip
"""Of the table of all variants that were read; pos is 1-based."""
SIGNIFICANT, CONTROL, LISTED = "significant", "control", "listed"


def checked_table(
    name: str, parts: Mapping[str, Bqtls | Variants], genome: Genome, window: int
) -> tuple[pd.DataFrame, CheckedVariants]:
    """Check the variants of one set against the genome and tabulate them.

    Parameters
    ----------
    name
        Of the set.
    parts
        Variants by file; a variant that a later file repeats is a duplicate.
    genome, window
        Genome that they are checked against, and length of their input sequences (bp).

    Returns
    -------
    table : DataFrame
        `COLUMNS` up to status, all of group "".
    checked : CheckedVariants
        The same rows.
    """
    evidence, every = [], []
    for file, part in parts.items():
        variants = part.variants if isinstance(part, Bqtls) else part
        columns: dict[str, Any] = {"p_value": np.nan, "stronger": ""}
        if isinstance(part, Bqtls):
            columns = {"p_value": part.p_value, "stronger": part.stronger}
        own = pd.DataFrame({"file": file, **columns}, index=range(len(variants)))
        evidence.append(own)
        every.append(variants)
    checked = check_variants(Variants.concatenate(every), genome, window)
    table = checked.table().join(pd.concat(evidence, ignore_index=True))
    table = table.assign(set=name, group="")
    return table[[column for column in COLUMNS if column in table]], checked


def inside_peaks(
    variants: Variants, genome: Genome, peaks: Sequence[Peaks]
) -> NDArray[np.bool_]:
    """Return (N,) whether every set of peaks covers the variant; True without sets."""
    contig = genome.contigs.index(variants.contig)
    known = np.flatnonzero(contig >= 0)
    at = variants.position[known]
    places = Peaks(contig[known], at, at + 1, at)
    inside = np.zeros(len(variants), bool)
    inside[known] = True
    for found in peaks:
        inside[known] &= overlaps(places, found)
    return inside


def choose_bqtls(
    table: pd.DataFrame,
    *,
    significant: float,
    control_p: float,
    controls: str,
    limit: int | None,
    control_file: str | None,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """Assign a group to each row of one set: significant, control or "".

    Parameters
    ----------
    table
        From `checked_table`, with the column `inside`. Only rows that are ok and inside can
        be chosen.
    significant
        Rows with a smaller p are significant.
    control_p, controls
        Controls have a larger p: `matched` takes as many as there are significant rows,
        those with the largest p (ties at random), `all` takes all. `largest_p` takes as
        many, whatever their p.
    limit
        At most so many significant ones (and controls), evenly spread over the table.
    control_file
        Controls come from this file only; None: from all.
    rng
        Breaks ties.

    Raises
    ------
    ValueError
        No significant row, or fewer controls than asked.
    """
    name = table["set"].iloc[0]
    p = table["p_value"].to_numpy(np.float64)
    usable = ((table["status"] == "ok") & table["inside"]).to_numpy()
    strong = usable & (p < significant)
    if not strong.any():
        raise ValueError(
            f"{name}: none of {len(table):,} variants ({int(usable.sum()):,} of them ok and "
            f"inside the peaks) has p < {significant:g}; check file, contigs and peaks, or "
            "raise significant"
        )
    pool = usable & ~strong
    if control_file is not None:
        # A control that the set's own table has too stands there: the later is a duplicate.
        keys = pd.MultiIndex.from_arrays(
            [table["chrom"].map(contig_key), *(table[name] for name in ("pos", "ref", "alt"))]
        )
        pool &= keys.isin(keys[table["file"] == control_file])
    if controls != "largest_p":
        pool &= p > control_p
    chosen = _spread(np.flatnonzero(strong), limit)
    order = np.lexsort((rng.random(len(p)), -p))
    candidates = order[pool[order]]
    wanted = len(chosen)
    if controls == "all":
        picked = _spread(np.sort(candidates), limit)
    elif len(candidates) < wanted:
        what, other = f" with p > {control_p:g}", "largest_p or all"
        if controls == "largest_p":
            what, other = "", "all"
        raise ValueError(
            f"{name}: {len(candidates):,} controls{what}, expected {wanted:,}, one for each "
            f"significant variant; give a file with more controls, or say controls: {other}"
        )
    else:
        picked = candidates[:wanted]
    if not len(picked):
        raise ValueError(f"{name}: no control with p > {control_p:g}; give a file of controls")
    log.info(
        "%s: %d significant of %d, %d controls of %d; least p of a control %.3g", name,
        len(chosen), int(strong.sum()), len(picked), len(candidates), p[picked].min(),
    )  # fmt: skip
    group = np.full(len(table), "", object)
    group[chosen], group[picked] = SIGNIFICANT, CONTROL
    return group


def require_reference(table: pd.DataFrame) -> None:
    """Refuse variants most of whose reference alleles are not the genome's.

    By chance a quarter of wrong positions has the right base; these would be scored at the
    wrong positions.

    Raises
    ------
    ValueError
        Where over half of the rows that could be compared have neither allele there.
    """
    counts = table["status"].value_counts()
    wrong, right = int(counts.get("reference_mismatch", 0)), int(counts.get("ok", 0))
    compared = wrong + right + int(counts.get("swapped", 0))
    if wrong > compared / 2:
        raise ValueError(
            f"variants: of {compared:,} reference alleles {wrong:,} are not the genome's; "
            "expected the genome that the variants were called on, and 1-based positions "
            "(0-based in BED)"
        )
    if wrong:
        log.warning("%d of %d reference alleles are not the genome's", wrong, compared)


def add_listed(table: pd.DataFrame, listed: Sequence[Mapping[str, Any]]) -> NDArray[np.object_]:
    """Add the variants that figures name by locus or name to the groups.

    Raises
    ------
    ValueError
        No such row is ok, and the figure has no rule for that case.
    """
    group = table["group"].to_numpy(object, copy=True)
    for column in listed:
        rows = rows_named(table, column)
        if not len(rows) and "pick" not in column:
            every = rows_named(table.assign(status="ok"), column)
            why = ", ".join(table["status"].iloc[every].unique()) or "not in the file"
            asked = " ".join(str(column[k]) for k in ("set", "locus", "name") if k in column)
            raise ValueError(
                f"columns: {asked}: no variant that can be scored ({why}); name another, or "
                "give a rule (pick)"
            )
        group[rows[group[rows] == ""]] = LISTED
    return group


def rows_named(table: pd.DataFrame, column: Mapping[str, Any]) -> NDArray[np.int64]:
    """Find the rows that a figure's column names: by name or locus, and by ALT.

    The paper prints some loci 0-based and some 1-based, so where no row stands at a locus
    it is the one 1 bp to the right; only rows that the genome confirms (ok) are looked at.
    """
    there = table["status"] == "ok"
    for key in ("set", "name", "alt"):
        if key in column:
            there &= table[key] == column[key]
    if "locus" in column:
        contig, _, place = column["locus"].rpartition(":")
        there &= table["chrom"].map(contig_key) == contig_key(contig)
        exact = there & (table["pos"] == int(place))
        there = exact if exact.any() else there & (table["pos"] == int(place) + 1)
    return np.flatnonzero(there)


def counts_of(table: pd.DataFrame) -> dict[str, Any]:
    """Count the rows of each set: read, by status, by group, scored.

    `multi_allelic` counts the rows whose place has another ALT; each is scored.
    """
    found = {}
    for name, part in table.groupby("set", sort=False):
        ok = part["status"] == "ok"
        alleles = part.groupby(["chrom", "pos"])["alt"].transform("nunique")
        found[str(name)] = {
            "read": len(part),
            "status": part["status"].value_counts().to_dict(),
            "ok_outside_peaks": int((ok & ~part["inside"]).sum()),
            "multi_allelic": int((alleles > 1).sum()),
            "p_is_0": int((part["p_value"] == 0).sum()),
            "group": part.loc[part["chosen"], "group"].value_counts().to_dict(),
            "scored": int(part["chosen"].sum()),
        }
    return found


def _spread(rows: NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    wanted = min(limit or len(rows), len(rows))
    return rows[np.arange(wanted) * len(rows) // wanted] if wanted else rows
