"""Starting weights: what is copied, what keeps its initialisation, what is refused."""

import logging

import keras
import numpy as np
import pytest

from flow.networks.architectures import build
from flow.networks.starting_weights import start_from

SMALL = {"filters": (8, 6, 6), "dense": 12}


def m3(n_tasks, seed, length=240, **options):
    """A small M3 whose every weight, moving averages too, is random."""
    keras.utils.set_random_seed(seed)
    model = build("m3", length, n_tasks, SMALL | options)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.random(w.shape, np.float32) for w in model.get_weights()])
    return model


@pytest.fixture
def trained(tmp_path):
    """Path of a network of nine tasks, and its weights."""
    model = m3(9, seed=1)
    model.save(tmp_path / "trained.keras")
    return tmp_path / "trained.keras", model.get_weights()


def test_same_network_takes_everything(trained):
    path, weights = trained
    model = m3(9, seed=2)
    copied = start_from(model, path)
    assert copied == [layer.name for layer in model.layers if layer.weights]
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_output_of_other_tasks_keeps_its_initialisation(trained, caplog):
    path, weights = trained
    model = m3(4, seed=2)
    before = model.get_weights()
    with caplog.at_level(logging.INFO):
        copied = start_from(model, path)
    assert copied[-1] == "dense2_norm"
    for found, expected in zip(model.get_weights()[:-2], weights[:-2], strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(model.get_weights()[-2:], before[-2:], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert "output 'output' [(12, 4), (4,)] keeps its initialisation" in caplog.text
    assert "is [(12, 9), (9,)]" in caplog.text


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: m3(9, 2, filters=(8, 7, 6)),
            r"layer 3 with weights is 'conv2' \(Conv1D \[\(11, 8, 6\), \(6,\)\]\), "
            r"expected 'conv2' \(Conv1D \[\(11, 8, 7\), \(7,\)\]\); give a network",
        ),
        (
            lambda: m3(9, 2, length=480),
            r"layer 7 .*'dense1' \(Dense \[\(30, 12\), .* expected .*\(60, 12\)",
        ),
        (
            lambda: build("m2", 240, 9, {}),
            r"layer 1 with weights is 'conv1' \(Conv1D \[\(19, 4, 8\).*\(10, 4, 25\)",
        ),
        (
            lambda: keras.Sequential(m3(9, 2).layers[:-3]),
            r"has 11 layers with weights, expected 10 as in sequential\w* \(conv1, ",
        ),
    ],
)
def test_other_networks_are_refused(trained, model, message):
    model = model()
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"model\.start: .*trained\.keras.* {message}"):
        start_from(model, trained[0])
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_classes_are_compared_not_only_shapes(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)]).save(
        tmp_path / "a.keras"
    )
    other = keras.Sequential(
        [keras.Input((4,)), keras.layers.EinsumDense("ab,bc->ac", 3, bias_axes="c"),
         keras.layers.Dense(1)]
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"\(Dense \[\(4, 3\), \(3,\)\]\), expected .*\(Einsum"
    ):
        start_from(other, tmp_path / "a.keras")


@pytest.mark.realdata
def test_published_network_of_keras_2_starts_one_of_other_tasks(test_data):
    stem = test_data / "lcl_model/record_1_model_yNnvh_model"
    layers = keras.layers
    model = keras.Sequential([layers.Input((1000, 4))])
    for width in (15, 15, 13):
        model.add(layers.Conv1D(50, width, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.MaxPooling1D(40))
    model.add(layers.Flatten())
    model.add(layers.Dense(50))
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    model.add(layers.Dense(18, activation="sigmoid"))
    assert len(start_from(model, f"{stem}Json.json", f"{stem}Weights.h5")) == 8
    assert np.std(model.layers[0].get_weights()[0]) > 0
