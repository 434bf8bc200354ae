"""Which module imports which: rooms of the workflow, and the order of the wings inside them.

Each tuple of `WINGS` is an order: a wing may import those before it and itself. Every import
statement counts, those inside functions and under TYPE_CHECKING too.
"""

import ast
from pathlib import Path

from helpers import WORKFLOW

ROOMS = {
    "dfim": set(),
    "synthetic": {"dfim"},
    "flow": {"dfim", "snakemake"},
    "scripts": {"dfim", "synthetic", "flow", "snakemake"},
}
WINGS = {
    "dfim": (
        "io", "statistics", "sequences", "genome", "motifs", "models", "attribution", "scoring",
        "comparators", "pairs", "maps", "variants", "plots",
    ),
    "dfim.attribution": (
        "results", "checks", "digests", "graph", "base", "engine", "local", "methods",
        "logits", "factory",
    ),
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


def wing_imports(room: str) -> dict[str, set[str]]:
    """For each wing of a room, the other wings that its modules import."""
    found: dict[str, set[str]] = {name: set() for name in WINGS[room]}
    for name, others in IMPORTS.items():
        if (importer := wing(name, room)) is not None:
            found.setdefault(importer, set()).update(wing(other, room) for other in others)
    return {name: others - {name, None} for name, others in found.items()}
