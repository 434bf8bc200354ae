"""Scores of variants as arrays: importance with each base, FIS, change of the output."""

import os
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.io.hdf5 import open_hdf5
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import Floats

Over = Literal["all", "alt"]


@dataclass(frozen=True)
class Peaks:
    """Where the FIS of each variant is strongest.

    Attributes
    ----------
    position
        (N,) int64 index in the input sequence; -1 where no FIS differs from 0 or none is
        known.
    value
        (N,) signed FIS there (logit); 0 where no FIS differs from 0, NaN where none is known.
    """

    position: NDArray[np.int64]
    value: Floats


@dataclass(frozen=True, repr=False)
class VariantScores(ScoreRecord):
    """FIS of N variants, each at the same index of its input sequence of L bp.

    The two results have opposite signs: FIS is the importance in the reference sequence
    minus that in the mutant, as for pairs and maps; `delta` is the logit of the mutant
    minus that of the reference (ALT − REF), as variant tools have it.

    Attributes
    ----------
    position
        Index of the variants in their sequences.
    importance
        (N, L) importance of the reference sequences (logit); NaN where it was not asked for.
    mutant_importance
        (N, 3, L) the same with each of the other bases at the variant.
    bases
        (N, 3) int8 that base: index into A, C, G, T, ascending.
    alt
        (N,) int64 which of the three is the variant's own ALT; -1 where none was given.
    delta
        (N, 3) logit of the mutant minus logit of the reference sequence; positive where the
        mutation raises the output.
    convergence_delta
        (N, 4) |sum of the importance − change of the logit from the references| of the
        profiles: reference, then mutants; NaN where only a part of a profile was computed.
    reachable
        (L,) whether the architecture lets the variant change that position at all.
    info
        Method, model, settings, units and sign of FIS.

    Examples
    --------
    >>> import numpy as np
    >>> from dfim import VariantScores
    >>> scores = VariantScores(  # one variant, A>G, in the middle of three bases
    ...     position=1,
    ...     importance=np.array([[0.5, 0.2, 0.0]]),
    ...     mutant_importance=np.array([[[0.5, 0, 0], [0.1, 0, 0], [0.9, 0, 0]]]),
    ...     bases=np.array([[1, 2, 3]]),  # C, G, T
    ...     alt=np.array([1]),
    ...     delta=np.array([[0.0, -0.6, 0.2]]),
    ...     convergence_delta=np.zeros((1, 4)),
    ...     reachable=np.ones(3, bool),
    ... )
    >>> scores.of_alt().round(2).tolist()  # G takes 0.4 from the first base
    [[0.4, nan, 0.0]]
    >>> scores.of_alt(scores.delta).tolist()  # and lowers the logit by 0.6
    [-0.6]
    >>> scores.peak(over="alt").position.tolist()
    [0]
    """

    position: int
    importance: Floats
    mutant_importance: Floats
    bases: NDArray[np.int8]
    alt: NDArray[np.int64]
    delta: Floats
    convergence_delta: Floats
    reachable: NDArray[np.bool_]

    row_fields = (
        "importance", "mutant_importance", "bases", "alt", "delta", "convergence_delta",
    )  # fmt: skip

    def __len__(self) -> int:
        return len(self.alt)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            With the file: damaged, or written by an earlier version, whose `effect` was
            REF − ALT.
        """
        with open_hdf5(path) as file:
            if "effect" in file and "delta" not in file:
                raise ValueError(
                    f"{path}: holds 'effect' (logit of REF minus ALT) of an earlier version; "
                    "expected 'delta' (ALT minus REF): score the variants again"
                )
        return super().load(path)

    @property
    def fis(self) -> Floats:
        """(N, 3, L) importance in the reference minus in the mutant; NaN at the variant."""
        return self._fis(slice(None))

    @property
    def alt_base(self) -> NDArray[np.int64]:
        """(N,) the ALT base, an index into A, C, G, T; -1 where none was given."""
        base = self.bases[np.arange(len(self)), self.alt]
        return np.where(self.alt < 0, -1, base).astype(np.int64)

    def of_alt(self, values: NDArray[np.floating] | None = None) -> NDArray[np.floating]:
        """Return the FIS of the ALT base (N, L), or its part of another array (N, 3, ...).

        NaN where no ALT was given.
        """
        values = self.fis if values is None else values
        of_alt = values[np.arange(len(self)), self.alt]
        of_alt[self.alt < 0] = np.nan
        return of_alt

    def peak(self, half_width: int | None = None, over: Over = "all") -> Peaks:
        """Find the position whose |FIS| is largest, the variant itself left out.

        Parameters
        ----------
        half_width
            Look up to so many bp on either side; None: in the whole input sequence.
        over
            `all` three other bases, as the paper does, or the `alt` one.

        Raises
        ------
        ValueError
            An unknown `over`, a half width below 1.
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
        differs = size[rows, place] > 0
        known = (self.alt >= 0) | (over == "all")
        value = np.where(differs, value, np.where(known, 0, np.nan)).astype(np.float32)
        return Peaks(np.where(differs, first + place, -1), value)

    def max_abs_fis(self, half_width: int | None = 15, over: Over = "all") -> Floats:
        """Return the largest |FIS| near each variant (N,): maxAbsFIS of the paper's Fig 7."""
        return np.abs(self.peak(half_width, over).value)

    def _summary(self) -> str:
        n, length = self.importance.shape
        return f"{n} variants at index {self.position} of {length} bp"

    def _fis(self, place: slice) -> Floats:
        fis = self.importance[:, None, place] - self.mutant_importance[:, :, place]
        fis[:, :, self.position - (place.start or 0)] = np.nan
        return fis
