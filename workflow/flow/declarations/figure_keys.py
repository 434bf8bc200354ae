"""Keys of each kind of figure, as a study declares it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from flow.declarations.keys import (
    Base,
    Count,
    Names,
    NotNegative,
    Positive,
    Split,
    key,
    optional,
    own_keys,
    where,
)

CellBase = Annotated[str, where(pattern="^[ACGT][-+][1-5]$")]
"""A base at a position of a flank, such as T-1."""
Cell = Annotated[list[CellBase], where(minItems=2, maxItems=2)]
"""Source and target of a cell of a map of flanks."""


@dataclass(frozen=True)
class Printed:
    """Numbers as the paper prints them, for the scorecard."""

    place: str = optional()
    accuracy: str = optional()
    auroc: Annotated[str, where(pattern="^0[.][0-9]+$")] = optional()
    auprc: Annotated[str, where(pattern="^0[.][0-9]+$")] = optional()
    n: list[str] = optional()
    p: str = optional()
    reach: str = optional()
    r2: Annotated[str, where(pattern="^[>≥] ?[01]?[.][0-9]+$")] = optional()
    rmse: Annotated[str, where(pattern="[0-9]+[.][0-9]+")] = optional()
    strength: str = optional()


@dataclass(frozen=True)
class Column:
    """One variant of a figure of tracks: a locus, a name or a rule."""

    set: str = optional()
    locus: Annotated[str, where(pattern="^[^:]+:[0-9]+$")] = optional()
    name: str = optional()
    alt: Base = optional()
    pick: Literal["gain", "loss", "core", "flank", "distant"] = optional()
    stronger: Base = optional()
    motif: str = optional()
    distance: Annotated[
        list[Annotated[int, where(minimum=0)]], where(minItems=2, maxItems=2)
    ] = optional()


@dataclass(frozen=True, kw_only=True)
class FigureKeys:
    """Keys that a figure of any kind may have beside `kind`."""

    printed: Printed = optional()


@dataclass(frozen=True, kw_only=True)
class OfAnalysis(FigureKeys):
    """A figure of one analysis."""

    analysis: str = key()


@dataclass(frozen=True, kw_only=True)
class PairSignificance(OfAnalysis):
    """P- or q-values of pair classes."""

    value: Literal["p", "q"] = key()


@dataclass(frozen=True, kw_only=True)
class PairTracks(OfAnalysis):
    """Importance around one pair, before and after the mutation."""

    flank: Count = optional()
    within: Positive = optional()
    split: Split = optional()


@dataclass(frozen=True, kw_only=True)
class PairDistance(OfAnalysis):
    """FIS against distance."""

    bins: Annotated[list[NotNegative], where(minItems=3)] = key()
    compare: str | None = optional()
    contrast: str | None = optional()


@dataclass(frozen=True, kw_only=True)
class OfVariants(OfAnalysis):
    """A figure of one analysis of a collection of variants."""

    variants: str = key()


@dataclass(frozen=True, kw_only=True)
class VariantGroups(OfVariants):
    """Significant variants beside controls."""

    compare: Names = optional()


@dataclass(frozen=True, kw_only=True)
class VariantReach(OfVariants):
    """Distance from each variant to its strongest FIS."""

    set: str = optional()


@dataclass(frozen=True, kw_only=True)
class VariantTracks(OfVariants):
    """Single variants in columns."""

    columns: Annotated[
        list[Annotated[Column, where(minProperties=1)]], where(minItems=1, maxItems=4)
    ] = key()
    half_width: Count = optional()
    map: bool = optional()


@dataclass(frozen=True, kw_only=True)
class FlankMap(OfAnalysis):
    """The map of one flank."""

    cell: Cell = key()


@dataclass(frozen=True, kw_only=True)
class BasePairMap(OfAnalysis):
    """Mean |FIS| of bases on bases over some flanks."""

    sequences: Literal["strongest", "weakest", "all"] = key()
    cells: Annotated[list[Cell], where(minItems=1)] = optional()


@dataclass(frozen=True, kw_only=True)
class FlankAgreement(OfAnalysis):
    """Mean FIS beside pair terms and exact epistasis."""

    compare: Names = optional()


FIGURES: dict[str, type[FigureKeys]] = {
    "map_steps": FigureKeys,
    "simulation_design": FigureKeys,
    "pair_scores": OfAnalysis,
    "pair_significance": PairSignificance,
    "pair_tracks": PairTracks,
    "pair_distance": PairDistance,
    "variant_groups": VariantGroups,
    "variant_reach": VariantReach,
    "variant_tracks": VariantTracks,
    "network_layers": FigureKeys,
    "flank_fit": FigureKeys,
    "flank_map": FlankMap,
    "base_pair_map": BasePairMap,
    "flank_agreement": FlankAgreement,
    "performance": FigureKeys,
}
"""Keys of a figure by its kind."""

FIGURE_KEYS = {kind: own_keys(record, FigureKeys) for kind, record in FIGURES.items()}
"""Keys of each kind beside `kind` and `printed`: those it needs, and those it may have."""
