"""What mutations do to the importance of targets: whole profiles, or windows where exact.

Everything that is scored goes through here: mutated bases (a nucleotide, a motif, a variant,
any interval) on one side, targets (nucleotides, intervals, the window around) on the other.
"""

from collections.abc import Iterator
from dataclasses import replace
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

_CHUNK_BYTES = 2**26  # of the inputs and references that are in memory together


def score_changes(
    attributor: Attributor,
    X: NDArray[np.uint8],
    mutations: Mutations,
    targets: Targets,
    settings: ScoringSettings,
    rng: np.random.Generator,
    *,
    references: tuple[NDArray[Any], Integers | None] | None = None,
    changes_only: bool = False,
    windowed: bool | None = None,
    progress: Progress | None = None,
) -> Iterator[Changes]:
    """Score mutations, some sequences at a time.

    Parameters
    ----------
    attributor
        Importance method.
    X
        (N, L, 4) original sequences.
    mutations, targets
        What is mutated, and whose importance is wanted.
    settings
        Scoring choices.
    rng
        Draws references.
    references
        (G, R, L, 4) and the group of each row of X (None where all share them), where they
        are not to be drawn.
    changes_only
        Whether the importance in the originals is not wanted: it may be NaN.
    windowed
        None: only what a mutation changes is computed, where that is exact and fewer
        operations; False: never; True: always.
    progress
        Called with the number of mutants scored since the last call.

    Raises
    ------
    ValueError
        When `windowed` is True and the method or settings need whole sequences; X or a
        mutation that does not fit the model.
    SelfCheckError
        When `windowed` is True and the differences are not those of whole profiles of this
        model.

    Notes
    -----
    A mutation's numbers do not depend on the others. Memory: some 64 MiB of inputs (more
    where one sequence has more), and their results.
    """
    require_scorable(attributor, X)
    require_inside(X, mutations.rows, mutations.end)
    local = _local_scorers(attributor, settings, changes_only, windowed)
    a_row = X.shape[1] * 4  # bytes
    inputs = np.bincount(mutations.rows, minlength=len(X)) + 1
    # References that are drawn together do not depend on how much is mutated.
    together = np.full(len(X), a_row * (8 + settings.n_refs))
    for rows in _runs(together, _CHUNK_BYTES):
        drawn, group = references or (None, None)
        if references is None and attributor.needs_references:
            drawn = draw_references(X[rows], settings, rng)
            group = None if settings.constant else np.arange(len(drawn))
        elif group is not None:
            group = group[rows]
        for part in _runs(inputs[rows] * a_row * 8, _CHUNK_BYTES):
            first, last = rows.start + part.start, rows.start + part.stop
            inside = slice(*np.searchsorted(mutations.rows, [first, last]))
            wanted = slice(*np.searchsorted(targets.mutant, [inside.start, inside.stop]))
            mutated, aims = mutations.of(inside), targets.of(wanted)
            mutated = replace(mutated, rows=mutated.rows - first)
            aims = replace(aims, mutant=aims.mutant - inside.start)
            for found in _of_chunk(
                attributor, local, X[first:last], mutated, aims, settings, rng, drawn,
                None if group is None else group[part], progress,
            ):  # fmt: skip
                yield replace(
                    found,
                    targets=found.targets + wanted.start,
                    mutants=found.mutants + inside.start,
                )


def _runs(sizes: NDArray[np.integer], most: int) -> Iterator[slice]:
    """Cut a row of things into runs of so much in all, or of a thing that is larger alone."""
    ends, first = np.cumsum(sizes), 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most, "right")))
        yield slice(first, last)
        first = last


def _local_scorers(
    attributor: Attributor,
    settings: ScoringSettings,
    changes_only: bool,
    windowed: bool | None,
) -> "LocalScorers | None":
    """Make what scores mutants without whole profiles; None where that is not wanted."""
    if windowed is False:
        return None
    from dfim.attribution.local.scorers import LocalScorers  # loads TensorFlow

    return LocalScorers(
        attributor,
        shared_references=not settings.own,
        changes_only=changes_only,
        windowed=windowed,
    )


def _of_chunk(
    attributor: Attributor,
    local: "LocalScorers | None",
    X: NDArray[np.uint8],
    mutations: Mutations,
    targets: Targets,
    settings: ScoringSettings,
    rng: np.random.Generator,
    references: NDArray[Any] | None,
    group: Integers | None,
    progress: Progress | None,
) -> Iterator[Changes]:
    """Score the mutations of some sequences: by local scorers, the others by whole profiles."""
    left = np.ones(len(targets.mutant), bool)
    idle = np.ones(len(mutations.rows), bool)
    idle[targets.mutant] = False  # mutations without a target: their effect is wanted
    if local is not None:
        widths = mutations.end - mutations.start, targets.end - targets.start
        for part in local.assign(widths[0], targets.mutant, widths[1]):
            left[part.targets] = False
            row, d = part.differences(
                X, mutations.rows, mutations.columns, mutations.start, mutations.end,
                targets.start, references, reference_of=group, progress=progress,
            )  # fmt: skip
            yield Changes(
                part.targets, row, d.delta, d.importance, d.offset, part.mutants,
                d.effect, d.gap, d.own_gap,
            )  # fmt: skip
    mutants = np.flatnonzero(np.isin(np.arange(len(idle)), targets.mutant[left]) | idle)
    if mutants.size:
        chosen, wanted = mutations.of(mutants), np.flatnonzero(left)
        row = np.searchsorted(mutants, targets.mutant[wanted])
        whole = _whole(attributor, X, chosen, settings, rng, references, group, progress)
        yield Changes(wanted, row, *whole[:3], mutants, *whole[3:])


def _whole(
    attributor: Attributor,
    X: NDArray[np.uint8],
    mutations: Mutations,
    settings: ScoringSettings,
    rng: np.random.Generator,
    references: NDArray[Any] | None,
    group: Integers | None,
    progress: Progress | None,
) -> tuple[NDArray[Any], ...]:
    """Delta, importance, offset, effect and gap, from whole profiles."""
    sequences, row = np.unique(mutations.rows, return_inverse=True)
    n, rows = len(sequences), np.append(sequences, mutations.rows)
    scored = profiles_of_mutants(
        attributor,
        np.concatenate([X[sequences].astype(np.float32), mutations.mutants(X)]),
        rows if group is None else group[rows],
        references,
        settings,
        rng,
        progress,
    )
    tasks = attributor.tasks
    scores = scored.scores.reshape(tasks, -1, X.shape[1])
    target, gap = (a.reshape(tasks, -1) for a in (scored.target, scored.gap))
    importance = scores[:, row]
    delta = importance - scores[:, n:]
    offset = np.zeros(len(row), np.int64)
    effect = target[:, row] - target[:, n:]
    return delta, importance, offset, effect, gap[:, n:], gap[:, row]
