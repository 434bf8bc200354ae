"""What a figure's titles, caption and statistics file say of the run it belongs to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class NamedMethod:
    """An analysis that a figure shows beside its own.

    Attributes
    ----------
    name
        As declared in the config.
    method
        What titles call its way of scoring.
    """

    name: str
    method: str


@dataclass(frozen=True, kw_only=True)
class FigureContext:
    """The facts of a run that a figure states.

    Built by `flow.run.context.figure_context`. Snakemake compares and stores parameters
    that are plain values only, so a rule hands over `as_param()` and a script's main
    receives `from_param` of it.

    Attributes
    ----------
    figure, label
        Id, such as fig2b, and as it is cited, such as Fig 2B.
    study, study_title, about
        Name of the study, its title, and its sentences for captions.
    printed
        Values that the paper prints for this figure, by key.
    trained
        Whether this run trained the study's network; a finished one was imported otherwise.
    map_split
        Split that the map's example sequence is chosen from.
    mutation
        What happens to a mutated motif, as a participle; None where no motif is mutated.
    method
        What titles call the analysis shown; None where no scores are shown.
    compared
        Other analyses in the same figure.
    origin
        What titles call the inputs: synthetic, real, ..., with the contigs if limited.
    note
        The study's own remark on its verdicts; may be empty.
    not_comparable
        Why the paper's numbers cannot be compared with the study's; empty where they can.
    planted_effect
        How planted pairs act in the workflow's own genome, joint or additive; None for
        other inputs.
    whole
        Whether all sequences are test sequences, as no split is declared.
    options
        The figure's own declaration.
    run, seed, config_digest
        Folder below results/, the config's seed, and a digest of its settings.
    """

    figure: str
    label: str
    study: str
    study_title: str
    about: str
    printed: Mapping[str, Any]
    trained: bool
    map_split: str
    mutation: str | None
    method: str | None
    compared: tuple[NamedMethod, ...]
    origin: str
    note: str
    not_comparable: str
    planted_effect: str | None
    whole: bool
    options: Mapping[str, Any]
    run: str
    seed: int
    config_digest: str

    @property
    def title(self) -> str:
        """The one line above a figure; all else is said in its caption."""
        return f"{self.study_title} ({self.origin} inputs)"

    def as_param(self) -> dict[str, Any]:
        """Return all fields as plain values, for a rule's params and for JSON."""
        return asdict(self)

    @classmethod
    def from_param(cls, param: Mapping[str, Any]) -> Self:
        """Rebuild what `as_param` returned, also after JSON.

        Raises
        ------
        TypeError
            If a field is missing or unknown.
        """
        compared = tuple(NamedMethod(**other) for other in param["compared"])
        return cls(**{**param, "compared": compared})
