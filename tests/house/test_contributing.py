"""The diffs of CONTRIBUTING.md apply to the code as it is, and what they add works."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from helpers import ROOT, call

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
DIFFS = [
    (section.partition("\n")[0], diff)
    for section in PAGE.split("\n## ")[1:]
    for diff in re.findall(r"^```diff\n(.*?)^```", section, re.M | re.S)
]

# Run in the changed copy.
TRIED = """
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

import dfim
from dfim.motifs.jaspar import read_jaspar
from flow.declarations.config import load
from flow.declarations.validation import validate
from flow.run.figure_kinds import FIGURE_KINDS
from helpers.figures import made_context
from scripts.figures.fis_histogram import main as draw

assert dfim.__file__.startswith(sys.argv[1])
keras.utils.set_random_seed(1)
network = keras.Sequential([
    keras.Input((40, 4)),
    layers.Conv1D(6, 5, activation="relu"),
    layers.EinsumDense("blc,cd->bld", (36, 5), bias_axes="d", activation="tanh"),
    layers.Flatten(),
    layers.Dense(1, activation="sigmoid"),
])
rng = np.random.default_rng(1)
X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (8, 40))]
attributor = dfim.make_attributor(network, "deeplift")
found = attributor.profiles(X, X[:1, None])
assert np.abs(found.convergence_delta).max() < 1e-5 < np.abs(found.target - found.base).max()

at = np.tile([5, 20], 8)
sites = dfim.Features(np.repeat(np.arange(8), 2), at, at + 6, np.tile(["a", "b"], 8),
                      np.full(16, "+"))
dfim.score_pairs(attributor, X, sites, rng=rng).save("pairs.h5")
files = {kind: f"f.{kind}" for kind in ("svg", "pdf", "png", "table", "stats")}
draw(pairs="pairs.h5", **files, context=made_context())
assert all(Path(path).stat().st_size for path in files.values())
assert Path(sys.argv[1], "report/fis_histogram.rst").is_file()

rows = ["A [ 0 9 ]", "C [ 0 1 ]", "G [ 8 0 ]", "T [ 2 0 ]"]
Path("m.jaspar").write_text("\\n".join([">MA0035.4 GATA1", *rows]))
(pwm,) = read_jaspar("m.jaspar")
assert pwm.name == "MA0035.4" and pwm.probabilities.tolist() == [[0, 0, .8, .2], [.9, .1, 0, 0]]

mine = Path("mine.yaml")
mine.write_text((Path(sys.argv[1]).parent / "config/enhancers.yaml").read_text().replace(
    "figures:", "figures:\\n      mine: {kind: fis_histogram, analysis: deeplift}"))
for name in ("enhancers.fa", "net.keras"):
    Path(name).touch()
config = load([mine])
validate(config)
assert list(config["studies"]["enhancers"]["figures"]) == ["mine", "my_pairs"]
"""


def test_four_additions_are_shown():
    assert [title for title, _ in DIFFS] == [
        "A rule for a layer", "A study", "A kind of figure", "A format",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A copy of the project with all diffs applied."""
    copy = tmp_path_factory.mktemp("contribution")
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("workflow", "config", "docs", "tests/helpers"):
        shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", copy)
    call("git", "init", "--quiet", cwd=copy)
    for k, (_, diff) in enumerate(DIFFS):
        (copy / f"{k}.diff").write_text(diff)
        call("git", "apply", f"{k}.diff", cwd=copy)
    return copy


def test_additions_work(changed, tmp_path):
    path = f"{changed / 'workflow'}:{changed / 'tests'}"
    call(sys.executable, "-c", TRIED, changed / "workflow", cwd=tmp_path, PYTHONPATH=path)


def test_additions_are_in_the_style_of_the_house(changed):
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["check"], ["format", "--check"]):
        call(ruff, *command, "workflow", cwd=changed)
