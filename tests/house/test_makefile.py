"""What the Makefile promises, tried in a scratch copy with fake tools.

Its python and snakemake are shell scripts that write down how they were called.
"""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT

LOCKS = ("requirements.txt", "requirements-gpu.txt")
# Stands for python3, for the .venv's python and for snakemake.
FAKE = r"""#!/bin/sh
echo "$(basename "$0") $*" >>calls.txt
case "$(basename "$0") $*" in
    *platform.python_version*) echo "${FAKE_VERSION:-3.11.9}" ;;
    *ensurepip*) exit "${FAKE_NO_VENV:-0}" ;;
    *_base_executable*) echo "$0" ;;
    *"-m venv .venv") mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        cp "$0" .venv/bin/snakemake ;;
    *--require-hashes*requirements*) exit "${FAKE_PIP:-0}" ;;
    snakemake*--unlock*) rm -rf .snakemake/locks ;;
esac
"""


class House:
    """A scratch copy of the Makefile and of what it reads, with fake tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "envs").mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", *(f"envs/{lock}" for lock in LOCKS)):
            (folder / name).write_bytes((ROOT / name).read_bytes())
            os.utime(folder / name, (0, 0))
        (folder / "python3").write_text(FAKE)
        (folder / "python3").chmod(0o755)

    def make(self, *arguments, fails=False, **environment):
        """Run make; return the calls it made and what it wrote to stderr."""
        calls = self.folder / "calls.txt"
        calls.write_text("")
        # A clean environment: an outer make hands its own variables down.
        done = subprocess.run(
            ["make", "PYTHON=./python3", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode != 0) is fails, done.stderr
        return calls.read_text().splitlines(), done.stderr

    def touch(self, name):
        """Make one file newer than the stamp, whatever the clock's resolution."""
        for path in ("pyproject.toml", "envs/requirements.txt"):
            os.utime(self.folder / path, (0, 0))
        os.utime(self.folder / ".venv/complete", (1e9, 1e9))
        os.utime(self.folder / name, (2e9, 2e9))


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "a house")


def test_make_builds_then_runs_then_is_idle(house):
    calls, _ = house.make()
    pip = [line for line in calls if "-m pip" in line]
    assert [line.split()[-1] for line in pip] == [
        ".venv/build.txt",
        "envs/requirements.txt",
        ".",
    ]
    assert all("--no-build-isolation" in line for line in pip)
    assert calls[-1] == "snakemake --cores all --"
    build = (house.folder / ".venv/build.txt").read_text()
    assert re.findall(r"^\w+", build, re.MULTILINE) == ["setuptools", "wheel"]
    assert house.make()[0] == ["snakemake --cores all --"]


def test_make_passes_settings_on(house):
    (house.folder / "my.yaml").write_text("")
    calls, _ = house.make("CONFIGFILE=my.yaml", "TARGET=fig1 fig2a", "CORES=3", "ARGS=-n")
    assert calls[-1] == "snakemake --configfile my.yaml --cores 3 -n -- fig1 fig2a"
    calls, stderr = house.make("CONFIGFILE=none.yaml", fails=True)
    assert calls == []
    assert stderr.startswith("dfim: CONFIGFILE: there is no file none.yaml\n")


def test_audit_is_the_run_with_its_config(house):
    (house.folder / "config").mkdir()
    (house.folder / "config/audit.yaml").write_text("")
    calls, _ = house.make("audit", "CORES=3")
    assert calls[-1] == "snakemake --configfile config/audit.yaml --cores 3 --"
    assert (ROOT / "config/audit.yaml").is_file()


def test_half_built_environment_is_built_again(house):
    house.make(FAKE_PIP="1", fails=True)
    left = house.folder / ".venv/left"
    left.write_text("")
    calls, _ = house.make()
    assert "python3 -m venv .venv" in calls
    assert not left.exists()


def test_environment_follows_lock_project_and_folder(house):
    house.make()
    house.touch("pyproject.toml")
    calls, _ = house.make()
    assert len([line for line in calls if "-m pip" in line]) == 1  # the package itself
    lock = house.folder / "envs/requirements.txt"
    lock.write_text(lock.read_text() + "# changed\n")
    house.touch("envs/requirements.txt")
    assert "python3 -m venv .venv" in house.make()[0]
    assert "python3 -m venv .venv" in house.make("GPU=1")[0]
    assert "python3 -m venv .venv" not in house.make("GPU=1")[0]
    house.folder = house.folder.rename(house.folder.with_name("moved"))
    assert "python3 -m venv .venv" in house.make("GPU=1")[0]


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"FAKE_VERSION": "3.10.2"}, "python3 is 3.10.2;"),
        ({"FAKE_VERSION": "3.14.0"}, "python3 is 3.14.0;"),
        ({"FAKE_NO_VENV": "1"}, "python3 3.11.9 has no venv module"),
    ],
)
def test_unfit_python_gets_one_line(house, environment, fault):
    _, stderr = house.make(fails=True, **environment)
    line, make_says = stderr.splitlines()
    assert line.startswith("dfim needs Python 3.11, 3.12 or 3.13 with venv: ")
    assert fault in line
    assert make_says.startswith("make: ***")
    assert not (house.folder / ".venv").exists()


def test_next_python_is_tried(house):
    old = house.folder / "old"
    old.write_text("#!/bin/sh\necho 3.8.1\n")
    old.chmod(0o755)
    assert house.make("PYTHON=./absent ./old ./python3")[0][-1] == "snakemake --cores all --"


def test_second_run_is_refused(house):
    house.make()
    with (house.folder / ".make.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        calls, stderr = house.make(fails=True)
    assert calls == []
    assert stderr.startswith("dfim: another make is at work in this folder")
    assert house.make()[0] == ["snakemake --cores all --"]


def test_stale_lock_is_removed_unless_a_run_is_alive(house):
    house.make()
    lock = house.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", "bin/snakemake"]
    with subprocess.Popen(sleep, cwd=house.folder) as alive:
        calls, stderr = house.make(fails=True)
        alive.kill()
    assert calls == []
    assert f"(process {alive.pid})" in stderr
    assert lock.exists()
    assert house.make()[0] == ["snakemake --unlock --quiet all", "snakemake --cores all --"]
