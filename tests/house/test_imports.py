"""Who may import whom: rooms of the workflow, wings inside them, and no circles."""

from graphlib import CycleError, TopologicalSorter

import pytest

from helpers.imports import IMPORTS, MODULES, ROOMS, WINGS, imports, wing, wing_imports


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
    order = WINGS[room]
    assert wing_imports(room).keys() == set(order)
    height = {name: order.index(wing(name, room)) for name in MODULES if wing(name, room)}
    upwards = {
        f"{name} -> {other}"
        for name in height
        for other in IMPORTS[name] & height.keys()
        if height[other] > height[name]
    }
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
