"""Fixtures that several test files share."""

import hashlib
import os
from pathlib import Path

import pytest

from flow.declarations.sources import Source
from helpers import CONFIGS, TESTS
from helpers.fetch_server import running
from helpers.workflow_runs import WorkflowRun

# Files that take longest, in the order in which workers begin them: a long one that came last
# would run alone.
LONGEST = (
    "runs/test_workflow.py",
    "runs/test_flank_workflow.py",
    "runs/test_accessibility_real.py",
    "runs/test_accessibility_workflow.py",
    "runs/test_tal_gata_workflow.py",
    "runs/test_tal_gata_real.py",
    "runs/test_released.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first; the others stay in their order."""
    rank = {TESTS / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of published files; without it the test is skipped, in CI it fails."""
    folder = os.environ.get("DFIM_TEST_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder).resolve()
    message = f"DFIM_TEST_DATA is {folder!r}; name the folder of published files to run this"
    if os.environ.get("DFIM_REQUIRE_TEST_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> WorkflowRun:
    """The whole workflow on tiny.yaml, unbroken, on two cores."""
    folder = tmp_path_factory.mktemp("tiny")
    run = WorkflowRun(folder, CONFIGS / "tiny.yaml")
    done = run.run()
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture
def site(monkeypatch):
    """The one file of a server that misbehaves, without a proxy between."""
    monkeypatch.setenv("NO_PROXY", "*")
    with running() as found:
        yield found


@pytest.fixture
def source(site):
    """Make a row of the table for the site's file, as it is now."""

    def make(name="thing", file="group/thing.bin", known=True, size=True, by_hand=False):
        digest = f"md5:{hashlib.md5(site.data).hexdigest()}" if known else None
        origin = "publisher" if known else "first-use"
        size = len(site.data) if size else None
        return Source(name, "s", site.url, file, size, digest, origin, by_hand, "a thing")

    return make
