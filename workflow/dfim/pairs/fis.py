"""Feature Interaction Scores (FIS): how importance changes when a feature is mutated.

FIS(target | source) = importance(target, original) - importance(target, mutant),
where a target's importance is the sum over its nucleotides (paper sections 2.1
and 2.3). F sources need F + 1 importance profiles, never one a pair.
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.motifs.features import Features, ordered_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.change_scoring import score_changes
from dfim.scoring.changes import Changes, Mutations, Targets
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.settings import Floats, Progress, ScoringSettings, require_scorable
from dfim.sequences.encoding import distinct_tuples

log = logging.getLogger(__name__)


def score_pairs(
    attributor: Attributor,
    X: NDArray[np.uint8],
    features: Features,
    *,
    settings: ScoringSettings | None = None,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> PairScores:
    """FIS of all ordered pairs of features within each sequence.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.attribution.make_attributor`.
    X
        (N, L, 4) one-hot sequences.
    features
        Motif instances; `features.sequence` indexes X.
    settings
        Scoring choices; the defaults are the paper's.
    same_name, sources, targets, max_distance
        Which pairs: `dfim.motifs.features.ordered_pairs`.
    windowed
        Whether to compute only what mutations change and targets need
        (`dfim.attribution.local.windowed`): None where that is fewer operations, False
        never, True always.
    rng
        Draws references (and shuffled motifs).
    progress
        Called with the number of inputs (in windows: of mutants) scored since the
        last call.

    Returns
    -------
    PairScores

    Raises
    ------
    ValueError
        When `windowed` is True and the method or settings need whole sequences, or
        the attributor scores several tasks (`score_pairs_by_task`).

    Notes
    -----
    Cost: at most N + F importance profiles a reference, for F source features.
    Memory: the features, pairs and X, and some 64 MiB of sequences with their mutants.
    """
    require_scorable(attributor, tasks=1)
    (found,) = score_pairs_by_task(
        attributor,
        X,
        features,
        settings=settings,
        same_name=same_name,
        sources=sources,
        targets=targets,
        max_distance=max_distance,
        windowed=windowed,
        rng=rng,
        progress=progress,
    )
    return found


def score_pairs_by_task(
    attributor: Attributor,
    X: NDArray[np.uint8],
    features: Features,
    *,
    settings: ScoringSettings | None = None,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> list[PairScores]:
    """FIS of all ordered pairs of features, for every task of the attributor.

    As `score_pairs`, which has the arguments; the forward passes serve all tasks.
    """
    require_scorable(attributor, X)
    settings = settings or ScoringSettings()
    source, target, n_overlapping = ordered_pairs(
        features,
        same_name=same_name,
        sources=sources,
        targets=targets,
        max_distance=max_distance,
    )
    if n_overlapping:
        log.info("%d pairs left out: source and target overlap", n_overlapping)
    mutated, mutant_of = np.unique(source, return_inverse=True)
    f = features
    # Features at one place (a palindrome, found on both strands) have one mutant.
    places = f.sequence[mutated], f.start[mutated], f.end[mutated]
    if settings.motif_mutation == "shuffle":
        distinct, of = np.stack(places, axis=1), np.arange(len(mutated))
    else:
        distinct, of = distinct_tuples(*places)
    mutations = Mutations.of_intervals(X, *distinct.T, settings, rng)
    order = np.argsort(of[mutant_of], kind="stable")  # targets mutation by mutation
    aims = Targets(of[mutant_of][order], f.start[target[order]], f.end[target[order]])
    tasks = attributor.tasks
    fis, fis_max_abs = np.full((2, tasks, len(source)), np.nan, np.float32)
    effect, convergence = np.full((2, tasks, len(distinct)), np.nan, np.float32)
    for part in score_changes(
        attributor,
        X,
        mutations,
        aims,
        settings,
        rng,
        changes_only=True,
        windowed=windowed,
        progress=progress,
    ):
        effect[:, part.mutants] = part.effect
        convergence[:, part.mutants] = part.convergence_delta
        pairs = order[part.targets]
        for task in range(tasks):
            fis[task, pairs], fis_max_abs[task, pairs] = _sum_and_max(part, task, aims)
    reachable = attributor.reachable(
        f.start[source], f.end[source], f.start[target], f.end[target]
    )
    reachable |= settings.own  # other references for each mutant change every importance
    fis[:, ~reachable] = fis_max_abs[:, ~reachable] = 0  # but for rounding
    effects, deltas = np.full((2, tasks, len(f)), np.nan, np.float32)  # of features
    effects[:, mutated], deltas[:, mutated] = effect[:, of], convergence[:, of]
    return [
        PairScores(
            features,
            source,
            target,
            fis[task],
            fis_max_abs[task],
            effects[task],
            deltas[task],
            reachable,
            info=ScoreInfo.of(attributor, settings, task=task),
        )
        for task in range(tasks)
    ]


def _sum_and_max(part: Changes, task: int, targets: Targets) -> tuple[Floats, Floats]:
    """Sum, and largest absolute value, of the change over each target of a part."""
    delta = part.delta[task]
    start, end = (
        np.clip(ends[part.targets] - part.offset[part.row], 0, delta.shape[1])
        for ends in (targets.start, targets.end)
    )
    place = start[:, None] + np.arange(int((end - start).max(initial=1)))
    values = delta[part.row[:, None], np.minimum(place, delta.shape[1] - 1)]
    values = np.where(place < end[:, None], values, np.float32(0))
    # One after the other: how wide other targets are must not change the order.
    total = np.cumsum(values, axis=1, dtype=np.float32)[:, -1]
    return total, np.abs(values).max(axis=1)
