"""What every attribution method offers: profiles, contributions and logits of sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from dfim.attribution.completeness import warn_of_gap
from dfim.attribution.results import Array, Block, Profiles, Wanted

if TYPE_CHECKING:
    from dfim.attribution.graph.plan import Plan


class Attributor(ABC):
    """Scores sequences by one logit of one model, or by several (tasks).

    With several, results have the tasks as a first axis.

    Attributes
    ----------
    method : str
        As given to `make_attributor`.
    length : int
        Positions of an input sequence.
    batch_size : int
        Rows of one pass; every pass has this shape, the last one is padded.
    tasks : int
        Number T of scored logits.
    needs_references : bool
        Whether scores compare with references.
    plan : dfim.attribution.graph.plan.Plan or None
        The steps from the input to the logit, where they are known.
    heads : tuple of (int or str, int)
        Output and unit of each task, as given to `make_attributor`.
    held : dict of str to str
        Digests of the inputs that are held at other values than zero.
    model_digest : str
        Digest of the model (`dfim.models.loading.model_digest`), which results keep; "" where
        the attributor was not made by `make_attributor`.
    """

    method: str
    plan: Plan | None
    length: int
    batch_size: int
    tasks: int = 1
    needs_references: bool = True
    heads: tuple[tuple[int | str, int], ...] = ()
    held: Mapping[str, str] = MappingProxyType({})
    model_digest: str = ""

    def profiles(
        self,
        X: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Profiles:
        """Score sequences, one number a position.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Columns may hold fractions (mutants) or zeros (N bases).
        references : uint8 or float32 (1, R, L, 4) or (G, R, L, 4), optional
            R references shared by every row, or R for each of G groups of rows; the
            result is the mean over R. Ignored (None will do) where `needs_references`
            is False: gradient times input and mutagenesis.
        reference_of : int (N,), optional
            Group of each row; required when G > 1.
        progress : callable, optional
            Called with the number of rows done since the last call.

        Returns
        -------
        Profiles

        Raises
        ------
        ValueError
            When an array has another shape or type, or a group does not exist.

        Notes
        -----
        Memory: the result, the activations of one batch, and some 256 MiB of those of
        references. Time: a forward pass a row and one for each reference of a group, and a
        backward pass a row, reference and task; integrated gradients and mutagenesis take
        many more passes (see their classes). A row's result does not depend on the rows
        around it. Where contributions miss the logits by more than 1 % (median), a line of
        the log says so and what to do.
        """
        self._check(X, references, reference_of)
        found = self._profiles(X, references, reference_of, progress)
        warn_of_gap(self, found.gap, found.target - found.base)
        return found

    def _profiles(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        progress: Callable[[int], None] | None = None,
    ) -> Profiles:
        """Profiles of checked input, without a word on their completeness."""
        n = len(X)
        scores = np.empty((self.tasks, n, self.length), np.float32)
        target, base, gap = np.empty((3, self.tasks, n), np.float32)
        for block in self._blocks(X, references, reference_of, "scores"):
            scores[:, block.rows] = block.values
            target[:, block.rows] = block.target
            base[:, block.rows] = block.base
            gap[:, block.rows] = block.gap
            if progress is not None:
                progress(block.target.shape[1])
        found = (self._of_tasks(array) for array in (scores, target, base, gap))
        return Profiles(*found)

    def contributions(
        self, X: Array, references: Array | None = None, *, reference_of: Array | None = None
    ) -> Array:
        """Give the unmasked contribution of every base and position.

        Parameters
        ----------
        X, references, reference_of
            As for `profiles`.

        Returns
        -------
        float32 (N, L, 4)
            Mean over the references of multiplier times (X - reference); gradient times X
            for gradient times input.

        Raises
        ------
        ValueError
            As `profiles`.
        """
        return self._all_bases(X, references, reference_of, "contributions")

    def hypothetical(
        self, X: Array, references: Array | None = None, *, reference_of: Array | None = None
    ) -> Array:
        """Give what each base would contribute at each position, were it there.

        Parameters
        ----------
        X, references, reference_of
            As for `profiles`.

        Returns
        -------
        float32 (N, L, 4)
            Mean over the references of the sum over c of multiplier[c] times
            (base[c] - reference[c]), with the multipliers of X itself: an estimate, as
            another base would change them (Shrikumar et al. 2017). Without references it
            is the gradient, or for mutagenesis what the base really does. At the bases
            of X it is the sum of a column of `contributions`.

        Raises
        ------
        ValueError
            As `profiles`.
        """
        return self._all_bases(X, references, reference_of, "hypothetical")

    def reachable(
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        """Tell which sources can change the importance of which targets at all.

        Parameters
        ----------
        source_start, source_end, target_start, target_end : int (P,)
            Half-open intervals of the input, 0-based.

        Returns
        -------
        bool (P,)
            From the architecture alone (`dfim.attribution.graph.reach`); holds where a sequence
            and its mutants share references. True wherever there is no plan to tell.
        """
        if self.plan is None:
            return np.ones(len(source_start), bool)
        from dfim.attribution.graph.reach import (
            reachable,  # loads Keras, which this module must not
        )

        return reachable(self.plan, source_start, source_end, target_start, target_end)

    def describe(self) -> dict[str, object]:
        """What is scored and how, for a file of scores to keep."""
        names = ("method", "maxpool_rule", "observed", "steps", "batch_size")
        found = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {**found, "heads": self.heads, "held": dict(self.held)}

    def structural_reach(self) -> int | None:
        """Give the largest distance at which one nucleotide can change another's importance.

        In bp, from the architecture alone (`dfim.attribution.graph.reach`); None where
        there is no such limit, or no plan to tell.
        """
        if self.plan is None:
            return None
        from dfim.attribution.graph.reach import structural_reach  # loads Keras

        return structural_reach(self.plan)

    @abstractmethod
    def predict_logit(self, X: Array) -> Array:
        """Compute the scored logit of sequences.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)

        Returns
        -------
        float32 (N,)

        Raises
        ------
        ValueError
            When X has another shape or type.
        """

    @abstractmethod
    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        """Yield the results of checked input, block by block."""

    def _all_bases(
        self, X: Array, references: Array | None, reference_of: Array | None, wanted: Wanted
    ) -> Array:
        """Collect values (T, N, L, 4) of checked input; without T for one task."""
        n = self._check(X, references, reference_of)
        out = np.empty((self.tasks, n, self.length, 4), np.float32)
        for block in self._blocks(X, references, reference_of, wanted):
            out[:, block.rows] = block.values
        return self._of_tasks(out)

    def _batches(self, n: int) -> Iterator[slice]:
        """Cut n rows into batches."""
        size = self.batch_size
        return (slice(i, min(i + size, n)) for i in range(0, n, size))

    def _of_tasks(self, array: Array) -> Array:
        """Leave the axis of tasks out where there is one task."""
        return array if self.tasks > 1 else array[0]

    def _check(self, X: Array, references: Array | None, reference_of: Array | None) -> int:
        """Refuse arrays of a wrong shape or type; return the number of rows."""
        n = self._check_one_hot("X", X, (None, self.length, 4))
        if not self.needs_references:
            return n
        if references is None:
            raise ValueError(f"references: got None, method '{self.method}' needs them")
        groups = self._check_one_hot("references", references, (None, None, self.length, 4))
        if reference_of is None:
            if groups != 1:
                raise ValueError(
                    f"reference_of: got None with {groups} groups of references, expected "
                    f"the group of each of the {n} rows"
                )
        elif reference_of.shape != (n,) or not np.issubdtype(reference_of.dtype, np.integer):
            raise ValueError(
                f"reference_of: got {reference_of.dtype} {reference_of.shape}, expected "
                f"integers ({n},)"
            )
        elif n and not 0 <= reference_of.min() <= reference_of.max() < groups:
            row = int(np.flatnonzero((reference_of < 0) | (reference_of >= groups))[0])
            raise ValueError(
                f"reference_of: row {row} has group {reference_of[row]}, expected 0 to "
                f"{groups - 1}"
            )
        return n

    @staticmethod
    def _check_one_hot(name: str, array: Array, shape: tuple[int | None, ...]) -> int:
        fits = array.ndim == len(shape) and all(
            want in (None, got) for got, want in zip(array.shape, shape, strict=True)
        )
        empty = len(shape) == 4 and 0 in array.shape
        if not fits or empty or array.dtype not in (np.uint8, np.float32):
            wanted = ", ".join("any" if want is None else str(want) for want in shape)
            raise ValueError(
                f"{name}: got {array.dtype} {array.shape}, expected uint8 or float32 ({wanted})"
            )
        return array.shape[0]
