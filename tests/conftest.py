"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest

from workflow_runs import WorkflowRun


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
    run = WorkflowRun(folder, Path(__file__).with_name("tiny.yaml"))
    done = run.run()
    assert done.returncode == 0, done.stderr
    return run
