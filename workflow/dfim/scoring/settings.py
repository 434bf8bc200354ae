"""Settings of scoring, and the references and profiles that follow from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.attribution.checks import check_one_hot
from dfim.attribution.results import Profiles
from dfim.sequences.distinct import distinct_rows
from dfim.sequences.mutations import IntervalMutation
from dfim.sequences.references import ReferenceKind, make_references

ReferencesFrom = Literal["original", "mutant"]
Floats = NDArray[np.float32]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class ScoringSettings:
    """Choices of the method that the paper leaves open; the defaults are the paper's.

    Attributes
    ----------
    references
        `dinuc` (dinucleotide shuffles of the sequence), `random` (iid bases),
        `gc` or `zeros` (one constant column).
    n_refs
        Shuffled or random references of each sequence; scores are means over them.
    refs_from
        `original`: a sequence and its mutants share references, so that FIS has
        no reference noise. `mutant`: drawn anew from every mutant, as the
        original code did.
    gc
        GC fraction of constant references and of background columns.
    motif_mutation
        What replaces a mutated motif: background columns (`gc`), zero columns
        (`zeros`), or its own columns in random order (`shuffle`).

    Raises
    ------
    ValueError
        A choice that does not exist.

    Examples
    --------
    >>> import dfim
    >>> dfim.ScoringSettings(references="gc").constant
    True
    >>> dfim.ScoringSettings(references="shuffled")
    Traceback (most recent call last):
    ValueError: references: got 'shuffled', expected one of gc, dinuc, random, zeros
    """

    references: ReferenceKind = "dinuc"
    n_refs: int = 10
    refs_from: ReferencesFrom = "original"
    gc: float = 0.46
    motif_mutation: IntervalMutation = "gc"

    def __post_init__(self) -> None:
        for name, known in (
            ("references", get_args(ReferenceKind)),
            ("refs_from", get_args(ReferencesFrom)),
            ("motif_mutation", get_args(IntervalMutation)),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(known)}"
                )
        if self.n_refs < 1:
            raise ValueError(f"n_refs: got {self.n_refs}, expected at least 1")
        if not 0 <= self.gc <= 1:
            raise ValueError(f"gc: got {self.gc}, expected a fraction, 0 to 1")

    @property
    def constant(self) -> bool:
        """Whether one constant reference serves every sequence."""
        return self.references in ("gc", "zeros")

    @property
    def own(self) -> bool:
        """Whether every mutant has references of its own."""
        return self.refs_from == "mutant" and not self.constant

    @classmethod
    def choose(cls, settings: Mapping[str, Any]) -> "ScoringSettings":
        """Take the settings from a larger mapping."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


def require_scorable(
    attributor: Attributor, X: NDArray[Any] | None = None, *, tasks: int | None = None
) -> None:
    """Refuse what is no attributor, sequences that are not its model's, too many tasks.

    Raises
    ------
    ValueError
        With what was got and what is expected.
    """
    if not isinstance(attributor, Attributor):
        raise ValueError(
            f"attributor: got a {type(attributor).__name__}, expected what "
            "dfim.make_attributor(model, method) gives"
        )
    if tasks is not None and attributor.tasks > tasks:
        raise ValueError(
            f"attributor: got {attributor.tasks} tasks, expected one; score_pairs_by_task and "
            "score_map_by_task take several"
        )
    if X is not None:
        check_one_hot("X", X, (None, attributor.length, 4))


def draw_references(
    X: NDArray[Any], settings: ScoringSettings, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw references of the sequences X as the settings say: (1 or N, R, L, 4)."""
    return make_references(X, settings.references, n=settings.n_refs, gc=settings.gc, rng=rng)


def profiles_of_mutants(
    attributor: Attributor,
    mutants: NDArray[Any],
    rows: NDArray[np.integer],
    references: NDArray[Any] | None,
    settings: ScoringSettings,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> Profiles:
    """Score mutants with the references of their sequences, or with references of their own.

    Parameters
    ----------
    attributor
        Importance method.
    mutants
        (M, L, 4) inputs; equal ones are scored once where all share the references.
    rows
        (M,) group of references of each.
    references
        (1 or G, R, L, 4), where the method needs them.
    settings
        Scoring choices.
    rng
        Draws references from mutants, where the settings ask for that.
    progress
        Called with the number of inputs scored since the last call.
    """
    if settings.constant or not attributor.needs_references:
        first, of = distinct_rows(mutants)
        if len(first) == len(mutants):
            return attributor.profiles(mutants, references, progress=progress)
        profiles = attributor.profiles(mutants[first], references, progress=progress)
        names = (field.name for field in fields(profiles))
        axis = profiles.target.ndim - 1  # tasks come before rows
        return replace(profiles, **{n: getattr(profiles, n).take(of, axis) for n in names})
    if settings.refs_from == "mutant":
        references, rows = draw_references(mutants, settings, rng), np.arange(len(mutants))
    return attributor.profiles(mutants, references, reference_of=rows, progress=progress)
