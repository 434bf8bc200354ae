"""Models, checks and runs that several test files share."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"
TESTS = ROOT / "tests"
CONFIGS = TESTS / "configs"


def call(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """What a command writes to stdout; it must end well."""
    env = os.environ | environment
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
