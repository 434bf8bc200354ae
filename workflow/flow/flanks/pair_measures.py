"""Measures of how strongly bases of flanks interact, and tables of what agrees with what.

Position pairs are ordered (source, target). The planted ones count in both orders, because
FIS has a value for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.comparators.linear_models import LinearModels
from dfim.sequences.encoding import ALPHABET
from dfim.statistics.agreement import agreement, fold_positions, recover
from flow.flanks.positions import LENGTH, POSITIONS, base_name

Level = Literal["cells", "position pairs"]

PAIR_TERMS = "distilled pair terms"
EPISTASIS = "exact epistasis"
PLANTED = "planted pairs"
LEVELS: tuple[Level, ...] = ("position pairs", "cells")
TOP = (10, 50)
"""How many of the strongest are compared."""
TOP_OF: dict[str, int] = {"position pairs": 10, "cells": 50}
"""The one that is reported: 50 of 90 pairs would be half of them."""


@dataclass(frozen=True)
class Measure:
    """How strongly bases interact, by one way to tell.

    Attributes
    ----------
    name
        What tables and figures call it.
    flanks
        Which it is a mean over: all or strongest.
    cells
        (L, L, 4, 4) source position, target position, source base, target base; 0 or
        more, in kcal/mol, NaN where blank.
    """

    name: str
    flanks: str
    cells: NDArray[np.float64]

    def at(self, level: Level) -> NDArray[np.float64]:
        """Its cells, or the largest cell of each pair of positions (L, L)."""
        return self.cells if level == "cells" else fold_positions(self.cells)


Planted = Literal["bases", "positions", ""]


@dataclass(frozen=True)
class PairTerm:
    """A dinucleotide term of the linear model, kcal/mol.

    Attributes
    ----------
    name
        The two bases, such as T−1/A+1.
    term
        As distilled from the network.
    truth
        As planted; None where nothing was planted at all.
    planted
        The bases that were given an energy ("bases"), others at their positions, which
        have a share of it because a term has no mean ("positions"), or neither ("").
    """

    name: str
    term: float
    truth: float | None
    planted: Planted


def strongest_terms(
    models: LinearModels, planted: pd.DataFrame | None, n: int
) -> list[PairTerm]:
    """The n pair terms of the largest size; `planted` as `synthetic.cbf1` wrote it."""
    table = models.table()
    truth = None if planted is None else _planted_terms(planted)
    found = []
    for row in table[table["kind"] == "pair"].head(n).itertuples():
        s, t = row.position, row.position2
        first, second = base_name(row.base, POSITIONS[s]), base_name(row.base2, POSITIONS[t])
        value: float | None = None
        kind: Planted = ""
        if truth is not None:
            here = truth[s, t]
            value = float(here[ALPHABET.index(row.base), ALPHABET.index(row.base2)])
            if here.any():
                kind = "bases" if abs(value) == np.abs(here).max() else "positions"
        found.append(PairTerm(f"{first}/{second}", row.term, value, kind))
    return found


def compare(measures: Sequence[Measure], references: Sequence[Measure]) -> pd.DataFrame:
    """Agreement of every measure with every reference, at both levels.

    Returns
    -------
    DataFrame
        One row per comparison: first, second, level, flanks (of the first), n (known in
        both), spearman, shared_k and by_chance_k for the k of `TOP`. NaN where too few
        are known, or where a measure is the same everywhere.
    """
    rows: list[dict[str, Any]] = []
    seen: set[tuple[str, str, str]] = set()
    for measure, reference, level in product(measures, references, LEVELS):
        mirrored = (reference.name, measure.name, level)
        if measure is reference or mirrored in seen:
            continue
        seen.add((measure.name, reference.name, level))
        first, second = measure.at(level), reference.at(level)
        n = int((np.isfinite(first) & np.isfinite(second)).sum())
        row: dict[str, Any] = {"first": measure.name, "second": reference.name}
        row["level"] = level
        row |= {"flanks": measure.flanks, "n": n}
        if n >= 2:
            found = agreement(first, second, top=[k for k in TOP if k <= n])
            row["spearman"] = found.spearman
            for top in found.top:
                row |= {f"shared_{top.k}": top.shared, f"by_chance_{top.k}": top.by_chance}
        rows.append(row)
    columns = ["first", "second", "level", "flanks", "n", "spearman"]
    columns += [f"{what}_{k}" for k in TOP for what in ("shared", "by_chance")]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[5:], float))


def recovery(measures: Sequence[Measure], planted: NDArray[np.bool_] | None) -> pd.DataFrame:
    """How well each measure finds the planted position pairs (L, L) among the others.

    Returns
    -------
    DataFrame
        One row per measure: first (its name), second (`PLANTED`), level, flanks, n (pairs
        with a value), n_planted (of them), auroc, worst_rank (of a planted pair; 1 is
        the strongest). None where nothing was planted (`planted` is None), and for a
        measure that knows no planted pair or no other.
    """
    columns = ["first", "second", "level", "flanks", "n", "n_planted", "auroc", "worst_rank"]
    if planted is None:
        return pd.DataFrame(columns=columns)
    rows: list[dict[str, Any]] = []
    for measure in measures:
        scores = measure.at("position pairs")
        known = np.isfinite(scores)
        if not (known & planted).any() or not (known & ~planted).any():
            continue
        found = recover(scores, planted)
        row: dict[str, Any] = {"first": measure.name, "second": PLANTED}
        row["level"] = "position pairs"
        row |= {"flanks": measure.flanks, "n": found.n, "n_planted": found.n_planted}
        rows.append(row | {"auroc": found.auroc, "worst_rank": found.ranks[-1]})
    return pd.DataFrame(rows, columns=columns)


def _planted_terms(planted: pd.DataFrame) -> NDArray[np.float64]:
    """(L, L, 4, 4) planted pair terms as `LinearModels.pair` has them."""
    terms, indicator = np.zeros((LENGTH, LENGTH, 4, 4)), np.eye(4) - 1 / 4
    for pair in planted.dropna(subset="position2").itertuples():
        s, t = POSITIONS.index(pair.position), POSITIONS.index(pair.position2)
        bases = indicator[[ALPHABET.index(pair.base), ALPHABET.index(pair.base2)]]
        term = pair.energy_kcal_mol * np.outer(*bases)
        terms[s, t] += term
        terms[t, s] += term.T
    return terms
