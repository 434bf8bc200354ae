"""Compare significant variants with controls: how well each score tells them apart.

Variants whose input sequences overlap are not independent, so intervals and shuffles take
whole loci. All scores share their resamples: differences between scores are paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_table
from dfim.statistics.bootstrap import draw_groups
from dfim.statistics.effect_sizes import mann_whitney
from flow.variants.resampling import areas, interval, shuffled_u

KEY = ["set", "chrom", "pos", "ref", "alt"]
ALPHA = 0.05
_TIE = 5e-4  # AUROCs closer than that are equal as printed
OF_ALT, OF_ALL = "|Δlogit|, alt − ref", "|Δlogit|, max of 3 bases"
"""In silico mutagenesis: the change of the network's output by a variant."""
_ISM = {OF_ALT: "abs_delta", OF_ALL: "max_abs_delta"}
_TEXT = ("set", "group", "chrom", "ref", "alt", "motif")
_COLUMNS = (*KEY, "group", "locus", "motif", "max_abs_fis", *_ISM.values())


@dataclass(frozen=True)
class ScoredVariants:
    """Significant variants and controls, with several scores each.

    Attributes
    ----------
    table
        n rows of results.tsv.gz.
    methods
        Names of the M scores in legends; the first is the FIS that is drawn.
    scores
        (M, n) one row per method.
    """

    table: pd.DataFrame
    methods: tuple[str, ...]
    scores: NDArray[np.float64]

    @property
    def sets(self) -> list[str]:
        """Names of the sets, in the order of the table."""
        return list(pd.unique(self.table["set"]))

    @property
    def significant(self) -> NDArray[np.bool_]:
        """(n,) whether a variant is significant; the others are controls."""
        return (self.table["group"] == "significant").to_numpy()

    def of_set(self, name: str) -> NDArray[np.bool_]:
        """Return which variants are of a set, shape (n,)."""
        return (self.table["set"] == name).to_numpy()


def load_variants(results: Sequence[str], names: Sequence[str]) -> ScoredVariants:
    """Read the results of analyses of one collection.

    Parameters
    ----------
    results
        Files results.tsv.gz, the analysis that is drawn first.
    names
        Names of the FIS of each in legends.

    Raises
    ------
    ValueError
        Analyses of different variants, no set with both groups, a missing score; a table of
        an earlier version, whose columns `effect` were REF − ALT.
    """
    tables = [read_table(path, _COLUMNS, text=_TEXT) for path in results]
    for path, table in zip(results[1:], tables[1:], strict=True):
        if not table[KEY].equals(tables[0][KEY]):
            raise ValueError(
                f"{path}: its variants are not those of {results[0]}; expected the same rows "
                "in the same order: delete both and run again"
            )
    first = tables[0]
    kept = first["group"].isin(["significant", "control"]).to_numpy()
    both = first[kept].groupby("set")["group"].nunique()
    if not (both == 2).any():
        raise ValueError(
            f"{results[0]}: no set has both significant and control variants; expected one at "
            "least: name controls, or draw another kind of figure"
        )
    columns = [table["max_abs_fis"] for table in tables] + [first[c] for c in _ISM.values()]
    scores = np.array([column.to_numpy(np.float64)[kept] for column in columns])
    if np.isnan(scores).any():
        method, row = np.argwhere(np.isnan(scores))[0]
        place = "{chrom}:{pos} {ref}>{alt}".format(**first[kept].iloc[row])
        raise ValueError(
            f"{results[0]}: {place} has no {columns[method].name}; expected a score for each "
            "significant and control variant"
        )
    return ScoredVariants(first[kept].reset_index(drop=True), (*names, *_ISM), scores)


def group_table(
    variants: ScoredVariants, *, rng: np.random.Generator, n_resamples: int = 1000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare significant variants with controls in each set, by each score.

    Parameters
    ----------
    variants
        From `load_variants`.
    rng, n_resamples
        Bootstrap resamples of loci, and shuffles of labels among loci.

    Returns
    -------
    of_sets : DataFrame
        One row per set and method, NaN where a set lacks a group: n_significant, n_control,
        n_loci, median_significant, median_control, auroc and rank_biserial (with _low,
        _high), u, p (one-sided), p_loci (of the shuffles), error_rate (share of the shuffles
        with p < 0.05), difference (AUROC of the drawn FIS minus this one's, _low, _high).
    summary : DataFrame
        One row per method: n_best (sets where its AUROC is the largest, or equal to it within
        `_TIE`), n_sets, difference (mean over the sets, with _low, _high), over_ism (mean
        AUROC minus that of |alt - ref logit|, with _low, _high).
    """
    _, locus = np.unique(variants.table["locus"], return_inverse=True)
    n_loci = locus.max() + 1
    drawn = np.array([draw_groups(n_loci, rng) for _ in range(n_resamples)], np.uint16)
    rows: list[dict[str, Any]] = []
    differences = []
    for name in variants.sets:
        here = variants.of_set(name)
        high = variants.significant[here]
        size: dict[str, Any] = {
            "set": name,
            "n_significant": int(high.sum()),
            "n_control": int((~high).sum()),
        }
        size["n_loci"] = len(np.unique(locus[here]))
        if high.all() or not high.any():
            rows += [size | {"method": method} for method in variants.methods]
            continue
        resampled = [areas(s[here], high, drawn[:, locus[here]]) for s in variants.scores]
        of_set = [
            size
            | {"method": method}
            | _compare(scores[here], high, locus[here], n_resamples, rng)
            for method, scores in zip(variants.methods, variants.scores, strict=True)
        ]
        for row, of_method in zip(of_set, resampled, strict=True):
            low, top = interval(of_method)
            row |= {"auroc_low": low, "auroc_high": top}
            row |= {"rank_biserial_low": 2 * low - 1, "rank_biserial_high": 2 * top - 1}
            row["difference"] = of_set[0]["auroc"] - row["auroc"]
            row["difference_low"], row["difference_high"] = interval(resampled[0] - of_method)
        rows += of_set
        differences.append(resampled[0] - np.array(resampled))
    table = pd.DataFrame(rows)
    return table, _summary(table, variants.methods, np.mean(differences, axis=0))


def _compare(
    scores: NDArray[np.float64],
    high: NDArray[np.bool_],
    locus: NDArray[np.integer],
    n: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Compute medians, the test, and the same test on shuffled labels."""
    test = mann_whitney(scores[high], scores[~high], "greater")
    u, p = shuffled_u(scores, high, locus, n=n, rng=rng)
    return {
        "median_significant": float(np.median(scores[high])),
        "median_control": float(np.median(scores[~high])),
        "auroc": (test.rank_biserial + 1) / 2,
        "rank_biserial": test.rank_biserial,
        "u": test.u,
        "p": test.p,
        "p_loci": (1 + int((u >= test.u).sum())) / (n + 1),
        "error_rate": float((p < ALPHA).mean()),
    }


def _summary(
    table: pd.DataFrame, methods: Sequence[str], differences: NDArray[np.float64]
) -> pd.DataFrame:
    """Summarise the sets that have both groups; `differences` are (M, R)."""
    known = table.dropna(subset=["auroc"])
    top = known.groupby("set")["auroc"].transform("max")
    best = known.loc[known["auroc"] >= top - _TIE, "method"].value_counts()
    means = known.groupby("method")["difference"].mean()
    mutagenesis = differences[list(methods).index(OF_ALT)]
    rows = []
    for method, resampled in zip(methods, differences, strict=True):
        low, high = interval(resampled)
        row = {"method": method, "n_best": int(best.get(method, 0))}
        row |= {"n_sets": known["set"].nunique(), "difference": float(means[method])}
        row |= {"difference_low": low, "difference_high": high}
        # The drawn score cancels: what is left is the method against mutagenesis.
        low, high = interval(mutagenesis - resampled)
        row |= {"over_ism": float(means[OF_ALT] - means[method])}
        rows.append(row | {"over_ism_low": low, "over_ism_high": high})
    return pd.DataFrame(rows)
