"""What the README shows works as it stands there."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from dfim.fasta import write_fasta
from dfim.sequences import decode

README = Path(__file__).parents[1] / "README.md"


def test_python_example_runs_as_printed(tmp_path, monkeypatch):
    import keras

    rng = np.random.default_rng(1)
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (40, 60))]
    write_fasta(tmp_path / "enhancers.fa", [f"e{i}" for i in range(40)], decode(X))
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Input((60, 4)),
            keras.layers.Conv1D(8, 7, activation="relu"),
            keras.layers.MaxPooling1D(6),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.save(tmp_path / "my_model.keras")
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 13
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(README), "exec"), {})
    table = pd.read_csv("fis.tsv", sep="\t")
    assert len(table) > 0
    assert np.isfinite(table["fis"]).all()
    assert set(zip(table["source"], table["target"], strict=True)) == {
        ("GATA", "EBOX"),
        ("EBOX", "GATA"),
    }


def test_every_place_that_the_readme_names_is_there():
    root = README.parent
    named = re.findall(r"`((?:workflow|config|envs|docs|tests)/[\w./-]*)`", README.read_text())
    linked = re.findall(r"\]\(([\w./-]+)\)", README.read_text())
    assert len(named) >= 6
    assert [place for place in named + linked if not (root / place).exists()] == []
