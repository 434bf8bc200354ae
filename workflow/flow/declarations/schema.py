"""The JSON schema of a config, and the tables of config/README.md, from its records.

`python -m flow.declarations.schema` writes both anew: schemas/config.schema.yaml, which
editors can read, and the tables with a column `default` in config/README.md.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from flow.declarations.figure_keys import FIGURES
from flow.declarations.keys import (
    Id,
    Schema,
    meanings,
    record_schema,
    required,
    type_schema,
)
from flow.declarations.settings import (
    AccessibilitySimulation,
    FlankSettings,
    FlankSimulation,
    GenomeSimulation,
    Scoring,
    Simulation,
    Training,
    VariantSettings,
)
from flow.declarations.study_keys import ConfigKeys, RunKeys

_ROOT = Path(__file__).parents[3]
SCHEMA_FILE = _ROOT / "workflow/schemas/config.schema.yaml"
DOCUMENTATION = _ROOT / "config/README.md"
_DEFAULTS = _ROOT / "config/config.yaml"
# Heading of each section with a table in the documentation, and the keys that it lists.
_TABLES: dict[str, type] = {
    "The run": RunKeys,
    "`simulation`": Simulation,
    "`genome_simulation`": GenomeSimulation,
    "`accessibility_simulation`": AccessibilitySimulation,
    "`flank_simulation`": FlankSimulation,
    "`scoring`": Scoring,
    "`variants`": VariantSettings,
    "`flanks`": FlankSettings,
    "`training`": Training,
}


@cache
def config_schema() -> Schema:
    """Return the schema of a config (JSON Schema, draft 2020-12)."""
    schema = record_schema(ConfigKeys)
    schema["required"] = [*required(RunKeys), *schema["required"]]
    study = schema["properties"]["studies"]["additionalProperties"]
    study["properties"]["figures"] = {
        "type": "object",
        "propertyNames": type_schema(Id),
        "additionalProperties": _figure_schema(),
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _figure_schema() -> Schema:
    """Keys of all kinds together; `figure_fault` says which kind takes which."""
    properties: Schema = {"kind": {"enum": list(FIGURES)}}
    for record in FIGURES.values():
        for name, schema in record_schema(record)["properties"].items():
            known = properties.setdefault(name, schema)
            if known != schema:
                properties[name] = _either(known, schema)
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "required": ["kind"],
        "properties": properties,
    }


def _either(*schemas: Schema) -> Schema:
    parts: list[Schema] = []
    for schema in schemas:
        parts += [part for part in schema.get("oneOf", [schema]) if part not in parts]
    return {"oneOf": parts}


def schema_text() -> str:
    """Return the text of the schema file."""
    head = "# Written by `python -m flow.declarations.schema` from the records of\n"
    head += "# flow/declarations; config/README.md says what the keys mean.\n"
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]  # written out in full
    return head + yaml.dump(
        config_schema(),
        Dumper=dumper,
        sort_keys=False,
        allow_unicode=True,
        width=96,
        default_flow_style=None,
    )


def documentation(text: str, defaults: Mapping[str, Any]) -> str:
    """Return the documentation with its tables written anew.

    Parameters
    ----------
    text
        As it stands: each heading of a section is followed by its table.
    defaults
        The default config.
    """
    for heading, record in _TABLES.items():
        section = heading.strip("`")
        values = defaults if record is RunKeys else defaults[section]
        rows = [
            f"| `{name}` | {meaning} | {_shown(values[name])} |"
            for name, meaning in meanings(record).items()
        ]
        table = "\n".join(["| key | meaning | default |", "|---|---|---|", *rows])
        place = re.compile(
            rf"(^## {re.escape(heading)}.*?)^\| key \| meaning \| default \|\n(?:\|[^\n]*\n)+",
            re.MULTILINE | re.DOTALL,
        )
        found = place.search(text)
        if found is None:
            raise ValueError(f"{DOCUMENTATION.name}: no table below the heading {heading}")
        text = f"{text[: found.start()]}{found[1]}{table}\n{text[found.end() :]}"
    return text


def _shown(value: Any) -> str:  # noqa: ANN401 - any value of a config
    if isinstance(value, list):
        return ", ".join(str(entry[0]) for entry in value)
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0") if value < 1 else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return f"`{yaml.safe_dump(value).splitlines()[0]}`"


def main() -> None:
    """Write the schema and the documentation's tables."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    defaults = yaml.safe_load(_DEFAULTS.read_text(encoding="utf-8"))
    text = DOCUMENTATION.read_text(encoding="utf-8")
    DOCUMENTATION.write_text(documentation(text, defaults), encoding="utf-8")


if __name__ == "__main__":
    main()
