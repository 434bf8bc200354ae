"""What a study's declaration says, and what is wrong with it beyond the schema.

Functions named `..._fault` return one line, without the study's name, or None.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dfim.intervals import contig_key
from dfim.store import SPLITS

Study = Mapping[str, Any]

# Where the workflow's own worlds come from: dataset of builder peaks, kind of world.
WORLDS = {"k562": "joint", "k562_additive": "additive"}
SIMULATED_TASKS = ("GATA1", "GATA2", "TAL1")

# Fewer would leave a Gaussian of one sequence to a handful of values.
_PER_MAP_SHUFFLES = 20
_OPTIONS = {"m1": ("dense",), "m2": ("dropout",)}
_SHORTEST = {"m2": 70}  # bp that five convolutions and a pooling need


def tasks_of(study: Study) -> tuple[str, ...]:
    """Names of the labels of a study; none where its examples have no labels."""
    examples = study["examples"]
    if examples["builder"] == "peaks":
        return tuple(examples["tasks"])
    return (examples["label"],) if examples.get("label") is not None else ()


def is_from_peaks(study: Study) -> bool:
    """Whether a study's examples are windows at peaks of a genome."""
    return study["examples"]["builder"] == "peaks"


def examples_fault(config: Mapping[str, Any], study: Study) -> str | None:
    """What is wrong with a study's examples."""
    return _peaks_fault(config, study) if is_from_peaks(study) else _fasta_fault(study)


def _fasta_fault(study: Study) -> str | None:
    examples, trained = study["examples"], study["model"].get("file") is None
    dataset = examples.get("dataset")
    for key in ("tasks", "window", "contigs", "files", "sources"):
        if key in examples:
            return f"examples.{key}: only builder peaks has it; remove it"
    if (dataset is not None) == (examples.get("fasta") is not None):
        return "examples: expected exactly one of dataset and fasta"
    if dataset in WORLDS:
        return f"examples.dataset: {dataset!r} is a genome with peaks; use builder peaks"
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
            return f"examples: key {key!r} is missing; builder peaks needs it"
    if config["raw"] == "reads":
        return "raw: got 'reads', which does not exist yet; use raw: peaks"
    source = {"synthetic": "dataset", "local": "files", "download": "sources"}[config["inputs"]]
    if source not in examples:
        return (
            f"examples: key {source!r} is missing, which inputs: {config['inputs']} needs; "
            "add it, or leave the study out of only"
        )
    if source == "dataset":
        fault = _world_fault(examples)
        if fault:
            return fault
    else:
        fault = _named_files_fault(source, examples[source], examples["tasks"])
        if fault:
            return fault
    return _split_fault(examples, study["model"].get("file") is None)


def _named_files_fault(
    source: str, declared: Mapping[str, Any], tasks: Sequence[str]
) -> str | None:
    sheet, named = "samples" in declared, {"accessible", "chip"} & set(declared)
    if sheet and source == "sources":
        return "examples.sources.samples: only files has it; name accessible and chip"
    if sheet and named:
        return f"examples.files: got samples and {sorted(named)[0]}, expected one of them"
    if not sheet and len(named) < 2:
        return f"examples.{source}: expected accessible and chip, or in files a sheet (samples)"
    if not sheet and set(declared["chip"]) != set(tasks):
        return (
            f"examples.{source}.chip: got {', '.join(declared['chip'])}, expected one a task: "
            f"{', '.join(tasks)}"
        )
    return None


def _world_fault(examples: Mapping[str, Any]) -> str | None:
    if examples["dataset"] not in WORLDS:
        return f"examples.dataset: got {examples['dataset']!r}, expected one of " + ", ".join(
            WORLDS
        )
    unknown = [task for task in examples["tasks"] if task not in SIMULATED_TASKS]
    if unknown:
        return (
            f"examples.tasks: {unknown[0]!r} does not bind in the simulated genome, which has "
            f"{', '.join(SIMULATED_TASKS)}"
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
        return "examples.split.train: builder peaks trains on the rest; remove it"
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


def model_fault(study: Study) -> str | None:
    """What is wrong with a study's model, as far as its declaration tells."""
    model, tasks = study["model"], tasks_of(study)
    heads, architecture = model.get("heads"), model.get("architecture")
    if model.get("file") is None:
        if architecture is None:
            return "model: expected an architecture or a file"
        if heads is not None:
            return "model.heads: only a finished network (model.file) has them; remove it"
        for key in model.get("options", {}):
            if key not in _OPTIONS[architecture]:
                return (
                    f"model.options: {architecture} has no {key!r}; it takes "
                    f"{', '.join(_OPTIONS[architecture])}"
                )
        window = study["examples"].get("window", _SHORTEST.get(architecture, 0))
        if window < _SHORTEST.get(architecture, 0):
            return (
                f"examples.window: got {window}, expected at least {_SHORTEST[architecture]}, "
                f"as {architecture} needs"
            )
    if heads is not None and set(heads) != set(tasks):
        return f"model.heads: got {', '.join(heads)}, expected one a task: {', '.join(tasks)}"
    return None


def analysis_fault(study: Study, settings: Mapping[str, Any]) -> str | None:
    """What is wrong with the settings of an analysis."""
    if settings["motif_target_reduce"] == "max_abs" and settings["tail"] == "two_sided":
        return (
            "tail two_sided has no meaning for max_abs, which has no sign; use empirical "
            "(or upper, min_tail for parity)"
        )
    if settings["null_pool"] == "per_map" and settings["n_null_shuffles"] < _PER_MAP_SHUFFLES:
        return (
            "null_pool per_map fits a null to each sequence, got n_null_shuffles "
            f"{settings['n_null_shuffles']}, expected at least {_PER_MAP_SHUFFLES}"
        )
    known = tasks_of(study)
    named = [settings["task"]] if "task" in settings else []
    named += settings.get("select", {}).get("positive_tasks", [])
    for task in named:
        if task not in known:
            return f"no task {task!r}; the study has {', '.join(known) or 'no labels'}"
    return None
