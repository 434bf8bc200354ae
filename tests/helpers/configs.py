"""Configurations with changes, and the one line in which one is refused."""

import copy

import pytest

from flow.declarations.config import ConfigError
from flow.declarations.validation import validate


def changed(config, changes):
    """A copy with changes by dotted path; the value ... deletes the key."""
    found = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = found
        for part in parents:
            place = place.setdefault(part, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return found


def refusal(config) -> str:
    with pytest.raises(ConfigError) as error:
        validate(config)
    text = str(error.value)
    assert text.startswith("config: ")
    assert "\n" not in text
    return text
