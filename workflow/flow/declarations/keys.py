"""Config keys as fields of records, and the JSON schema that follows from their types.

A record is a frozen dataclass: the name of a field is a key, its type says what the key may
be, and its metadata what it means, in the words of config/README.md. Keywords of JSON Schema
narrow a type: `Annotated[int, where(minimum=1)]`.
"""

import types
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


@dataclass(frozen=True)
class Where:
    """Keywords of JSON Schema that narrow a type; made by `where`."""

    keywords: tuple[tuple[str, Any], ...]


def where(**keywords: float | str | bool) -> Where:
    """Narrow a type by keywords of JSON Schema."""
    return Where(tuple(keywords.items()))


Count = Annotated[int, where(minimum=1)]
Fraction = Annotated[float, where(minimum=0, maximum=1)]
Share = Annotated[float, where(minimum=0, exclusiveMaximum=1)]
Level = Annotated[float, where(exclusiveMinimum=0, exclusiveMaximum=1)]
Positive = Annotated[float, where(exclusiveMinimum=0)]
NotNegative = Annotated[float, where(minimum=0)]
Text = Annotated[str, where(minLength=1)]
Names = Annotated[list[Text], where(minItems=1, uniqueItems=True)]
Pair = Annotated[list[str], where(minItems=2, maxItems=2)]
Texts = Annotated[dict[str, str], where(minProperties=1)]
Id = Annotated[str, where(pattern="^[a-z][a-z0-9_]*$")]
Split = Literal["train", "validation", "test"]
Base = Literal["A", "C", "G", "T"]


@dataclass(frozen=True)
class Taken:
    """Keys that a record takes over from another one.

    Attributes
    ----------
    record
        The other one.
    names
        Which of its keys; all where empty.
    """

    record: type
    names: tuple[str, ...] = ()


def key(meaning: str = "") -> Any:  # noqa: ANN401 - stands where a value of any type does
    """Declare a key that has to be there; `meaning` is Markdown for the documentation."""
    return field(metadata={"meaning": meaning})


def optional(meaning: str = "") -> Any:  # noqa: ANN401 - as above
    """Declare a key that may be left out."""
    return field(default=None, metadata={"meaning": meaning})


def meanings(record: type) -> dict[str, str]:
    """Return what each key of a record means, in the order of its fields."""
    return {one.name: one.metadata["meaning"] for one in fields(record)}


def required(record: type) -> list[str]:
    """Return the keys that a record cannot do without."""
    return [one.name for one in fields(record) if one.default is MISSING]


def record_schema(record: type) -> Schema:
    """Return the schema of a mapping with the keys of a record, and no others.

    Keys that the class attribute `takes` names (a tuple of `Taken`) may be there too.
    """
    hints = get_type_hints(record, include_extras=True)
    properties = {one.name: type_schema(hints[one.name]) for one in fields(record)}
    for taken in getattr(record, "takes", ()):
        others = record_schema(taken.record)["properties"]
        properties |= {
            name: schema
            for name, schema in others.items()
            if name in (taken.names or others) and name not in properties
        }
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    needed = required(record)
    return schema | ({"required": needed} if needed else {})


def type_schema(hint: Any) -> Schema:  # noqa: ANN401 - any type hint
    """Return the schema of a type.

    Raises
    ------
    TypeError
        For a type that no key has.
    """
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    if is_dataclass(hint):
        return record_schema(hint)  # type: ignore[arg-type]  # a class here, never an instance
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_schema(arguments[0]) | dict(arguments[1].keywords)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": type_schema(arguments[0])}
    if origin is dict:
        names = type_schema(arguments[0])
        named = {"propertyNames": names} if names != {"type": "string"} else {}
        return {"type": "object", **named, "additionalProperties": type_schema(arguments[1])}
    if origin in (Union, types.UnionType):
        return _union(list(map(type_schema, arguments)))
    raise TypeError(f"hint: got {hint}, expected a type that a config key can have")


def _union(parts: list[Schema]) -> Schema:
    """Several types where they are enough, else one of several schemas."""
    plain = [part["type"] for part in parts if part.keys() == {"type"}]
    if len(plain) == len(parts):
        return {"type": plain}
    if len(parts) == 2 and plain == ["null"]:
        other = next(part for part in parts if part != {"type": "null"})
        if other.get("type") == "object":
            return other | {"type": ["object", "null"]}
    return {"oneOf": sorted(parts, key=lambda part: part != {"type": "null"})}


def own_keys(record: type, *base: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys that a record needs, and those it may have, without those of `base`."""
    known = {one.name for other in base for one in fields(other)}
    needed = required(record)
    own = [one.name for one in fields(record) if one.name not in known]
    return (
        tuple(name for name in own if name in needed),
        tuple(name for name in own if name not in needed),
    )
