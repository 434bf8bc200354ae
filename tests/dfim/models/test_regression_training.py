"""Training on real values: the recipe's parts one by one, and resumed as if unbroken."""

import csv
import logging

import keras
import numpy as np
import pytest
from keras import layers

from dfim.models.prediction import make_predictor, predict_all
from dfim.models.regression_training import RegressionSettings, _schedule, train_regression
from dfim.sequences.kmers import sequence_codes

QUIET = RegressionSettings(
    optimizer="adam", batch_size=32, max_epochs=4, learning_rate=0.01, weight_decay=0,
    target_noise=0, patience=9,
)  # fmt: skip


def with_settings(**changes):
    return RegressionSettings(**{**QUIET.__dict__, **changes})


def additive(seed=0, n=330):
    """Flanks of four bases with a sum of one number a base as their target, and parts."""
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(4, 4)).astype(np.float32)
    codes = sequence_codes(4, rng.integers(0, 256, n))
    y = terms[np.arange(4), codes].sum(axis=1)
    return codes[:250], y[:250], codes[250:], y[250:]


def linear(outputs=1):
    keras.utils.set_random_seed(3)
    return keras.Sequential([layers.Input((4, 4)), layers.Flatten(), layers.Dense(outputs)])


def deep():
    """Dropout and batch normalisation: every kind of state there is."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            layers.Input((4, 4)),
            layers.Flatten(),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.25),
            layers.Dense(1),
        ]
    )


def run(folder, *, data=None, model=None, settings=QUIET, seed=1, kill_after=None):
    def progress(epochs, note):
        if epochs == kill_after:
            raise KeyboardInterrupt

    model = model or linear()
    history = train_regression(
        model, *(data or additive()), settings=settings, seed=seed,
        checkpoint=folder / "state.h5", progress=progress,
    )  # fmt: skip
    return [np.asarray(w) for w in model.weights], history


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_learns_an_additive_target(tmp_path):
    model, data = linear(), additive()
    settings = with_settings(max_epochs=60, learning_rate=0.03, min_improvement=0)
    _, history = run(tmp_path, model=model, data=data, settings=settings)
    assert list(history) == ["epoch", "learning_rate", "train_rmse", "validation_rmse"]
    assert list(history["epoch"]) == list(range(1, len(history) + 1))
    assert history["validation_rmse"].min() < 0.01 * data[3].std()
    found = make_predictor(model)(data[2])[:, 0]
    rmse = np.sqrt(np.mean((found - data[3]) ** 2))
    assert rmse == pytest.approx(history["validation_rmse"].min(), rel=1e-3)


def test_steps_are_those_of_gradient_descent_with_decay_and_a_falling_rate(tmp_path):
    # One batch of all rows: w - rate (gradient of the mean square + decay w), four times.
    codes, y, codes_v, y_v = additive()
    X = np.eye(4)[codes].reshape(len(codes), 16)
    kernel, bias = (np.asarray(w, np.float64) for w in linear().weights)
    rates = [0.1, 0.1, 0.01, 0.01]
    for rate in rates:
        error = (X @ kernel)[:, 0] + bias - y
        slope, shift = 2 * X.T @ error[:, None] / len(y), 2 * error.mean()
        kernel, bias = (
            kernel - rate * (slope + 0.5 * kernel),
            bias - rate * (shift + 0.5 * bias),
        )
    settings = RegressionSettings(
        batch_size=250, max_epochs=4, learning_rate=0.1, weight_decay=0.5, target_noise=0,
        min_improvement=9, drop_after=1,
    )  # fmt: skip
    found, history = run(tmp_path, data=(codes, y, codes_v, y_v), settings=settings)
    assert list(history["learning_rate"]) == pytest.approx(rates)
    assert history["validation_rmse"].is_monotonic_decreasing  # the last is the best
    np.testing.assert_allclose(found[0], kernel, atol=1e-6)
    np.testing.assert_allclose(found[1], bias, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_decay_shrinks_every_parameter_batch_normalisation_too(optimizer, tmp_path):
    codes, y, codes_v, y_v = additive()
    data, size = (codes, 0 * y, codes_v, 0 * y_v), {}
    for decay in (0, 1):
        settings = with_settings(
            optimizer=optimizer, max_epochs=8, weight_decay=decay, min_improvement=0
        )
        model = deep()
        (tmp_path / str(decay)).mkdir()
        run(tmp_path / str(decay), data=data, model=model, settings=settings)
        gamma = model.layers[2].gamma
        size[decay] = [np.square(w).sum() for w in (gamma, model.layers[1].kernel)]
    assert all(shrunk < 0.8 * free for shrunk, free in zip(size[1], size[0], strict=True))


def test_resumed_training_gives_the_same_bits(tmp_path, caplog):
    # The default recipe's noise and decay, and a drop of the rate on the way.
    settings = with_settings(
        max_epochs=6, target_noise=0.5, weight_decay=0.01, min_improvement=9, drop_after=2
    )
    (tmp_path / "broken").mkdir()
    weights, history = run(tmp_path, model=deep(), settings=settings)
    for epochs in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", model=deep(), settings=settings, kill_after=epochs)
    with caplog.at_level(logging.INFO):
        again, same_history = run(tmp_path / "broken", model=deep(), settings=settings)
    assert "resuming after epoch 4 from" in caplog.text
    assert same_history.equals(history)
    assert same(again, weights)
    states = [folder / "state.h5" for folder in (tmp_path, tmp_path / "broken")]
    assert states[0].read_bytes() == states[1].read_bytes()


def test_target_noise_is_of_the_seed_and_the_epoch_and_unseen_in_the_errors(tmp_path):
    # One batch of all rows, so that the order changes nothing but the last bits.
    def trained(name, **changes):
        (tmp_path / name).mkdir()
        seed = changes.pop("seed", 1)
        settings = with_settings(optimizer="sgd", batch_size=250, max_epochs=1, **changes)
        return run(tmp_path / name, settings=settings, seed=seed)

    quiet, noisy = trained("quiet"), trained("noisy", target_noise=5)
    assert same(noisy[0], trained("again", target_noise=5)[0])
    assert np.abs(noisy[0][0] - trained("other", target_noise=5, seed=2)[0][0]).max() > 1e-4
    np.testing.assert_allclose(quiet[0][0], trained("seed", seed=2)[0][0], atol=1e-6)
    # Noise of 5 moves the weights a little; in the errors it would be seen as 5.
    assert noisy[1]["train_rmse"][0] == pytest.approx(quiet[1]["train_rmse"][0], rel=0.1)


SLOW = RegressionSettings(learning_rate=1.0, patience=3, drop_after=2, min_improvement=0.1)


@pytest.mark.parametrize(
    ("errors", "rate", "is_over"),
    [
        ([], 1, False),
        ([5.0], 1, False),
        ([5, 4, 3], 1, False),
        ([5, 4.95], 1, False),
        ([5, 4.95, 4.92], 0.1, False),  # not once better by 0.1
        ([5, 4.95, 4.89], 1, False),  # better than the last that counted
        ([5, 6, 6, 4, 6], 0.1, False),
        ([5, 6, 6, 4, 6, 6], 0.01, False),  # once in each row of epochs
        ([5, 6, 6, 4, 6, 6, 6], 0.01, True),
        ([5, 6, 6, 6], 0.1, True),
    ],
)
def test_rate_drops_and_training_stops_by_the_counter(errors, rate, is_over):
    found = _schedule(errors, SLOW)
    assert found == (pytest.approx(rate), is_over)


@pytest.mark.realdata
def test_counter_is_that_of_the_published_training(test_data):
    # The log ends where the counter ran out, 61 epochs before the limit.
    with (test_data / "betseq/cbf1_model.acc").open() as file:
        errors = [float(row["val_acc"]) for row in csv.DictReader(file, delimiter="\t")]
    found = [_schedule(errors[:n], RegressionSettings()) for n in range(len(errors) + 1)]
    assert [is_over for _, is_over in found].index(True) == len(errors) == 39
    rates = [rate for rate, _ in found[:-1]]
    assert [n for n in range(1, 39) if rates[n] < rates[n - 1]] == [33, 37]


def test_rate_and_stop_show_in_the_history_and_the_best_epoch_is_kept(tmp_path):
    # Targets of noise: validation gets worse while training goes on.
    codes, y, codes_v, y_v = additive()
    rng = np.random.default_rng(1)
    data = codes[:40], rng.permutation(y)[:40], codes_v, rng.permutation(y_v)
    settings = with_settings(max_epochs=50, patience=4, drop_after=2, learning_rate=0.05)
    model = deep()
    _, history = run(tmp_path, data=data, model=model, settings=settings)
    assert len(history) < 50
    waits = [0.05, *(0.005,) * 2]
    assert list(history["learning_rate"][-3:]) == pytest.approx(waits, rel=1e-6)
    found = make_predictor(model)(codes_v)[:, 0]
    rmse = np.sqrt(np.mean((found - data[3]) ** 2))
    assert rmse == pytest.approx(history["validation_rmse"].min(), rel=1e-5)
    assert rmse < history["validation_rmse"].iloc[-1]


def test_many_values_a_sequence(tmp_path):
    codes, y, codes_v, y_v = additive()
    data = codes, np.stack([y, -y], 1), codes_v, np.stack([y_v, -y_v], 1)
    model = linear(2)
    settings = with_settings(max_epochs=40, learning_rate=0.03, min_improvement=0)
    run(tmp_path, data=data, model=model, settings=settings)
    found = make_predictor(model, batch=7)(codes_v)
    np.testing.assert_allclose(found, data[3], atol=0.2)


def test_last_few_rows_are_left_to_other_epochs(tmp_path):
    # 33 rows in batches of 32: a batch of one row would bring its variance, 0, into the
    # averages of batch normalisation.
    codes, y, codes_v, y_v = additive()
    model = deep()
    settings = with_settings(max_epochs=1, optimizer="sgd")
    run(tmp_path, data=(codes[:33], y[:33], codes_v, y_v), model=model, settings=settings)
    first = np.eye(4)[codes[:33]].reshape(33, 16) @ np.asarray(deep().layers[1].kernel)
    moved = np.asarray(model.layers[2].moving_variance) - 0.99
    np.testing.assert_allclose(moved / 0.01, first.var(axis=0), rtol=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: np.zeros((250, 5), np.uint8)}, r"codes: got uint8 \(250, 5\), expected .*, 4\)"),
        ({0: np.zeros((250, 4))}, r"codes: got float64"),
        ({0: np.zeros((0, 4), np.uint8), 1: np.zeros(0)}, "at least one sequence"),
        ({1: np.zeros(249)}, r"y: got shape \(249, 1\), expected \(250, 1\)"),
        ({1: np.zeros((250, 2))}, r"y: got shape \(250, 2\), expected \(250, 1\)"),
        ({3: np.zeros((80, 1, 1))}, r"y_validation: got shape \(80, 1, 1\)"),
        ({3: np.r_[0, np.nan, np.zeros(77), np.inf]}, r"y_validation: row 1 is .*\(2 rows"),
        ({2: np.zeros((0, 4), np.uint8), 3: np.zeros(0)}, "codes_validation: got uint8"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message, tmp_path):
    data = [change.get(i, array) for i, array in enumerate(additive())]
    with pytest.raises(ValueError, match=message) as error:
        run(tmp_path, data=data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "rmsprop"),
        ("batch_size", 0),
        ("drop_after", 0),
        ("learning_rate", 0),
        ("target_noise", -1),
        ("weight_decay", float("nan")),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name}: got .*, expected"):
        with_settings(**{name: value})


def test_error_that_is_no_number_is_refused(tmp_path):
    settings = with_settings(optimizer="sgd", learning_rate=1e30)
    message = r"train_rmse is (nan|inf) in epoch 1;.*lower learning_rate \(now 1e\+30\)"
    with pytest.raises(ValueError, match=message):
        run(tmp_path, settings=settings)
    assert not (tmp_path / "state.h5").exists()


def test_checkpoint_of_another_network_or_optimiser_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(ValueError, match=r"state\.h5 is the state of another network"):
        run(tmp_path, model=deep())
    with pytest.raises(ValueError, match="or optimiser"):
        run(tmp_path, settings=with_settings(optimizer="sgd"))


def test_all_sequences_are_predicted_in_order_of_their_index():
    model = linear()
    expected = make_predictor(model)(sequence_codes(4))[:, 0]
    found = predict_all(model, batch=100)
    assert found.shape == (256,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    flat, bias = (np.asarray(w) for w in model.weights)
    by_hand = sum(flat[4 * p + base, 0] for p, base in enumerate([3, 0, 1, 2])) + bias[0]
    assert found[3 * 64 + 0 * 16 + 1 * 4 + 2] == pytest.approx(by_hand, abs=1e-6)
    with pytest.raises(ValueError, match="network: got 2 outputs, expected 1"):
        predict_all(linear(2))
    with pytest.raises(ValueError, match="batch: got 0, expected at least 1"):
        predict_all(model, batch=0)
    long = keras.Sequential([layers.Input((13, 4)), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ValueError, match="length: got 13 bases, expected 1 to 12"):
        predict_all(long)
