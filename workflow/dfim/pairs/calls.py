"""Shares of pairs that each way of testing calls, by class of pair."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.pairs.p_values import (
    PairTail,
    Pool,
    Reduce,
    pair_classes,
    pair_p_values,
    realised_null_rate,
)
from dfim.pairs.scores import PairScores
from dfim.statistics.significance import benjamini_hochberg

# A Gaussian fits no absolute value; upper and min_tail are kept there for parity only.
COMBINATIONS: tuple[tuple[Reduce, PairTail], ...] = (
    ("sum", "two_sided"),
    ("sum", "upper"),
    ("sum", "min_tail"),
    ("sum", "empirical"),
    ("max_abs", "upper"),
    ("max_abs", "min_tail"),
    ("max_abs", "empirical"),
)


def call_table(
    scores: PairScores, null: PairScores, *, pool: Pool = "per_task", alpha: float = 0.05
) -> pd.DataFrame:
    """Tabulate the share of pairs called at `alpha`, by class and way of testing.

    Returns
    -------
    pandas.DataFrame
        One row for each reduction, tail, scope of Benjamini–Hochberg and class:
        n tested and untested, median p and q, fractions below alpha, and the
        realised false-positive rate of p on the null's pairs of that class.
    """
    classes, null_classes = pair_classes(scores), pair_classes(null)
    rows = []
    for reduce, tail in COMBINATIONS:
        p = pair_p_values(scores, null, reduce=reduce, tail=tail, pool=pool)
        called = realised_null_rate(null, reduce=reduce, tail=tail, alpha=alpha, pool=pool)
        for fdr in ("joint", "per_class"):
            q = benjamini_hochberg(p, None if fdr == "joint" else classes.of_pair)
            for index, (name_a, name_b) in enumerate(classes.names):
                mine = classes.of_pair == index
                null_mine = null_classes.of_pair == null_classes.index_of((name_a, name_b))
                tested, judged = np.isfinite(p[mine]), called[null_mine]
                rows.append(
                    {
                        "reduce": reduce,
                        "tail": tail,
                        "fdr": fdr,
                        "name_a": name_a,
                        "name_b": name_b,
                        "n": int(tested.sum()),
                        "n_untested": int((~tested).sum()),
                        "median_p": _median(p[mine]),
                        "fraction_p": _share(p[mine][tested] < alpha),
                        "median_q": _median(q[mine]),
                        "fraction_q": _share(q[mine][tested] < alpha),
                        "n_null": int(np.isfinite(judged).sum()),
                        "null_fraction_p": _share(judged[np.isfinite(judged)]),
                    }
                )
    return pd.DataFrame(rows)


def _median(values: NDArray[np.float64]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _share(called: NDArray[Any]) -> float:
    return float(called.mean()) if called.size else float("nan")
