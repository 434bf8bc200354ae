"""Deep Feature Interaction Maps of nucleotides: every source against every target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Mutations, Targets
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import Floats, ScoringSettings, require_scorable
from dfim.sequences.encoding import ALPHABET, base_codes
from dfim.sequences.mutations import mutate_nucleotides


@dataclass(frozen=True, repr=False)
class InteractionMap(ScoreRecord):
    """Nucleotide FIS of one region of one sequence: every source against every target.

    Attributes
    ----------
    start
        First position of the region in the sequence (0-based).
    one_hot
        (W, 4) bases of the region.
    importance
        (W,) importance of the original's bases.
    mutant_importance
        (W, 3, W) importance of target positions after one source base changed:
        source position, mutant base, target position.
    mutant_base
        (W, 3) index into A, C, G, T of each mutant's base.
    effect
        (W, 3) logit of the original minus logit of the mutant.
    convergence_delta
        (W, 3) completeness error of each mutant's profile; NaN where only a part of it was
        computed.
    info
        Method, model, settings, units and sign.
    """

    start: int
    one_hot: NDArray[np.uint8]
    importance: Floats
    mutant_importance: Floats
    mutant_base: NDArray[np.int8]
    effect: Floats
    convergence_delta: Floats

    @property
    def fis(self) -> Floats:
        """(W, 3, W) signed FIS; NaN where source and target coincide."""
        fis = self.importance - self.mutant_importance
        diagonal = np.arange(len(fis))
        fis[diagonal, :, diagonal] = np.nan
        return fis

    def max_abs(self) -> Floats:
        """(W, W) largest |FIS| over the three mutants: the DFIM as drawn."""
        return np.abs(self.fis).max(axis=1)

    def max_signed(self) -> Floats:
        """(W, W) FIS of the mutant whose |FIS| is largest."""
        fis = self.fis
        best = np.abs(np.nan_to_num(fis)).argmax(axis=1)
        return np.take_along_axis(fis, best[:, None, :], axis=1)[:, 0]

    def table(self, positions: Sequence[int] | None = None) -> pd.DataFrame:
        """Make a table with one row per source position, mutant base and target position.

        Parameters
        ----------
        positions
            Numbers of the W positions; by default they count on from `start`.

        Returns
        -------
        DataFrame
            3 W^2 rows; FIS is missing where source and target coincide. `DataFrame.attrs`
            holds the record of `info`.
        """
        places = np.arange(self.start, self.start + len(self.importance))
        places = places if positions is None else np.asarray(positions)
        letters = np.array([*ALPHABET, "N"])
        bases = letters[base_codes(self.one_hot[None])[0]]
        s, m, t = (axis.ravel() for axis in np.indices(self.mutant_importance.shape))
        table = pd.DataFrame(
            {
                "source_position": places[s],
                "source_base": bases[s],
                "mutant_base": letters[self.mutant_base[s, m]],
                "target_position": places[t],
                "target_base": bases[t],
                "importance": self.importance[t],
                "fis": self.fis.ravel(),
                "source_effect": self.effect[s, m],
            }
        )
        table.attrs |= self.info.record()
        return table

    def _summary(self) -> str:
        return f"positions {self.start} to {self.start + len(self.importance)}"


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
    >>> import keras
    >>> from dfim import make_attributor
    >>> model = keras.Sequential([keras.Input((30, 4)), keras.layers.Conv1D(2, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(2, "relu"), keras.layers.Dense(1)])
    >>> rng = np.random.default_rng(0)
    >>> x = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, 30)]
    >>> found = score_map(make_attributor(model, "deeplift"), x, 10, 14, rng=rng)
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
