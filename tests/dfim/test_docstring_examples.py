"""Examples in docstrings anywhere in the package run as printed, with their module's names."""

import doctest
import importlib

import pytest

from helpers import WORKFLOW

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = [
    ".".join(path.relative_to(WORKFLOW).with_suffix("").parts)
    for path in sorted((WORKFLOW / "dfim").rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_as_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for those that write a file
    module = importlib.import_module(name)
    printed = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(test, out=printed.append)
    assert "".join(printed) == ""
    assert runner.tries > 0
