"""The genome and the peak files that a study brings or downloads."""

import difflib
from pathlib import Path
from typing import Any

from flow.config import Config, ConfigError, local_path
from flow.samples import binding_files
from flow.sources import read_sources

_SOURCES = Path(__file__).parents[2] / "resources/sources.tsv"


def peak_files(config: Config, study: str) -> dict[str, Any]:
    """Genome, accessible peaks, and ChIP peaks in the order of the tasks.

    Raises
    ------
    ConfigError
        A source that the table of sources lacks, a sample sheet that does not serve,
        or a local file that is not there.
    """
    examples = config["studies"][study]["examples"]
    origin = "files" if config["inputs"] == "local" else "sources"
    declared, key = examples[origin], f"config: studies.{study}.examples.{origin}"
    chip_key = f"{key}.chip."
    if "samples" in declared:
        chip_key = f"{key}.samples: ChIP of "
        sheet = _place(config, f"{key}.samples", declared["samples"])
        try:
            accessible, chip = binding_files(sheet, examples["tasks"])
        except ValueError as error:
            raise ConfigError(f"{key}.samples: {error}") from error
    else:
        accessible = declared["accessible"]
        chip = [declared["chip"][task] for task in examples["tasks"]]
    return {
        "genome": _place(config, f"{key}.genome", declared["genome"]),
        "accessible": _place(config, f"{key}: accessible", accessible),
        "chip": [
            _place(config, f"{chip_key}{task}", entry)
            for task, entry in zip(examples["tasks"], chip, strict=True)
        ],
    }


def _place(config: Config, key: str, entry: str) -> str:
    """Path of a local file, or of a download by its name in the table of sources."""
    if config["inputs"] == "local":
        path = local_path(config, entry)
        if not path.is_file():
            raise ConfigError(f"{key}: no file {str(path)!r}; check the path")
        return str(path)
    sources = read_sources(_SOURCES)
    if entry not in sources:
        near = difflib.get_close_matches(entry, sources, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see that file"
        raise ConfigError(f"{key}: no source {entry!r} in resources/sources.tsv; {hint}")
    return sources[entry].path
