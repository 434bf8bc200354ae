"""What a figure script leaves: pictures, a table, and a record of statistics."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_json, read_table
from dfim.plots.static import style
from flow.declarations.config import figures, load
from flow.run.context import figure_context
from flow.run.figure_context import FigureContext
from flow.run.run import Run
from flow.scorecard.figure_files import FigureFiles, versions, without_nan
from flow.scorecard.rows import ScorecardRow
from helpers import ROOT, WORKFLOW
from helpers.figures import made_context

SCRIPTS = sorted((WORKFLOW / "scripts/figures").glob("*.py"))
ROWS = [
    ScorecardRow("Fig 9", "a < b & c", "1", "2", "synthetic", "differs", "far off", "n = 3")
]
CONTEXT = made_context()


def save(folder, rows=ROWS) -> FigureFiles:
    files = FigureFiles(
        *(str(folder / f"a.{kind}") for kind in ("svg", "pdf", "png", "tsv", "json"))
    )
    with style():
        figure, ax = plt.subplots(figsize=(2, 2))
        ax.plot([0, 1], [1, 0], label="π")
        ax.legend()
        table = pd.DataFrame({"x": [1.5, np.nan]})
        statistics = {"n": np.int64(3), "p": float("nan"), "deep": [{"q": np.float32(0.5)}]}
        files.save(figure, table, statistics, context=CONTEXT, scorecard=rows)
        assert figure.get_suptitle() == "A study (synthetic inputs)"
        plt.close(figure)
    return files


def test_figure_files_are_what_they_are_called(tmp_path):
    files = save(tmp_path)
    heads = {"svg": b"<?xml", "pdf": b"%PDF-", "png": b"\x89PNG\r\n"}
    for kind, head in heads.items():
        assert Path(getattr(files, kind)).read_bytes().startswith(head)
    assert read_table(files.table)["x"].tolist()[0] == 1.5
    record = read_json(files.stats)
    assert record["statistics"] == {"n": 3, "p": None, "deep": [{"q": 0.5}]}
    assert record["versions"] == versions()
    assert FigureContext.from_param({key: record[key] for key in CONTEXT.as_param()}) == CONTEXT
    assert [ScorecardRow(**row) for row in record["scorecard"]] == ROWS
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.json", "a.pdf", "a.png", "a.svg", "a.tsv",
    ]  # fmt: skip


def test_equal_figures_are_equal_files(tmp_path, monkeypatch):
    for name, time in (("a", 1e9), ("b", 2e9)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr("time.time", lambda time=time: time)
        save(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_versions_name_what_a_result_depends_on():
    assert {"python", "dfim", "numpy", "keras", "snakemake"} <= versions().keys()
    assert any(name.startswith("tensorflow") for name in versions())
    assert versions()["numpy"] == np.__version__


def test_no_nan_reaches_json():
    value = {"a": [np.float64("inf"), (1, np.nan)], 3: np.bool_(True), "t": "nan"}
    assert without_nan(value) == {"a": [None, [1, None]], "3": True, "t": "nan"}
    json.dumps(without_nan(value), allow_nan=False)


def test_a_title_that_a_figure_has_is_kept(tmp_path):
    files = [str(tmp_path / f"a.{kind}") for kind in ("svg", "pdf", "png", "tsv", "json")]
    with style():
        figure = plt.figure(figsize=(2, 2))
        figure.suptitle("of its own")
        FigureFiles(*files).save(figure, pd.DataFrame({"x": [1]}), {}, context=CONTEXT)
        assert figure.get_suptitle() == "of its own"
        plt.close(figure)


@pytest.mark.parametrize("config", ["config.yaml", "paper.yaml"])
def test_titles_of_figures_are_one_short_line(config):
    # Their widths allow about eighty characters; a user's own title may be longer.
    files = [] if config == "config.yaml" else [ROOT / "config" / config]
    loaded = load(files)
    run = Run(loaded, "x")
    for figure in figures(loaded):
        title = figure_context(run, figure).title
        assert "\n" not in title
        assert len(title) <= 75, title


@pytest.mark.parametrize(
    "script",
    SCRIPTS,
    ids=lambda path: path.stem,
)
def test_figures_have_the_title_of_their_context(script):
    assert "suptitle" not in script.read_text()
