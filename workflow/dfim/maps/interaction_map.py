"""Deep Feature Interaction Map (DFIM) of nucleotides: every source against every target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import Floats
from dfim.sequences.encoding import ALPHABET, base_codes


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

    Examples
    --------
    Two bases, each of which matters only beside the other:

    >>> import dfim
    >>> import numpy as np
    >>> found = dfim.InteractionMap(
    ...     start=7,
    ...     one_hot=dfim.one_hot(np.array([0, 2])),
    ...     importance=np.float32([0.5, 0.5]),
    ...     mutant_importance=np.zeros((2, 3, 2), np.float32),
    ...     mutant_base=np.array([[1, 2, 3], [0, 1, 3]], np.int8),
    ...     effect=np.ones((2, 3), np.float32),
    ...     convergence_delta=np.zeros((2, 3), np.float32),
    ... )
    >>> found.max_abs().tolist()
    [[nan, 0.5], [0.5, nan]]
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
        """Return the largest |FIS| over the three mutants (W, W): the map as drawn."""
        return np.abs(self.fis).max(axis=1)

    def max_signed(self) -> Floats:
        """Return the FIS of the mutant whose |FIS| is largest (W, W)."""
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
