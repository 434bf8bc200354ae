"""What every kind of score shares: the choices, and profiles of mutants."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor, Profiles
from dfim.mutations import mutate_intervals
from dfim.references import ReferenceKind, make_references

if TYPE_CHECKING:
    from dfim.attribution.engine import Engine

Floats = NDArray[np.float32]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class ScoringSettings:
    """Choices of the method that the paper leaves open (their defaults are the paper's).

    Attributes
    ----------
    references
        `dinuc` (dinucleotide shuffles of the sequence), `random` (iid bases),
        `gc` or `zeros` (one constant column).
    n_refs
        Shuffled or random references a sequence; scores are their mean.
    refs_from
        `original`: a sequence and its mutants share references, so that FIS has
        no reference noise. `mutant`: drawn anew from every mutant, as the
        original code did.
    gc
        GC fraction of constant references and of background columns.
    motif_mutation
        What replaces a mutated motif: background columns (`gc`), zero columns
        (`zeros`), or its own columns in random order (`shuffle`).
    """

    references: ReferenceKind = "dinuc"
    n_refs: int = 10
    refs_from: Literal["original", "mutant"] = "original"
    gc: float = 0.46
    motif_mutation: Literal["gc", "zeros", "shuffle"] = "gc"

    @classmethod
    def choose(cls, settings: Mapping[str, Any]) -> "ScoringSettings":
        """The settings among a larger mapping's keys."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


def draw_references(
    X: NDArray[Any], settings: ScoringSettings, rng: np.random.Generator
) -> NDArray[Any]:
    """References of the sequences X as the settings say: (1 or N, R, L, 4)."""
    return make_references(X, settings.references, n=settings.n_refs, gc=settings.gc, rng=rng)


def profiles_of_mutants(
    attributor: Attributor,
    mutants: NDArray[Any],
    rows: NDArray[np.integer],
    references: NDArray[Any],
    settings: ScoringSettings,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Profiles:
    """Score mutants of the sequences `rows`, with shared or their own references."""
    if settings.references in ("gc", "zeros"):  # one constant input serves every row
        return attributor.profiles(mutants, references, progress=progress)
    if settings.refs_from == "mutant":
        references, rows = draw_references(mutants, settings, rng), np.arange(len(mutants))
    return attributor.profiles(mutants, references, reference_of=rows, progress=progress)


@dataclass(frozen=True)
class Intervals:
    """M intervals to be mutated, one mutant each.

    Attributes
    ----------
    rows
        (M,) int64 row of the sequence array.
    start, end
        (M,) int64, 0-based, half-open.
    """

    rows: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def mutants(
        self, X: NDArray[Any], settings: ScoringSettings, rng: np.random.Generator
    ) -> Floats:
        """Whole mutants (M, L, 4)."""
        how, gc = settings.motif_mutation, settings.gc
        return mutate_intervals(X, self.rows, self.start, self.end, how=how, gc=gc, rng=rng)

    def columns(
        self, X: NDArray[Any], settings: ScoringSettings, rng: np.random.Generator
    ) -> Floats:
        """The same mutants' columns from `start` on (M, widest, 4), of use up to `end`."""
        bad = np.flatnonzero((self.rows >= len(X)) | (self.end > X.shape[1]))
        if bad.size:
            raise ValueError(
                f"features: [{self.start[bad[0]]}, {self.end[bad[0]]}) of sequence "
                f"{self.rows[bad[0]]} is not in X, expected {len(X)} rows of {X.shape[1]} bp"
            )
        width = self.end - self.start
        place = self.start[:, None] + np.arange(width.max(initial=1))
        cut = X[self.rows[:, None], np.minimum(place, X.shape[1] - 1)]
        whole = Intervals(np.arange(len(width)), np.zeros_like(width), width)
        return whole.mutants(cut, settings, rng)


@dataclass(frozen=True)
class Changes:
    """What some of the mutations do.

    Attributes
    ----------
    which
        (m,) which of the intervals these are, ascending.
    delta
        (m, S) importance in the original minus importance in the mutant, from
        `offset` on; 0 elsewhere.
    offset
        (m,) first position of `delta`.
    effect, gap
        (m,) logit of the original minus logit of the mutant; completeness error.
    """

    which: NDArray[np.int64]
    delta: Floats
    offset: NDArray[np.int64]
    effect: Floats
    gap: Floats


def changes_of_profiles(
    attributor: Attributor,
    X: NDArray[np.uint8],
    intervals: Intervals,
    settings: ScoringSettings,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Changes:
    """What the mutations change, from whole profiles of originals and mutants."""
    rows, n = intervals.rows, len(X)
    mutants = intervals.mutants(X, settings, rng)
    references = draw_references(X, settings, rng)
    scored = profiles_of_mutants(
        attributor,
        np.concatenate([X.astype(np.float32), mutants]),
        np.concatenate([np.arange(n), rows]),
        references,
        settings,
        rng,
        progress,
    )
    return Changes(
        which=np.arange(len(rows)),
        delta=scored.scores[rows] - scored.scores[n:],
        offset=np.zeros(len(rows), np.int64),
        effect=scored.target[rows] - scored.target[n:],
        gap=scored.gap[n:],
    )


def engine_of_crops(
    attributor: Attributor, widest: int, settings: ScoringSettings, windowed: bool | None
) -> "Engine | None":
    """Decide whether mutants are scored by crops (`dfim.attribution.windowed`).

    Parameters
    ----------
    attributor
        Importance method.
    widest
        Bases of the widest interval that will be mutated.
    settings
        Crops need references that a mutant shares with its original.
    windowed
        None: where that is exact and fewer operations; False: never; True: always.

    Returns
    -------
    Engine or None
        The attributor, where crops of it are to be used.

    Raises
    ------
    ValueError
        When `windowed` is True and crops are not exact.
    """
    if windowed is False:
        return None
    from dfim.attribution.crops import obstacle, saves_work
    from dfim.attribution.engine import Engine

    own = settings.refs_from == "mutant" and settings.references not in ("gc", "zeros")
    reason: str | None = None
    if not isinstance(attributor, Engine):
        reason = f"{type(attributor).__name__} scores whole sequences only"
    elif own and attributor.needs_references:
        reason = "refs_from 'mutant' gives a mutant other references than its original"
    else:
        reason = obstacle(attributor.plan)
    if reason is not None:
        if windowed:
            raise ValueError(f"windowed: got True, but {reason}; expected None or False")
        return None
    return attributor if windowed or saves_work(attributor.plan, widest) else None


def changes_by_crops(
    engine: "Engine",
    X: NDArray[np.uint8],
    intervals: Intervals,
    columns: Floats,
    references: NDArray[Any],
    progress: Progress | None,
) -> Iterator[Changes]:
    """Score what mutations change and nothing else, one part a width of the crops.

    A mutant's crop follows from its own interval, so its result does not depend on
    the others'. Cost: two crops a mutant instead of a whole profile.
    """
    from dfim.attribution.crops import Windows
    from dfim.attribution.windowed import Windowed

    width = intervals.end - intervals.start
    windows = Windows.of(engine.plan).seeing(width)
    for count in np.unique(windows):
        which = np.flatnonzero(windows == count)
        found = Windowed.of(engine, int(width[which].max())).differences(
            X,
            intervals.rows[which],
            columns[which],
            intervals.start[which],
            intervals.end[which],
            references,
            reference_of=np.arange(len(X)) if len(references) > 1 else None,
            progress=progress,
        )
        yield Changes(which, found.delta, found.offset, found.effect, found.gap)
