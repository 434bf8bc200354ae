"""Training: resumed as if it had never stopped, and stopped in time."""

import logging
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dfim.models.classifier_training import TrainingSettings, train
from flow.networks.architectures import build
from helpers.small_models import one_hot

SETTINGS = TrainingSettings(batch_size=32, max_epochs=6, patience=6, learning_rate=0.01)


@pytest.fixture(scope="module")
def data():
    """Sequences whose label is the base in the middle, and a validation set."""
    X = one_hot(np.random.default_rng(0), 400, 30)
    y = X[:, 15, :2].sum(axis=1, dtype=np.float32)[:, None]
    codes = X.argmax(axis=2).astype(np.uint8)
    return codes[:300], y[:300], codes[300:], y[300:]


def network() -> keras.Model:
    """Two dropouts and a batch normalisation: every kind of state there is."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            layers.Input((30, 4)),
            layers.Conv1D(6, 5, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def run(data, checkpoint, *, settings=SETTINGS, kill_after=None, seed=1, model=None):
    model = model or network()

    def progress(epochs, note):
        if epochs == kill_after:
            raise KeyboardInterrupt

    history = train(
        model, *data, settings=settings, seed=seed, checkpoint=checkpoint, progress=progress
    )
    return [np.asarray(w) for w in model.weights], history


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("unbroken") / "state.h5"


@pytest.fixture(scope="module")
def unbroken(data, state):
    return run(data, state)


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_training_learns(unbroken):
    history = unbroken[1]
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert list(history.columns[1:]) == [
        "train_accuracy", "train_loss", "validation_accuracy", "validation_loss"
    ]  # fmt: skip
    assert history["train_loss"].iloc[-1] < 0.7 * history["train_loss"].iloc[0]


def test_resumed_training_gives_the_same_bits(data, unbroken, tmp_path, caplog):
    state = tmp_path / "state.h5"
    for epochs in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            run(data, state, kill_after=epochs)
    with caplog.at_level(logging.INFO):
        weights, history = run(data, state)
    assert "resuming after epoch 4 from" in caplog.text
    assert history.equals(unbroken[1])
    assert same(weights, unbroken[0])


def test_a_decaying_rate_goes_on_where_it_was(data, tmp_path):
    settings = replace(SETTINGS, max_epochs=3, decay="cosine")
    unbroken = run(data, tmp_path / "unbroken.h5", settings=settings)
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "broken.h5", settings=settings, kill_after=1)
    weights, history = run(data, tmp_path / "broken.h5", settings=settings)
    assert history.equals(unbroken[1])
    assert same(weights, unbroken[0])


def test_rate_of_each_step():
    assert SETTINGS.rate(300) == 0.01
    rate = replace(SETTINGS, max_epochs=2, decay="cosine").rate(300)  # 10 steps an epoch
    assert [float(rate(step)) for step in (0, 10, 20)] == pytest.approx([0.01, 0.005, 0])
    with pytest.raises(ValueError, match="decay: got 'linear', expected 'none' or 'cosine'"):
        replace(SETTINGS, decay="linear")


def test_seed_decides_the_order_of_the_data(data, tmp_path):
    # No dropout, the same first weights: the order is all that is left.
    def plain(seed):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [layers.Input((30, 4)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
        )
        settings = TrainingSettings(32, 1, 1, 0.01)
        return run(data, tmp_path / f"{seed}.h5", settings=settings, seed=seed, model=model)[0]

    assert not same(plain(1), plain(2))


def test_best_epoch_is_kept_and_training_stops(data, tmp_path):
    # Labels of noise: validation gets worse while training goes on.
    X, y, X_validation, y_validation = data
    rng = np.random.default_rng(1)
    noise = (X, rng.permutation(y), X_validation, rng.permutation(y_validation))
    settings = TrainingSettings(32, 40, 2, 0.01)
    model = network()
    weights, history = run(noise, tmp_path / "state.h5", settings=settings, model=model)
    best = int(history["validation_loss"].argmin())
    assert len(history) == best + 1 + 2 < 40
    p = np.asarray(model(np.eye(4)[X_validation]))
    loss = -np.log(np.where(noise[3] == 1, p, 1 - p)).mean()
    assert loss == pytest.approx(history["validation_loss"].min(), rel=1e-4)
    # A kill after the last epoch, or just after the best one, changes nothing.
    state = tmp_path / "killed.h5"
    with pytest.raises(KeyboardInterrupt):
        run(noise, state, settings=settings, kill_after=best + 1)
    for checkpoint in (tmp_path / "state.h5", state):
        again, same_history = run(noise, checkpoint, settings=settings)
        assert same_history.equals(history)
        assert same(again, weights)


def test_loss_that_is_no_number_is_an_error(data, tmp_path):
    settings = TrainingSettings(32, 5, 2, float("inf"))
    with pytest.raises(ValueError, match=r"loss is nan in epoch 1;.*lower") as error:
        run(data, tmp_path / "state.h5", settings=settings)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "state.h5").exists()


def test_checkpoint_of_another_network_is_refused(data, state, unbroken):
    other = keras.Sequential(
        [layers.Input((30, 4)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    )
    with pytest.raises(ValueError, match=r"state\.h5 is the state of another network"):
        run(data, state, model=other)


def test_network_of_the_simulation_is_that_of_the_supplement():
    model = build("m1", 200, 1, {})
    # 40 filters of 19 x 4; pooled by 10 to 18 x 40; 200 hidden units; one output.
    assert model.count_params() == 40 * 76 + 40 + 18 * 40 * 200 + 200 + 201
    assert build("m1", 200, 3, {"dense": 250}).output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"model\.options: got \{'width': 3\}, which archit"):
        build("m1", 200, 1, {"width": 3})
