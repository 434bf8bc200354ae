"""Changes of profiles by mutated intervals, from crops of the sequences.

Where a linear head adds up pooling windows that do not overlap, a mutated interval changes
only what passes through the windows that see it. These windows, cut out with the bases that
they see, give the whole difference of the two profiles; everywhere else it is exactly 0
(drawn in `dfim.attribution.local.crop_geometry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dfim.attribution.checks import ReferenceGroups
from dfim.attribution.engine.costs import BUNDLE
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.crop_engine import CropBank, CropEngine
from dfim.attribution.local.crop_geometry import PoolingWindows, crop_heads, obstacle
from dfim.attribution.local.items import check_mutants
from dfim.attribution.local.results import Differences
from dfim.attribution.local.self_check import self_check
from dfim.attribution.results import warn_of_convergence_delta
from dfim.sequences.mutations import put_columns

Array = np.ndarray


class Cropped:
    """Scores changes of profiles by mutated intervals of up to some width, from crops.

    Parameters
    ----------
    engine : Engine
        Whose profiles are meant.
    width : int
        Bases of the widest interval.
    batch_size : int, optional
        Crops a pass; by default from the size of a crop, as the engine's own.

    Attributes
    ----------
    windows, crop : int
        Pooling windows of a crop, and the bases that they see.
    widest : int
        Bases of the widest interval that so many windows see wherever it lies.
    batch_size : int

    Raises
    ------
    ValueError
        Where crops are not exact for the model (`crop_geometry.obstacle`).
    SelfCheckError
        When random mutants do not come out as with the engine: it is checked when made.

    Notes
    -----
    The result of a mutant does not depend on those around it. Another number of windows
    may change its last bits, so score intervals of one `windows` by one object.
    """

    def __init__(self, engine: Engine, width: int, *, batch_size: int | None = None) -> None:
        reason = obstacle(engine.plan)
        if reason is not None:
            raise ValueError(f"engine: {reason}; use the profiles of whole sequences")
        if not 1 <= width <= engine.length:
            raise ValueError(f"width: got {width}, expected 1 to {engine.length}")
        self._geometry = PoolingWindows.of(engine.plan)
        self.windows = int(self._geometry.seeing(width))
        self._crops = CropEngine(engine, self.windows, batch_size)
        self.crop, self.batch_size = self._crops.crop, self._crops.batch_size
        self._heads = crop_heads(engine.plan, self.windows)
        self.widest = min(
            self.windows * self._geometry.size - self._geometry.field + 1, engine.length
        )
        if self.windows == self._geometry.total:  # the crop is all that is seen
            self.widest = engine.length
        self.engine, self.width, self.reaches, self.size = engine, width, True, self.crop
        self._checked = False
        self_check(self, f"crops of {self.windows} pooling windows")
        self._checked = True

    @classmethod
    def of(cls, engine: Engine, width: int) -> Cropped:
        """Make it once for an engine and a number of windows.

        Parameters
        ----------
        engine : Engine
        width : int

        Returns
        -------
        Cropped

        Raises
        ------
        ValueError, SelfCheckError
            As the class.
        """
        if obstacle(engine.plan) is not None or width < 1:
            return cls(engine, width)  # which says why not
        windows = int(PoolingWindows.of(engine.plan).seeing(width))
        if (cls, windows) not in engine.made:
            engine.made[cls, windows] = cls(engine, width)
        return engine.made[cls, windows]

    def differences(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        targets: tuple[Array, Array] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Differences:
        """Compare mutants with their originals.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Original sequences.
        rows, starts, ends : int (M,)
            Row of X and half-open interval of each mutant.
        columns : uint8 or float32 (M, W, 4)
            What stands in the interval instead; beyond its width they are ignored.
        references, reference_of
            As for `Attributor.profiles`, but `reference_of` (N,) is the group of each
            sequence: an original and its mutants share references.
        targets : None
            The target of a mutant is its crop.
        progress : callable, optional
            Called with the number of mutants done since the last call.

        Returns
        -------
        Differences
            Without the importance in the original, of which a crop knows a part. The
            convergence delta is that of each mutant within its crop.

        Raises
        ------
        ValueError
            When an array has another shape or type, an interval is empty, leaves its sequence
            or is wider than `widest`, or targets are given.

        Notes
        -----
        Cost: a pass of a crop for each mutant and for each different crop of an original,
        and for each reference one of up to half as many. Memory: 4 S bytes a mutant and
        original, and a batch.
        """
        if targets is not None:
            raise ValueError("targets: got some, expected None: all in a crop is scored")
        mutants = X, rows, columns, starts, ends
        checked = check_mutants(
            self._crops, *mutants, references, reference_of, widest=self.widest
        )
        if checked is None:  # of plain gradients: not looked at
            checked = ReferenceGroups(np.zeros((1, 1, self._crops.length, 4), np.uint8))
        total = self._geometry.total
        first = self._geometry.first_seeing(starts, self.windows)
        # Items are the different crops of originals, then the mutants.
        originals, of_mutant = np.unique(rows * total + first, return_inverse=True)
        n = len(originals)
        row, at = np.append(originals // total, rows), np.append(originals % total, first)
        key = checked.groups(row, len(row)) * total + at
        order = np.argsort(key, kind="stable")
        shared = self._shared(checked.arrays)
        scores = np.empty((len(row), self.crop), np.float32)
        logit, signed, change = np.empty((3, len(row)), np.float32)
        for i in range(0, len(order), self.batch_size):
            batch = order[i : i + self.batch_size]
            offset = at[batch] * self._geometry.size
            x = self._cut(X, row[batch], offset).astype(np.float32)
            mutated = np.flatnonzero(batch >= n)
            which = batch[mutated] - n
            begin = starts[which] - offset[mutated]
            put_columns(x, mutated, columns[which], begin, ends[which] - starts[which])
            bases: Iterable[CropBank] = shared or []
            which_base = None
            if shared is None:
                keys, which_base = np.unique(key[batch], return_inverse=True)
                bases = self._bases_of(checked.arrays, keys)
            arrays = self._crops.score(x, self._heads[at[batch]], bases, which_base)
            scores[batch], logit[batch], signed[batch], change[batch] = arrays
            if progress is not None:
                progress(len(mutated))
        delta = np.abs(signed)
        if self._checked and self._crops.needs_references:
            warn_of_convergence_delta(self.engine, delta, change)
        unknown = np.full(len(rows), np.nan, np.float32)
        return Differences(
            mutant=np.arange(len(rows)),
            offset=first * self._geometry.size,
            delta=scores[of_mutant] - scores[n:],
            importance=np.full((len(rows), self.crop), np.nan, np.float32),
            effect=logit[of_mutant] - logit[n:],
            convergence_delta=delta[n:] if self._crops.needs_references else unknown,
            original_convergence_delta=unknown,
        )

    def _shared(self, references: Array) -> list[CropBank] | None:
        """Activations of references whose crops are all the same; None for others."""
        if len(references) > 1 or (references != references[:, :, :1]).any():
            return None
        return [self._crops.keep(r[None, : self.crop], BUNDLE) for r in references[0]]

    def _bases_of(self, references: Array, keys: Array) -> Iterator[CropBank]:
        """Activations of the crops of references that a batch needs."""
        group, at = np.divmod(keys, self._geometry.total)
        offset, rows = at * self._geometry.size, self._crops.reference_rows
        for r in range(references.shape[1]):
            yield self._crops.keep(self._cut(references[:, r], group, offset), rows)

    def _cut(self, X: Array, rows: Array, offset: Array) -> Array:
        return X[rows[:, None], offset[:, None] + np.arange(self.crop)]
