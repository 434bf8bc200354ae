"""Train networks on real-valued targets, with early stopping and resuming.

A killed training goes on from its last epoch (`dfim.models.checkpoints`). Batches go from NumPy
to one compiled step: they are small, and a Keras data set would cost as much as the network.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from dfim.models.checkpoints import TrainingState, require_finite, set_dropout_seeds
from dfim.models.prediction import Predictor, make_predictor

log = logging.getLogger(__name__)

_OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class RegressionSettings:
    """Settings of a training; the defaults are the released recipe of Le et al. 2018.

    Attributes
    ----------
    optimizer
        "sgd", without momentum, or "adam" (beta 0.9 and 0.999, epsilon 1e-8).
    batch_size
        Sequences per gradient step.
    max_epochs
        Upper limit of passes over the training set.
    learning_rate
        Learning rate of the first epoch.
    weight_decay
        Factor of each trainable parameter, biases and batch normalisation included, that
        is added to its gradient (L2, as in PyTorch's SGD and Adam; Keras's own decay
        works differently).
    target_noise
        Standard deviation of the Gaussian noise that is added to the training targets,
        drawn anew each epoch; in the units of the targets.
    patience
        Stop after this many epochs in a row without improvement.
    min_improvement
        An epoch is an improvement when its validation RMSE is lower than that of the last
        improvement by more than this.
    drop_after
        Divide the learning rate by 10, from the next epoch on, after this many epochs
        in a row without improvement, once in each such row. At `patience` or above
        it never happens. (3 and a patience of 5 is the released counter, which starts
        at 5, counts down, drops at 2 and stops at 0.)

    Raises
    ------
    ValueError
        A setting that is out of range.
    """

    optimizer: str = "sgd"
    batch_size: int = 256
    max_epochs: int = 100
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    target_noise: float = 0.5
    patience: int = 5
    min_improvement: float = 1e-4
    drop_after: int = 3

    def __post_init__(self) -> None:
        if self.optimizer not in _OPTIMIZERS:
            raise ValueError(
                f"optimizer: got {self.optimizer!r}, expected one of {', '.join(_OPTIMIZERS)}"
            )
        for name in ("batch_size", "max_epochs", "patience", "drop_after"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        for name in ("weight_decay", "target_noise", "min_improvement"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate: got {self.learning_rate}, expected more than 0")


def train_regression(
    model: keras.Model,
    codes: NDArray[np.uint8],
    y: NDArray[np.floating],
    codes_validation: NDArray[np.uint8],
    y_validation: NDArray[np.floating],
    *,
    settings: RegressionSettings,
    seed: int,
    checkpoint: str | os.PathLike[str],
    progress: Callable[[int, str], None] | None = None,
) -> pd.DataFrame:
    """Minimise the mean squared error with early stopping, or resume from a checkpoint.

    Parameters
    ----------
    model
        Keras model with one output layer of T values; trained in place, and left with
        the weights of the epoch of the lowest validation RMSE.
    codes, codes_validation
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N. A sequence may be in several
        rows, such as one per replicate.
    y, y_validation
        (N, T) targets, or (N,) for a model of one value.
    settings
        Optimiser, noise, and when to slow down and stop.
    seed
        Decides data order, target noise and dropout, epoch by epoch.
    checkpoint
        State file, written after every epoch. When it exists, training goes on from it
        and ends in the weights that an unbroken run gives.
    progress
        Called after each epoch with the epochs done and a line on the errors.

    Returns
    -------
    pandas.DataFrame
        epoch, learning_rate, train_rmse and validation_rmse, one row per epoch. Both errors
        are of the weights after the epoch, without dropout and without target noise.

    Raises
    ------
    ValueError
        When codes or targets do not fit the model or each other, a target or an error is
        not finite, or the checkpoint is of another network or optimiser.

    Notes
    -----
    An epoch is N // batch_size steps: the rows beyond the last whole batch of its order
    are skipped, as batch normalisation on a handful of rows would spoil its averages.
    Time: 240,000 rows of 80,000 flanks and the network of Cbf1 take 11 s
    an epoch on one core (of 0.1 TFLOP/s).
    """
    y = _targets(model, codes, y, "")
    y_validation = _targets(model, codes_validation, y_validation, "_validation")
    training, validation = _Part(codes, y), _Part(codes_validation, y_validation)
    optimizer = _optimizer(settings)
    optimizer.build(model.trainable_variables)
    state = TrainingState(checkpoint, model, optimizer)
    step, predict = _make_step(model, optimizer, settings.weight_decay), make_predictor(model)
    while len(state.history) < settings.max_epochs:
        rate, is_over = _schedule([h["validation_rmse"] for h in state.history], settings)
        if is_over:
            break
        epoch = len(state.history)
        optimizer.learning_rate = rate
        set_dropout_seeds(model, seed, epoch)
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(codes))
        noisy = y + np.float32(settings.target_noise) * rng.standard_normal(y.shape, np.float32)
        size = min(settings.batch_size, len(codes))
        for rows in order[: len(codes) // size * size].reshape(-1, size):
            step(codes[rows], noisy[rows])
        errors = {
            "train_rmse": training.rmse(predict),
            "validation_rmse": validation.rmse(predict),
        }
        for name, value in errors.items():
            require_finite(name, value, epoch + 1, rate)
        error = errors["validation_rmse"]
        best = all(error < h["validation_rmse"] for h in state.history)
        state.record({"learning_rate": rate, **errors}, best=best)
        if progress:
            progress(epoch + 1, f"validation RMSE {error:.4f}")
    state.restore_best()
    log.info("trained %d epochs with %s", len(state.history), asdict(settings))
    return state.table()


class _Part:
    """Training or validation set, whose distinct sequences are predicted once each."""

    def __init__(self, codes: NDArray[np.uint8], y: NDArray[np.float32]) -> None:
        self._y = y
        self._codes, inverse = np.unique(codes, axis=0, return_inverse=True)
        self._row = inverse.ravel()

    def rmse(self, predict: Predictor) -> float:
        """Compute the root mean squared error of predictions."""
        error = predict(self._codes)[self._row] - self._y
        return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


def _make_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, weight_decay: float
) -> Callable[[NDArray[np.uint8], NDArray[np.float32]], Any]:
    """Compile one gradient step on codes (B, L) and targets (B, T)."""
    variables = model.trainable_variables

    def step(codes: tf.Tensor, y: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            outputs = model(tf.one_hot(codes, 4), training=True)
            loss = tf.reduce_mean(tf.square(outputs - y))
        gradients = tape.gradient(loss, [v.value for v in variables])
        if weight_decay:
            gradients = [
                g + weight_decay * v.value for g, v in zip(gradients, variables, strict=True)
            ]
        optimizer.apply(gradients)

    compiled: Callable[[NDArray[np.uint8], NDArray[np.float32]], Any] = tf.function(step)
    return compiled


def _optimizer(settings: RegressionSettings) -> keras.optimizers.Optimizer:
    """Make the optimiser that the settings name."""
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(settings.learning_rate)
    return keras.optimizers.Adam(settings.learning_rate, epsilon=1e-8)


def _schedule(errors: list[float], settings: RegressionSettings) -> tuple[float, bool]:
    """Return the next epoch's learning rate after these validation RMSEs, and if to stop."""
    rate, lowest, waited = settings.learning_rate, np.inf, 0
    for error in errors:
        if lowest - error > settings.min_improvement:
            lowest, waited = error, 0
        else:
            waited += 1
            if waited == settings.drop_after:
                rate /= 10
    return rate, waited >= settings.patience


def _targets(
    model: keras.Model, codes: NDArray[np.uint8], y: NDArray[np.floating], part: str
) -> NDArray[np.float32]:
    """Return targets as float32 (N, T), checked; `part` ends the arguments' names in errors."""
    length, n_values = model.input_shape[1], model.output_shape[-1]
    if codes.dtype != np.uint8 or codes.shape != (len(codes), length) or not len(codes):
        raise ValueError(
            f"codes{part}: got {codes.dtype} {codes.shape}, expected uint8 (sequences, "
            f"{length}) and at least one sequence"
        )
    y = np.asarray(y, np.float32)
    y = y[:, None] if y.ndim == 1 else y
    if y.shape != (len(codes), n_values):
        raise ValueError(
            f"y{part}: got shape {y.shape}, expected {(len(codes), n_values)}: a row for each "
            "of the codes, a column for each output of the model"
        )
    bad = np.flatnonzero(~np.isfinite(y).all(axis=1))
    if bad.size:
        raise ValueError(
            f"y{part}: row {bad[0]} is {y[bad[0]].tolist()} ({bad.size} rows like it), "
            "expected finite numbers; leave out rows without a measurement"
        )
    return y
