"""Several labels and outputs: heads of a network, their logits, metrics and selection."""

import keras
import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.attribution.logits import columns_of, predict_logits
from dfim.attribution.results import Head
from dfim.io.store import read_arrays, read_json
from dfim.sequences.examples import Examples
from flow.jobs.selection import is_correct, select_rows
from flow.networks.heads import task_heads
from helpers.pairs import scores_at
from scripts.evaluate_model import main as evaluate_model
from scripts.score_tracks import choose_pair

LENGTH = 40


def network(*widths: int, last: str = "activation") -> keras.Model:
    """A small network with an output of each width, its sigmoid inside or behind the head."""
    keras.utils.set_random_seed(3)
    entry = keras.Input((LENGTH, 4))
    features = keras.layers.Flatten()(keras.layers.Conv1D(3, 5, activation="relu")(entry))
    heads = []
    for width in widths:
        if last == "inline":
            heads.append(keras.layers.Dense(width, activation="sigmoid")(features))
        else:
            head = keras.layers.Dense(width)(features)
            heads.append(keras.layers.Activation("sigmoid")(head) if last != "none" else head)
    return keras.Model(entry, heads)


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(0)
    return np.eye(4, dtype=np.uint8)[rng.integers(4, size=(70, LENGTH))]


@pytest.mark.parametrize("last", ["activation", "inline", "none"])
def test_logits_of_every_column_by_one_pass(sequences, last):
    model = network(2, 1, last=last)
    found = predict_logits(model, sequences, columns_of(model), batch_size=32)
    assert found.shape == (70, 3)
    for column, head in enumerate(columns_of(model)):
        one = make_attributor(model, "gradient_input", output=head.output, unit=head.unit)
        np.testing.assert_allclose(found[:, column], one.predict_logit(sequences), atol=1e-5)


def test_a_row_does_not_depend_on_how_many_there_are(sequences):
    model = network(3)
    every = predict_logits(model, sequences, columns_of(model), batch_size=32)
    some = predict_logits(model, sequences[:5], columns_of(model), batch_size=32)
    np.testing.assert_array_equal(every[:5], some)


def test_unknown_column_is_one_line(sequences):
    with pytest.raises(ValueError, match="unit: got 3, expected 0 to 2"):
        predict_logits(network(3), sequences, [Head(0, 3)])


@pytest.mark.parametrize("widths", [(3,), (1, 1, 1), (2, 1)])
def test_column_k_is_task_k_whatever_the_outputs(widths):
    model, tasks = network(*widths), ("a", "b", "c")
    heads = task_heads(model, tasks, {})
    assert list(heads) == ["a", "b", "c"]
    assert list(heads.values()) == columns_of(model)
    turned = task_heads(model, tasks, {"heads": {"a": 2, "b": 0, "c": 1}})
    assert turned["a"] == columns_of(model)[2]


def test_one_task_keeps_output_and_unit():
    model = network(3)
    assert task_heads(model, ("x",), {"output": 0, "unit": 2}) == {"x": Head(0, 2)}
    assert task_heads(model, (), {"output": 0}) == {"": Head(0, 0)}


def test_too_few_columns_is_one_line():
    with pytest.raises(ValueError, match="task 'c' is column 2, but the network has 2 columns"):
        task_heads(network(2), ("a", "b", "c"), {})


def made(labels, splits) -> Examples:
    n = len(labels)
    return Examples(
        ids=np.array([f"s{i}" for i in range(n)]),
        codes=np.random.default_rng(1).integers(0, 4, (n, LENGTH)).astype(np.uint8),
        groups=np.full(n, ""),
        labels=np.array(labels, np.int8),
        tasks=("a", "b"),
        splits=np.array(splits, np.uint8),
    )


def test_selection_by_task_and_mask():
    examples = made([[1, 0], [0, 1], [-1, 1], [0, 0], [1, -1]], [2] * 5)
    logits = np.array([[1.0, 1], [1, 1], [1, -1], [-1, -1], [1, 1]])
    assert select_rows(examples, logits, {"positive_only": True}, task="b").tolist() == [1, 2]
    assert select_rows(examples, logits, {"positive_tasks": ["a", "b"]}).tolist() == [
        0,
        1,
        2,
        4,
    ]
    # A masked label is neither right nor wrong.
    assert is_correct(examples, logits, "a").tolist() == [True, False, False, True, True]
    assert is_correct(examples, logits, "b").tolist() == [False, True, False, True, False]
    with pytest.raises(ValueError, match="no task 'c'; the examples have a, b"):
        select_rows(examples, logits, {"positive_tasks": ["c"]})


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    # TensorFlow is at work already: its threads can no longer be set.
    monkeypatch.setattr("scripts.evaluate_model.configure_tensorflow", lambda *_: None)

    def run(labels, splits):
        made(labels, splits).save(tmp_path / "e.h5", {})
        network(2).save(tmp_path / "m.keras")
        names = ("e.h5", "m.keras", "p.h5", "metrics.json")
        files = [str(tmp_path / name) for name in names]
        evaluate_model(*files, declared={}, tensorflow_threads=1, seed=1)
        return read_json(tmp_path / "metrics.json"), read_arrays(tmp_path / "p.h5")[0]["logits"]

    return run


def test_metrics_by_split_and_task_leave_masked_labels_out(evaluated):
    labels = [[i % 2, -1 if i % 3 == 0 else (i // 2) % 2] for i in range(60)]
    record, logits = evaluated(labels, [0] * 20 + [1] * 20 + [2] * 20)
    assert logits.shape == (60, 2)
    assert record["tasks"] == ["a", "b"]
    assert list(record["splits"]) == ["validation", "test"]
    test = record["splits"]["test"]
    assert test["a"]["n_positive"] + test["a"]["n_negative"] == 20
    known = sum(row[1] >= 0 for row in labels[40:])
    assert test["b"]["n_positive"] + test["b"]["n_negative"] == known < 20
    assert test["a"]["auroc_low"] <= test["a"]["auroc"] <= test["a"]["auroc_high"]


def test_one_class_is_refused_in_the_test_set_and_noted_elsewhere(evaluated):
    labels = [[0, i % 2] for i in range(20)] + [[i % 2, i % 2] for i in range(20)]
    record, _ = evaluated(labels, [1] * 20 + [2] * 20)
    assert record["splits"]["validation"]["a"] is None
    with pytest.raises(ValueError, match="task a: 0 positive of 20 known test sequences"):
        evaluated(labels, [2] * 20 + [0] * 20)


def test_example_pair_is_the_strongest_of_a_correct_positive_sequence():
    examples = made([[1, 0], [1, 0], [0, 1], [1, 1]], [2, 2, 2, 0])
    logits = np.array([[1.0, 0], [-1, 0], [-1, 1], [1, 1]])
    scores = scores_at([10, 10, 10, 10], [0.2, 0.9, 1.5, 3.0])
    chosen = {"task": "a", "split": "test", "within": 20}
    assert choose_pair(examples, logits, scores, **chosen)[:2] == (0, 1)
    # None is right: any positive one will do, and it is said.
    best, n, kind = choose_pair(examples, -np.abs(logits), scores, **chosen)
    assert (best, n, kind) == (1, 2, "positive test sequences")
    with pytest.raises(
        ValueError, match="no pair closer than 5 bp in any of the positive test"
    ):
        choose_pair(examples, logits, scores, **{**chosen, "within": 5})
