"""The configuration: checked at the door, and read as declarations.

`python -m flow.config --list-figures [CONFIGFILE ...]` prints the folder of a
run's results, then the ids of its figures, one a line.
"""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from flow.declarations import (
    analysis_fault,
    examples_fault,
    figure_fault,
    heads_fault,
    is_from_peaks,
    tasks_of,
)

Config = Mapping[str, Any]
_ROOT = Path(__file__).parents[2]
_SCHEMA = _ROOT / "workflow/schemas/config.schema.yaml"
_DEFAULT = _ROOT / "config/config.yaml"

# 2000.0 is an integer to JSON Schema, and not to range().
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ),
)


class ConfigError(ValueError):
    """A configuration that cannot run; the message is one line."""


def _one_line(error: jsonschema.ValidationError) -> str:
    """What is wrong: key, what was got, what is expected, what to do."""
    place = ".".join(str(part) for part in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - set(allowed)):
            near = difflib.get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(allowed)}"
            return f"config: {place}: unknown key {key!r}; {hint}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"config: {place}: key {missing[0]!r} is missing; see config/README.md"
    expected = {
        "type": lambda v: f"type {v if isinstance(v, str) else ' or '.join(v)}",
        "enum": lambda v: "one of " + ", ".join(str(x) for x in v),
        "minimum": lambda v: f"at least {v}",
        "maximum": lambda v: f"at most {v}",
        "pattern": lambda v: f"text that matches {v}",
    }.get(error.validator, lambda v: f"{error.validator} {v}")(error.validator_value)
    got = f"{error.instance!r} ({type(error.instance).__name__})"
    return f"config: {place}: got {got}, expected {expected}; see config/README.md"


def _check_files(config: Config) -> None:
    folder = config["local_folder"]
    if config["inputs"] == "local":
        if folder is None:
            raise ConfigError(
                "config: local_folder: got null, expected a folder, as inputs is local; "
                "name it with --config local_folder=FOLDER"
            )
        if not Path(folder).is_dir():
            raise ConfigError(f"config: local_folder: no folder {folder!r}; check the path")
    for name, study in enabled_studies(config).items():
        named = {
            "examples.fasta": study["examples"].get("fasta"),
            "examples.labels": study["examples"].get("labels"),
            "model.file": study["model"].get("file"),
            "model.weights": study["model"].get("weights"),
            "features.file": study["features"].get("file"),
        }
        if config["inputs"] == "local" and is_from_peaks(study):
            files = study["examples"]["files"]
            named |= {f"examples.files.{key}": files[key] for key in ("genome", "accessible")}
            named |= {f"examples.files.chip.{t}": f for t, f in files["chip"].items()}
        for key, file in named.items():
            if file is not None and not local_path(config, file).is_file():
                raise ConfigError(
                    f"config: studies.{name}.{key}: no file {str(local_path(config, file))!r}; "
                    "check the path"
                )


def _refuse(where: str, fault: str | None) -> None:
    if fault is not None:
        raise ConfigError(f"{where}{fault}")


def _check_source(config: Config, where: str, study: Config) -> None:
    examples, model, features = study["examples"], study["model"], study["features"]
    if model.get("file") is None and model.get("architecture") is None:
        raise ConfigError(f"{where}.model: expected an architecture or a file")
    _refuse(f"{where}.", examples_fault(config, study))
    _refuse(f"{where}.", heads_fault(study))
    needed = {"patterns": "patterns", "table": "file"}.get(features["source"])
    if needed and needed not in features:
        raise ConfigError(
            f"{where}.features: key {needed!r} is missing; source "
            f"{features['source']!r} needs it"
        )
    if features["source"] == "truth" and (
        config["inputs"] == "local" or "dataset" not in examples or is_from_peaks(study)
    ):
        raise ConfigError(
            f"{where}.features.source: got 'truth', which only synthetic inputs have; "
            "use patterns or table"
        )


def _check_analyses(config: Config, where: str, study: Config) -> None:
    for key, own in study["analyses"].items():
        settings = {**config["scoring"], **own}
        _refuse(f"{where}.analyses.{key}: ", analysis_fault(study, settings))


def _check_figures(config: Config, where: str, study: Config) -> None:
    wanted = [study["map"]["analysis"]] if "map" in study else []
    for figure, declared in study.get("figures", {}).items():
        fault = figure_fault(study, figure, enabled_studies(config))
        _refuse(f"{where}: " if fault and fault.startswith("figure ") else f"{where}.", fault)
        wanted += [declared[key] for key in ("analysis", "compare") if declared.get(key)]
    for analysis in wanted:
        if analysis not in study["analyses"]:
            raise ConfigError(
                f"{where}: no analysis {analysis!r}; declared: {', '.join(study['analyses'])}"
            )


def validate(config: Config) -> None:
    """Raise `ConfigError` with one line unless the configuration can run."""
    schema = yaml.safe_load(_SCHEMA.read_text(encoding="utf-8"))
    errors = _Validator(schema).iter_errors(config)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_one_line(worst))
    if not enabled_studies(config):
        raise ConfigError("config: studies: none is enabled; set enabled: true on one")
    for name, study in enabled_studies(config).items():
        where = f"config: studies.{name}"
        _check_source(config, where, study)
        _check_analyses(config, where, study)
        _check_figures(config, where, study)
    studies = enabled_studies(config)
    ids = [figure for study in studies.values() for figure in study.get("figures", {})]
    ids += [_performance_id(name) for name in studies]
    twice = sorted({figure for figure in ids if ids.count(figure) > 1})
    if twice:
        raise ConfigError(f"config: figure {twice[0]!r} is declared twice; rename one")
    _check_files(config)


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


def enabled_studies(config: Config) -> dict[str, Config]:
    """The studies to run, by name."""
    return {n: s for n, s in config["studies"].items() if s.get("enabled", True)}


@dataclass(frozen=True)
class Figure:
    """One figure of a study, as declared."""

    id: str
    study: str
    kind: str
    analysis: str | None
    value: str | None


def _performance_id(study: str) -> str:
    return f"performance_{study}"


def figures(config: Config) -> dict[str, Figure]:
    """Declared figures of the enabled studies, and the performance of a study with labels."""
    found = {}
    for name, study in enabled_studies(config).items():
        for key, declared in study.get("figures", {}).items():
            found[key] = Figure(
                key, name, declared["kind"], declared.get("analysis"), declared.get("value")
            )
        if tasks_of(study):
            key = _performance_id(name)
            found[key] = Figure(key, name, "performance", None, None)
    return found


def analysis_settings(config: Config, study: str, analysis: str) -> dict[str, Any]:
    """The scoring keys of one analysis: the defaults with its own on top."""
    own = config["studies"][study]["analyses"][analysis]
    return {**config["scoring"], **{key: v for key, v in own.items() if key != "select"}}


def load(files: Sequence[str | Path]) -> dict[str, Any]:
    """The default config with files laid over it, as Snakemake does."""
    config: dict[str, Any] = {}
    for file in [_DEFAULT, *files]:
        _overlay(config, yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {})
    return config


def _overlay(base: dict[str, Any], top: Config) -> None:
    for key, value in top.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value


def main() -> None:
    """Print the results folder and the figures of a configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list-figures", action="store_true", required=True)
    parser.add_argument("configfile", nargs="*")
    given = parser.parse_args().configfile
    config = load(given)
    validate(config)
    lines = [f"results/{run_name(config, given)}", *figures(config)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
