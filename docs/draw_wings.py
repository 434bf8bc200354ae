"""Draw docs/wings.svg, who imports whom, and fill the tables of wings in docs/architecture.md.

Call it as `make wings`. All of it is read from the code, and a test compares it with the code.
Wings of one room are ordered by the barycentre of what they import (Sugiyama, Tagawa and Toda
1981); an import that follows from two others is not drawn.
"""

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from helpers.imports import IMPORTS, MODULES, WINGS, wing_imports

Graph = dict[str, set[str]]
Frame = tuple[float, float, float, float]  # left, top, right, bottom
Node = tuple[str, int]  # a wing on its floor, or the place where a long arrow crosses a floor

PICTURE = Path(__file__).with_name("wings.svg")
PAGE = Path(__file__).with_name("architecture.md")
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"'
BOX, HIGH, GAP, FLOOR = 112, 30, 22, 68  # pixels: width and height of a box, space, a floor
MARGIN, BAR, BETWEEN = 16, 72, 28  # around the picture; a bar of full width; between frames
CROSSING = 16  # width that an arrow takes on a floor that it crosses
# Tints of Okabe and Ito's palette, told apart by the colour-blind and in grey.
TINTS = {"dfim": "#cfe6f5", "dfim.attribution": "#a9d3ee", "flow": "#fbe3b5"}
OTHERS = {"synthetic": "#c5e8dc", "scripts": "#e6e6e6", "rules": "#f3f3f3"}
NOTES = {
    "rules": "which script makes which file from which (Snakemake)",
    "scripts": "one per rule",
    "synthetic": "data with planted interactions",
}
HEAD = 'marker-end="url(#head)"'


def earlier(room: str) -> Graph:
    """Imports between the wings of a room, as far as they go down its order."""
    order, found = WINGS[room], wing_imports(room)
    return {name: found[name] & set(order[:k]) for k, name in enumerate(order)}


def floors(graph: Graph) -> dict[str, int]:
    """Floor of each wing: 0 if it imports none, else one above the highest that it imports."""
    found: dict[str, int] = {}
    for name, below in graph.items():  # in the order of the room: what it imports came before
        found[name] = 1 + max((found[other] for other in below), default=-1)
    return found


def direct(graph: Graph) -> Graph:
    """Imports that do not follow from others: the transitive reduction."""
    all_below: Graph = {}
    for name, below in graph.items():
        all_below[name] = below.union(*(all_below[other] for other in below))
    return {
        name: {x for x in below if not any(x in all_below[y] for y in below)}
        for name, below in graph.items()
    }


@dataclass(frozen=True)
class Layout:
    """Where the boxes and arrows of one room are: x of each node's middle, paths of arrows."""

    x: dict[Node, float]
    paths: list[list[Node]]
    width: float
    n_floors: int


def lay_out(graph: Graph) -> Layout:
    """Place the wings of a room: floors by imports, the order on each by barycentres."""
    floor = floors(graph)
    paths = [
        [(name, floor[name])]
        + [(f"{name} {other}", k) for k in range(floor[name] - 1, floor[other], -1)]
        + [(other, floor[other])]
        for name, below in direct(graph).items()
        for other in sorted(below)
    ]
    nodes = dict.fromkeys([(name, floor[name]) for name in graph])
    nodes |= dict.fromkeys(node for path in paths for node in path)
    rows = [[n for n in nodes if n[1] == k] for k in range(max(floor.values()) + 1)]
    x = {node: 0.0 for node in nodes}
    near: dict[Node, list[Node]] = {node: [] for node in nodes}
    for path in paths:
        for a, b in pairwise(path):
            near[a].append(b)
            near[b].append(a)
    for row in rows:
        _spread(row, x, graph)
    for _ in range(40):
        for row in rows:
            for node in row:
                x[node] = sum(x[n] for n in near[node]) / len(near[node]) if near[node] else 0
            row.sort(key=lambda node: x[node])
            _spread(row, x, graph)
    left = min(x[n] - _width(n, graph) / 2 for n in nodes)
    right = max(x[n] + _width(n, graph) / 2 for n in nodes)
    return Layout({n: at - left for n, at in x.items()}, paths, right - left, len(rows))


def _width(node: Node, graph: Graph) -> float:
    return BOX if node[0] in graph else CROSSING


def _spread(row: list[Node], x: dict[Node, float], graph: Graph) -> None:
    """Push the nodes of a row apart, to the right, then back so that their mean stays."""
    mean = sum(x[node] for node in row) / len(row)
    for a, b in pairwise(row):
        apart = (_width(a, graph) + _width(b, graph)) / 2 + GAP
        x[b] = max(x[b], x[a] + apart)
    shift = mean - sum(x[node] for node in row) / len(row)
    for node in row:
        x[node] += shift


def draw_room(room: str, left: float, top: float) -> tuple[list[str], float, float]:
    """Return the SVG elements of a room's frame and wings, and the frame's right and bottom."""
    graph = earlier(room)
    layout = lay_out(graph)
    wide, high = layout.width + 2 * GAP, layout.n_floors * FLOOR + 24
    right, bottom = left + wide, top + high

    def at(node: Node) -> tuple[float, float]:
        return left + GAP + layout.x[node], bottom - (node[1] + 0.5) * FLOOR

    parts = [frame(room, left, top, wide, high)]
    for path in layout.paths:
        points = [at(node) for node in path]
        parts.append(arrow(points))
    for name in graph:
        x, y = at((name, floors(graph)[name]))
        parts.append(box(name, x - BOX / 2, y - HIGH / 2, BOX, HIGH, TINTS[room]))
    for name, below in graph.items():
        if below:
            parts.append(f"<desc>{room}: {name} imports {', '.join(sorted(below))}</desc>")
    return parts, right, bottom


def frame(title: str, left: float, top: float, wide: float, high: float) -> str:
    """Return a room's outline with its name at the top left."""
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{wide:.0f}" height="{high:.0f}" rx="8" '
        f'fill="none" stroke="#555" stroke-width="1.5"/>'
        f'<text x="{left + 10:.0f}" y="{top + 20:.0f}" font-weight="bold">{title}</text>'
    )


def box(
    text: str, left: float, top: float, wide: float, high: float, fill: str, note: str = ""
) -> str:
    """Return a filled box with a name in its middle, and a note below the name."""
    x, y = left + wide / 2, top + high / 2 + (-2 if note else 5)
    small = f'<text x="{x:.0f}" y="{y + 16:.0f}" class="m" font-size="12">{note}</text>'
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{wide:.0f}" height="{high:.0f}" rx="5" '
        f'fill="{fill}" stroke="#333"/>'
        f'<text x="{x:.0f}" y="{y:.0f}" class="m">{text}</text>' + (small if note else "")
    )


def arrow(points: list[tuple[float, float]]) -> str:
    """Return a curve from the foot of the first box to the top of the last."""
    (x, y), *inner, (x_end, y_end) = points
    points = [(x, y + HIGH / 2), *inner, (x_end, y_end - HIGH / 2 - 7)]
    steps = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        steps.append(f"C{x0:.0f} {middle:.0f} {x1:.0f} {middle:.0f} {x1:.0f} {y1:.0f}")
    return f'<path d="{" ".join(steps)}" class="a" {HEAD}/>'


def picture() -> str:
    """Return the whole picture as SVG."""
    flow, flow_right, flow_bottom = draw_room("flow", MARGIN, 2 * BAR + MARGIN)
    dfim, dfim_right, bottom = draw_room("dfim", MARGIN, flow_bottom + BETWEEN)
    inner, right, _ = draw_room("dfim.attribution", dfim_right + BETWEEN, flow_bottom + BETWEEN)
    below, left = flow_bottom + BETWEEN, flow_right + BETWEEN
    frames = {  # left, top, right, bottom
        "rules": (MARGIN, MARGIN, right, MARGIN + BAR - BETWEEN),
        "scripts": (MARGIN, MARGIN + BAR, right, MARGIN + 2 * BAR - BETWEEN),
        "synthetic": (left, MARGIN + 2 * BAR, right, flow_bottom),
        "flow": (MARGIN, MARGIN + 2 * BAR, flow_right, flow_bottom),
        "dfim": (MARGIN, below, dfim_right, bottom),
    }
    parts = [
        box(f"workflow/{room}", x0, y0, x1 - x0, y1 - y0, OTHERS[room], NOTES[room])
        for room, (x0, y0, x1, y1) in frames.items()
        if room in OTHERS
    ]
    for room, other in sorted(room_imports()):
        if (room, other) != ("scripts", "dfim"):  # follows from two others
            parts.append(between(frames[room], frames[other]))
    size = f'width="{right + MARGIN:.0f}" height="{bottom + MARGIN:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {right + MARGIN:.0f} {bottom + MARGIN:.0f}" {FONT} font-size="14">\n'
        "<title>The wings of the code: an arrow is an import</title>\n"
        "<style>.m{text-anchor:middle}.a{fill:none;stroke:#333;stroke-width:1.4}</style>\n"
        '<defs><marker id="head" viewBox="0 0 10 10" refX="1" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#333"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join([*parts, *flow, *dfim, *inner])
        + "\n</svg>\n"
    )


def room_imports() -> set[tuple[str, str]]:
    """Return which room imports which; the rules import flow and name the scripts."""
    pairs = {
        (name.partition(".")[0], other.partition(".")[0])
        for name, others in IMPORTS.items()
        for other in others & MODULES.keys()
    }
    return {(a, b) for a, b in pairs if a != b} | {("rules", "scripts")}


def between(upper: Frame, lower: Frame) -> str:
    """Return the arrow from the foot of a frame to the top of one below, aside or not."""
    x0, x1 = max(upper[0], lower[0]), min(upper[2], lower[2])
    start = end = (x0 + x1) / 2
    if x1 <= x0 + BETWEEN:  # not one above the other: from corner to corner
        left = lower[0] < upper[0]
        start = upper[0] + BETWEEN if left else upper[2] - BETWEEN
        end = lower[2] - BETWEEN if left else lower[0] + BETWEEN
    return arrow([(start, upper[3] - HIGH / 2), (end, lower[1] + HIGH / 2)])


def with_tables(page: str) -> str:
    """Return a page whose tables of wings say what the wings' docstrings say."""
    for room, names in WINGS.items():
        rows = [f"| `{name}` | {_purpose(f'{room}.{name}')} |" for name in names[::-1]]
        table = "\n".join([f"| `{room}` | |", "|---|---|", *rows, ""])
        page, n = re.subn(rf"\| `{room}` \| \|\n(\|.*\n)+", lambda _, t=table: t, page)
        if n != 1:
            raise ValueError(
                f"{PAGE.name} has {n} tables that begin with | `{room}` |, not one"
            )
    return page


def _purpose(module: str) -> str:
    """Return the first sentence of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(MODULES[module].read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


if __name__ == "__main__":
    PICTURE.write_text(picture())
    PAGE.write_text(with_tables(PAGE.read_text()))
