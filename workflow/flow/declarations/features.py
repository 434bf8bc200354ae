"""Where a study's features come from, and which names they have."""

from collections.abc import Mapping
from typing import Any

from dfim.motifs.meme import read_meme
from flow.declarations.config import Config, local_path, motif_names
from flow.declarations.study import Study, is_from_peaks

# Keys of each source: what it needs, and what it may have besides.
_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "truth": ((), ()),
    "table": (("file",), ()),
    "patterns": (("patterns",), ("both_strands",)),
    "pwms": (("file", "p_value"), ("motifs", "both_strands", "overlaps")),
}


def features_fault(config: Config, study: Study) -> str | None:
    """What is wrong with a study's features, and with the names that it speaks of."""
    features = study["features"]
    for key in ("examples", "features", "analyses"):
        if not study[key]:
            return f"key {key!r} is missing; pairs need examples, features and analyses"
    source = features["source"]
    needed, more = _KEYS[source]
    for key in needed:
        if key not in features:
            return f"features: key {key!r} is missing; source {source!r} needs it"
    for key in features:
        if key not in ("source", *needed, *more):
            return f"features.{key}: source {source!r} does not take it; remove it"
    if source == "truth" and (
        config["inputs"] == "local"
        or "dataset" not in study["examples"]
        or is_from_peaks(study)
    ):
        return (
            "features.source: got 'truth', which only synthetic inputs have; use patterns, "
            "pwms or table"
        )
    try:
        known = _known_names(config, features)
    except ValueError as error:  # of the MEME file
        return f"features.file: {error}"
    return _names_fault(study, known) if known is not None else None


def _known_names(config: Config, features: Mapping[str, Any]) -> list[str] | None:
    """Names of the features; None where only the step that reads the table knows."""
    if features["source"] == "table":
        return None
    if features["source"] == "truth":
        return [name for name, _ in config["simulation"]["motifs"]]
    if features["source"] == "patterns":
        return list(features["patterns"])
    path = local_path(config, features["file"])
    if not path.is_file():
        return None  # the check of files says so
    matrices = [pwm.name for pwm in read_meme(path)]
    for name, motif in features.get("motifs", {}).items():
        if motif not in matrices:
            raise ValueError(
                f"{path}: no motif {motif!r}, which features.motifs calls {name}; there are "
                f"{', '.join(matrices[:30])}"
            )
    return list(features.get("motifs", matrices))


def _names_fault(study: Study, known: list[str]) -> str | None:
    there = ", ".join(known[:30])
    for key, analysis in study["analyses"].items():
        for role in ("sources", "targets"):
            for name in analysis.get(role, ()):
                if name not in known:
                    return f"analyses.{key}.{role}: no feature {name!r}; there are {there}"
    for name in motif_names(study):
        if name not in known:
            return f"planted, unrelated or map: no feature {name!r}; expected one of {there}"
    return None
