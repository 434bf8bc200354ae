"""What a study declares of its flanks (all of ten bases), and what is wrong with it."""

from collections.abc import Mapping
from typing import Any

from flow.declarations.config import Config
from flow.declarations.study import SYNTHETIC_FLANKS, Study, is_of_flanks

# How a table of measurements is laid out, and what beside its file says so.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "replicates": (),
    "counts": ("protein",),
    "ddg": ("column",),
}
FLANK_FIGURES = ("network_layers", "flank_fit", "flank_map", "base_pair_map", "flank_agreement")
_ELSEWHERE = ("features", "analyses", "variants", "map", "planted", "unrelated")


def flank_settings(config: Config, study: Study) -> dict[str, Any]:
    """The keys of a study's flanks: the defaults with its own on top."""
    return {**config["flanks"], **study["flanks"]}


def flank_analysis(config: Config, study: Study, name: str) -> dict[str, Any]:
    """The keys of an analysis: those of `scoring`, over them `flanks`, over them its own."""
    settings = flank_settings(config, study)
    of_flanks = {key: settings[key] for key in ("references", "gc")}
    return {**config["scoring"], **of_flanks, **settings["analyses"][name]}


def origin_of_flanks(config: Config) -> str:
    """Which key of the examples measurements come from in this run."""
    return {"synthetic": "dataset", "local": "files", "download": "sources"}[config["inputs"]]


def flanks_fault(config: Config, study: Study) -> str | None:
    """What is wrong with a study of flanks: one line, or None."""
    for key in _ELSEWHERE:
        if study.get(key):
            return f"{key}: a study of flanks has its own analyses (flanks.analyses); remove it"
    examples, model = study["examples"], study["model"]
    for key in ("output", "unit", "heads"):
        if key in model:
            return f"model.{key}: a network of flanks has one output; remove it"
    fault = _extremes_fault(config, study)
    if fault:
        return fault
    if examples:
        if examples["builder"] != "betseq":
            return f"examples.builder: got {examples['builder']!r}, expected betseq for flanks"
        return _measured_fault(config, study)
    if model.get("file") is None:
        return "examples: missing; a network to train needs measurements (builder: betseq)"
    if flank_settings(config, study)["rank_by"] == "measured":
        return (
            "flanks.rank_by: got 'measured', but without examples nothing is; expected "
            "'predicted', or examples with measurements"
        )
    return None


def _extremes_fault(config: Config, study: Study) -> str | None:
    settings = flank_settings(config, study)
    extremes, simulated = settings["extremes"], config["flank_simulation"]["flanks"]
    if extremes < settings["min_n"]:
        return f"flanks.extremes: got {extremes}, expected at least min_n ({settings['min_n']})"
    measured = config["inputs"] == "synthetic" and settings["rank_by"] == "measured"
    if measured and 2 * extremes > simulated:
        return (
            f"flanks.extremes: got {extremes}, expected at most half of the {simulated} flanks "
            "that are measured (flank_simulation.flanks)"
        )
    return None


def _measured_fault(config: Config, study: Study) -> str | None:
    examples, origin = study["examples"], origin_of_flanks(config)
    allowed = ("builder", "dataset", "files", "sources", "split")
    for key in examples:
        if key not in allowed:
            return f"examples.{key}: builder betseq does not take it; remove it"
    if origin not in examples:
        return (
            f"examples: key {origin!r} is missing, which inputs: {config['inputs']} needs; add "
            "it, or leave the study out of only"
        )
    if origin == "dataset":
        if examples["dataset"] != SYNTHETIC_FLANKS:
            return f"examples.dataset: got {examples['dataset']!r}, expected {SYNTHETIC_FLANKS}"
    else:
        fault = _files_fault(examples[origin])
        if fault:
            return f"examples.{origin}{fault}"
    return _flank_split_fault(study, examples.get(origin))


def _files_fault(files: Mapping[str, Any]) -> str | None:
    allowed = {
        "archive",
        "splits",
        *LAYOUTS,
        *(key for keys in LAYOUTS.values() for key in keys),
    }
    for key in files:
        if key not in allowed:
            return f".{key}: builder betseq takes {', '.join(sorted(allowed))}; remove it"
    given = [layout for layout in LAYOUTS if layout in files]
    if len(given) != 1:
        return f": got {' and '.join(given) or 'none'}, expected one of {', '.join(LAYOUTS)}"
    for layout, keys in LAYOUTS.items():
        for key in keys:
            if (key in files) != (layout == given[0]):
                verb = (
                    "needs it" if layout == given[0] else f"only {layout} takes it; remove it"
                )
                return f".{key}: {layout + ' ' if layout == given[0] else ''}{verb}"
    return None


def _flank_split_fault(study: Study, files: object) -> str | None:
    split = study["examples"].get("split")
    listed = isinstance(files, Mapping) and "splits" in files
    if listed and split is not None:
        return "examples.split: the files bring their own lists (splits); remove one of them"
    if split is None:
        trained = study["model"].get("file") is None
        return "examples: a network to train needs split" if trained and not listed else None
    if "train" in split:
        return "examples.split.train: builder betseq trains on the rest; remove it"
    for part in ("validation", "test"):
        if not isinstance(split[part], float) or not split[part] < 1:
            return f"examples.split.{part}: got {split[part]}, expected a fraction below 1"
    if split["validation"] + split["test"] >= 1:
        return (
            "examples.split: validation and test leave nothing to train on; make them smaller"
        )
    return None


def flank_figure_fault(study: Study, declared: Mapping[str, Any]) -> str | None:
    """What is wrong with a figure of flanks: one line, or None."""
    if not is_of_flanks(study):
        return f"kind: {declared['kind']} shows flanks; the study has none (key flanks)"
    analyses = study["flanks"]["analyses"]
    compared = declared.get("compare") or []
    if isinstance(compared, str):
        return f"compare: got {compared!r}, expected a list of analyses"
    for name in (declared.get("analysis"), *compared):
        if name is not None and name not in analyses:
            return f"analysis: no {name!r} in flanks; declared: {', '.join(analyses)}"
    cells = [declared["cell"]] if "cell" in declared else declared.get("cells", [])
    for source, target in cells:
        if source[1:] == target[1:]:
            return f"cell: {source} and {target} are one position; expected two"
    if declared["kind"] == "flank_fit" and not study["examples"]:
        return "kind: flank_fit shows measurements; the study has no examples"
    return None
