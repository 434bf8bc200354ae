"""The genome and the files of peaks that a study brings or downloads."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flow.declarations.config import Config, ConfigError, local_path
from flow.declarations.samples import accessibility_files, binding_files
from flow.declarations.sources import read_sources

_SOURCES = Path(__file__).parents[3] / "resources/sources.tsv"


def peak_files(config: Config, study: str) -> dict[str, Any]:
    """Genome, accessible peaks, and ChIP peaks in the order of the tasks.

    Raises
    ------
    ConfigError
        A source that the table of sources lacks, a sample sheet that does not serve,
        or a local file that is not there.
    """
    examples, declared, key = _declared(config, study)
    chip_key = f"{key}.chip."
    if "samples" in declared:
        chip_key = f"{key}.samples: ChIP of "
        sheet = place(config, f"{key}.samples", declared["samples"])
        with _reading(key):
            accessible, chip = binding_files(sheet, examples["tasks"])
    else:
        accessible = declared["accessible"]
        chip = [declared["chip"][task] for task in examples["tasks"]]
    return {
        "genome": place(config, f"{key}.genome", declared["genome"]),
        "accessible": place(config, f"{key}: accessible", accessible),
        "chip": [
            place(config, f"{chip_key}{task}", entry)
            for task, entry in zip(examples["tasks"], chip, strict=True)
        ],
    }


def accessible_files(config: Config, study: str) -> dict[str, Any]:
    """Genome, and the accessible peaks of each task in order; errors as `peak_files`."""
    examples, declared, key = _declared(config, study)
    tasks = examples["tasks"]
    if "samples" in declared:
        sheet = place(config, f"{key}.samples", declared["samples"])
        with _reading(key):
            peaks = accessibility_files(sheet, tasks)
    else:
        peaks = [declared["peaks"][task] for task in tasks]
    named = zip(tasks, peaks, strict=True)
    return {
        "genome": place(config, f"{key}.genome", declared["genome"]),
        "peaks": [place(config, f"{key}: peaks of {task}", entry) for task, entry in named],
    }


def place(config: Config, key: str, entry: str) -> str:
    """Path of a local file, or of a download by its name in the table of sources.

    In a run with downloads an entry that is no source may be a file that is there:
    not everything can be downloaded.
    """
    path = local_path(config, entry)
    if config["inputs"] != "download":
        if not path.is_file():
            raise ConfigError(f"{key}: no file {str(path)!r}; check the path")
        return str(path)
    sources = read_sources(_SOURCES)
    if entry in sources:
        return sources[entry].path
    if path.is_file():
        return str(path)
    near = difflib.get_close_matches(entry, sources, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see that file"
    raise ConfigError(
        f"{key}: no source {entry!r} in resources/sources.tsv, and no such file; {hint}"
    )


def _declared(config: Config, study: str) -> tuple[Config, Config, str]:
    examples = config["studies"][study]["examples"]
    origin = "files" if config["inputs"] == "local" else "sources"
    return examples, examples[origin], f"config: studies.{study}.examples.{origin}"


@contextmanager
def _reading(key: str) -> Iterator[None]:
    """Say which key named a sheet that does not serve."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{key}.samples: {error}") from error
