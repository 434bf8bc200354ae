"""Training that can be killed at any moment and gives the same network.

One epoch is the unit of resuming: its data order, and the seeds of its dropout
layers, follow from the seed and the epoch's number alone, and after it weights,
optimiser and early-stopping state are written to one file and renamed into place.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from dfim.store import read_arrays, write_arrays

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
        Of Adam (beta 0.9 and 0.999, epsilon 1e-8).
    """

    batch_size: int = 128
    max_epochs: int = 100
    patience: int = 3
    learning_rate: float = 1e-3


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


def _seed_of(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


def _set_dropout_seeds(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every random layer a state that depends on seed, layer and epoch only."""
    for number, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign([_seed_of(seed, number, epoch), 0])


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _save_state(
    path: Path, model: keras.Model, best: list[NDArray[Any]], history: list[dict[str, float]]
) -> None:
    arrays = {f"now_{i:03d}": np.asarray(v) for i, v in enumerate(_variables(model))}
    arrays |= {f"best_{i:03d}": np.asarray(v) for i, v in enumerate(best)}
    write_arrays(path, arrays, {"history": history})


def _load_state(
    path: Path, model: keras.Model
) -> tuple[list[NDArray[Any]], list[dict[str, float]]]:
    arrays, attributes = read_arrays(path)
    now, best = (
        [arrays[name] for name in sorted(arrays) if name.startswith(prefix)]
        for prefix in ("now_", "best_")
    )
    variables = _variables(model)
    if [tuple(v.shape) for v in variables] != [array.shape for array in now]:
        raise ValueError(
            f"checkpoint: {path} is the state of another network; delete it or name another"
        )
    for variable, value in zip(variables, now, strict=True):
        variable.assign(value)
    return best, attributes["history"]


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
        Batch size, epochs, patience, learning rate.
    seed
        Decides data order and dropout, epoch by epoch.
    checkpoint
        State file, written after every epoch. When it exists, training goes on
        from it and ends in the weights that an unbroken run gives.
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
    checkpoint = Path(checkpoint)
    optimizer = keras.optimizers.Adam(settings.learning_rate, epsilon=1e-8)
    accuracy = _KnownAccuracy(name="accuracy")
    model.compile(optimizer, loss=_known_crossentropy, metrics=[accuracy])
    optimizer.build(model.trainable_variables)
    best, history = [np.asarray(v) for v in model.variables], []
    if checkpoint.exists():
        best, history = _load_state(checkpoint, model)
        log.info("resuming after epoch %d from %s", len(history), checkpoint)
    every = np.arange(len(codes_validation))
    validation = _Batches(codes_validation, y_validation, every, _VALIDATION_BATCH)
    while len(history) < settings.max_epochs and not _is_over(history, settings.patience):
        epoch = len(history)
        order = np.random.default_rng([seed, epoch]).permutation(len(codes))
        _set_dropout_seeds(model, seed, epoch)
        logs = model.fit(
            _Batches(codes, y, order, settings.batch_size),
            shuffle=False,
            verbose=0,
            validation_data=validation,
        ).history
        history.append({name: float(values[0]) for name, values in logs.items()})
        if not np.isfinite(history[-1]["loss"]):
            raise ValueError(
                f"training: loss is {history[-1]['loss']} in epoch {epoch + 1}; expected a "
                f"finite number: lower learning_rate (now {settings.learning_rate})"
            )
        losses = [h["val_loss"] for h in history]
        if losses[-1] == min(losses) and losses.count(losses[-1]) == 1:
            best = [np.asarray(v) for v in model.variables]
        _save_state(checkpoint, model, best, history)
        if progress:
            progress(len(history), f"validation loss {losses[-1]:.4f}")
    for variable, value in zip(model.variables, best, strict=True):
        variable.assign(value)
    log.info("trained %d epochs with %s", len(history), asdict(settings))
    table = pd.DataFrame(history)
    table.insert(0, "epoch", np.arange(1, len(history) + 1))
    return table.rename(
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
