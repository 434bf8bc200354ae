"""What the README shows works as it stands there."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from dfim.sequences.encoding import decode
from dfim.sequences.fasta import write_fasta
from helpers import ROOT, WORKFLOW

README = ROOT / "README.md"


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The examples, in a folder with the files that they read."""
    import keras

    rng = np.random.default_rng(1)
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (40, 60))]
    write_fasta(tmp_path / "enhancers.fa", [f"e{i}" for i in range(40)], decode(X))
    genome = decode(np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (1, 1400))])[0]
    write_fasta(tmp_path / "genome.fa", ["chr1"], [genome])
    alt = {"A": "C", "C": "G", "G": "T", "T": "A"}
    rows = [f"chr1\t{p}\t.\t{genome[p - 1]}\t{alt[genome[p - 1]]}" for p in (3, 600, 700)]
    (tmp_path / "candidates.vcf").write_text(
        "\n".join(["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT", *rows, ""])
    )
    keras.utils.set_random_seed(1)
    for name, length in (("my_model", 60), ("variant_model", 1000)):
        keras.Sequential(
            [
                keras.layers.Input((length, 4)),
                keras.layers.Conv1D(8, 7, activation="relu"),
                keras.layers.MaxPooling1D(6),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="relu"),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        ).save(tmp_path / f"{name}.keras")
    keras.Sequential(
        [
            keras.layers.Input((4, 4)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1),
        ]
    ).save(tmp_path / "flank_model.keras")
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(found) == 3
    return found


def run(example: str) -> None:
    assert len([line for line in example.splitlines() if line.strip()]) <= 17
    exec(compile(example, str(README), "exec"), {})


def test_example_of_pairs_runs_as_printed(examples):
    run(examples[0])
    table = pd.read_csv("fis.tsv", sep="\t")
    assert len(table) > 0
    assert np.isfinite(table["fis"]).all()
    assert set(zip(table["source"], table["target"], strict=True)) == {
        ("GATA", "EBOX"),
        ("EBOX", "GATA"),
    }


def test_example_of_variants_runs_as_printed(examples):
    run(examples[1])
    table = pd.read_csv("variants.tsv", sep="\t")
    assert table["status"].tolist() == ["window_leaves_contig", "ok", "ok"]
    assert (table["max_abs_fis"].dropna() > 0).sum() == 2


def test_every_place_that_the_readme_names_is_there():
    root = README.parent
    named = re.findall(r"`((?:workflow|config|envs|docs|tests)/[\w./-]*)`", README.read_text())
    linked = re.findall(r"\]\(([\w./-]+)\)", README.read_text())
    assert len(named) >= 6
    assert [place for place in named + linked if not (root / place).exists()] == []


@pytest.mark.parametrize(
    ("page", "look"), [("README.md", "eval(name)"), ("docs/rules.md", "resolve_name(name)")]
)
def test_every_name_of_the_package_is_there(page, look):
    named = set(re.findall(r"`(dfim(?:\.\w+)+)", (README.parent / page).read_text()))
    assert len(named) > 5
    code = "import sys, dfim\nfrom pkgutil import resolve_name\n"
    code += f"for name in sys.argv[1:]:\n    {look}"
    subprocess.run([sys.executable, "-c", code, *sorted(named)], cwd=WORKFLOW, check=True)


def test_example_of_every_sequence_runs_as_printed(examples):
    run(examples[2])
    table = pd.read_csv("cells.tsv", sep="\t")
    assert len(table) == 48 * 4 * 3
    assert (table["n"] == 16).all()
    assert (table["mean_abs_fis"] >= table["mean_fis"].abs() - 1e-9).all()
    assert set(table["source_position"]) == {-2, -1, 1, 2}
