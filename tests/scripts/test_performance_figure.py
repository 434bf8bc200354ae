"""The performance figure and its scorecard, with one task, a few and many."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_json, read_table, write_arrays, write_json, write_table
from dfim.sequences.examples import Examples
from helpers.figures import made_context
from scripts.evaluate_model import _metrics
from scripts.figures.performance import main as draw

CONTEXT = made_context(figure="performance_s", printed={"auroc": "0.91", "auprc": "0.69"})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    @cache
    def run(n_tasks, *, trained=True, n=240, **more):
        tmp_path = tmp_path_factory.mktemp("performance")
        rng = np.random.default_rng(n_tasks)
        logits = rng.normal(-1, 2, (2 * n, n_tasks)).astype(np.float32)
        labels = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int8)
        labels[rng.random(logits.shape) < 0.05] = -1
        labels[:n, -1] = 0  # no positive in validation
        data = Examples(
            ids=np.array([f"s{i}" for i in range(2 * n)]),
            codes=np.zeros((2 * n, 50), np.uint8),
            groups=np.full(2 * n, ""),
            labels=labels,
            tasks=tuple(f"t{k}" for k in range(n_tasks)),
            splits=np.repeat([1, 2], n).astype(np.uint8),
        )
        data.save(tmp_path / "e.h5", {})
        write_arrays(tmp_path / "p.h5", {"logits": logits})
        write_json(tmp_path / "m.json", {"tasks": data.tasks, **_metrics(data, logits, 1)})
        curve = {"epoch": [1, 2], "train_loss": [0.5, 0.4], "validation_loss": [0.5, 0.45]}
        write_table(tmp_path / "h.tsv", pd.DataFrame(curve))
        history = [str(tmp_path / "h.tsv")] if trained else []
        files = [str(tmp_path / f"f.{end}") for end in ("svg", "pdf", "png", "tsv", "json")]
        inputs = [str(tmp_path / name) for name in ("e.h5", "p.h5", "m.json")]
        draw(history, *inputs, *files, replace(CONTEXT, trained=trained, **more))
        assert (tmp_path / "f.png").stat().st_size > 10_000
        return read_json(tmp_path / "f.json"), read_table(tmp_path / "f.tsv")

    return run


@pytest.mark.parametrize(
    ("n_tasks", "trained"), [(1, True), (1, False), (3, True), (3, False), (18, True)]
)
def test_table_and_statistics_agree_with_each_other(drawn, n_tasks, trained):
    record, table = drawn(n_tasks) if trained else drawn(n_tasks, trained=False)
    found = record["statistics"]
    tasks = {f"t{k}" for k in range(n_tasks)}
    shown = {"metrics", "reliability", "logits" if n_tasks == 1 else "macro"}
    assert set(table["what"]) == shown | ({"epoch"} if trained else set())
    rows = table[(table["what"] == "metrics") & (table["split"] == "test")].set_index("task")
    assert set(rows.index) == tasks
    for task in tasks:
        assert rows.at[task, "auroc"] == found["metrics"]["test"][task]["auroc"]
        assert rows.at[task, "brier"] == found["calibration"][task]["brier"]
        n = table.loc[(table["what"] == "reliability") & (table["task"] == task), "n"]
        assert len(n) == 10
        assert n.sum() == rows.loc[task, ["n_positive", "n_negative"]].sum()


def test_a_task_without_a_class_in_validation_is_left_out_of_its_mean(drawn):
    found = drawn(3)[0]["statistics"]
    assert found["metrics"]["validation"]["t2"] is None
    assert found["macro"]["validation"]["n_tasks"] == 2
    assert found["macro"]["test"]["n_tasks"] == 3


def test_scorecard_has_the_mean_of_many_tasks_with_its_interval(drawn):
    record, _ = drawn(18)
    macro = record["statistics"]["macro"]["test"]
    for row, what, printed in zip(
        record["scorecard"], ("auroc", "auprc"), (0.91, 0.69), strict=True
    ):
        value, low, high = (macro[f"{what}{end}"] for end in ("", "_low", "_high"))
        assert row["ours"] == f"{value:.3f} ({low:.3f} to {high:.3f})"
        assert row["paper"] == str(printed)
        assert row["verdict"] == ("agrees" if abs(value - printed) <= 0.01 else "differs")
        each = record["statistics"]["metrics"]["test"]
        worst = min(each, key=lambda task: each[task][what])
        assert f"({worst}) to " in row["why"]
        assert len(row["why"]) < 300
    assert "chance gives 0.5;" in record["scorecard"][0]["why"]


def test_scorecard_lists_a_few_tasks(drawn):
    row = drawn(3)[0]["scorecard"][0]
    assert len(row["ours"]) == len("0.984")
    assert all(f"t{k} 0." in row["why"] for k in range(3))


def test_inputs_of_our_own_are_not_compared(drawn):
    record, _ = drawn(5, not_comparable="synthetic inputs")
    assert {row["verdict"] for row in record["scorecard"]} == {"not comparable"}
    assert {row["reason"] for row in record["scorecard"]} == {"synthetic inputs"}


def test_so_few_positives_that_the_mean_has_no_interval_can_be_drawn(drawn, monkeypatch):
    monkeypatch.setattr("dfim.statistics.metrics._TRIES", 0)
    record, _ = drawn(5, trained=False)
    assert record["statistics"]["macro"]["test"]["auroc_low"] is None
    assert len(record["scorecard"][0]["ours"]) == len("0.984")
