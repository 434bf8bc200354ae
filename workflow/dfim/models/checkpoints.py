"""State of a training between two epochs: kept whole, resumed as if it never stopped.

One epoch is the unit of resuming. Its data order, and the seeds of its dropout layers,
follow from the seed and the epoch's number alone; after it weights, optimiser and
early-stopping state are written to one file and renamed into place.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays

log = logging.getLogger(__name__)


def set_dropout_seeds(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every random layer a state that depends on seed, layer and epoch only."""
    for number, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign([derived_seed(seed, number, epoch), 0])


def derived_seed(*parts: int) -> int:
    """Derive a seed (31 bits) from numbers, such as a seed and an epoch."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


class TrainingState:
    """A network in training, with its best epoch so far and its history, in a file.

    Parameters
    ----------
    path
        State file. When it exists, model, optimiser, best weights and history are
        taken from it.
    model, optimizer
        Built, the optimiser for the model's trainable variables.

    Attributes
    ----------
    history : list of dict
        Figures of each epoch done, in order.

    Raises
    ------
    ValueError
        When the file is of another network or optimiser.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
    ) -> None:
        self._path, self._model = Path(path), model
        self._variables = [*model.variables, *optimizer.variables]
        self._best = _values(model.variables)
        self.history: list[dict[str, float]] = []
        if self._path.exists():
            self._load()
            log.info("resuming after epoch %d from %s", len(self.history), self._path)

    def record(self, figures: dict[str, float], *, best: bool) -> None:
        """End an epoch: keep its figures, and its weights where it is the best, on disk."""
        self.history.append(figures)
        if best:
            self._best = _values(self._model.variables)
        arrays = {f"now_{i:03d}": v for i, v in enumerate(_values(self._variables))}
        arrays |= {f"best_{i:03d}": v for i, v in enumerate(self._best)}
        write_arrays(self._path, arrays, {"history": self.history})

    def restore_best(self) -> None:
        """Give the model the weights of its best epoch."""
        for variable, value in zip(self._model.variables, self._best, strict=True):
            variable.assign(value)

    def table(self) -> pd.DataFrame:
        """Return the history with one row per epoch, numbered from 1."""
        table = pd.DataFrame(self.history)
        table.insert(0, "epoch", np.arange(1, len(table) + 1))
        return table

    def _load(self) -> None:
        arrays, attributes = read_arrays(self._path)
        now, best = (
            [arrays[name] for name in sorted(arrays) if name.startswith(prefix)]
            for prefix in ("now_", "best_")
        )
        if [tuple(v.shape) for v in self._variables] != [array.shape for array in now]:
            raise ValueError(
                f"checkpoint: {self._path} is the state of another network or optimiser; "
                "delete it or name another"
            )
        for variable, value in zip(self._variables, now, strict=True):
            variable.assign(value)
        self._best, self.history = best, attributes["history"]


def _values(variables: Sequence[keras.Variable]) -> list[NDArray[Any]]:
    return [np.asarray(variable) for variable in variables]


def require_finite(name: str, value: float, epoch: int, learning_rate: float) -> None:
    """Refuse an epoch (its number, from 1) after which a loss is no number."""
    if not np.isfinite(value):
        raise ValueError(
            f"training: {name} is {value} in epoch {epoch}; expected a finite number: lower "
            f"learning_rate (now {learning_rate})"
        )
