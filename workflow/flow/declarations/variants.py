"""What a study declares of its collections of variants, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flow.declarations.config import Config
from flow.declarations.sheets import SHEETS
from flow.declarations.study import Study, tasks_of

_BQTL_KEYS = ("workbook", "tables", "controls", "accessible", "chip")
_PICKED = {"gain": (), "loss": (), "core": ("motif",), "flank": ("motif",),
           "distant": ("motif", "distance")}  # fmt: skip


def collection_settings(config: Config, study: Study, name: str) -> dict[str, Any]:
    """The keys of a collection: the defaults with its own on top."""
    return {**config["variants"], **study["variants"][name]}


def variant_settings(config: Config, study: Study, name: str, analysis: str) -> dict[str, Any]:
    """The scoring keys of an analysis of variants: the defaults with its own on top.

    `task_of_set` is filled: the task whose output each set is scored with.
    """
    settings = collection_settings(config, study, name)
    own = settings["analyses"][analysis]
    first = next(iter(tasks_of(study)), None)
    made = {"task": first, **config["scoring"], **own}
    of_set = own.get("task_of_set", {})
    made["task_of_set"] = {s: of_set.get(s, made["task"]) for s in settings.get("sets", [""])}
    return made


def origin_of(config: Config, declared: Mapping[str, Any]) -> str:
    """Which of dataset, files and sources a collection's inputs come from in this run."""
    if config["inputs"] == "synthetic" and "dataset" in declared:
        return "dataset"
    if config["inputs"] == "download" and "sources" in declared:
        return "sources"
    return "files"


def collection_fault(config: Config, study: Study, name: str) -> str | None:
    """What is wrong with a collection of variants: one line, or None."""
    declared = study["variants"][name]
    fault = _inputs_fault(config, study, declared) or _window_fault(study, declared)
    return fault or _analyses_fault(study, declared)


def _inputs_fault(config: Config, study: Study, declared: Mapping[str, Any]) -> str | None:
    origin = origin_of(config, declared)
    if origin not in declared:
        return (
            f"expected {' or '.join(k for k in ('files', 'sources'))}, which inputs: "
            f"{config['inputs']} takes variants from; or leave the collection out"
        )
    if origin == "dataset":
        return _synthetic_fault(study, declared)
    files = declared[origin]
    given = [key for key in ("variants", "workbook", "tables") if key in files]
    if len(given) != 1:
        return (
            f"{origin}: got {' and '.join(given) or 'none'}, expected one of variants (a VCF, "
            "BED or TSV), workbook and tables (bQTLs)"
        )
    if "genome" not in files and origin not in study["examples"]:
        return f"{origin}.genome: missing, and the study's examples bring none in {origin}"
    if given == ["variants"]:
        wrong = [key for key in files if key in _BQTL_KEYS]
        wrong += [key for key in ("sets",) if key in declared]
        return (
            f"{wrong[0]}: only bQTLs (workbook or tables) take it; remove it" if wrong else None
        )
    if "sets" not in declared:
        return "sets: missing; bQTLs come in sets, one per factor"
    if given == ["workbook"] and _sheets_fault(declared):
        return _sheets_fault(declared)
    for key in ("tables", "controls", "chip"):
        unknown = [name for name in files.get(key, ()) if name not in declared["sets"]]
        lacking = [s for s in declared["sets"] if s not in files.get(key, declared["sets"])]
        if unknown or (lacking and key == "tables"):
            return (
                f"{origin}.{key}: got {', '.join(files[key])}, expected the sets: "
                f"{', '.join(declared['sets'])}"
            )
    return None


def _synthetic_fault(study: Study, declared: Mapping[str, Any]) -> str | None:
    if study["examples"].get("dataset") != declared["dataset"]:
        return f"dataset: {declared['dataset']!r} is not the dataset of the study's examples"
    if "sets" not in declared:
        return "sets: missing; the workbook has one sheet per set"
    return _sheets_fault(declared)


def _sheets_fault(declared: Mapping[str, Any]) -> str | None:
    unknown = [name for name in declared["sets"] if name not in SHEETS]
    known = ", ".join(SHEETS)
    return f"sets: the workbook has no {unknown[0]!r}; it has {known}" if unknown else None


def _window_fault(study: Study, declared: Mapping[str, Any]) -> str | None:
    window = study["examples"].get("window")
    if window is None and "window" not in declared:
        return "window: missing; expected the length of the network's input (bp)"
    if window is not None and declared.get("window", window) != window:
        return f"window: got {declared['window']}, but the examples' is {window}; remove it"
    return None


def _analyses_fault(study: Study, declared: Mapping[str, Any]) -> str | None:
    tasks = tasks_of(study)
    for key, own in declared["analyses"].items():
        named = [own["task"]] if "task" in own else []
        for name, task in own.get("task_of_set", {}).items():
            if name not in declared.get("sets", ()):
                return f"analyses.{key}.task_of_set: no set {name!r}"
            named.append(task)
        for task in named:
            if task not in tasks:
                return (
                    f"analyses.{key}: no task {task!r}; the study has "
                    f"{', '.join(tasks) or 'none: name the heads (model.heads)'}"
                )
    return None


def variant_figure_fault(study: Study, declared: Mapping[str, Any]) -> str | None:
    """What is wrong with a figure of variants: one line, or None."""
    collection = study["variants"].get(declared["variants"])
    if collection is None:
        known = ", ".join(study["variants"]) or "none"
        return f"variants: no collection {declared['variants']!r}; declared: {known}"
    compared = declared.get("compare") or []
    if isinstance(compared, str):
        return f"compare: got {compared!r}, expected a list of analyses"
    for analysis in (declared["analysis"], *compared):
        if analysis not in collection["analyses"]:
            known = ", ".join(collection["analyses"])
            return f"analysis: no {analysis!r} in {declared['variants']}; declared: {known}"
    if declared["kind"] == "variant_groups" and "sets" not in collection:
        return "kind: variant_groups compares significant bQTLs with controls; needs sets"
    sets, motifs = collection.get("sets", ()), collection.get("motifs", {})
    if "set" in declared and declared["set"] not in sets:
        return f"set: no set {declared['set']!r}; declared: {', '.join(sets) or 'none'}"
    for column in declared.get("columns", []):
        fault = _column_fault(column, sets, motifs)
        if fault:
            return f"columns: {fault}"
    return None


def _column_fault(
    column: Mapping[str, Any], sets: Sequence[str], motifs: Mapping[str, str]
) -> str | None:
    if "set" in column and column["set"] not in sets:
        return f"no set {column['set']!r}; declared: {', '.join(sets) or 'none'}"
    if not {"locus", "name", "pick"} & set(column):
        return f"got {dict(column)}, expected a locus, a name or a rule (pick)"
    if "pick" in column:
        if not sets:
            return "pick: only bQTLs (sets) are picked by rule; name a locus or a name"
        for key in _PICKED[column["pick"]]:
            if key not in column:
                return f"pick {column['pick']} needs {key!r}"
        low, high = column.get("distance", (0, 0))
        if low > high:
            return f"distance: got {column['distance']}, expected [from, to] in bp, ascending"
    if "motif" in column and column["motif"] not in motifs:
        return f"no motif {column['motif']!r}; the collection has {', '.join(motifs) or 'none'}"
    return None
