"""Keys of a config and of its studies."""

from dataclasses import dataclass
from typing import Annotated, Literal

from flow.declarations.figure_keys import Printed
from flow.declarations.keys import (
    Count,
    Id,
    Level,
    Names,
    NotNegative,
    Pair,
    Positive,
    Share,
    Split,
    Taken,
    Text,
    Texts,
    key,
    optional,
    where,
)
from flow.declarations.settings import (
    AccessibilitySimulation,
    FlankSettings,
    FlankSimulation,
    GenomeSimulation,
    Scoring,
    Simulation,
    Training,
    VariantSettings,
)


@dataclass(frozen=True)
class FlankSplitFiles:
    """Lists of flanks by part."""

    train: str = key()
    validation: str = key()
    test: str = key()


@dataclass(frozen=True)
class ExampleFiles:
    """Files of examples: of builders peaks and accessibility, then of builder betseq."""

    genome: str = optional()
    samples: str = optional()
    accessible: str = optional()
    chip: Texts = optional()
    peaks: Texts = optional()
    archive: str = optional()
    replicates: Names = optional()
    counts: str = optional()
    protein: str = optional()
    ddg: str = optional()
    column: str = optional()
    splits: FlankSplitFiles = optional()


Part = Names | Positive
"""Contigs, or a share of all 1-Mb blocks; with builder fasta a number of sequences."""


@dataclass(frozen=True)
class Parts:
    """What is held out."""

    validation: Part = key()
    test: Part = key()
    train: Count = optional()


@dataclass(frozen=True)
class Examples:
    """Where sequences and labels come from."""

    builder: Literal["fasta", "peaks", "accessibility", "betseq"] = key()
    dataset: Literal["embedded_motifs", "k562", "k562_additive", "blood", "cbf1"] = optional()
    tasks: Names = optional()
    window: Count = optional()
    contigs: Names | None = optional()
    files: ExampleFiles = optional()
    sources: ExampleFiles = optional()
    fasta: str | None = optional()
    labels: str | None = optional()
    label: str | None = optional()
    group: Literal["id_prefix", None] = optional()
    split: Parts | None = optional()


@dataclass(frozen=True)
class Layers:
    """Options of the architectures."""

    filters: Annotated[list[Count], where(minItems=3, maxItems=3)] = optional()
    dense: Count = optional()
    dropout: Share | Annotated[list[Share], where(minItems=1)] = optional()
    dropout_second_dense: bool = optional()
    units: Annotated[list[Count], where(minItems=1)] = optional()
    order: Literal["norm_relu", "relu_norm"] = optional()


@dataclass(frozen=True)
class OwnTraining:
    """Training of one network: what differs from the defaults, and more."""

    takes = (Taken(Training),)

    decay: Literal["none", "cosine"] = optional()
    limit: Count | None = optional()
    starts: Count = optional()
    start_epochs: Count = optional()
    optimizer: Literal["adam", "sgd"] = optional()
    weight_decay: NotNegative = optional()
    target_noise: NotNegative = optional()
    min_improvement: NotNegative = optional()
    drop_after: Count = optional()


Index = Annotated[int, where(minimum=0)]


@dataclass(frozen=True)
class Model:
    """A network to train, or a finished one."""

    architecture: Literal["m1", "m2", "m3", "m4", None] = optional()
    options: Layers = optional()
    start: str | None = optional()
    start_weights: str | None = optional()
    file: str | None = optional()
    weights: str | None = optional()
    output: int | str = optional()
    unit: Index = optional()
    heads: Annotated[dict[str, Index], where(minProperties=1)] = optional()
    training: OwnTraining = optional()


@dataclass(frozen=True)
class Features:
    """Where sites of motifs come from."""

    source: Literal["truth", "patterns", "pwms", "table"] = key()
    patterns: Texts = optional()
    motifs: Texts = optional()
    p_value: Level = optional()
    overlaps: Literal["all", "best"] = optional()
    both_strands: bool = optional()
    file: str = optional()


@dataclass(frozen=True)
class Select:
    """What an analysis is narrowed to."""

    groups: Annotated[list[str], where(minItems=1)] = optional()
    splits: Annotated[list[Split], where(minItems=1)] = optional()
    positive_only: bool = optional()
    positive_tasks: Names = optional()
    correct_only: bool = optional()
    limit: Count | None = optional()


@dataclass(frozen=True)
class Analysis:
    """An analysis of pairs."""

    takes = (Taken(Scoring),)

    sources: Names = optional()
    targets: Names = optional()
    max_distance: Positive = optional()
    task: str = optional()
    select: Select = optional()


@dataclass(frozen=True)
class VariantAnalysis:
    """An analysis of variants."""

    takes = (
        Taken(
            Scoring,
            (
                "attribution", "ig_steps", "maxpool_rule", "mask_observed", "references",
                "n_refs", "refs_from", "gc", "chunks", "threads",
            ),
        ),
    )  # fmt: skip

    task: str = optional()
    task_of_set: Texts = optional()


@dataclass(frozen=True)
class FlankAnalysis:
    """An analysis of flanks."""

    takes = (
        Taken(FlankSettings, ("references", "gc")),
        Taken(Scoring, ("attribution", "ig_steps", "mask_observed", "threads")),
    )


@dataclass(frozen=True)
class VariantFiles:
    """Files of a collection of variants."""

    genome: str = optional()
    workbook: str = optional()
    tables: Texts = optional()
    controls: Texts = optional()
    variants: str = optional()
    accessible: str = optional()
    chip: Texts = optional()


@dataclass(frozen=True)
class Variants:
    """A collection of variants."""

    takes = (Taken(VariantSettings),)

    analyses: Annotated[dict[Id, VariantAnalysis | None], where(minProperties=1)] = key()
    dataset: Literal["blood"] = optional()
    files: VariantFiles = optional()
    sources: VariantFiles = optional()
    sets: Names = optional()
    contigs: Names | None = optional()
    window: Annotated[int, where(minimum=2)] = optional()
    motifs: Texts = optional()
    motif_file: str | None = optional()


@dataclass(frozen=True)
class Flanks:
    """The flanks of a study."""

    takes = (Taken(FlankSettings),)

    analyses: Annotated[dict[Id, FlankAnalysis | None], where(minProperties=1)] = key()


@dataclass(frozen=True)
class Map:
    """The worked example of a whole map."""

    analysis: str = key()
    source: str = key()
    target: str = key()
    width: Count = key()
    split: Split = optional()


@dataclass(frozen=True)
class Study:
    """One study; its figures have a schema of their own (`flow.declarations.schema`)."""

    title: Text = key()
    model: Model = key()
    about: str = optional()
    note: str = optional()
    printed: Printed = optional()
    examples: Examples | None = optional()
    features: Features = optional()
    planted: list[Pair] = optional()
    unrelated: list[Pair] = optional()
    analyses: Annotated[dict[Id, Analysis | None], where(minProperties=1)] = optional()
    variants: Annotated[dict[Id, Variants], where(minProperties=1)] = optional()
    flanks: Flanks = optional()
    map: Map = optional()


@dataclass(frozen=True, kw_only=True)
class RunKeys:
    """The run as a whole."""

    run: Annotated[str | None, where(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = optional(
        "folder under `results/`; `null`: name of the last config file, else `default`"
    )
    only: Names | None = key("names of the studies to run; `null`: all that are declared")
    seed: Annotated[int, where(minimum=0)] = key(
        "every rule derives its own seed from this and its name"
    )
    inputs: Literal["synthetic", "local", "download"] = key(
        "`synthetic`: written by the workflow; `local`: raw files from `local_folder`; "
        "`download`: fetched as `resources/sources.tsv` says (the simulation needs none and is "
        "simulated)"
    )
    raw: Literal["peaks", "reads"] = key(
        "where studies of a genome start: `peaks`; `reads` does not exist yet and stops the run"
    )
    origin: str | None = key(
        'what titles call the inputs; `null`: "synthetic", or "real" for local ones'
    )
    controls: bool = key(
        "`true`: `audit.yaml` lies over `config.yaml`, and your file over both"
    )
    local_folder: str | None = key(
        "folder of the raw files (`sequences.fa.gz`, `labels.txt.gz`); with `inputs: local`, "
        "relative files of `examples`, `model` and `features` are looked up in it too"
    )


@dataclass(frozen=True)
class ConfigKeys:
    """Every top-level key."""

    takes = (Taken(RunKeys),)

    simulation: Simulation = key()
    genome_simulation: GenomeSimulation = key()
    accessibility_simulation: AccessibilitySimulation = key()
    flank_simulation: FlankSimulation = key()
    scoring: Scoring = key()
    variants: VariantSettings = key()
    flanks: FlankSettings = key()
    training: Training = key()
    studies: Annotated[dict[Id, Study], where(minProperties=1)] = key()
