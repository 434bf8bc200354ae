"""Scores of the planted variants of the synthetic genome, by class."""

from typing import Any

import numpy as np
import pandas as pd

from dfim.io.store import read_table
from dfim.statistics.bootstrap import auroc_by_group
from flow.run.figure_context import FigureContext
from flow.scorecard.rows import NO_SUCH_STUDY, ScorecardRow
from flow.variants.groups import OF_ALT, ScoredVariants
from flow.variants.scorecard import interval_text, scorecard_row

KINDS = ("core", "flank", "partner", "composite")
"""Classes of planted variants, controls aside."""
_TRUTH = ("factor", "contig", "position", "alt", "kind", "affected_name")


def class_table(
    variants: ScoredVariants, truth: str, *, rng: np.random.Generator, n_resamples: int = 1000
) -> pd.DataFrame:
    """Compare each class of planted variants with controls; count how often its motif is named.

    Parameters
    ----------
    variants
        From `load_variants`.
    truth
        File of the table of `synthetic.bqtl_alleles.draw_bqtls`.
    rng, n_resamples
        For intervals by locus.

    Returns
    -------
    DataFrame
        One row per kind of `KINDS` that is there: n, n_control (of all sets together), AUROC
        against them of the drawn FIS and of |alt - ref logit| (fis_auroc, delta_auroc,
        with _low, _high), n_named (variants whose motif is the one that was changed),
        named_chance (share expected of names permuted within each set), n_unmatched
        (variants that the truth lacks; left out).

    Raises
    ------
    ValueError
        A truth with none of the variants.
    """
    planted = read_table(truth, _TRUTH, text=("factor", "contig", "alt", "affected_name"))
    planted = planted[list(_TRUTH)].assign(pos=planted["position"] + 1)
    planted = planted.rename(columns={"factor": "set", "contig": "chrom"})
    keys = ["set", "chrom", "pos", "alt"]
    table = variants.table.merge(planted, on=keys, how="left", validate="many_to_one")
    kind = table["kind"].fillna("").to_numpy()
    if not (kind != "").any():
        raise ValueError(f"{truth}: has none of the scored variants; expected their truth")
    right = (table["motif"] == table["affected_name"]).to_numpy()
    chance = _chance_of_name(table[np.isin(kind, KINDS)]).reindex(table.index).to_numpy()
    locus, control = table["locus"].to_numpy(), kind == "control"
    unmatched, rows = int((kind == "").sum()), []
    for name in KINDS:
        of_kind = kind == name
        if not of_kind.any() or not control.any():
            continue
        row: dict[str, Any] = {"kind": name, "n": int(of_kind.sum())}
        row |= {"n_control": int(control.sum()), "n_named": int(right[of_kind].sum())}
        row |= {"named_chance": float(chance[of_kind].mean()), "n_unmatched": unmatched}
        both = of_kind | control
        for score, of_score in (("fis", 0), ("delta", variants.methods.index(OF_ALT))):
            values = variants.scores[of_score, both]
            area = auroc_by_group(
                values, of_kind[both], locus[both], rng=rng, n_resamples=n_resamples
            )
            row |= {f"{score}_auroc": area.estimate, f"{score}_auroc_low": area.low}
            row[f"{score}_auroc_high"] = area.high
        rows.append(row)
    return pd.DataFrame(rows)


def class_rows(context: FigureContext, classes: pd.DataFrame) -> list[ScorecardRow]:
    """Make the scorecard rows of each class of planted variants, from `class_table`."""
    rows = []
    for _, row in classes.iterrows():
        n = f"n = {row['n']:,}"
        left = f"{row['n_unmatched']:,} variants without truth left out"
        rows += [
            scorecard_row(
                context,
                f"{row['kind']} variants against controls: AUROC of maxAbsFIS; of |alt − ref "
                "logit|",
                f"{interval_text(row, 'fis_auroc')}; {interval_text(row, 'delta_auroc')}",
                f"{n}, {row['n_control']:,} controls of all sets",
                left if row["n_unmatched"] else "",
                paper=NO_SUCH_STUDY,
            ),
            scorecard_row(
                context,
                f"{row['kind']} variants whose strongest motif is the one that was changed",
                f"{row['n_named'] / row['n']:.3f}",
                f"{row['n_named']:,} of {row['n']:,}; names permuted in each set would give "
                f"{row['named_chance']:.3f}; found with the matrices that the sites were drawn "
                "from, so an upper bound",
                paper=NO_SUCH_STUDY,
            ),
        ]
    return rows


def _chance_of_name(table: pd.DataFrame) -> pd.Series:
    """Return the share of a set's true names that equal the motif given to each variant.

    Its mean is the expected share of right names when names are permuted in the set.
    """
    parts = []
    for _, of_set in table.groupby("set", sort=False):
        share = of_set["affected_name"].value_counts(normalize=True)
        parts.append(of_set["motif"].map(share).fillna(0.0))
    return pd.concat(parts) if parts else pd.Series(dtype=float)
