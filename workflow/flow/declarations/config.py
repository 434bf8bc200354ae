"""The configuration, read as declarations of studies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flow.declarations.study import has_labels

Config = Mapping[str, Any]
_SECTIONS: Config = {
    "examples": {}, "features": {}, "analyses": {}, "variants": {}, "flanks": {},
}  # fmt: skip
_FOLDER = Path(__file__).parents[3] / "config"


class ConfigError(ValueError):
    """A configuration that cannot run; the message is one line."""


def motif_names(study: Config) -> list[str]:
    """Motifs that a study's declaration speaks of, beside finding them."""
    pairs = [*study.get("planted", []), *study.get("unrelated", [])]
    named = [name for pair in pairs for name in pair]
    return named + [study["map"][key] for key in ("source", "target") if "map" in study]


def run_name(config: Config, given: Sequence[str | Path]) -> str:
    """Folder of a run under results/: the key `run`, or the last config file's name.

    `given` are the files of --configfile. So two config files never share an
    output folder by accident.
    """
    if config.get("run"):
        return str(config["run"])
    return Path(given[-1]).stem if given else "default"


def local_path(config: Config, file: str) -> Path:
    """A file that the config names: relative to local_folder where inputs are local."""
    if config["inputs"] == "local" and config["local_folder"] is not None:
        return Path(config["local_folder"]) / file
    return Path(file)


def chosen_studies(config: Config) -> dict[str, Config]:
    """The studies to run, by name: those of `only`, or all; sections they lack are empty.

    What a file laid over another has set to null, examples, a figure or an analysis, is
    not there.
    """
    wanted = config["only"]
    return {
        name: _declared(study)
        for name, study in config["studies"].items()
        if wanted is None or name in wanted
    }


def _declared(study: Config) -> Config:
    there = {**_SECTIONS, **_there(study), "figures": _there(study.get("figures", {}))}
    collections = there["variants"].items()
    return {
        **there,
        "analyses": _there(there["analyses"]),
        "variants": {name: _with_analyses(collection) for name, collection in collections},
        "flanks": _with_analyses(there["flanks"]),
    }


def _with_analyses(section: Config) -> Config:
    if "analyses" not in section:
        return section
    return {**section, "analyses": _there(section["analyses"])}


def _there(declared: Config) -> dict[str, Any]:
    return {key: value for key, value in declared.items() if value is not None}


@dataclass(frozen=True)
class Figure:
    """One figure of a study, as declared."""

    id: str
    study: str
    kind: str
    analysis: str | None
    value: str | None
    variants: str | None


def performance_page(study: str) -> Figure:
    """The figure that shows how well a study's network does."""
    return Figure(f"performance_{study}", study, "performance", None, None, None)


def figures(config: Config) -> dict[str, Figure]:
    """Declared figures of the studies to run, and a page of performance of each network.

    A network whose study has labels gets its page unless the study says null to it.
    """
    found = {}
    for name, study in chosen_studies(config).items():
        for key, declared in study["figures"].items():
            found[key] = Figure(
                key, name, declared["kind"], declared.get("analysis"), declared.get("value"),
                declared.get("variants"),
            )  # fmt: skip
        page = performance_page(name)
        if has_labels(study) and page.id not in config["studies"][name].get("figures", {}):
            found[page.id] = page
    return found


def analysis_settings(config: Config, study: str, analysis: str) -> dict[str, Any]:
    """The scoring keys of one analysis: the defaults with its own on top."""
    own = chosen_studies(config)[study]["analyses"][analysis]
    return {**config["scoring"], **{key: v for key, v in own.items() if key != "select"}}


def load(files: Sequence[str | Path]) -> dict[str, Any]:
    """Lay files over the default config, as the Snakefile does.

    Where they ask for `controls`, config/audit.yaml lies between.
    """
    config = _laid([_FOLDER / "config.yaml", *files])
    if config["controls"]:
        config = _laid([_FOLDER / "config.yaml", _FOLDER / "audit.yaml", *files])
    return config


def _laid(files: Sequence[str | Path]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for file in files:
        _overlay(config, yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {})
    return config


def _overlay(base: dict[str, Any], top: Config) -> None:
    for key, value in top.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value
