"""What a variant does to a window: FIS of its base against every position.

A variant is one source of section 2.1 of the paper: its base is exchanged for each of
the three others, and the importance of every other position before and after is
compared. Windows come from `dfim.variant_windows`, the null from `dfim.variant_null`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.mutations import mutate_nucleotides
from dfim.records import ArrayRecord
from dfim.scoring import Floats, Progress, ScoringSettings
from dfim.variant_alleles import (
    alt_codes,
    distinct_windows,
    require_windows,
    window_references,
)

Over = Literal["all", "alt"]
_BLOCK_COLUMNS = 2**16  # bounds the memory of a block, not its results


@dataclass(frozen=True)
class Peaks:
    """Where the FIS of each variant is strongest.

    Attributes
    ----------
    position
        (N,) int64 index in the window; -1 where no FIS differs from 0 or none is known.
    value
        (N,) signed FIS there; 0, or NaN where none is known.
    """

    position: NDArray[np.int64]
    value: Floats


@dataclass(frozen=True)
class VariantScores(ArrayRecord):
    """FIS of N variants, each at the same index of its window of L bp.

    Attributes
    ----------
    position
        Index of the variants in their windows.
    importance
        (N, L) importance of the reference windows.
    mutant_importance
        (N, 3, L) the same with each of the other bases at the variant.
    bases
        (N, 3) int8 that base: index into A, C, G, T, ascending.
    alt
        (N,) int64 which of the three is the variant's own ALT; -1 where none was given.
    effect
        (N, 3) logit of the reference window minus logit of the mutant.
    gap
        (N, 4) completeness error of the profiles: reference, then mutants.
    reachable
        (L,) whether the architecture lets the variant change that position at all.
    """

    position: int
    importance: Floats
    mutant_importance: Floats
    bases: NDArray[np.int8]
    alt: NDArray[np.int64]
    effect: Floats
    gap: Floats
    reachable: NDArray[np.bool_]

    row_fields = ("importance", "mutant_importance", "bases", "alt", "effect", "gap")

    def __len__(self) -> int:
        return len(self.alt)

    @property
    def fis(self) -> Floats:
        """(N, 3, L) importance(reference) - importance(mutant); NaN at the variant."""
        return self._fis(slice(None))

    @property
    def alt_base(self) -> NDArray[np.int64]:
        """(N,) the ALT base, an index into A, C, G, T; -1 where none was given."""
        base = self.bases[np.arange(len(self)), self.alt]
        return np.where(self.alt < 0, -1, base).astype(np.int64)

    def of_alt(self, values: NDArray[np.floating] | None = None) -> NDArray[np.floating]:
        """FIS of the ALT base (N, L), or its part of another array (N, 3, ...).

        NaN where no ALT was given.
        """
        values = self.fis if values is None else values
        chosen = values[np.arange(len(self)), self.alt]
        chosen[self.alt < 0] = np.nan
        return chosen

    def peak(self, half_width: int | None = None, over: Over = "all") -> Peaks:
        """Find the position whose |FIS| is largest, the variant itself left out.

        Parameters
        ----------
        half_width
            Look up to so many bp on either side; None: in the whole window.
        over
            `all` three other bases, as the paper does, or the `alt` one.
        """
        if over not in get_args(Over):
            raise ValueError(f"over: got {over!r}, expected one of {get_args(Over)}")
        if half_width is not None and half_width < 1:
            raise ValueError(f"half_width: got {half_width}, expected bp, 1 or more, or None")
        reach = self.importance.shape[1] if half_width is None else half_width
        first = max(0, self.position - reach)
        near = self._fis(slice(first, self.position + reach + 1))
        near = near if over == "all" else self.of_alt(near)[:, None]
        size = np.abs(np.nan_to_num(near)).max(axis=1)
        place = size.argmax(axis=1)
        rows = np.arange(len(self))
        value = near[rows, np.abs(np.nan_to_num(near[rows, :, place])).argmax(axis=1), place]
        found = size[rows, place] > 0
        known = (self.alt >= 0) | (over == "all")
        value = np.where(found, value, np.where(known, 0, np.nan)).astype(np.float32)
        return Peaks(np.where(found, first + place, -1), value)

    def max_abs_fis(self, half_width: int | None = 15, over: Over = "all") -> Floats:
        """(N,) largest |FIS| near the variant: maxAbsFIS of the paper's Fig 7."""
        return np.abs(self.peak(half_width, over).value)

    def _fis(self, place: slice) -> Floats:
        fis = self.importance[:, None, place] - self.mutant_importance[:, :, place]
        fis[:, :, self.position - (place.start or 0)] = np.nan
        return fis


def score_variants(
    attributor: Attributor,
    X: NDArray[np.uint8],
    *,
    position: int | None = None,
    alleles: Sequence[str] | None = None,
    settings: ScoringSettings | None = None,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> VariantScores:
    """FIS of variants on every position of their windows.

    Parameters
    ----------
    attributor
        Importance method on a model, from `dfim.attribution.make_attributor`.
    X
        (N, L, 4) uint8 one-hot windows with the reference base at `position`.
    position
        Index of the variants; L // 2 where not given, as `variant_windows` has it.
    alleles
        (N,) the ALT bases.
    settings
        Scoring choices; the defaults are the paper's.
    rng
        Gives one number, the key of all references. A window's references follow from
        that key and its bases alone: with the same key a variant has the same scores
        in any selection, order or number of calls.
    progress
        Called with the number of inputs scored since the last call.

    Raises
    ------
    ValueError
        With the row: no base at the variant, an ALT that is no other base.

    Notes
    -----
    Cost: four profiles (of each reference) a distinct window: variants at one place
    share theirs. Memory: 16·L bytes a variant for the result, and one block.
    """
    settings = settings or ScoringSettings()
    position = require_windows(X, position)
    codes = np.full(len(X), -1) if alleles is None else alt_codes(X, position, alleles)
    first, of, names = distinct_windows(X)
    key = int(rng.integers(2**63))
    n, length = len(first), X.shape[1]
    scores, bases = np.empty((n, 4, length), np.float32), np.empty((n, 3), np.int8)
    target, gap = np.empty((2, n, 4), np.float32)
    block = windows_a_block(attributor)
    references, group = None, None
    for start in range(0, n, block):
        rows = slice(start, start + block)
        windows = X[first[rows]]
        here = np.full(len(windows), position)
        mutants, bases[rows] = mutate_nucleotides(windows, np.arange(len(windows)), here)
        inputs = np.concatenate([windows[:, None], mutants.astype(np.uint8)], axis=1)
        if attributor.needs_references:
            keys = [(key, name) for name in names[rows]]
            references, group = window_references(inputs, settings, keys)
        found = attributor.profiles(
            inputs.reshape(-1, length, 4), references, reference_of=group, progress=progress
        )
        scores[rows] = found.scores.reshape(-1, 4, length)
        target[rows], gap[rows] = found.target.reshape(-1, 4), found.gap.reshape(-1, 4)
    at, here = np.arange(length), np.full(length, position)
    own = settings.refs_from == "mutant" and references is not None and len(references) > 1
    return VariantScores(
        position=position,
        importance=scores[of, 0],
        mutant_importance=scores[of, 1:],
        bases=bases[of],
        alt=np.where(codes < 0, -1, (bases[of] == codes[:, None]).argmax(axis=1)),
        effect=(target[:, :1] - target[:, 1:])[of],
        gap=gap[of],
        # Other references for each mutant change every importance.
        reachable=attributor.reachable(here, here + 1, at, at + 1) | own,
    )


def windows_a_block(attributor: Attributor) -> int:
    """Windows scored together: four inputs each that fill whole batches."""
    size = attributor.batch_size
    return size * max(1, _BLOCK_COLUMNS // (size * attributor.length))
