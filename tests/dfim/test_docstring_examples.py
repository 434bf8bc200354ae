"""Examples in docstrings of the package run as printed, and top-level names have one."""

import doctest
import importlib
import inspect

import pytest

import dfim
from helpers import WORKFLOW

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
FINDER = doctest.DocTestFinder(exclude_empty=True)
MODULES = [
    ".".join(path.relative_to(WORKFLOW).with_suffix("").parts)
    for path in sorted((WORKFLOW / "dfim").rglob("*.py"))
    if ">>> " in path.read_text()
]
PUBLIC = [name for name in dfim.__all__ if not inspect.ismodule(getattr(dfim, name))]


def failures(item, name) -> tuple[int, str]:
    """Number of examples in the docstrings of an object, and what went wrong when they ran."""
    printed, n = [], 0
    runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
    for test in FINDER.find(item, name):
        runner.run(test, out=printed.append)
        n += len(test.examples)
    return n, "".join(printed)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_as_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for those that write a file
    n, printed = failures(importlib.import_module(name), name)
    assert printed == ""
    assert n > 0


def test_every_top_level_name_has_an_example():
    assert len(PUBLIC) > 25
    without = [
        name
        for name in PUBLIC
        if not any(test.examples for test in FINDER.find(getattr(dfim, name), name))
    ]
    assert without == []


def test_a_wrong_example_is_seen():
    def wrong():
        """Add.

        >>> 1 + 1
        3
        """

    n, printed = failures(wrong, "wrong")
    assert n == 1
    assert "Expected:\n    3\nGot:\n    2" in printed
