"""What a study declares of its figures."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from flow.declarations.config import Config
from flow.declarations.figure_keys import FIGURE_KEYS
from flow.declarations.flanks import FLANK_FIGURES, flank_figure_fault
from flow.declarations.study import Study, has_labels, is_of_flanks
from flow.declarations.variants import variant_figure_fault


def figure_fault(config: Config, study: Study, figure: str) -> str | None:
    """What is wrong with a declared figure: one line, or None."""
    declared = study["figures"][figure]
    kind, where = declared["kind"], f"figures.{figure}"
    fault = _keys_fault(declared)
    if fault:
        return f"{where}{fault}"
    if is_of_flanks(study) and kind not in FLANK_FIGURES:
        known = ", ".join(FLANK_FIGURES)
        return f"{where}.kind: got {kind}, a study of flanks has {known}"
    if "variants" in declared or kind in FLANK_FIGURES:
        check = flank_figure_fault if kind in FLANK_FIGURES else variant_figure_fault
        fault = check(study, declared)
        return f"{where}.{fault}" if fault else None
    fault = _pairs_fault(config, declared)
    if fault:
        return f"{where}.{fault}"
    if kind == "performance" and not has_labels(study):
        return f"{where}.kind: performance is measured on labels; the study has none"
    if kind == "map_steps" and "map" not in study:
        return f"figure {figure} needs the key 'map'"
    return None


def _keys_fault(declared: Mapping[str, Any]) -> str | None:
    """A key that a kind lacks or does not take, with its place."""
    needed, more = FIGURE_KEYS[declared["kind"]]
    for key in needed:
        if key not in declared:
            return f": key {key!r} is missing"
    for key in declared:
        if key not in ("kind", "printed", *needed, *more):
            return f".{key}: kind {declared['kind']} does not take it; remove it"
    return None


def _pairs_fault(config: Config, declared: Mapping[str, Any]) -> str | None:
    """What is wrong with the keys that only figures of pairs have."""
    bins = declared.get("bins", [])
    if any(high <= low for low, high in pairwise(bins)):
        return f"bins: got {bins}, expected edges that ascend (bp)"
    if isinstance(declared.get("compare"), list):
        return f"compare: got {declared['compare']}, expected the name of one analysis"
    fault = _contrast_fault(config, declared) if declared.get("contrast") else None
    return f"contrast: {fault}" if fault else None


def _contrast_fault(config: Config, declared: Mapping[str, Any]) -> str | None:
    contrast, only, studies = declared["contrast"], config["only"], config["studies"]
    if config["inputs"] != "synthetic":
        return "only synthetic inputs have a truth; set it to null"
    if contrast not in studies or (only is not None and contrast not in only):
        return f"no study {contrast!r} in this run; set it to null, or add the study to only"
    if declared["analysis"] not in studies[contrast]["analyses"]:
        return f"{contrast!r} has no analysis {declared['analysis']!r}"
    return None
