"""Examples: saved, loaded and encoded."""

import numpy as np
import pytest

from dfim.io.store import read_arrays
from dfim.sequences.examples import Examples


@pytest.fixture
def examples():
    return Examples(
        ids=np.array(["s1", "second", "3"]),
        codes=np.array([[0, 1, 2, 3], [4, 4, 0, 0], [3, 2, 1, 0]], np.uint8),
        groups=np.array(["a", "a", ""]),
        labels=np.array([[1, 0], [0, -1], [1, 1]], np.int8),
        tasks=("task1", "task2"),
        splits=np.array([0, 1, 2], np.uint8),
    )


@pytest.mark.parametrize("tasks", [("task1", "task2"), ()])
def test_examples_come_back(tmp_path, examples, tasks):
    given = Examples(
        **{**vars(examples), "tasks": tasks, "labels": examples.labels[:, : len(tasks)]}
    )
    given.save(tmp_path / "e.h5", {"seed": 1})
    found = Examples.load(tmp_path / "e.h5")
    assert found.tasks == tasks
    assert len(found) == 3
    for name in ("ids", "codes", "groups", "labels", "splits"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))
        assert getattr(found, name).dtype == getattr(given, name).dtype
    assert read_arrays(tmp_path / "e.h5")[1] == {"seed": 1}


def test_examples_one_hot_has_zero_columns_for_n(examples):
    X = examples.one_hot(np.array([1, 0]))
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X.sum(axis=2), [[0, 0, 1, 1], [1, 1, 1, 1]])
    np.testing.assert_array_equal(X[1], np.eye(4))
    assert examples.one_hot().shape == (3, 4, 4)
