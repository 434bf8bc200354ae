"""Training of classifiers, which can be killed at any moment and gives the same network.

How that is done is said in `dfim.models.checkpoints`.
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

log = logging.getLogger(__name__)

_ONE_HOT = np.eye(5, 4, dtype=np.float32)  # an N is a zero column
_VALIDATION_BATCH = 512


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    batch_size
        Sequences a gradient step.
    max_epochs
        Upper limit of passes over the training set.
    patience
        Stop after this many epochs without a lower validation loss; the best
        epoch's weights are kept.
    learning_rate
        Of Adam (beta 0.9 and 0.999, epsilon 1e-8), at the first step.
    decay
        "none", or "cosine": the learning rate falls along half a cosine, step by step, to
        zero at the end of `max_epochs` (Loshchilov and Hutter 2017, without restarts).
    starts, start_epochs
        `dfim.models.starts` trains so many networks for so many epochs each, and only the
        one with the lowest validation loss to its end.
    """

    batch_size: int = 128
    max_epochs: int = 100
    patience: int = 3
    learning_rate: float = 1e-3
    decay: str = "none"
    starts: int = 1
    start_epochs: int = 1

    def __post_init__(self) -> None:
        if self.decay not in ("none", "cosine"):
            raise ValueError(f"decay: got {self.decay!r}, expected 'none' or 'cosine'")
        if self.starts < 1:
            raise ValueError(f"starts: got {self.starts}, expected at least 1")
        if self.starts > 1 and not 1 <= self.start_epochs <= self.max_epochs:
            raise ValueError(
                f"start_epochs: got {self.start_epochs}, expected 1 to max_epochs, "
                f"{self.max_epochs}"
            )

    @property
    def epochs_in_all(self) -> int:
        """Upper limit of epochs, with those of the starts that are given up."""
        return self.max_epochs + (self.starts - 1) * self.start_epochs

    def rate(self, n: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
        """Compute the learning rate of every step, for `n` training sequences."""
        if self.decay == "none":
            return self.learning_rate
        steps = self.max_epochs * -(-n // self.batch_size)
        return keras.optimizers.schedules.CosineDecay(self.learning_rate, steps)


def _known_crossentropy(labels: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Cross-entropy averaged over the tasks; a masked one (-1) adds nothing.

    Divided by the number of tasks, not of the known ones, so that every label
    weighs the same: the sum of the tasks' losses up to a constant.
    """
    known = keras.ops.cast(labels >= 0, predicted.dtype)
    losses = keras.ops.binary_crossentropy(labels * known, predicted)
    return keras.ops.mean(losses * known, axis=-1)


class _KnownAccuracy(keras.metrics.Mean):
    """Fraction of the known labels on whose side of one half the output falls."""

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> None:
        right = keras.ops.cast((y_pred > 0.5) == (y_true > 0.5), self.dtype)
        super().update_state(right, keras.ops.cast(y_true >= 0, self.dtype))


class _Batches(keras.utils.PyDataset):
    """Batches of sequences in an order: one-hot is made a batch at a time.

    So memory holds one byte a base, not four (and no shuffled copy).
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        labels: NDArray[Any],
        order: NDArray[np.integer],
        size: int,
    ) -> None:
        super().__init__()
        self.codes, self.labels, self.order, self.size = codes, labels, order, size

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = self.order[index * self.size : (index + 1) * self.size]
        return _ONE_HOT[self.codes[rows]], self.labels[rows].astype(np.float32)


def train(
    model: keras.Model,
    codes: NDArray[np.uint8],
    y: NDArray[Any],
    codes_validation: NDArray[np.uint8],
    y_validation: NDArray[Any],
    *,
    settings: TrainingSettings,
    seed: int,
    checkpoint: str | os.PathLike[str],
    until: int | None = None,
    progress: Callable[[int, str], None] | None = None,
) -> pd.DataFrame:
    """Train a binary classifier with early stopping; resume if there is a checkpoint.

    Parameters
    ----------
    model
        Uncompiled Keras model with sigmoid outputs; trained in place, and left
        with the weights of the best epoch.
    codes, codes_validation
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N.
    y, y_validation
        (N, T) labels, 0 or 1; -1 is masked and counts neither in the loss nor
        in the accuracy.
    settings
        Batch size, epochs, patience, learning rate and its decay.
    seed
        Decides data order and dropout, epoch by epoch.
    checkpoint
        State file, written after every epoch. When it exists, training goes on
        from it and ends in the weights that an unbroken run gives.
    until
        Pause after this epoch; the same call without it goes on from the checkpoint.
    progress
        Called after each epoch with the epochs done and a line on the losses.

    Returns
    -------
    pandas.DataFrame
        Loss and accuracy an epoch, training (with dropout, as the epoch ran)
        and validation.

    Raises
    ------
    ValueError
        When the loss is no number, or the checkpoint is of another network.
    """
    optimizer = keras.optimizers.Adam(settings.rate(len(codes)), epsilon=1e-8)
    accuracy = _KnownAccuracy(name="accuracy")
    model.compile(optimizer, loss=_known_crossentropy, metrics=[accuracy])
    optimizer.build(model.trainable_variables)
    state = TrainingState(checkpoint, model, optimizer)
    every = np.arange(len(codes_validation))
    validation = _Batches(codes_validation, y_validation, every, _VALIDATION_BATCH)
    last = settings.max_epochs if until is None else min(until, settings.max_epochs)
    while len(state.history) < last and not _is_over(state.history, settings.patience):
        epoch = len(state.history)
        order = np.random.default_rng([seed, epoch]).permutation(len(codes))
        set_dropout_seeds(model, seed, epoch)
        logs = model.fit(
            _Batches(codes, y, order, settings.batch_size),
            shuffle=False,
            verbose=0,
            validation_data=validation,
        ).history
        figures = {name: float(values[0]) for name, values in logs.items()}
        require_finite("loss", figures["loss"], epoch + 1, settings.learning_rate)
        loss = figures["val_loss"]
        state.record(figures, best=all(loss < h["val_loss"] for h in state.history))
        if progress:
            progress(epoch + 1, f"validation loss {loss:.4f}")
    state.restore_best()
    log.info("trained %d epochs with %s", len(state.history), asdict(settings))
    return state.table().rename(
        columns={
            "loss": "train_loss",
            "accuracy": "train_accuracy",
            "val_loss": "validation_loss",
            "val_accuracy": "validation_accuracy",
        }
    )


def _is_over(history: list[dict[str, float]], patience: int) -> bool:
    losses = [h["val_loss"] for h in history]
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience
