"""What mutations do to the importance of targets: whole profiles, or windows where exact.

Everything that is scored goes through here: mutated bases (a nucleotide, a motif, a variant,
any interval) on one side, targets (nucleotides, intervals, the window around) on the other.
"""

import logging
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
from dfim.sequences.encoding import distinct_tuples

if TYPE_CHECKING:
    from dfim.attribution.engine.engine import Engine
    from dfim.attribution.local.choice import Choice
    from dfim.attribution.local.cropped import Cropped
    from dfim.attribution.local.windowed import Windowed

log = logging.getLogger(__name__)

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
        When `windowed` is True and the method or settings need whole sequences; X or a
        mutation that does not fit the model.
    InexactWindowsError
        When `windowed` is True and windows differ from whole profiles of this model.

    Notes
    -----
    A mutation's numbers do not depend on the others. Memory: some 64 MiB of inputs (more
    where one sequence has more), and their results.
    """
    require_scorable(attributor, X)
    require_inside(X, mutations.rows, mutations.end)
    engine = engine_of_windows(attributor, settings, windowed)
    options = {"each": each, "changes_only": changes_only, "always": bool(windowed)}
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
                attributor, engine, X[first:last], mutated, aims, settings, rng, drawn,
                None if group is None else group[part], options, progress,
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
        When `windowed` is True and there is no way to do so.
    """
    if windowed is False:
        return None
    from dfim.attribution.engine.engine import Engine

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
        for windows, which in _choices(engine, mutations, targets, options):
            left[which] = False
            yield _in_windows(
                windows, X, mutations, targets, which, references, group, progress
            )
    mutants = np.flatnonzero(np.isin(np.arange(len(idle)), targets.mutant[left]) | idle)
    if mutants.size:
        chosen, wanted = mutations.of(mutants), np.flatnonzero(left)
        row = np.searchsorted(mutants, targets.mutant[wanted])
        whole = _whole(attributor, X, chosen, settings, rng, references, group, progress)
        yield Changes(wanted, row, *whole[:3], mutants, *whole[3:])


def _choices(
    engine: "Engine", mutations: Mutations, targets: Targets, options: dict[str, Any]
) -> "Iterator[tuple[Windowed | Cropped, Integers]]":
    """Group targets by what scores them; those that are best scored whole are in none."""
    from dfim.attribution.local.choice import choose
    from dfim.attribution.local.cones import size_class

    wide = size_class((mutations.end - mutations.start)[targets.mutant], engine.length)
    aim = size_class(targets.end - targets.start, engine.length)
    pairs, of = distinct_tuples(wide, aim)
    grouped: dict[Windowed | Cropped, list[int]] = {}
    for number, (width, size) in enumerate(pairs.tolist()):
        choice = choose(engine, width, size, **options)
        windows = choice and _proved(engine, choice, must=options["always"])
        if windows:
            grouped.setdefault(windows, []).append(number)
    return ((one, np.flatnonzero(np.isin(of, kinds))) for one, kinds in grouped.items())


def _proved(engine: "Engine", choice: "Choice", *, must: bool) -> "Windowed | Cropped | None":
    """Make what scores windows; None, and a line of the log, where it is not exact."""
    from dfim.attribution.local.cropped import Cropped
    from dfim.attribution.local.proof import InexactWindowsError
    from dfim.attribution.local.windowed import Windowed

    refused = _proved, choice.crops, choice.width, choice.size
    if refused in engine.made and not must:
        return None
    try:
        return Cropped.of(engine, choice.width) if choice.crops else Windowed.of(engine, choice)
    except InexactWindowsError as error:
        if must:
            raise
        log.warning("%s: whole sequences are scored", error)
        engine.made[refused] = None
        return None


def _in_windows(
    windows: "Windowed | Cropped",
    X: NDArray[np.uint8],
    mutations: Mutations,
    targets: Targets,
    which: Integers,
    references: NDArray[Any] | None,
    group: Integers | None,
    progress: Progress | None,
) -> Changes:
    mutants, of = np.unique(targets.mutant[which], return_inverse=True)
    chosen = mutations.of(mutants)
    found = windows.differences(
        X,
        chosen.rows,
        chosen.columns,
        chosen.start,
        chosen.end,
        references,
        reference_of=group,
        progress=progress,
        **({} if windows.reaches else {"targets": (of, targets.start[which])}),
    )
    row, tasks = of if windows.reaches else np.arange(len(which)), windows.engine.tasks
    delta, importance = (
        a.reshape(tasks, *a.shape[-2:]) for a in (found.delta, found.importance)
    )
    numbers = (a.reshape(tasks, -1) for a in (found.effect, found.gap, found.own_gap))
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
