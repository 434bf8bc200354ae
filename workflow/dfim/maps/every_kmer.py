"""Interaction scores of every sequence of a few bases, from one profile each.

A mutant of one of the 4^L sequences is another of them: with a reference that all share, 4^L
importance profiles give the FIS of every base of every sequence on every other. Sequences are
in order of their index (`dfim.sequences.kmers`).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.maps.base_pair_maps import BasePairMaps, BasePairSums
from dfim.maps.interaction_map import InteractionMap
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import (
    Floats,
    Progress,
    ScoringSettings,
    draw_references,
    require_scorable,
)
from dfim.sequences.kmers import mutant_index, sequence_codes
from dfim.sequences.mutations import OTHER_BASES

_FIXED = ("gc", "zeros")
# Sequences whose FIS are in memory at once (5 MB at 10 positions); part of the last bits.
_BLOCK = 4096


@dataclass(frozen=True, repr=False)
class Factorial(ScoreRecord):
    """Importance of every base of all 4^L sequences, in order of their k-mer index.

    Attributes
    ----------
    importance
        (4^L, L) of each base for the output, in logit.
    target
        (4^L,) the output (logit).
    convergence_delta
        (4^L,) completeness error of each profile; NaN for input × gradient.
    info
        Method, model, settings, units and sign.
    """

    importance: Floats
    target: Floats
    convergence_delta: Floats

    row_fields: ClassVar[tuple[str, ...]] = ("importance", "target", "convergence_delta")

    @property
    def length(self) -> int:
        """Bases of a sequence, L."""
        return self.importance.shape[1]

    def fis(self, index: NDArray[np.integer]) -> Floats:
        """Compute the FIS of every source, mutant and target of some sequences (section 2.1).

        Returns
        -------
        ndarray of float32 (N, L, 3, L)
            Sequence, source position, mutant base (those that are not the source's, in
            A, C, G, T order), target position: importance in the original minus
            importance in the mutant. Where source and target coincide it is NaN. Takes
            12 L^2 bytes a sequence.
        """
        mutants = mutant_index(index, self.length)
        fis = self.importance[index][:, None, None, :] - self.importance[mutants]
        positions = np.arange(self.length)
        fis[:, positions, :, positions] = np.nan
        return fis

    def map_of(self, index: int) -> InteractionMap:
        """Return the Deep Feature Interaction Map of one sequence (Fig 8B)."""
        codes = sequence_codes(self.length, np.array([index]))[0]
        mutants = mutant_index(np.array([index]), self.length)[0]
        return InteractionMap(
            start=0,
            one_hot=np.eye(4, dtype=np.uint8)[codes],
            importance=self.importance[index],
            mutant_importance=self.importance[mutants],
            mutant_base=OTHER_BASES[codes],
            effect=self.target[index] - self.target[mutants],
            convergence_delta=self.convergence_delta[mutants],
            info=self.info,
        )

    def base_pair_maps(self, index: NDArray[np.integer] | None = None) -> BasePairMaps:
        """Average FIS at fixed bases over some sequences, or over all (Fig 8C).

        Parameters
        ----------
        index
            (N,) sequences; all where None, which is exact: every background of a pair of
            bases is there once.

        Raises
        ------
        ValueError
            No sequence, one twice, or one that is out of range.

        Notes
        -----
        3 L^2 FIS a sequence (315 million for all of ten bases), in blocks.
        """
        if index is None:
            chosen = np.arange(4**self.length)
        else:
            chosen = np.asarray(index)
            if chosen.size and not np.issubdtype(chosen.dtype, np.integer):
                raise ValueError(
                    f"index: got {chosen.dtype}, expected integers (a mask: nonzero)"
                )
            different = len(np.unique(chosen))
            if chosen.size == 0 or different != chosen.size:
                raise ValueError(
                    f"index: got {chosen.size} sequences, {different} of them different; "
                    "expected at least one, and none twice"
                )
        sums = BasePairSums(self.length)
        for first in range(0, chosen.size, _BLOCK):
            block = chosen[first : first + _BLOCK]
            sums.add(sequence_codes(self.length, block), self.fis(block))
        return replace(sums.means(), info=replace(self.info, index="mean FIS"))


def score_factorial(
    attributor: Attributor,
    settings: ScoringSettings,
    *,
    progress: Progress | None = None,
) -> Factorial:
    """Score all 4^L sequences of the model's length, one importance profile each.

    Parameters
    ----------
    attributor
        Importance method on a model of 1 to 12 bases.
    settings
        `references` must be `gc` (0.5: uniform) or `zeros`: shuffled or random ones
        belong to a sequence, so that its mutants would need profiles of their own.
    progress
        Called with the number of sequences done since the last call.

    Returns
    -------
    Factorial

    Raises
    ------
    ValueError
        References that belong to a sequence, models of more than 12 bases, several tasks.

    Notes
    -----
    4^L profiles stand for the 3 L 4^L mutants. Memory: 8 L bytes a sequence (L = 10:
    84 MB), beside the results.

    Examples
    --------
    All 64 sequences of three bases:

    >>> import dfim, keras
    >>> import numpy as np
    >>> network = keras.Sequential([keras.Input((3, 4)), keras.layers.Flatten(),
    ...     keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    >>> attributor = dfim.make_attributor(network, "deeplift")
    >>> settings = dfim.ScoringSettings(references="gc", gc=0.5)
    >>> every = dfim.score_factorial(attributor, settings)
    >>> every.fis(np.array([0])).shape  # of AAA: source, mutant, target
    (1, 3, 3, 3)
    """
    require_scorable(attributor, tasks=1)
    if attributor.needs_references and settings.references not in _FIXED:
        raise ValueError(
            f"references: got {settings.references!r}, which belong to a sequence and not to "
            f"its mutants; expected one of {', '.join(_FIXED)}"
        )
    one_hot = np.eye(4, dtype=np.uint8)[sequence_codes(attributor.length)]
    references = None
    if attributor.needs_references:
        rng = np.random.default_rng(0)  # a constant reference draws nothing
        references = draw_references(one_hot[:1], settings, rng)
    scored = attributor.profiles(one_hot, references, progress=progress)
    return Factorial(
        scored.scores,
        scored.target,
        scored.convergence_delta,
        info=ScoreInfo.of(attributor, settings),
    )
