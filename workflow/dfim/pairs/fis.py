"""Feature Interaction Scores (FIS): how importance changes when a feature is mutated.

FIS(target | source) = importance(target, original) - importance(target, mutant),
where a target's importance is the sum over its nucleotides (paper sections 2.1
and 2.3). F sources need F + 1 importance profiles, never one per pair.
"""

import logging
from collections.abc import Sequence
from typing import Required, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.motifs.features import Features
from dfim.motifs.pairing import ordered_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Changes, Mutations, Targets
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.settings import Floats, Progress, ScoringSettings, require_scorable
from dfim.sequences.distinct import distinct_tuples

log = logging.getLogger(__name__)


class PairOptions(TypedDict, total=False):
    """Keyword arguments of `score_pairs`, which describes them."""

    settings: ScoringSettings | None
    same_name: bool
    sources: Sequence[str] | None
    targets: Sequence[str] | None
    max_distance: float | None
    windowed: bool | None
    rng: Required[np.random.Generator]
    progress: Progress | None


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
    """Score all ordered pairs of features within each sequence by FIS.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.make_attributor`.
    X
        (N, L, 4) uint8 or float32 one-hot sequences.
    features
        Motif instances; `features.sequence` indexes X.
    settings
        Scoring choices; the defaults are the paper's.
    same_name, sources, targets, max_distance
        Which pairs: `dfim.motifs.pairing.ordered_pairs`.
    windowed
        Whether to compute only what mutations change and targets need: None where that is
        exact and fewer operations, False never, True always.
    rng
        Draws references (and shuffled motifs).
    progress
        Called with the number of inputs (by local scorers: of mutants) scored since the last
        call.

    Returns
    -------
    PairScores
        A pair that no path of the network joins has FIS 0 and is not scored: a feature that
        reaches none of its targets is not mutated, and its effect is NaN.

    Raises
    ------
    ValueError
        X that is not the model's, features outside X; when `windowed` is True and the method
        or settings need whole sequences; an attributor of several tasks
        (`score_pairs_by_task`).

    Notes
    -----
    Cost: at most N + F importance profiles per reference, for F source features.
    Memory: the features, pairs and X, and some 64 MiB of sequences with their mutants.

    Examples
    --------
    Two motifs of one sequence, on an untrained network:

    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(1),
    ... ])
    >>> rng = np.random.default_rng(0)
    >>> X = dfim.one_hot(rng.integers(0, 4, (1, 30)))
    >>> sites = dfim.Features([0, 0], [2, 12], [6, 18], ["GATA", "EBOX"], ["+", "+"])
    >>> attributor = dfim.make_attributor(network, "deeplift")
    >>> scores = dfim.score_pairs(attributor, X, sites, rng=rng)
    >>> scores.table()[["source", "target", "distance", "reachable"]]
      source target  distance  reachable
    0   GATA   EBOX      11.0       True
    1   EBOX   GATA      11.0       True
    """
    require_scorable(attributor, tasks=1)
    (scores,) = score_pairs_by_task(
        attributor, X, features,
        settings=settings, same_name=same_name, sources=sources, targets=targets,
        max_distance=max_distance, windowed=windowed, rng=rng, progress=progress,
    )  # fmt: skip
    return scores


def score_pairs_by_task(
    attributor: Attributor,
    X: NDArray[np.uint8],
    features: Features,
    **options: Unpack[PairOptions],
) -> list[PairScores]:
    """Score all ordered pairs of features by FIS, for every task of the attributor.

    As `score_pairs`, which describes the arguments; the forward passes serve all tasks.

    Examples
    --------
    Both outputs of a network, from the same forward passes:

    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(2),
    ... ])
    >>> rng = np.random.default_rng(0)
    >>> X = dfim.one_hot(rng.integers(0, 4, (1, 30)))
    >>> sites = dfim.Features([0, 0], [2, 12], [6, 18], ["GATA", "EBOX"], ["+", "+"])
    >>> heads = [dfim.Head(0, 0), dfim.Head(0, 1)]
    >>> both = dfim.make_attributor(network, "deeplift", heads=heads)
    >>> [len(scores) for scores in dfim.score_pairs_by_task(both, X, sites, rng=rng)]
    [2, 2]
    """
    require_scorable(attributor, X)
    settings, rng = options.get("settings") or ScoringSettings(), options["rng"]
    scorer = ChangeScorer(
        attributor,
        settings,
        changes_only=True,
        windowed=options.get("windowed"),
        progress=options.get("progress"),
    )
    source, target, n_overlapping = ordered_pairs(
        features,
        same_name=options.get("same_name", False),
        sources=options.get("sources"),
        targets=options.get("targets"),
        max_distance=options.get("max_distance"),
    )
    if n_overlapping:
        log.info("%d pairs left out: source and target overlap", n_overlapping)
    f = features
    reachable = attributor.reachable(
        f.start[source], f.end[source], f.start[target], f.end[target]
    )
    # Other references for each mutant change every importance.
    reachable |= settings.own and attributor.needs_references
    if not reachable.all():
        log.info(
            "%d of %d pairs: no path of the network joins source and target; FIS 0, not scored",
            int((~reachable).sum()), len(reachable),
        )  # fmt: skip
    mutated, mutant_of = np.unique(source, return_inverse=True)
    # Features at one place (a palindrome, found on both strands) have one mutant.
    places = f.sequence[mutated], f.start[mutated], f.end[mutated]
    if settings.motif_mutation == "shuffle":
        distinct, of = np.stack(places, axis=1), np.arange(len(mutated))
    else:
        distinct, of = distinct_tuples(*places)
    rows, start, end = distinct.T
    # Of all sources: what is drawn must not depend on who reaches whom.
    mutations = Mutations.of_intervals(X, rows, start, end, settings, rng)
    mutation = of[mutant_of]
    needed = np.unique(mutation[reachable])
    pairs = np.flatnonzero(reachable)
    pairs = pairs[np.argsort(mutation[pairs], kind="stable")]  # in the mutations' order
    aims = Targets(
        np.searchsorted(needed, mutation[pairs]), f.start[target[pairs]], f.end[target[pairs]]
    )
    tasks = attributor.tasks
    fis, fis_max_abs = np.zeros((2, tasks, len(source)), np.float32)
    effect, convergence = np.full((2, tasks, len(distinct)), np.nan, np.float32)
    for part in scorer.score(X, mutations.of(needed), aims, rng):
        effect[:, needed[part.mutants]] = part.effect
        convergence[:, needed[part.mutants]] = part.convergence_delta
        scored = pairs[part.targets]
        for task in range(tasks):
            fis[task, scored], fis_max_abs[task, scored] = _sum_and_max(part, task, aims)
    effects, deltas = np.full((2, tasks, len(f)), np.nan, np.float32)  # of features
    effects[:, mutated], deltas[:, mutated] = effect[:, of], convergence[:, of]
    return [
        PairScores(
            features=features,
            source=source,
            target=target,
            fis=fis[task],
            fis_max_abs=fis_max_abs[task],
            effect=effects[task],
            convergence_delta=deltas[task],
            reachable=reachable,
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
