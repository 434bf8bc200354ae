"""The picture and the tables of docs/architecture.md are those of the code."""

import re
from itertools import pairwise

import pytest

import draw_wings
from helpers.imports import WINGS


def test_picture_is_drawn_from_the_imports_as_they_are():
    same = draw_wings.PICTURE.read_text() == draw_wings.picture()
    assert same, "docs/wings.svg is of other imports: call make wings, and look at it"


def test_tables_say_what_the_docstrings_say():
    page = draw_wings.PAGE.read_text()
    same = page == draw_wings.with_tables(page)
    assert same, "docs/architecture.md has other wings: call make wings"


def test_a_page_without_its_table_is_refused():
    with pytest.raises(ValueError, match=r"has 0 tables that begin with \| `dfim` \|"):
        draw_wings.with_tables("# Nothing")


@pytest.mark.parametrize("room", WINGS)
def test_every_arrow_is_an_import_and_every_import_a_way_of_arrows(room):
    graph = draw_wings.earlier(room)
    drawn = draw_wings.direct(graph)
    floor = draw_wings.floors(graph)
    for name, below in graph.items():
        assert drawn[name] <= below
        assert all(floor[other] < floor[name] for other in below)
        reached, pending = set(), list(drawn[name])
        while pending:
            reached.add(other := pending.pop())
            pending += drawn[other]
        assert below <= reached


def test_boxes_of_a_floor_do_not_touch():
    layout = draw_wings.lay_out(
        {"a": set(), "b": set(), "c": {"a"}, "d": {"c", "b"}, "e": {"a"}}
    )
    floor = {node[0]: node[1] for node in layout.x}
    assert (floor["a"], floor["b"], floor["c"], floor["d"], floor["e"]) == (0, 0, 1, 2, 1)
    for k in range(layout.n_floors):
        row = sorted(x for node, x in layout.x.items() if node[1] == k)
        assert all(b - a > draw_wings.GAP for a, b in pairwise(row))
    assert [[k for _, k in path] for path in layout.paths] == [
        [1, 0],
        [2, 1, 0],
        [2, 1],
        [1, 0],
    ]


def test_arrows_between_rooms_go_from_foot_to_top_within_both_frames():
    for upper, lower in (((200, 0, 300, 50), (0, 90, 150, 200)),
                         ((0, 0, 300, 50), (0, 90, 150, 200)),
                         ((0, 0, 100, 50), (150, 90, 300, 200))):  # fmt: skip
        start, *_, end = re.findall(r"(\d+) (\d+)", draw_wings.between(upper, lower))
        assert upper[0] < int(start[0]) < upper[2]
        assert int(start[1]) == upper[3]
        assert lower[0] < int(end[0]) < lower[2]
        assert upper[3] < int(end[1]) < lower[1]
