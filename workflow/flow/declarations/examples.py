"""Where a study's sequences and labels come from, and what is wrong with what it says."""

from collections.abc import Mapping, Sequence
from typing import Any

from dfim.genome.intervals import contig_key
from dfim.sequences.examples import SPLITS
from flow.declarations.study import (
    ACCESSIBLE_TASKS,
    SIMULATED_TASKS,
    SYNTHETIC_ACCESSIBLE,
    SYNTHETIC_GENOMES,
    Study,
    is_from_peaks,
)

_PEAK_FILES = {"genome", "samples", "accessible", "chip", "peaks"}


def examples_fault(config: Mapping[str, Any], study: Study) -> str | None:
    """What is wrong with a study's examples, where it has any."""
    if not study["examples"]:
        return None
    if study["examples"]["builder"] == "betseq":
        return "flanks: missing; builder betseq is for studies of flanks, and has no other use"
    return _peaks_fault(config, study) if is_from_peaks(study) else _fasta_fault(study)


def _fasta_fault(study: Study) -> str | None:
    examples, trained = study["examples"], study["model"].get("file") is None
    dataset = examples.get("dataset")
    for key in ("tasks", "window", "contigs", "files", "sources"):
        if key in examples:
            return f"examples.{key}: only builders of peaks have it; remove it"
    if (dataset is not None) == (examples.get("fasta") is not None):
        return "examples: expected exactly one of dataset and fasta"
    if dataset in (*SYNTHETIC_GENOMES, SYNTHETIC_ACCESSIBLE):
        return f"examples.dataset: {dataset!r} is a genome with peaks; use its builder"
    if examples.get("fasta") is not None and (
        (examples.get("label") is None) != (examples.get("labels") is None)
    ):
        return (
            "examples: got one of label and labels; expected both (a column, and the "
            "file that holds it) or neither"
        )
    split = examples.get("split")
    if trained and (split is None or examples.get("label") is None):
        return "examples: a network to train needs label and split"
    return _number_split_fault(split) if split is not None else None


def _number_split_fault(split: Mapping[str, Any]) -> str | None:
    for part in SPLITS:
        if part not in split:
            return f"examples.split: key {part!r} is missing; builder fasta splits by numbers"
        if type(split[part]) is not int:
            return f"examples.split.{part}: got {split[part]!r}, expected a number of sequences"
    return None


def _peaks_fault(config: Mapping[str, Any], study: Study) -> str | None:
    examples = study["examples"]
    for key in ("label", "labels", "fasta", "group"):
        if key in examples:
            return f"examples.{key}: only builder fasta has it; remove it"
    for key in ("tasks", "window"):
        if key not in examples:
            return f"examples: key {key!r} is missing; builder {examples['builder']} needs it"
    if config["raw"] == "reads":
        return "raw: got 'reads', which does not exist yet; use raw: peaks"
    source = {"synthetic": "dataset", "local": "files", "download": "sources"}[config["inputs"]]
    if source not in examples:
        return (
            f"examples: key {source!r} is missing, which inputs: {config['inputs']} needs; "
            "add it, or leave the study out of only"
        )
    if source == "dataset":
        fault = _synthetic_fault(examples)
        if fault:
            return fault
    else:
        check = _named_files_fault if examples["builder"] == "peaks" else _named_peaks_fault
        fault = _genome_fault(source, examples)
        fault = fault or check(source, examples[source], examples["tasks"])
        if fault:
            return fault
    return _split_fault(examples, study["model"].get("file") is None)


def _genome_fault(source: str, examples: Mapping[str, Any]) -> str | None:
    declared = examples[source]
    if "genome" not in declared:
        return f"examples.{source}: key 'genome' is missing; see config/README.md"
    wrong = sorted(set(declared) - _PEAK_FILES)
    return (
        f"examples.{source}.{wrong[0]}: only builder betseq has it; remove it"
        if wrong
        else None
    )


def _named_files_fault(
    source: str, declared: Mapping[str, Any], tasks: Sequence[str]
) -> str | None:
    if "peaks" in declared:
        return f"examples.{source}.peaks: only builder accessibility has it; remove it"
    sheet, named = "samples" in declared, {"accessible", "chip"} & set(declared)
    if sheet and source == "sources":
        return "examples.sources.samples: only files has it; name accessible and chip"
    if sheet and named:
        return f"examples.files: got samples and {sorted(named)[0]}, expected one of them"
    if not sheet and len(named) < 2:
        return f"examples.{source}: expected accessible and chip, or in files a sheet (samples)"
    if not sheet and set(declared["chip"]) != set(tasks):
        return (
            f"examples.{source}.chip: got {', '.join(declared['chip'])}, expected one per "
            f"task: {', '.join(tasks)}"
        )
    return None


def _named_peaks_fault(
    source: str, declared: Mapping[str, Any], tasks: Sequence[str]
) -> str | None:
    for key in ("accessible", "chip"):
        if key in declared:
            return f"examples.{source}.{key}: only builder peaks has it; remove it"
    if ("samples" in declared) == ("peaks" in declared):
        return (
            f"examples.{source}: expected either a sheet (samples) or peaks, one file per task"
        )
    if "peaks" in declared and set(declared["peaks"]) != set(tasks):
        return (
            f"examples.{source}.peaks: got {', '.join(declared['peaks'])}, expected one per "
            f"task: {', '.join(tasks)}"
        )
    return None


def _synthetic_fault(examples: Mapping[str, Any]) -> str | None:
    datasets = {"peaks": tuple(SYNTHETIC_GENOMES), "accessibility": (SYNTHETIC_ACCESSIBLE,)}
    known = datasets[examples["builder"]]
    if examples["dataset"] not in known:
        return f"examples.dataset: got {examples['dataset']!r}, expected one of " + ", ".join(
            known
        )
    tasks = SIMULATED_TASKS if examples["dataset"] in SYNTHETIC_GENOMES else ACCESSIBLE_TASKS
    unknown = [task for task in examples["tasks"] if task not in tasks]
    if unknown:
        return (
            f"examples.tasks: {unknown[0]!r} is not in the simulated genome, which has "
            f"{', '.join(tasks)}"
        )
    test = (examples.get("split") or {}).get("test")
    if not isinstance(test, Sequence):
        return (
            f"examples.split.test: got {test}, expected names of contigs: the simulated "
            "genome's oracle is measured on them"
        )
    return None


def _split_fault(examples: Mapping[str, Any], trained: bool) -> str | None:
    split, contigs = examples.get("split"), examples.get("contigs")
    if split is None:
        return "examples: a network to train needs split" if trained else None
    if "train" in split:
        return (
            f"examples.split.train: builder {examples['builder']} trains on the rest; remove it"
        )
    for part in ("validation", "test"):
        if not isinstance(split[part], Sequence) and not split[part] < 1:
            return (
                f"examples.split.{part}: got {split[part]}, expected names of contigs, or a "
                "fraction below 1"
            )
    sets = {
        part: {contig_key(name) for name in split[part]}
        for part in ("validation", "test")
        if isinstance(split[part], Sequence)
    }
    shared = sorted(set.intersection(*sets.values())) if len(sets) == 2 else []
    if shared:
        return (
            f"examples.split: contig {shared[0]!r} is in both validation and test; expected "
            "sets that do not overlap"
        )
    if contigs is not None:
        chosen = {contig_key(name) for name in contigs}
        for part, names in sets.items():
            if names - chosen:
                return (
                    f"examples.split.{part}: contig {sorted(names - chosen)[0]!r} is not among "
                    f"examples.contigs ({', '.join(contigs)})"
                )
        if trained and not chosen - set().union(*sets.values()):
            return "examples.split: no contig is left for training; choose more, or test fewer"
    return None
