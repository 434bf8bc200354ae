"""The locked environments: complete, hashed, without addresses, and equal to each other."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import ROOT

ENVS = ROOT / "envs"
LOCKS = {"requirements.txt": "cpu", "requirements-gpu.txt": "gpu"}


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
