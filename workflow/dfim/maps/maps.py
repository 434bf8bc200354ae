"""Scoring of Deep Feature Interaction Maps of nucleotides."""

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.maps.interaction_map import InteractionMap
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Mutations, Targets
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.settings import ScoringSettings, require_scorable
from dfim.sequences.mutations import mutate_nucleotides


def score_map(
    attributor: Attributor,
    x: NDArray[np.uint8],
    start: int,
    end: int,
    *,
    settings: ScoringSettings | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
) -> InteractionMap:
    """Score every nucleotide of a region against every other: the DFIM of Fig 1.

    Parameters
    ----------
    attributor
        Importance method on a model.
    x
        (L, 4) uint8 or float32 one-hot sequence.
    start, end
        The region, 0-based, half-open; every position in it is a source (three
        mutants each) and a target.
    settings
        Scoring choices.
    windowed
        As for `dfim.pairs.fis.score_pairs`.
    rng
        Draws references.

    Returns
    -------
    InteractionMap

    Raises
    ------
    ValueError
        A region outside the sequence, an N in it, or an attributor of several tasks
        (`score_map_by_task`).

    Notes
    -----
    Cost: at most 3·W + 1 importance profiles per reference for a region of W bp.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(1),
    ... ])
    >>> rng = np.random.default_rng(0)
    >>> x = dfim.one_hot(rng.integers(0, 4, 30))
    >>> attributor = dfim.make_attributor(network, "deeplift")
    >>> found = dfim.score_map(attributor, x, 10, 14, rng=rng)
    >>> found.fis.shape, found.max_abs().shape
    ((4, 3, 4), (4, 4))
    """
    require_scorable(attributor, tasks=1)
    (found,) = score_map_by_task(
        attributor, x, start, end, settings=settings, windowed=windowed, rng=rng
    )
    return found


def score_map_by_task(
    attributor: Attributor,
    x: NDArray[np.uint8],
    start: int,
    end: int,
    *,
    settings: ScoringSettings | None = None,
    windowed: bool | None = None,
    rng: np.random.Generator,
) -> list[InteractionMap]:
    """Score every nucleotide of a region against every other, for every task.

    As `score_map`, which describes the arguments; the forward passes serve all tasks.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> layers = keras.layers
    >>> network = keras.Sequential([
    ...     keras.Input((30, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
    ...     layers.Dense(2, activation="relu"), layers.Dense(2),
    ... ])
    >>> rng = np.random.default_rng(0)
    >>> x = dfim.one_hot(rng.integers(0, 4, 30))
    >>> heads = [dfim.Head(0, 0), dfim.Head(0, 1)]
    >>> both = dfim.make_attributor(network, "deeplift", heads=heads)
    >>> len(dfim.score_map_by_task(both, x, 10, 14, rng=rng))
    2
    """
    require_scorable(attributor, x[None])
    if not 0 <= start < end <= len(x):
        raise ValueError(
            f"region: got [{start}, {end}), expected 0 <= start < end <= {len(x)} bp"
        )
    width, region = end - start, x[None, start:end]
    places = np.arange(width)
    _, bases = mutate_nucleotides(region, np.zeros(width, np.int64), places)
    n = bases.size
    sources = np.repeat(start + places, 3)
    columns = np.eye(4, dtype=np.float32)[bases.reshape(-1, 1)]
    first = np.full(n, start)
    mutations = Mutations(np.zeros(n, np.int64), sources, sources + 1, columns)
    aims = Targets(np.arange(n), first, first + width)
    tasks, settings = attributor.tasks, settings or ScoringSettings()
    importance = np.empty((tasks, width), np.float32)
    delta = np.empty((tasks, n, width), np.float32)
    effect, convergence = np.empty((2, tasks, n), np.float32)
    scorer = ChangeScorer(attributor, settings, windowed=windowed)
    for part in scorer.score(x[None], mutations, aims, rng):
        delta[:, part.targets], known = part.over(aims.start[part.targets], width)
        # Where windows end before the map does, a base is known from its own one.
        own = sources[part.targets] - start
        importance[:, own] = known[:, np.arange(len(own)), own]
        effect[:, part.mutants] = part.effect
        convergence[:, part.mutants] = part.convergence_delta
    mutant_importance = (importance[:, None] - delta).reshape(tasks, width, 3, width)
    effect, convergence = (array.reshape(tasks, width, 3) for array in (effect, convergence))
    return [
        InteractionMap(
            start,
            region[0],
            importance[task],
            mutant_importance[task],
            bases,
            effect[task],
            convergence[task],
            info=ScoreInfo.of(attributor, settings, task=task),
        )
        for task in range(tasks)
    ]
