"""The house: locks, import direction, linters, and what the Makefile promises.

The Makefile is tried in a scratch copy whose python and snakemake are shell
scripts that write down how they were called.
"""

import ast
import fcntl
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dfim
from helpers import ROOT, WORKFLOW

ENVS = ROOT / "envs"
BIN = Path(sys.executable).parent
LOCKS = {"requirements.txt": "cpu", "requirements-gpu.txt": "gpu"}


# ---- locks ---------------------------------------------------------------------


def pins(lock: str) -> dict[str, str]:
    """Versions of a lock by name; a name pinned twice is an error."""
    lines = re.findall(r"^(\S+)==(\S+)(.*)$", (ENVS / lock).read_text(), re.MULTILINE)
    names = [name for name, _, _ in lines]
    assert len(set(names)) == len(names)
    assert {rest for _, _, rest in lines} == {" \\"}  # no markers: one list for 3.11 to 3.13
    return {name: version for name, version, _ in lines}


def direct_requirements(extras: list[str]) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    while extras:
        for line in project["optional-dependencies"][extras.pop()]:
            requirement = Requirement(line)
            if requirement.name == project["name"]:
                extras.extend(requirement.extras)
            else:
                lines.append(line)
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(("lock", "extra"), LOCKS.items())
def test_lock_satisfies_pyproject(lock, extra):
    locked = pins(lock)
    wanted = direct_requirements([extra, "workflow", "dev"])
    assert len(wanted) > 15
    unmet = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(
            locked.get(canonicalize_name(requirement.name), "0")
        )
    ]
    assert unmet == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_hashes_and_no_prerelease(lock):
    for entry in re.split(r"^(?=\w)", (ENVS / lock).read_text(), flags=re.MULTILINE)[1:]:
        name = entry.partition(" ")[0]
        assert "--hash=sha256:" in entry, name
        assert not re.search(r"==.*(a|b|rc|dev)\d", name), name


def test_locks_differ_in_tensorflow_only():
    cpu, gpu = (set(pins(lock).items()) for lock in LOCKS)
    assert {name for name, _ in cpu - gpu} == {"tensorflow-cpu"}
    assert {n for n, _ in gpu - cpu if not n.startswith("nvidia-")} == {"tensorflow"}


def test_conda_environment_equals_lock():
    conda = yaml.safe_load((ENVS / "dfim.yaml").read_text())
    python, pip, packages = conda["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    expected = [f"{name}=={version}" for name, version in pins("requirements.txt").items()]
    assert packages["pip"] == expected


@pytest.mark.parametrize("path", sorted(ENVS.iterdir()), ids=lambda path: path.name)
def test_no_address_in_environments(path):
    found = re.findall(r".*(?:\w://|--(?:extra-)?index|--find-links| @ ).*", path.read_text())
    assert found == []


# ---- the package ---------------------------------------------------------------

ROOMS = ("dfim", "flow", "synthetic", "scripts")
MODULES = [
    (room, path)
    for room in ROOMS
    for path in sorted((WORKFLOW / room).rglob("*.py"))
    if "__pycache__" not in path.parts
]


def test_only_networks_load_tensorflow():
    heavy = re.compile(r"dfim\.(attribution|models)\b(?!$)")
    names = [
        ".".join(path.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__")
        for room, path in MODULES
        if room == "dfim" or path.parent.name == "figures"
    ]
    light = [name for name in names if not heavy.match(name)]
    assert "dfim.sequences.encoding" in light
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if {'tensorflow', 'keras'} & set(sys.modules):\n"
        "        sys.exit(name + ' loads TensorFlow')\n"
    )
    call(sys.executable, "-c", code, *light, cwd=WORKFLOW)


@pytest.mark.parametrize("stub", sorted(WORKFLOW.rglob("__init__.pyi")), ids=str)
def test_face_names_what_is_there(stub):
    folder = stub.parent.relative_to(WORKFLOW)
    face = importlib.import_module(".".join(folder.parts))
    named = re.findall(r"^from \.\S+ import (\w+) as \1$", stub.read_text(), re.MULTILINE)
    assert len(named) > 1
    # Importing `dfim.x` sets the attribute `x` of the package: a function of that name would
    # give way to the module as soon as anything had imported it.
    modules = {path.stem for path in stub.parent.iterdir()}
    assert set(named) & modules == set()
    assert all(callable(getattr(face, name)) or name.isupper() for name in named)


def test_modules_of_the_first_version_are_still_found():
    with pytest.warns(DeprecationWarning, match=r"dfim.pwms is now dfim.motifs.pwms"):
        assert dfim.pwms.scan_pwms is dfim.scan_pwms
    for name, target in dfim._MOVED.items():
        path = WORKFLOW / "dfim" / target.replace(".", "/")
        assert path.with_suffix(".py").is_file(), name


# ---- style ---------------------------------------------------------------------


def call(*command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "snakefmt --check workflow", "snakemake --lint"],
)
def test_clean(command):
    tool, *arguments = command.split()
    call(BIN / tool, *arguments)


def test_every_module_says_what_it_is():
    paths = [path for _, path in MODULES] + sorted((ROOT / "tests").rglob("*.py"))
    silent = [path for path in paths if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_licence():
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n\nCopyright (c) 2026 The DFIM developers\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"


# ---- the Makefile --------------------------------------------------------------

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
