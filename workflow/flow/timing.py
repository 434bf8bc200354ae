"""Timing: the clock, the machine's own rate, and networks of the paper's shapes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def seconds_of(work: Callable[[], object], repeats: int = 3) -> float:
    """Best wall time of several runs after one that builds graphs and fills caches."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def sgemm_gflops(size: int = 3_000) -> float:
    """Rate of one large float32 matrix product by TensorFlow."""
    import tensorflow as tf

    matrix = tf.random.normal((size, size))
    return 2 * size**3 / seconds_of(lambda: tf.matmul(matrix, matrix).numpy(), 6) / 1e9


def paper_shapes() -> dict[str, "keras.Model"]:
    """The paper's four networks by their shapes, with random weights."""
    import keras
    from keras import layers as kl

    def network(length: int, *body: "keras.Layer") -> "keras.Model":
        return keras.Sequential([keras.Input((length, 4)), *body])

    accessibility = []
    for filters, width, pool in ((300, 19, 3), (200, 11, 4), (200, 7, 4)):
        accessibility += [kl.Conv1D(filters, width, padding="same"), kl.BatchNormalization()]
        accessibility += [kl.ReLU(), kl.MaxPooling1D(pool)]
    accessibility.append(kl.Flatten())
    for _ in range(2):
        accessibility += [kl.Dense(1000), kl.BatchNormalization(), kl.ReLU()]
    tal_gata = [kl.Conv1D(25, 10, activation="relu") for _ in range(5)]
    simulated = [kl.Conv1D(40, 19, activation="relu"), kl.MaxPooling1D(10), kl.Flatten()]
    cbf1: list[keras.Layer] = [kl.Flatten()]
    for units in (500, 500, 250):
        cbf1 += [kl.Dense(units), kl.BatchNormalization(), kl.ReLU()]
    models = (
        network(200, *simulated, kl.Dense(250, activation="relu"), kl.Dense(1)),
        network(1000, *tal_gata, kl.MaxPooling1D(25), kl.Flatten(), kl.Dense(3)),
        network(1000, *accessibility, kl.Dense(18)),
        network(10, *cbf1, kl.Dense(1)),
    )
    names = ("simulated, 200 bp", "TAL/GATA, 1 kb", "accessibility, 1 kb", "Cbf1, 10 bp")
    return dict(zip(names, models, strict=True))
