"""Who may import whom: rooms of the workflow, wings inside them, and no circles.

Each tuple below is an order: a wing may import those before it and itself. Every import
statement counts, those inside functions and under TYPE_CHECKING too.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from helpers import WORKFLOW

ROOMS = {
    "dfim": set(),
    "synthetic": {"dfim"},
    "flow": {"dfim", "synthetic", "snakemake"},
    "scripts": {"dfim", "synthetic", "flow", "snakemake"},
}
WINGS = {
    "dfim": (
        "io", "statistics", "sequences", "genome", "motifs", "models", "attribution", "scoring",
        "comparators", "pairs", "maps", "variants", "plots",
    ),
    "dfim.attribution": ("results", "graph", "base", "engine", "local", "methods", "factory"),
    "flow": (
        "jobs", "declarations", "downloads", "networks", "flanks", "run", "scorecard",
        "variants", "benchmark",
    ),
}  # fmt: skip


def modules() -> dict[str, Path]:
    """Every module below workflow/, by dotted name."""
    paths = [path for room in ROOMS for path in sorted((WORKFLOW / room).rglob("*.py"))]
    names = (".".join(path.relative_to(WORKFLOW).with_suffix("").parts) for path in paths)
    return dict(zip((name.removesuffix(".__init__") for name in names), paths, strict=True))


def imports(name: str, source: str, known: set[str]) -> set[str]:
    """Modules that `source` imports: those of `known`, of others the top-level name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = name.split(".")[: -node.level] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            inner = {f"{module}.{alias.name}" for alias in node.names}
            found |= inner & known or {module}
    return {module if module in known else module.partition(".")[0] for module in found}


MODULES = modules()
IMPORTS = {
    name: imports(name, path.read_text(), set(MODULES)) - {name}
    for name, path in MODULES.items()
}


def wing(module: str, room: str) -> str | None:
    """First part of a module's name below a room, unless it is the room's own face."""
    inner = module.removeprefix(f"{room}.")
    return inner.partition(".")[0] if inner != module else None


def test_imports_sees_every_form():
    known = {"flow.x", "dfim.a.b", "dfim.a.c", "dfim.a"}
    source = "import numpy as np, flow.x\ndef f():\n from dfim.a import b\n from .c import d"
    assert imports("dfim.a.z", source, known) == {"numpy", "flow.x", "dfim.a.b", "dfim.a.c"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards(room):
    allowed = ROOMS[room] | {room}
    upwards = {
        f"{name} -> {other}"
        for name, others in IMPORTS.items()
        for other in others
        if wing(name, room) and other.partition(".")[0] in {*ROOMS, "snakemake"} - allowed
    }
    assert upwards == set()


def test_scripts_import_no_script():
    scripts = {name for name in MODULES if name.startswith("scripts.")}
    assert {name: IMPORTS[name] & scripts for name in scripts if IMPORTS[name] & scripts} == {}


@pytest.mark.parametrize("room", WINGS)
def test_wings_import_downwards(room):
    order, upwards = WINGS[room], set()
    present = {wing(name, room) for name in MODULES} - {None}
    assert present == set(order)
    for name, others in IMPORTS.items():
        for other in others:
            mine, theirs = wing(name, room), wing(other, room)
            if mine and theirs and order.index(theirs) > order.index(mine):
                upwards.add(f"{name} -> {other}")
    assert upwards == set()


def test_no_circle_of_imports():
    own = {name: others & set(MODULES) for name, others in IMPORTS.items()}
    try:
        tuple(TopologicalSorter(own).static_order())
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))
    circle = {**own, "dfim.io.store": {"dfim.maps.maps"}}
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(circle).static_order())


def test_nothing_imports_through_a_face():
    # The digest of a rule's code follows modules, and a face names them in its stub only.
    faces = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert {name: IMPORTS[name] & faces for name in MODULES if IMPORTS[name] & faces} == {}
