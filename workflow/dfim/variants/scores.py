"""What variants do to their windows: FIS of a base against every position, as arrays."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.io.records import ArrayRecord
from dfim.scoring.settings import Floats

Over = Literal["all", "alt"]


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
        (N, L) importance of the reference windows; NaN where it was not asked for.
    mutant_importance
        (N, 3, L) the same with each of the other bases at the variant.
    bases
        (N, 3) int8 that base: index into A, C, G, T, ascending.
    alt
        (N,) int64 which of the three is the variant's own ALT; -1 where none was given.
    effect
        (N, 3) logit of the reference window minus logit of the mutant.
    gap
        (N, 4) completeness error of the profiles: reference, then mutants; NaN where only a
        part of a profile was computed.
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
