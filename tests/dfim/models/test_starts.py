"""The best of several starts: which one is taken, and what a kill in any of them leaves."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dfim.models.classifier_training import TrainingSettings, train
from dfim.models.starts import start_files, train_best_start
from helpers.small_models import one_hot

SETTINGS = TrainingSettings(
    batch_size=32, max_epochs=4, patience=4, learning_rate=0.01, starts=3, start_epochs=2
)
GOOD = 1  # the start that can learn


@pytest.fixture(scope="module")
def data():
    """Sequences whose label is the base in the middle, and a validation set."""
    X = one_hot(np.random.default_rng(0), 400, 30)
    y = X[:, 15, :2].sum(axis=1, dtype=np.float32)[:, None]
    codes = X.argmax(axis=2).astype(np.uint8)
    return codes[:300], y[:300], codes[300:], y[300:]


def network(seed: int, *, dead: bool = False) -> keras.Model:
    """A small network; a dead one has a ReLU that nothing ever passes."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            layers.Input((30, 4)),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(8, activation="relu", bias_initializer=layer_bias(dead)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.start_seed = seed
    return model


def layer_bias(dead: bool) -> keras.initializers.Initializer:
    return keras.initializers.Constant(-100.0 if dead else 0.1)


class Builder:
    """Builds dead networks, but for the start `GOOD`; notes the seeds that it is given."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, seed: int) -> keras.Model:
        self.seeds.append(seed)
        return network(seed, dead=len(self.seeds) - 1 != GOOD)


def run(data, checkpoint, build, *, settings=SETTINGS, kill_after=None):
    def progress(epochs, note):
        if epochs == kill_after:
            raise KeyboardInterrupt

    return train_best_start(
        build, *data, settings=settings, seed=5, checkpoint=checkpoint, progress=progress
    )


def weights(model):
    return [np.asarray(w) for w in model.weights]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    return run(data, tmp_path_factory.mktemp("whole") / "state.h5", Builder())


def test_the_start_that_learns_is_trained_to_its_end(whole):
    _, table = whole
    assert len(table) == SETTINGS.max_epochs
    assert table["validation_loss"].iloc[-1] < 0.6  # a dead one stays at log 2 = 0.69
    assert SETTINGS.epochs_in_all == 8


def test_seeds_differ_and_the_first_is_the_seed_itself(data, tmp_path):
    builder = Builder()
    model, _ = run(data, tmp_path / "state.h5", builder)
    assert builder.seeds[0] == 5
    assert len(set(builder.seeds)) == SETTINGS.starts
    assert model.start_seed == builder.seeds[GOOD]


@pytest.mark.parametrize("kill_after", [1, 3, 6, 7])
def test_a_killed_run_ends_in_the_same_network(data, tmp_path, whole, kill_after):
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "state.h5", Builder(), kill_after=kill_after)
    model, table = run(data, tmp_path / "state.h5", Builder())
    assert table.equals(whole[1])
    assert all(map(np.array_equal, weights(model), weights(whole[0])))


def test_one_start_is_plain_training(data, tmp_path):
    settings = replace(SETTINGS, starts=1)
    model, table = run(data, tmp_path / "a.h5", network, settings=settings)
    plain = network(5)
    expected = train(plain, *data, settings=settings, seed=5, checkpoint=tmp_path / "b.h5")
    assert table.equals(expected)
    assert all(map(np.array_equal, weights(model), weights(plain)))


def test_each_start_has_a_file_of_its_own(tmp_path):
    names = [path.name for path in start_files(tmp_path / "training.ab12.h5", 3)]
    assert names == ["training.ab12.h5", "training.ab12.start1.h5", "training.ab12.start2.h5"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"starts": 0}, "starts: got 0, expected at least 1"),
        ({"start_epochs": 5}, "start_epochs: got 5, expected 1 to max_epochs, 4"),
        ({"start_epochs": 0}, "start_epochs: got 0, expected 1 to max_epochs, 4"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **change)
