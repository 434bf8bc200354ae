"""The paper's networks, as its supplement and its released files state them."""

from collections.abc import Callable, Sequence
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


def m2(length: int, n_tasks: int, *, dropout: float = 0.2) -> keras.Model:
    """The network of GATA1, GATA2 and TAL1 binding (supplement, section 1.2).

    Five convolutions of 25 filters of width 10 with ReLU, max-pooling by 25, and
    a linear head with a sigmoid for each task (one dense layer of `n_tasks` units
    is the same as that many of one). No hidden dense layer: two bases further
    apart than 45 + 24 bp cannot interact.

    Parameters
    ----------
    length
        Input length in bp (1,000 in the paper).
    n_tasks
        Outputs.
    dropout
        After each of the first four convolutions: 0.2 in the released file, 0
        (no such layers) in the supplement.
    """
    if length < 5 * 9 + 25:
        raise ValueError(f"m2: sequences of {length} bp, expected at least 70")
    network = keras.Sequential([layers.Input((length, 4), name="sequence")], name="m2")
    for number in range(1, 6):
        network.add(
            layers.Conv1D(
                25,
                10,
                activation="relu",
                kernel_initializer="he_normal",
                name=f"conv{number}",
            )
        )
        if dropout and number < 5:
            network.add(layers.Dropout(dropout, name=f"dropout{number}"))
    network.add(layers.MaxPooling1D(25, name="pool"))
    network.add(layers.Flatten(name="flatten"))
    network.add(layers.Dense(n_tasks, activation="sigmoid", name="output"))
    return network


def m3(
    length: int,
    n_tasks: int,
    *,
    filters: tuple[int, int, int] = (300, 200, 200),
    dense: int = 1000,
    dropout: float = 0.3,
    dropout_second_dense: bool = True,
) -> keras.Model:
    """The network of accessibility in many cell types (supplement, section 1.3).

    Three blocks of convolution (width 19, 11, 7; padding "same"), batch
    normalisation, ReLU and max-pooling (3, 4, 4), two hidden dense layers with
    batch normalisation and ReLU, sigmoid outputs. Normalisation comes before
    ReLU, as in the released file (the supplement words it the other way round).

    Parameters
    ----------
    length
        Input length in bp (1,000 in the paper).
    n_tasks
        Outputs (18).
    filters
        Of the three convolutions.
    dense
        Units of each hidden dense layer.
    dropout
        After the hidden dense layers.
    dropout_second_dense
        After the second one too: the supplement; the released file drops after
        the first only.
    """
    if length < 3 * 4 * 4:
        raise ValueError(f"m3: sequences of {length} bp, expected at least 48")
    network = keras.Sequential([layers.Input((length, 4), name="sequence")], name="m3")
    for number, (n, width, pool) in enumerate(
        zip(filters, (19, 11, 7), (3, 4, 4), strict=True), 1
    ):
        network.add(layers.Conv1D(n, width, padding="same", name=f"conv{number}"))
        network.add(_normalised(f"conv{number}"))
        network.add(layers.ReLU(name=f"conv{number}_relu"))
        network.add(layers.MaxPooling1D(pool, name=f"pool{number}"))
    network.add(layers.Flatten(name="flatten"))
    for number in (1, 2):
        network.add(layers.Dense(dense, name=f"dense{number}"))
        network.add(_normalised(f"dense{number}"))
        network.add(layers.ReLU(name=f"dense{number}_relu"))
        if dropout and (number == 1 or dropout_second_dense):
            network.add(layers.Dropout(dropout, name=f"dropout{number}"))
    network.add(layers.Dense(n_tasks, activation="sigmoid", name="output"))
    return network


def m4(
    length: int,
    n_tasks: int,
    *,
    units: Sequence[int] = (500, 500, 250),
    dropout: Sequence[float] = (0, 0.25, 0.25),
    order: str = "norm_relu",
) -> keras.Model:
    """The network of Cbf1 binding to flanks of its site (main text and Le et al. 2018).

    Hidden dense layers with batch normalisation, ReLU and dropout, and a linear
    output: no convolution, so that any positions can interact.

    Parameters
    ----------
    length
        Input length in bp (10 in the paper: 5 on each side of the core).
    n_tasks
        Outputs.
    units
        Of each hidden layer.
    dropout
        After each hidden layer, 0 for none: 0, 0.25 and 0.25 in the released code,
        0.25 after all three in the paper.
    order
        "norm_relu", normalisation before ReLU, as in the released code; "relu_norm",
        after it, as the paper words it.
    """
    if len(units) != len(dropout) or not units:
        raise ValueError(
            f"model.options: got units {list(units)} and dropout {list(dropout)}, expected a "
            "number of each for every hidden layer, and at least one layer"
        )
    if order not in ("norm_relu", "relu_norm"):
        raise ValueError(
            f"model.options: got order {order!r}, expected 'norm_relu' or 'relu_norm'"
        )
    network = keras.Sequential([layers.Input((length, 4), name="sequence")], name="m4")
    network.add(layers.Flatten(name="flatten"))
    for number, (n, share) in enumerate(zip(units, dropout, strict=True), 1):
        name = f"dense{number}"
        after = [_normalised(name, epsilon=1e-5), layers.ReLU(name=f"{name}_relu")]
        network.add(layers.Dense(n, kernel_initializer="glorot_uniform", name=name))
        for layer in after if order == "norm_relu" else reversed(after):
            network.add(layer)
        if share:
            network.add(layers.Dropout(share, name=f"dropout{number}"))
    network.add(layers.Dense(n_tasks, name="output"))
    return network


def _normalised(name: str, epsilon: float = 1e-6) -> layers.BatchNormalization:
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon, name=f"{name}_norm")


ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "m1": m1,
    "m2": m2,
    "m3": m3,
    "m4": m4,
}


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
