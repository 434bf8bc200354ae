"""The schema and the documentation's tables follow from the records of config keys."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jsonschema
import pytest
import yaml

from flow.declarations.figure_keys import FIGURE_KEYS
from flow.declarations.keys import (
    Count,
    Id,
    Taken,
    key,
    optional,
    record_schema,
    type_schema,
    where,
)
from flow.declarations.schema import (
    DOCUMENTATION,
    SCHEMA_FILE,
    config_schema,
    documentation,
    schema_text,
)
from helpers import ROOT

AGAIN = "run: PYTHONPATH=workflow python -m flow.declarations.schema"


@dataclass(frozen=True)
class Small:
    """A record of two keys."""

    size: Count = key("how large")
    colour: Literal["red", "blue"] = optional()


@dataclass(frozen=True)
class Larger:
    """A record that takes over one key of another."""

    takes = (Taken(Small, ("size",)),)

    name: str | None = key()


@pytest.fixture(scope="module")
def defaults():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_schema_file_is_up_to_date():
    assert SCHEMA_FILE.read_text() == schema_text(), AGAIN
    assert yaml.safe_load(SCHEMA_FILE.read_text()) == config_schema()


def test_documentation_is_up_to_date(defaults):
    text = DOCUMENTATION.read_text()
    assert documentation(text, defaults) == text, AGAIN


def test_documentation_follows_keys_and_defaults(defaults):
    text = DOCUMENTATION.read_text()
    changed = {**defaults, "scoring": {**defaults["scoring"], "alpha": 0.00001}}
    found = documentation(text.replace("level of p and q", "?"), changed)
    assert "| `alpha` | level of p and q | 0.00001 |" in found
    assert len(found.splitlines()) == len(text.splitlines())
    with pytest.raises(ValueError, match="no table below the heading `training`"):
        documentation(text.replace("## `training`", "## Training"), defaults)


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (bool, {"type": "boolean"}),
        (float | str, {"type": ["number", "string"]}),
        (str | None, {"type": ["string", "null"]}),
        (Count | None, {"oneOf": [{"type": "null"}, {"type": "integer", "minimum": 1}]}),
        (Literal["a", None], {"enum": ["a", None]}),
        (list[Count], {"type": "array", "items": {"type": "integer", "minimum": 1}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Annotated[str, where(pattern="x")], {"type": "string", "pattern": "x"}),
    ],
)
def test_schema_of_a_type(hint, schema):
    assert type_schema(hint) == schema


def test_schema_of_names_of_entries():
    assert type_schema(dict[Id, int])["propertyNames"] == type_schema(Id)


def test_type_without_a_schema_is_refused():
    with pytest.raises(TypeError, match="expected a type that a config key can have"):
        type_schema(set[int])


def test_schema_of_a_record():
    size = {"type": "integer", "minimum": 1}
    assert record_schema(Small) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {"size": size, "colour": {"enum": ["red", "blue"]}},
        "required": ["size"],
    }
    larger = record_schema(Larger)
    # What is taken over may be left out.
    assert larger["required"] == ["name"]
    assert larger["properties"] == {"name": {"type": ["string", "null"]}, "size": size}
    assert type_schema(Larger | None)["type"] == ["object", "null"]


def test_figures_take_the_keys_of_every_kind():
    study = config_schema()["properties"]["studies"]["additionalProperties"]
    figure = study["properties"]["figures"]["additionalProperties"]["properties"]
    keys = {name for needed, more in FIGURE_KEYS.values() for name in (*needed, *more)}
    assert figure.keys() == {"kind", "printed"} | keys
    compare = jsonschema.Draft202012Validator(figure["compare"])
    assert all(compare.is_valid(value) for value in ("one", ["one", "two"], None))
    assert not any(compare.is_valid(value) for value in (3, [], ["one", "one"]))
