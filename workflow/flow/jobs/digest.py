"""What a rule depends on beside its files: its code, and its seed."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

_WORKFLOW = Path(__file__).parents[2]


def _imported_names(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _module_files(workflow: Path, name: str) -> list[Path]:
    """Files that `import a.b.c` runs, where they are the project's own."""
    parts, found = name.split("."), []
    for depth in range(1, len(parts) + 1):
        base = workflow.joinpath(*parts[:depth])
        for candidate in (base / "__init__.py", base.with_suffix(".py")):
            if candidate.is_file():
                found.append(candidate)
    return found


# The scripts share most modules. Without this, the digests of all rules took most of the time
# between a call of snakemake and its first job.
@cache
def _imported_files(workflow: Path, source: str) -> set[Path]:
    """The project's own files that a module's source imports."""
    return {file for name in _imported_names(source) for file in _module_files(workflow, name)}


@cache
def code_digest(script: str) -> str:
    """Digest of a script and of every module of the project that it imports.

    Snakemake's own code trigger sees the script file only, so each rule takes
    this as a parameter: an edit to an imported module runs the rule again, and
    an edit to any other does not.

    Parameters
    ----------
    script
        Path below workflow/, such as ``scripts/train_model.py``.
    """
    pending, seen = [_WORKFLOW / script], set()
    while pending:
        file = pending.pop()
        if file in seen:
            continue
        seen.add(file)
        pending += _imported_files(_WORKFLOW, file.read_text(encoding="utf-8"))
    digest = hashlib.sha256()
    for file in sorted(seen):
        digest.update(str(file.relative_to(_WORKFLOW)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def config_digest(record: object) -> str:
    """Digest of settings, the same for equal settings in any order of keys."""
    text = json.dumps(record, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rule_seed(seed: int, *names: str) -> int:
    """The seed of one rule: from the config's seed, the rule's name and its wildcards."""
    text = "\0".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
