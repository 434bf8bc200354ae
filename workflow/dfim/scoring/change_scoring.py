"""Changes of importance by mutations: from local scorers where exact, else from profiles.

All scores go through `ChangeScorer`: mutated intervals on one side, targets on the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.scoring.changes import Changes, Integers, Mutations, Targets, require_inside
from dfim.scoring.settings import (
    Progress,
    ScoringSettings,
    draw_references,
    profiles_of_mutants,
    require_scorable,
)

if TYPE_CHECKING:
    from dfim.attribution.local.scorers import LocalScorers

# (G, R, L, 4) references and the group of each sequence; no groups where all share them.
References = tuple[NDArray[Any] | None, Integers | None]

_CHUNK_BYTES = 2**26  # of the inputs and references that are in memory together


@dataclass(frozen=True)
class _Chunk:
    """Some sequences with their mutations, targets and references."""

    X: NDArray[Any]
    mutations: Mutations
    targets: Targets
    references: NDArray[Any] | None
    group: Integers | None


class ChangeScorer:
    """Scores what mutations change in the importance of targets.

    Parameters
    ----------
    attributor
        Importance method on a model, of T tasks.
    settings
        Scoring choices.
    changes_only
        Whether the importance in the originals is not wanted: it may be NaN.
    windowed
        None: only what a mutation changes is computed, where that is exact and fewer
        operations; False: never; True: always.
    progress
        Called with the number of inputs (mutants, where local) scored since the last call.

    Raises
    ------
    ValueError
        `windowed` is True and the method or settings need whole sequences; no attributor.

    Examples
    --------
    >>> import dfim, keras
    >>> import numpy as np
    >>> from dfim.scoring import Mutations, Targets
    >>> network = keras.Sequential([keras.Input((12, 4)), keras.layers.Flatten(),
    ...     keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
    >>> rng, settings = np.random.default_rng(0), dfim.ScoringSettings(references="gc")
    >>> X, place = dfim.one_hot(rng.integers(0, 4, (1, 12))), np.array([5, 9])
    >>> mutations = Mutations.of_intervals(X, 0 * place, place, place + 1, settings, rng)
    >>> targets = Targets(np.arange(2), place - 3, place)
    >>> scorer = ChangeScorer(dfim.make_attributor(network, "deeplift"), settings)
    >>> (changes,) = scorer.score(X, mutations, targets, rng)
    >>> changes.over(place - 3, 3)[0].shape  # tasks, targets, positions
    (1, 2, 3)
    """

    def __init__(
        self,
        attributor: Attributor,
        settings: ScoringSettings,
        *,
        changes_only: bool = False,
        windowed: bool | None = None,
        progress: Progress | None = None,
    ) -> None:
        require_scorable(attributor)
        self.attributor, self.settings, self.progress = attributor, settings, progress
        self._local = None if windowed is False else self._scorers(changes_only, windowed)

    def score(
        self,
        X: NDArray[Any],
        mutations: Mutations,
        targets: Targets,
        rng: np.random.Generator,
        *,
        references: References | None = None,
    ) -> Iterator[Changes]:
        """Score mutations, some sequences at a time.

        Parameters
        ----------
        X
            (N, L, 4) original sequences, which `require_scorable` has checked.
        mutations, targets
            What is mutated, and whose importance is wanted.
        rng
            Draws references.
        references
            Those of the sequences, where they are not to be drawn.

        Yields
        ------
        Changes
            Of disjoint sets of targets, and of all mutations.

        Raises
        ------
        ValueError
            A mutation outside its sequence.
        SelfCheckError
            When `windowed` is True and a local scorer differs from whole profiles.

        Notes
        -----
        A mutation's numbers do not depend on the others. Memory: some 64 MiB of inputs (more
        where one sequence has more), and results.
        """
        require_inside(X, mutations.rows, mutations.end)
        for rows, chunk in self._chunks(X, mutations, rng, references):
            inside = slice(*np.searchsorted(mutations.rows, [rows.start, rows.stop]))
            wanted = slice(*np.searchsorted(targets.mutant, [inside.start, inside.stop]))
            mutated, aims = mutations.of(inside), targets.of(wanted)
            part = replace(
                chunk,
                mutations=replace(mutated, rows=mutated.rows - rows.start),
                targets=replace(aims, mutant=aims.mutant - inside.start),
            )
            for changes in self._changes(part, rng):
                yield replace(
                    changes,
                    targets=changes.targets + wanted.start,
                    mutants=changes.mutants + inside.start,
                )

    def _scorers(self, changes_only: bool, windowed: bool | None) -> "LocalScorers":
        """Make what scores mutants without whole profiles."""
        from dfim.attribution.local.scorers import LocalScorers  # loads TensorFlow

        return LocalScorers(
            self.attributor,
            shared_references=not self.settings.own,
            changes_only=changes_only,
            windowed=windowed,
        )

    def _chunks(
        self,
        X: NDArray[Any],
        mutations: Mutations,
        rng: np.random.Generator,
        references: References | None,
    ) -> Iterator[tuple[slice, _Chunk]]:
        """Cut sequences into chunks that memory holds, and draw their references."""
        a_row = X.shape[1] * 4  # bytes
        inputs = np.bincount(mutations.rows, minlength=len(X)) + 1
        none = mutations.of(slice(0)), Targets(*np.empty((3, 0), np.int64))
        # References that are drawn together do not depend on how much is mutated.
        together = np.full(len(X), a_row * (8 + self.settings.n_refs))
        for rows in _runs(together, _CHUNK_BYTES):
            values, group = references or (None, None)
            if references is None and self.attributor.needs_references:
                values = draw_references(X[rows], self.settings, rng)
                group = None if self.settings.constant else np.arange(len(values))
            elif group is not None:
                group = group[rows]
            for part in _runs(inputs[rows] * a_row * 8, _CHUNK_BYTES):
                chosen = slice(rows.start + part.start, rows.start + part.stop)
                of_part = None if group is None else group[part]
                yield chosen, _Chunk(X[chosen], *none, values, of_part)

    def _changes(self, chunk: _Chunk, rng: np.random.Generator) -> Iterator[Changes]:
        """Score the mutations of a chunk: by local scorers, the others by whole profiles."""
        mutations, targets = chunk.mutations, chunk.targets
        rest = np.ones(len(targets.mutant), bool)
        if self._local is not None:
            widths = mutations.end - mutations.start, targets.end - targets.start
            for part in self._local.assign(widths[0], targets.mutant, widths[1]):
                rest[part.targets] = False
                row, d = part.differences(
                    chunk.X, mutations.rows, mutations.columns, mutations.start,
                    mutations.end, targets.start, chunk.references,
                    reference_of=chunk.group, progress=self.progress,
                )  # fmt: skip
                yield Changes(
                    part.targets, row, d.delta, d.importance, d.offset, part.mutants,
                    d.effect, d.convergence_delta, d.original_convergence_delta,
                )  # fmt: skip
        whole = np.ones(len(mutations.rows), bool)
        whole[targets.mutant] = False  # mutations without a target: their effect is wanted
        whole[targets.mutant[rest]] = True
        if whole.any():
            yield self._whole(chunk, np.flatnonzero(whole), np.flatnonzero(rest), rng)

    def _whole(
        self, chunk: _Chunk, mutants: Integers, wanted: Integers, rng: np.random.Generator
    ) -> Changes:
        """Score some mutations of a chunk and some of their targets by whole profiles."""
        mutations = chunk.mutations.of(mutants)
        sequences, row = np.unique(mutations.rows, return_inverse=True)
        n, rows = len(sequences), np.append(sequences, mutations.rows)
        profiles = profiles_of_mutants(
            self.attributor,
            np.concatenate([chunk.X[sequences].astype(np.float32), mutations.mutants(chunk.X)]),
            rows if chunk.group is None else chunk.group[rows],
            chunk.references,
            self.settings,
            rng,
            self.progress,
        )
        tasks = self.attributor.tasks
        scores = profiles.scores.reshape(tasks, -1, chunk.X.shape[1])
        target, delta = profiles.target, profiles.convergence_delta
        logit, convergence_delta = (a.reshape(tasks, -1) for a in (target, delta))
        importance = scores[:, row]
        return Changes(
            targets=wanted,
            row=np.searchsorted(mutants, chunk.targets.mutant[wanted]),
            delta=importance - scores[:, n:],
            importance=importance,
            offset=np.zeros(len(row), np.int64),
            mutants=mutants,
            effect=logit[:, row] - logit[:, n:],
            convergence_delta=convergence_delta[:, n:],
            original_convergence_delta=convergence_delta[:, row],
        )


def _runs(sizes: NDArray[np.integer], most: int) -> Iterator[slice]:
    """Cut a series into runs that add up to `most` or less; a larger item is a run alone."""
    ends, first = np.cumsum(sizes), 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most, "right")))
        yield slice(first, last)
        first = last
