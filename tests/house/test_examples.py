"""Examples in docstrings of the functions and classes at the top of `dfim` run as printed."""

import doctest
import inspect

import pytest

import dfim

FUNCTIONS = [name for name in dfim.__all__ if not inspect.ismodule(getattr(dfim, name))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
FINDER = doctest.DocTestFinder(exclude_empty=True)


def run(item, name) -> tuple[int, str]:
    """Number of examples of an object's docstrings, run without any names but their own."""
    said, n = [], 0
    for test in FINDER.find(item, name, globs={}):
        runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
        runner.run(test, out=said.append)
        n += len(test.examples)
    return n, "".join(said)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_example_runs_as_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for those that write a file
    n, said = run(getattr(dfim, name), name)
    assert said == ""
    assert n > 0, f"dfim.{name} has no example"


def test_a_wrong_or_missing_example_is_seen():
    def wrong():
        """Add.

        >>> 1 + 1
        3
        """

    n, said = run(wrong, "wrong")
    assert n == 1
    assert "Expected:\n    3\nGot:\n    2" in said
    assert run(lambda: None, "missing") == (0, "")
    assert len(FUNCTIONS) > 25
