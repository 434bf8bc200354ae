"""Models, checks and runs that several test files share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"
CONFIGS = ROOT / "tests/configs"
