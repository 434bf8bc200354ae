"""Deep Feature Interaction Maps of nucleotides: every source against every target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.mutations import mutate_nucleotides
from dfim.records import ArrayRecord
from dfim.scoring import (
    Floats,
    ScoringSettings,
    draw_references,
    profiles_of_mutants,
)
from dfim.sequences import ALPHABET, base_codes


@dataclass(frozen=True)
class InteractionMap(ArrayRecord):
    """Nucleotide FIS of one window of one sequence.

    Attributes
    ----------
    start
        First position of the window in the sequence (0-based).
    one_hot
        (W, 4) bases of the window.
    importance
        (W,) importance of the original's bases.
    mutant_importance
        (W, 3, W) importance of target positions after one source base changed:
        source position, mutant base, target position.
    mutant_base
        (W, 3) index into A, C, G, T of each mutant's base.
    effect
        (W, 3) logit of the original minus logit of the mutant.
    """

    start: int
    one_hot: NDArray[np.uint8]
    importance: Floats
    mutant_importance: Floats
    mutant_base: NDArray[np.int8]
    effect: Floats

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
        """One row a source position, mutant base and target position.

        `positions` numbers the W positions; by default they count on from `start`. FIS is
        missing where source and target coincide.
        """
        places = np.arange(self.start, self.start + len(self.importance))
        places = places if positions is None else np.asarray(positions)
        letters = np.array([*ALPHABET, "N"])
        bases = letters[base_codes(self.one_hot[None])[0]]
        s, m, t = (axis.ravel() for axis in np.indices(self.mutant_importance.shape))
        return pd.DataFrame(
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


def score_map(
    attributor: Attributor,
    x: NDArray[np.uint8],
    start: int,
    end: int,
    *,
    settings: ScoringSettings | None = None,
    rng: np.random.Generator,
) -> InteractionMap:
    """Deep Feature Interaction Map of the nucleotides of one window (Fig 1).

    Parameters
    ----------
    attributor
        Importance method on a model.
    x
        (L, 4) one-hot sequence.
    start, end
        The window, 0-based, half-open; every position in it is a source (three
        mutants each) and a target.
    settings
        Scoring choices.
    rng
        Draws references.

    Notes
    -----
    Cost: 3·W + 1 importance profiles a reference for a window of W bp.
    """
    settings = settings or ScoringSettings()
    if not 0 <= start < end <= len(x):
        raise ValueError(
            f"window: got [{start}, {end}), expected 0 <= start < end <= {len(x)} bp"
        )
    positions = np.arange(start, end)
    width = len(positions)
    mutants, bases = mutate_nucleotides(x[None], np.zeros(width, np.int64), positions)
    inputs = np.concatenate([x[None].astype(np.float32), mutants.reshape(-1, *x.shape)])
    references = draw_references(x[None], settings, rng)
    rows = np.zeros(len(inputs), np.int64)
    scored = profiles_of_mutants(attributor, inputs, rows, references, settings, rng, None)
    window = scored.scores[:, start:end]
    effect = (scored.target[0] - scored.target[1:]).reshape(width, 3)
    mutant_importance = window[1:].reshape(width, 3, width)
    return InteractionMap(start, x[start:end], window[0], mutant_importance, bases, effect)
