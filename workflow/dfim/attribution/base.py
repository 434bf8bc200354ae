"""Base class of attribution methods: profiles, contributions and logits of sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

from dfim.attribution.checks import ReferenceGroups, check_one_hot, check_references
from dfim.attribution.results import (
    Array,
    Block,
    Description,
    Head,
    Profiles,
    Wanted,
    warn_of_convergence_delta,
)


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
        Rows of one pass; the last one is padded.
    tasks : int
        Number T of scored logits.
    needs_references : bool
        Whether scores compare with references.
    maxpool_rule, observed, steps, heads, held
        What is scored and how: see `dfim.attribution.results.Description`.
    model_digest : str
        As `dfim.models.loading.model_digest`; "" where unknown.
    """

    method: str
    length: int
    batch_size: int
    tasks: int = 1
    needs_references: bool = True
    maxpool_rule: str | None = None
    observed: bool = True
    steps: int | None = None
    heads: tuple[Head, ...] = ()
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
        """Score sequences, one number per position.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Columns may hold fractions (mutants) or zeros (N bases).
        references : uint8 or float32 (1, R, L, 4) or (G, R, L, 4), optional
            R references shared by every row, or R for each of G groups of rows; the
            result is the mean over R. Ignored (None will do) where `needs_references`
            is False: input × gradient and in silico mutagenesis.
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
        Memory: the result, activations of one batch, and some 256 MiB of those of references.
        Time: a forward pass per row and per reference of a group, and a backward pass per row,
        reference and task; integrated gradients and in silico mutagenesis take many more (see
        their classes). A row's result does not depend on the rows around it. Where the median
        convergence delta is above 1 % of the median change of the logit, a warning is logged.
        """
        profiles = self._profiles(X, self._check(X, references, reference_of), progress)
        change = profiles.target - profiles.base
        warn_of_convergence_delta(self, profiles.convergence_delta, change)
        return profiles

    def _profiles(
        self,
        X: Array,
        references: ReferenceGroups | None,
        progress: Callable[[int], None] | None = None,
    ) -> Profiles:
        """Score checked input, without a warning about the convergence delta."""
        n = len(X)
        scores = np.empty((self.tasks, n, self.length), np.float32)
        target, base, delta = np.empty((3, self.tasks, n), np.float32)
        for block in self._blocks(X, references, "scores"):
            scores[:, block.rows] = block.values
            target[:, block.rows] = block.target
            base[:, block.rows] = block.base
            delta[:, block.rows] = block.convergence_delta
            if progress is not None:
                progress(block.target.shape[1])
        return Profiles(*(self._of_tasks(array) for array in (scores, target, base, delta)))

    def contributions(
        self, X: Array, references: Array | None = None, *, reference_of: Array | None = None
    ) -> Array:
        """Compute the unmasked contribution of every base and position.

        Parameters
        ----------
        X, references, reference_of
            As for `profiles`.

        Returns
        -------
        float32 (N, L, 4)
            Mean over the references of multiplier × (X - reference); X × gradient for
            input × gradient.

        Raises
        ------
        ValueError
            As `profiles`.
        """
        return self._all_bases(X, references, reference_of, "contributions")

    def hypothetical(
        self, X: Array, references: Array | None = None, *, reference_of: Array | None = None
    ) -> Array:
        """Estimate what each base would contribute at each position, were it there.

        Parameters
        ----------
        X, references, reference_of
            As for `profiles`.

        Returns
        -------
        float32 (N, L, 4)
            Mean over the references of the sum over c of multiplier[c] ×
            (base[c] - reference[c]), with the multipliers of X itself: an estimate, as
            another base would change them (Shrikumar et al. 2017). Without references it
            is the gradient, or for in silico mutagenesis what the base really does. At the
            bases of X it is the sum of a column of `contributions`.

        Raises
        ------
        ValueError
            As `profiles`.
        """
        return self._all_bases(X, references, reference_of, "hypothetical")

    def description(self) -> Description:
        """Collect what a result has to record to be known again: the method and its choices."""
        return Description(
            self.method, self.maxpool_rule, self.observed, self.steps, self.batch_size,
            self.heads, dict(self.held),
        )  # fmt: skip

    def describe(self) -> dict[str, object]:
        """Give `description` as JSON values, for a file of scores to keep."""
        return self.description().values()

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
            True for all, unless the method knows the architecture.
        """
        return np.ones(len(source_start), bool)

    def structural_reach(self) -> int | None:
        """Give the largest distance (bp) at which nucleotides interact; None: no limit."""
        return None

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
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        """Yield results of checked input; `references` are None where none are needed."""

    def _all_bases(
        self, X: Array, references: Array | None, reference_of: Array | None, wanted: Wanted
    ) -> Array:
        """Collect values (T, N, L, 4) of checked input; without T for one task."""
        checked = self._check(X, references, reference_of)
        out = np.empty((self.tasks, len(X), self.length, 4), np.float32)
        for block in self._blocks(X, checked, wanted):
            out[:, block.rows] = block.values
        return self._of_tasks(out)

    def _of_tasks(self, array: Array) -> Array:
        """Leave the axis of tasks out where there is one task."""
        return array if self.tasks > 1 else array[0]

    def _check(
        self, X: Array, references: Array | None, reference_of: Array | None
    ) -> ReferenceGroups | None:
        """Refuse arrays of a wrong shape or type; None where no references are needed."""
        rows = check_one_hot("X", X, (None, self.length, 4))
        if not self.needs_references:
            return None
        return check_references(
            references, reference_of, rows=rows, length=self.length, method=self.method
        )
