"""Match scored pairs to those planted in a synthetic genome, and measure their recovery."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dfim.genome.peak_windows import loci_of
from dfim.io.store import read_arrays, read_json, read_table
from dfim.pairs.distances import matched_auroc, pair_distance
from dfim.pairs.scores import PairScores
from dfim.sequences.examples import Examples
from dfim.statistics.bootstrap import draw_groups

# A network whose auROC is further below the oracle's has not learned what was planted.
LEARNED_WITHIN = 0.02
# bp; finer than the figure's bins, since planted pairs crowd at short distances.
MATCHING_EDGES = (0, 12, 20, 30, 45, 73)


@dataclass(frozen=True)
class PairRoles:
    """Tell which scored pairs were planted together, and which occur by chance.

    Attributes
    ----------
    planted
        (P,) the two sites were planted as one composite element.
    chance
        (P,) neither site belongs to a composite element. A pair in neither set joins a site
        of a composite to one outside it.
    """

    planted: NDArray[np.bool_]
    chance: NDArray[np.bool_]


def pair_roles(scores: PairScores, examples: Examples, sites: str) -> PairRoles:
    """Match the sites of scored pairs to the planted ones by their place in the genome.

    Parameters
    ----------
    scores
        Pairs of the examples' rows.
    examples
        With contigs and starts.
    sites
        The table of planted sites: contig, start, end, and pair, which the two
        sites of a composite share (-1 elsewhere).
    """
    if examples.contigs is None or examples.starts is None:
        raise ValueError("truth: the examples have no place in a genome; expected windows")
    table = read_table(sites, ("contig", "start", "end", "pair"), text=("contig",))
    keys = pd.MultiIndex.from_frame(table[["contig", "start", "end"]])
    f = scores.features
    shift = examples.starts[f.sequence]
    here = pd.MultiIndex.from_arrays(
        [examples.contigs[f.sequence], f.start + shift, f.end + shift]
    )
    place = keys[~keys.duplicated()].get_indexer(here)
    pair = np.append(table["pair"].to_numpy()[~keys.duplicated()], -1)[place]
    source, target = pair[scores.source], pair[scores.target]
    return PairRoles((source == target) & (source >= 0), (source < 0) & (target < 0))


def recovery(
    scores: PairScores,
    q: NDArray[np.floating],
    roles: PairRoles,
    alpha: float,
    *,
    groups: NDArray[np.integer] | None,
    rng: np.random.Generator,
    n_resamples: int = 200,
) -> dict[str, Any]:
    """Measure how well FIS tells planted pairs from chance pairs.

    Parameters
    ----------
    scores, q, roles, alpha
        Pairs with their q-values, what they are, and the level of q.
    groups
        (N,) the group of each sequence, resampled together; None: each its own.
    rng, n_resamples
        For the interval of the AUROC.

    Returns
    -------
    dict
        `auroc` of |FIS| at equal distances (bins of `MATCHING_EDGES`) with its 95 %
        interval from resampling groups (`auroc_low`, `auroc_high`), the n's, the
        median FIS of both, and precision and recall of q below `alpha` among
        planted and chance pairs that the network can join.
    """
    size, distance = np.abs(scores.fis.astype(np.float64)), pair_distance(scores)
    planted, chance = roles.planted, roles.chance

    def matched(rows: NDArray[np.integer]) -> tuple[float, int]:
        """Return the AUROC among some pairs, which may repeat, and the number planted."""
        of_planted, of_chance = rows[planted[rows]], rows[chance[rows]]
        return matched_auroc(
            size[of_planted],
            size[of_chance],
            distance[of_planted],
            distance[of_chance],
            MATCHING_EDGES,
        )

    auroc, n = matched(np.arange(len(scores)))
    sequence = scores.features.sequence[scores.source]
    _, owner = np.unique(sequence if groups is None else groups[sequence], return_inverse=True)
    drawn, n_groups = [], int(owner.max(initial=-1)) + 1
    for _ in range(n_resamples if n else 0):
        times = draw_groups(n_groups, rng)[owner]
        drawn.append(matched(np.repeat(np.arange(len(scores)), times))[0])
    low, high = np.nanquantile(drawn, [0.025, 0.975]) if drawn else (np.nan, np.nan)
    called = q < alpha
    half, tested = ~planted & ~chance, np.isfinite(q)
    hits, false = int((called & planted).sum()), int((called & chance).sum())
    n_tested = int((planted & tested).sum())
    return {
        "alpha": alpha,
        "auroc": auroc,
        "auroc_low": float(low),
        "auroc_high": float(high),
        "n_planted": int(planted.sum()),
        "n_planted_compared": n,
        "n_chance": int(chance.sum()),
        "median_planted": float(np.median(scores.fis[planted])) if planted.any() else np.nan,
        "median_chance": float(np.median(scores.fis[chance])) if chance.any() else np.nan,
        "n_called_planted": hits,
        "n_called_chance": false,
        "n_called_half": int((called & half).sum()),
        "n_tested_planted": n_tested,
        "n_tested_chance": int((chance & tested).sum()),
        "n_tested_half": int((half & tested).sum()),
        "precision": hits / (hits + false) if hits + false else np.nan,
        "recall": hits / n_tested if n_tested else np.nan,
    }


def shared_pairs(scores: PairScores, other: PairScores) -> NDArray[np.bool_]:
    """Return a mask (P,) of the pairs in sequences that `other` scored too."""
    sequences = other.features.sequence[other.source]
    return np.isin(scores.features.sequence[scores.source], sequences)


@dataclass(frozen=True)
class SyntheticFiles:
    """Read one analysis of a synthetic genome together with what was planted."""

    pairs: str
    examples: str
    sites: str
    oracle: str
    metrics: str

    def recovered(
        self, rng: np.random.Generator, *, within: "SyntheticFiles | None" = None
    ) -> dict[str, Any]:
        """Return `recovery` of all pairs, or of those in sequences of `within`."""
        scores, data = PairScores.load(self.pairs), Examples.load(self.examples)
        arrays, settings = read_arrays(self.pairs, ("q",))
        q = arrays["q"]
        if within is not None:
            shared = shared_pairs(scores, PairScores.load(within.pairs))
            scores, q = scores.select(shared), q[shared]
        roles = pair_roles(scores, data, self.sites)
        return recovery(scores, q, roles, settings["alpha"], groups=loci_of(data), rng=rng)

    def recovered_exactly(self, interactions: str, rng: np.random.Generator) -> dict[str, Any]:
        """Measure how well exact interactions tell the planted pairs that `recovered` is of.

        `interactions` is a file of `dfim.comparators.double_mutants`, in the order of pairs.

        Returns
        -------
        dict
            `auroc`, `auroc_low`, `auroc_high`, `n_planted_compared` and `n_chance` as
            `recovery` has them, of |interaction| in the place of |FIS|; medians of the size
            in logits, `median_planted` and `median_chance`, over pairs that the network can
            join; and `spearman`, of |FIS| with it among such planted pairs.
        """
        scores, data = PairScores.load(self.pairs), Examples.load(self.examples)
        size = np.abs(read_arrays(interactions, ("interaction",))[0]["interaction"])
        roles = pair_roles(scores, data, self.sites)
        unknown = np.full(len(scores), np.nan)
        exact = replace(scores, fis=size.astype(np.float32))
        found = recovery(exact, unknown, roles, 0, groups=loci_of(data), rng=rng)
        names = ("auroc", "auroc_low", "auroc_high", "n_planted_compared", "n_chance")
        planted, chance = (rows & scores.reachable for rows in (roles.planted, roles.chance))
        fis = np.abs(scores.fis[planted])
        return {name: found[name] for name in names} | {
            "median_planted": float(np.median(size[planted])) if planted.any() else np.nan,
            "median_chance": float(np.median(size[chance])) if chance.any() else np.nan,
            "spearman": float(spearmanr(fis, size[planted]).statistic)
            if planted.sum() > 2
            else np.nan,
        }

    def aurocs(self, task: str) -> tuple[float, float]:
        """Return the network's auROC on the test sequences, and the oracle's."""
        ours = read_json(self.metrics)["splits"]["test"][task]["auroc"]
        table = read_table(self.oracle, ("task", "auroc"), text=("task",)).set_index("task")
        return float(ours), float(table.loc[task, "auroc"])
