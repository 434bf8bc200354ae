"""What mutations do to the importance of targets: whole profiles, or windows where exact.

Everything that is scored goes through here: mutated bases (a nucleotide, a motif, a variant,
any interval) on one side, targets (nucleotides, intervals, the window around) on the other.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.changes import Changes, Integers, Mutations, Targets, require_inside
from dfim.scoring import (
    Progress,
    ScoringSettings,
    draw_references,
    profiles_of_mutants,
)
from dfim.sequences import distinct_tuples

if TYPE_CHECKING:
    from dfim.attribution.engine import Engine
    from dfim.attribution.window_choice import Choice

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
    each: float = 1,
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
    each
        Targets of a mutation, about: decides how windows are used.
    changes_only
        Whether the importance in the originals is not wanted: it may be NaN.
    windowed
        None: windows where they are exact and fewer operations; False: never; True: always.
    progress
        Called with the number of mutants scored since the last call.

    Raises
    ------
    ValueError
        When `windowed` is True and windows are not exact; when a mutation leaves X.

    Notes
    -----
    A mutation's numbers do not depend on the others. Memory: some 64 MiB of inputs, and
    their results.
    """
    require_inside(X, mutations.rows, mutations.end)
    engine = engine_of_windows(attributor, settings, windowed)
    options = {"each": each, "changes_only": changes_only, "always": bool(windowed)}
    a_row = X.shape[1] * 4 * (8 + settings.n_refs)
    step = max(1, _CHUNK_BYTES // a_row)
    for first in range(0, len(X), step):
        rows = slice(first, first + step)
        inside = slice(*np.searchsorted(mutations.rows, [first, first + step]))
        wanted = slice(*np.searchsorted(targets.mutant, [inside.start, inside.stop]))
        part, aims = mutations.of(inside), targets.of(wanted)
        part = Mutations(part.rows - first, part.start, part.end, part.columns)
        aims = Targets(aims.mutant - inside.start, aims.start, aims.end)
        drawn, group = references or (None, None)
        if references is None and attributor.needs_references:
            drawn = draw_references(X[rows], settings, rng)
            group = None if settings.constant else np.arange(len(drawn))
        elif group is not None:
            group = group[rows]
        for found in _of_chunk(
            attributor, engine, X[rows], part, aims, settings, rng, drawn, group, options,
            progress,
        ):  # fmt: skip
            yield Changes(
                found.targets + wanted.start,
                *(getattr(found, n) for n in ("row", "delta", "importance", "offset")),
                found.mutants + inside.start,
                *(getattr(found, n) for n in ("effect", "gap", "own_gap")),
            )


def engine_of_windows(
    attributor: Attributor, settings: ScoringSettings, windowed: bool | None
) -> "Engine | None":
    """Give the attributor, where mutants can be scored in windows of it.

    Parameters
    ----------
    attributor
        Importance method.
    settings
        Windows need references that a mutant shares with its original.
    windowed
        As `score_changes`.

    Raises
    ------
    ValueError
        When `windowed` is True and windows are not exact.
    """
    if windowed is False:
        return None
    from dfim.attribution.engine import Engine

    if not isinstance(attributor, Engine):
        reason = f"{type(attributor).__name__} scores whole sequences only"
    elif settings.own and attributor.needs_references:
        reason = "refs_from 'mutant' gives a mutant other references than its original"
    else:
        return attributor
    if windowed:
        raise ValueError(f"windowed: got True, but {reason}; expected None or False")
    return None


def _of_chunk(
    attributor: Attributor,
    engine: "Engine | None",
    X: NDArray[np.uint8],
    mutations: Mutations,
    targets: Targets,
    settings: ScoringSettings,
    rng: np.random.Generator,
    references: NDArray[Any] | None,
    group: Integers | None,
    options: dict[str, Any],
    progress: Progress | None,
) -> Iterator[Changes]:
    """Score the mutations of some sequences: in windows, or what is left as wholes."""
    left = np.ones(len(targets.mutant), bool)
    idle = np.ones(len(mutations.rows), bool)
    idle[targets.mutant] = False  # mutations without a target: their effect is wanted
    if engine is not None:
        for choice, which in _choices(engine, mutations, targets, options):
            left[which] = False
            yield _in_windows(
                engine, choice, X, mutations, targets, which, references, group, progress
            )
    mutants = np.flatnonzero(np.isin(np.arange(len(idle)), targets.mutant[left]) | idle)
    if mutants.size:
        chosen, wanted = mutations.of(mutants), np.flatnonzero(left)
        row = np.searchsorted(mutants, targets.mutant[wanted])
        whole = _whole(attributor, X, chosen, settings, rng, references, group, progress)
        yield Changes(wanted, row, *whole[:3], mutants, *whole[3:])


def _choices(
    engine: "Engine", mutations: Mutations, targets: Targets, options: dict[str, Any]
) -> "Iterator[tuple[Choice, Integers]]":
    """Group targets by how they are scored; those that are best scored whole are in none."""
    from dfim.attribution.cones import size_class
    from dfim.attribution.window_choice import choose

    wide = size_class((mutations.end - mutations.start)[targets.mutant], engine.length)
    aim = size_class(targets.end - targets.start, engine.length)
    pairs, of = distinct_tuples(wide, aim)
    for number, (width, size) in enumerate(pairs.tolist()):
        choice = choose(engine, width, size, **options)
        if choice is not None:
            yield choice, np.flatnonzero(of == number)


def _in_windows(
    engine: "Engine",
    choice: "Choice",
    X: NDArray[np.uint8],
    mutations: Mutations,
    targets: Targets,
    which: Integers,
    references: NDArray[Any] | None,
    group: Integers | None,
    progress: Progress | None,
) -> Changes:
    from dfim.attribution.cropped import Cropped
    from dfim.attribution.windowed import Windowed

    mutants, of = np.unique(targets.mutant[which], return_inverse=True)
    chosen = mutations.of(mutants)
    windowed: Cropped | Windowed
    windowed = Cropped.of(engine, choice.width) if choice.crops else Windowed.of(engine, choice)
    found = windowed.differences(
        X,
        chosen.rows,
        chosen.columns,
        chosen.start,
        chosen.end,
        references,
        reference_of=group,
        progress=progress,
        **({} if windowed.reaches else {"targets": (of, targets.start[which])}),
    )
    row = of if windowed.reaches else np.arange(len(which))
    delta, importance = (
        a.reshape(engine.tasks, *a.shape[-2:]) for a in (found.delta, found.importance)
    )
    numbers = (a.reshape(engine.tasks, -1) for a in (found.effect, found.gap, found.own_gap))
    return Changes(which, row, delta, importance, found.offset, mutants, *numbers)


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
