"""What a study's declaration says, and what is wrong with it beyond the schema.

Functions named `..._fault` return one line, without the study's name, or None.
"""

from collections.abc import Mapping
from typing import Any

Study = Mapping[str, Any]

# The synthetic genomes of builder peaks, by dataset: how their planted pairs act.
SYNTHETIC_GENOMES = {"k562": "joint", "k562_additive": "additive"}
SYNTHETIC_ACCESSIBLE = "blood"  # the dataset of builder accessibility, and its cell types
ACCESSIBLE_TASKS = (
    "HSC", "MPP", "LMPP", "CMP", "GMP", "MEP", "CLP", "CD4", "CD8", "B", "NK", "Mono", "Ery",
    "pHSC", "LSC", "Blast", "GM12878", "K562",
)  # fmt: skip
SYNTHETIC_FLANKS = "cbf1"  # the dataset of builder betseq
SIMULATED_TASKS = ("GATA1", "GATA2", "TAL1")

# Fewer would leave a Gaussian of one sequence to a handful of values.
_PER_MAP_SHUFFLES = 20
_OPTIONS = {
    "m1": ("dense",),
    "m2": ("dropout",),
    "m3": ("filters", "dense", "dropout", "dropout_second_dense"),
    "m4": ("units", "dropout", "order"),
}
# What only the training on a quantity knows of.
_OF_REGRESSION = ("optimizer", "weight_decay", "target_noise", "min_improvement", "drop_after")
# What only the training on classes knows of.
_OF_CLASSIFICATION = ("decay", "limit", "starts", "start_epochs")
# bp that five convolutions and a pooling need, and three poolings.
_SHORTEST = {"m2": 70, "m3": 48}


def tasks_of(study: Study) -> tuple[str, ...]:
    """Names of the labels of a study, or of the heads of a network without examples."""
    examples = study["examples"]
    if not examples:
        return tuple(study["model"].get("heads", ()))
    if is_from_peaks(study):
        return tuple(examples["tasks"])
    return (examples["label"],) if examples.get("label") is not None else ()


def has_labels(study: Study) -> bool:
    """Whether a study's examples have labels, against which its network is measured."""
    return bool(study["examples"] and tasks_of(study))


def is_from_peaks(study: Study) -> bool:
    """Whether a study's examples are windows at peaks of a genome."""
    return study["examples"].get("builder") in ("peaks", "accessibility")


def is_of_flanks(study: Study) -> bool:
    """Whether a study is of flanks: every sequence of a few bases, on one scale."""
    return bool(study.get("flanks"))


def model_fault(study: Study) -> str | None:
    """What is wrong with a study's model, as far as its declaration tells."""
    model, tasks = study["model"], tasks_of(study)
    heads = model.get("heads")
    if model.get("file") is None:
        fault = _training_fault(study)
        if fault:
            return fault
    elif model.get("start") is not None:
        return "model.start: a finished network (model.file) is not trained; remove one"
    if heads is not None and set(heads) != set(tasks):
        return f"model.heads: got {', '.join(heads)}, expected one per task: {', '.join(tasks)}"
    return None


def _training_fault(study: Study) -> str | None:
    model, architecture = study["model"], study["model"].get("architecture")
    if architecture is None:
        return "model: expected an architecture or a file"
    if model.get("heads") is not None:
        return "model.heads: only a finished network (model.file) has them; remove it"
    if not study["examples"]:
        return "model: a network to train needs examples; expected them, or model.file"
    if model.get("start_weights") is not None and model.get("start") is None:
        return "model.start_weights: got a file, but no model.start that it belongs to"
    if (architecture == "m4") != (study["examples"]["builder"] == "betseq"):
        return (
            f"model.architecture: got {architecture}, expected m4 for builder betseq, and only "
            "there"
        )
    fault = _options_fault(architecture, model.get("options", {}))
    if fault:
        return fault
    foreign, of_whom = (
        (_OF_CLASSIFICATION, "m4, which learns a quantity, does not take it")
        if architecture == "m4"
        else (_OF_REGRESSION, "only m4, which learns a quantity, takes it")
    )
    for key in model.get("training", {}):
        if key in foreign:
            return f"model.training.{key}: {of_whom}; remove it"
    window = study["examples"].get("window", _SHORTEST.get(architecture, 0))
    if window < _SHORTEST.get(architecture, 0):
        return (
            f"examples.window: got {window}, expected at least {_SHORTEST[architecture]}, "
            f"as {architecture} needs"
        )
    return None


def _options_fault(architecture: str, options: Mapping[str, Any]) -> str | None:
    for key, value in options.items():
        if key not in _OPTIONS[architecture]:
            return (
                f"model.options: {architecture} has no {key!r}; it takes "
                f"{', '.join(_OPTIONS[architecture])}"
            )
        if key == "dropout" and isinstance(value, list) != (architecture == "m4"):
            wanted = "a list, one rate per hidden layer" if architecture == "m4" else "one rate"
            return f"model.options.dropout: got {value}, expected {wanted}"
    if {"units", "dropout"} <= set(options) and architecture == "m4":
        rates, units = len(options["dropout"]), len(options["units"])
        if rates != units:
            return (
                f"model.options.dropout: got {rates} rates, expected {units}, "
                "one per unit count"
            )
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
