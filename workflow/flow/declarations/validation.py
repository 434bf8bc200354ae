"""Checks of a whole configuration: its schema first, then what a schema cannot say."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from flow.declarations.collection import check_collections
from flow.declarations.config import (
    Config,
    ConfigError,
    chosen_studies,
    local_path,
    performance_page,
)
from flow.declarations.examples import examples_fault
from flow.declarations.features import features_fault
from flow.declarations.figures import figure_fault
from flow.declarations.flank_study import FlankStudy
from flow.declarations.flanks import flanks_fault
from flow.declarations.peak_files import accessible_files, peak_files
from flow.declarations.schema import config_schema
from flow.declarations.study import analysis_fault, is_from_peaks, is_of_flanks, model_fault
from flow.declarations.variants import collection_fault

# 2000.0 is an integer to JSON Schema, and not to range().
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # its stubs lack it
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ),
)


_EXPECTED: dict[str, Callable[[Any], str]] = {
    "type": lambda v: f"type {v if isinstance(v, str) else ' or '.join(v)}",
    "enum": lambda v: "one of " + ", ".join(str(x) for x in v),
    "minimum": lambda v: f"at least {v}",
    "maximum": lambda v: f"at most {v}",
    "exclusiveMinimum": lambda v: f"more than {v}",
    "exclusiveMaximum": lambda v: f"less than {v}",
    "minItems": lambda v: f"at least {v} entries",
    "minProperties": lambda v: f"at least {v} keys",
    "uniqueItems": lambda _: "no entry twice",
    "pattern": lambda v: f"text that matches {v}",
    "oneOf": lambda v: " or ".join(_wanted(schema) for schema in v),
}


def _wanted(schema: Mapping[str, Any]) -> str:
    """One of several schemas that a value may meet, by what says most of it."""
    rule = "enum" if "enum" in schema else "type"
    return _EXPECTED[rule](schema[rule])


def _facts(error: jsonschema.ValidationError) -> tuple[str, Any, Any]:
    """Keyword of the schema that is not met, its value there, and what was got."""
    return str(error.validator), error.validator_value, error.instance


def _one_line(error: jsonschema.ValidationError) -> str:
    """What is wrong: key, what was got, what is expected, what to do."""
    place = ".".join(str(part) for part in error.absolute_path) or "the top level"
    rule, value, instance = _facts(error)
    if rule == "additionalProperties" and isinstance(error.schema, Mapping):
        allowed = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(instance) - set(allowed))[0]
        near = difflib.get_close_matches(str(unknown), allowed, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(allowed)}"
        return f"config: {place}: unknown key {unknown!r}; {hint}"
    if rule == "required":
        missing = next(key for key in value if key not in instance)
        return f"config: {place}: key {missing!r} is missing; see config/README.md"
    expected = _EXPECTED[rule](value) if rule in _EXPECTED else f"{rule} {value}"
    got = "null" if instance is None else f"{instance!r} ({type(instance).__name__})"
    return f"config: {place}: got {got}, expected {expected}; see config/README.md"


def _check_only(config: Config) -> None:
    for name in config["only"] or ():
        if name not in config["studies"]:
            near = difflib.get_close_matches(name, config["studies"], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "declare it under studies"
            raise ConfigError(f"config: only: no study {name!r}; {hint}")


def _check_local_folder(config: Config) -> None:
    folder = config["local_folder"]
    if config["inputs"] != "local":
        return
    if folder is None:
        raise ConfigError(
            "config: local_folder: got null, expected a folder, as inputs is local; "
            "name it with --config local_folder=FOLDER"
        )
    if not Path(folder).is_dir():
        raise ConfigError(f"config: local_folder: no folder {folder!r}; check the path")


def _check_motifs(motifs: list[list[str]]) -> None:
    for place, what in ((0, "name"), (1, "ENCODE motif")):
        column = [motif[place] for motif in motifs]
        twice = sorted({entry for entry in column if column.count(entry) > 1})
        if twice:
            raise ConfigError(f"config: simulation.motifs: {what} {twice[0]!r} is there twice")


def _check_files(config: Config) -> None:
    for name, study in chosen_studies(config).items():
        named = {
            "examples.fasta": study["examples"].get("fasta"),
            "examples.labels": study["examples"].get("labels"),
            "model.file": study["model"].get("file"),
            "model.weights": study["model"].get("weights"),
            "model.start": study["model"].get("start"),
            "model.start_weights": study["model"].get("start_weights"),
            "features.file": study["features"].get("file"),
        }
        for key, file in named.items():
            if file is not None and not local_path(config, file).is_file():
                raise ConfigError(
                    f"config: studies.{name}.{key}: no file {str(local_path(config, file))!r}; "
                    "check the path"
                )
        if is_from_peaks(study) and config["inputs"] != "synthetic":
            of_chip = study["examples"]["builder"] == "peaks"
            (peak_files if of_chip else accessible_files)(config, name)
        if is_of_flanks(study) and study["examples"] and config["inputs"] != "synthetic":
            FlankStudy(config, name, "", "").files()
    check_collections(config)


def _refuse(where: str, fault: str | None) -> None:
    if fault is not None:
        raise ConfigError(f"{where}{fault}")


def _check_some_left(where: str, study: Config) -> None:
    """A section whose every analysis was set to null would score nothing."""
    sections = {f"variants.{name}": section for name, section in study["variants"].items()}
    for key, section in {"flanks": study["flanks"], **sections}.items():
        if section and not section["analyses"]:
            raise ConfigError(
                f"{where}.{key}.analyses: every one is null, expected one at least"
            )


def _check_source(config: Config, where: str, study: Config) -> None:
    _check_some_left(where, study)
    if is_of_flanks(study):
        _refuse(f"{where}.", model_fault(study) or flanks_fault(config, study))
        return
    _refuse(f"{where}.", examples_fault(config, study) or model_fault(study))
    if study["analyses"] or study["features"]:
        _refuse(f"{where}.", features_fault(config, study))
    if not study["analyses"] and not study["variants"]:
        raise ConfigError(
            f"{where}: expected analyses, variants or flanks: nothing would be scored"
        )


def _check_starts(config: Config, where: str, study: Config) -> None:
    """The starts of a training are a part of it."""
    settings = {**config["training"], **study["model"].get("training", {})}
    first, most = settings.get("start_epochs", 1), settings["max_epochs"]
    if study["model"].get("file") is None and settings.get("starts", 1) > 1 and first > most:
        raise ConfigError(
            f"{where}.model.training.start_epochs: got {first}, expected at most max_epochs, "
            f"{most}"
        )


def _check_analyses(config: Config, where: str, study: Config) -> None:
    for key, own in study["analyses"].items():
        settings = {**config["scoring"], **own}
        _refuse(f"{where}.analyses.{key}: ", analysis_fault(study, settings))


def _check_genomes(config: Config) -> None:
    """The oracle of a synthetic genome is measured once: on one window and one test set."""
    users: dict[str, tuple[str, object]] = {}
    for name, study in chosen_studies(config).items():
        if config["inputs"] == "synthetic" and is_from_peaks(study):
            examples = study["examples"]
            asked = examples["window"], examples["split"]["test"]
            other, first = users.setdefault(examples["dataset"], (name, asked))
            if asked != first:
                raise ConfigError(
                    f"config: studies.{name}.examples: window and split.test are {asked}, and "
                    f"{first} in study {other!r} of the same dataset; expected the same"
                )


def _check_figures(config: Config, where: str, study: Config) -> None:
    wanted = [study["map"]["analysis"]] if "map" in study else []
    for figure, declared in study.get("figures", {}).items():
        fault = figure_fault(config, study, figure)
        _refuse(f"{where}: " if fault and fault.startswith("figure ") else f"{where}.", fault)
        if "variants" not in declared and not is_of_flanks(study):
            wanted += [declared[key] for key in ("analysis", "compare") if declared.get(key)]
    for analysis in wanted:
        if analysis not in study["analyses"]:
            raise ConfigError(
                f"{where}: no analysis {analysis!r}; declared: {', '.join(study['analyses'])}"
            )


def validate(config: Config) -> None:
    """Raise `ConfigError` with one line unless the configuration can run."""
    errors = _Validator(config_schema()).iter_errors(config)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_one_line(worst))
    _check_only(config)
    _check_local_folder(config)
    _check_motifs(config["simulation"]["motifs"])
    for name, study in chosen_studies(config).items():
        where = f"config: studies.{name}"
        _check_source(config, where, study)
        _check_starts(config, where, study)
        _check_analyses(config, where, study)
        for key in study["variants"]:
            _refuse(f"{where}.variants.{key}.", collection_fault(config, study, key))
        _check_figures(config, where, study)
    _check_genomes(config)
    studies = chosen_studies(config)
    ids = [figure for study in studies.values() for figure in study["figures"]]
    # Taken, drawn or not: the network's row of the scorecard has that id too.
    pages = {performance_page(name).id: study["figures"] for name, study in studies.items()}
    for page, declared in pages.items():
        if declared.get(page, {}).get("kind") != "performance":
            ids.append(page)
    twice = sorted({figure for figure in ids if ids.count(figure) > 1})
    if twice:
        if twice[0] in pages:
            raise ConfigError(
                f"config: figure {twice[0]!r} has the name of a study's page of performance; "
                "rename it"
            )
        raise ConfigError(f"config: figure {twice[0]!r} is declared twice; rename one")
    _check_files(config)
