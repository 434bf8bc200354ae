"""The paper's networks, as its supplement and its released files state them."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers


def m1(length: int, n_tasks: int, *, dense: int = 200) -> keras.Model:
    """The network of the embedded-motif simulation (supplement, section 1.1).

    Convolution of 40 filters of width 19, ReLU, max-pooling by 10, one hidden
    dense layer with dropout 0.5, sigmoid outputs.

    Parameters
    ----------
    length
        Input length in bp (200 in the paper).
    n_tasks
        Outputs.
    dense
        Hidden units: 200 in the supplement, 250 in the released weights.
    """
    return keras.Sequential(
        [
            layers.Input((length, 4), name="sequence"),
            # Keras 0.3's "uniform": within 0.05 of zero.
            layers.Conv1D(
                40,
                19,
                activation="relu",
                kernel_initializer=keras.initializers.RandomUniform(-0.05, 0.05),
                name="conv",
            ),
            layers.MaxPooling1D(10, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(dense, activation="relu", name="dense"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(n_tasks, activation="sigmoid", name="output"),
        ],
        name="m1",
    )


ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {"m1": m1}


def build(name: str, length: int, n_tasks: int, options: dict[str, Any]) -> keras.Model:
    """Build an architecture by name.

    Raises
    ------
    ValueError
        For an option that the architecture does not have.
    """
    try:
        return ARCHITECTURES[name](length, n_tasks, **options)
    except TypeError as error:
        raise ValueError(
            f"model.options: got {options}, which architecture {name!r} does not take ({error})"
        ) from error
