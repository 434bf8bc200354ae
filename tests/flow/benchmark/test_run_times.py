"""Where the time of a run goes: tables of jobs, and the work of trainings."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from dfim.io.store import write_arrays, write_table
from dfim.sequences.examples import Examples
from flow.benchmark.page import TIMES, replace_times
from flow.benchmark.run_files import read_log, read_measured
from flow.benchmark.run_times import rule_times, side_by_side, training_rates, write_times
from flow.benchmark.training import training_flops, training_work

LOG = """Building DAG of jobs...
[Tue Dec  1 23:59:58 2026]
localrule simulate_genome:
    output: results/default/genome.fa.gz
    jobid: 38
[Tue Dec  1 23:59:59 2026]
rule draw_map:
    jobid: 7
rule draw_map:
    jobid: 8
[Wed Dec  2 00:00:03 2026]
Finished jobid: 38 (Rule: simulate_genome)
[Wed Dec  2 00:01:00 2026]
Finished jobid: 7 (Rule: draw_map)
1 of 3 steps (33%) done
"""


def measure(run, name, s, cpu):
    table = pd.DataFrame({"s": [s], "max_rss": [1.0], "cpu_time": [cpu]})
    write_table(run / "benchmarks" / name, table)


@pytest.fixture
def run(tmp_path):
    """A finished run of one trained study of examples, and one of flanks."""
    measure(tmp_path, "simulate_genome.k562.tsv", 3.0, 2.0)
    measure(tmp_path, "a/train_model.tsv", 10.0, 8.0)
    measure(tmp_path, "a/deeplift/score_pairs.0.tsv", 4.0, 3.0)
    measure(tmp_path, "a/deeplift/score_pairs.1.tsv", 3.0, np.nan)
    measure(tmp_path, "b/train_flank_network.tsv", 5.0, 5.0)
    network = keras.Sequential(
        [
            layers.Input((20, 4)),
            layers.Conv1D(5, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    for study, epochs in (("a", 2), ("b", 3)):
        (tmp_path / study / "model").mkdir(parents=True)
        network.save(tmp_path / study / "model/model.keras")
        write_table(
            tmp_path / study / "model/history.tsv", pd.DataFrame({"epoch": range(epochs)})
        )
    Examples(
        ids=np.array(list("uvwxy")),
        codes=np.zeros((5, 20), np.uint8),
        groups=np.full(5, ""),
        labels=np.zeros((5, 2), np.int8),
        tasks=("t", "u"),
        splits=np.array([0, 0, 1, 0, 2], np.uint8),
    ).save(tmp_path / "a/examples.h5", {})
    ddg = np.array([[1.0, np.nan], [0.5, 0.1], [np.nan, 2.0]])
    write_arrays(tmp_path / "b/flanks/measurements.h5", {"ddg": ddg, "split": [0, 1, 0]})
    return tmp_path


def test_jobs_are_read_with_rule_and_study(run):
    jobs = read_measured(run)
    rows = {(job.rule, job.study, job.wall_s) for job in jobs.itertuples()}
    assert rows == {
        ("simulate_genome", "", 3),
        ("train_model", "a", 10),
        ("score_pairs", "a", 4),
        ("score_pairs", "a", 3),
        ("train_flank_network", "b", 5),
    }


def test_rules_are_added_up_and_sorted(run):
    table = rule_times(read_measured(run)).set_index("rule")
    expected = ["train_model", "score_pairs", "train_flank_network", "simulate_genome", "all"]
    assert list(table.index) == expected
    assert table.loc["score_pairs", ["jobs", "wall_s", "cpu_s"]].tolist() == [2, 7, 3]
    assert table.loc["all", ["jobs", "wall_s", "cpu_s", "share"]].tolist() == [5, 25, 18, 1]
    assert table.loc["train_model", "share"] == pytest.approx(0.4)


def test_two_runs_stand_side_by_side(run):
    jobs = read_measured(run)
    later = pd.concat([jobs[jobs["rule"] != "simulate_genome"], read_log_of(run)])
    table = side_by_side({"old": rule_times(jobs), "new": rule_times(later)})
    assert table["rule"].tolist()[-3:] == ["simulate_genome", "draw_map", "all"]
    both = table.set_index("rule")
    assert both.loc["draw_map", "new wall_s"] == 61
    assert np.isnan(both.loc["draw_map", "old wall_s"])
    assert both.loc["all", ["old jobs", "new jobs"]].tolist() == [5, 5]


def read_log_of(run):
    (run / "log").write_text(LOG)
    return read_log(run / "log").query("rule == 'draw_map'")


def test_log_gives_seconds_of_finished_jobs(tmp_path):
    (tmp_path / "log").write_text(LOG)
    found = read_log(tmp_path / "log")
    assert found["rule"].tolist() == ["simulate_genome", "draw_map"]
    assert found["wall_s"].tolist() == [5, 61]


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"benchmarks: no benchmark tables"):
        read_measured(tmp_path)
    (tmp_path / "log").write_text("Nothing to be done.\n")
    with pytest.raises(ValueError, match=r"log: no finished job"):
        read_log(tmp_path / "log")


def test_operations_of_a_step_are_counted_by_hand(run):
    network = keras.models.load_model(run / "a/model/model.keras")
    # The convolution stands at 18 places, forward and its weights; the dense layer, which
    # reads 90 numbers, also passes a gradient on.
    assert training_flops(network) == 2 * (2 * 18 * 3 * 4 * 5 + 3 * 18 * 5 * 2)
    sequences, epochs, gflop = training_work(run / "a")
    assert (sequences, epochs) == (3, 2)
    assert gflop == pytest.approx(training_flops(network) * 6 / 1e9)
    assert training_work(run / "b")[:2] == (2, 3)  # measured replicates of training flanks


def test_rates_of_trainings_and_the_section(run):
    jobs = read_measured(run)
    table = training_rates(run, jobs, sgemm=2e-6)
    assert table["study"].tolist() == ["a", "b"]
    _, _, gflop = training_work(run / "a")
    first = table.iloc[0]
    assert first["gflop_s"] == pytest.approx(gflop / 10)
    assert first["of_sgemm"] == pytest.approx(gflop / 8 / 2e-6)
    text = write_times({"now": jobs}, {"now": table}, 123.4, "A quiet machine.")
    assert text.startswith(TIMES)
    assert "| score_pairs | 2 | 7 | 3 | 0.28 |" in text
    assert "\nA quiet machine.\n" in text
    assert "123 GFLOP" in text
    assert "| now | a | 3 | 2 |" in text


def test_only_the_section_of_a_page_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# How fast\n\nTables.\n\n{TIMES}\n\nOld.\n")
    replace_times(str(page), f"{TIMES}\n\nNew.\n")
    assert page.read_text() == f"# How fast\n\nTables.\n\n{TIMES}\n\nNew.\n"
