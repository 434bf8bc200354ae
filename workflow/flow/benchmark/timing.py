"""Measure times of calls and the machine's own rate; networks of the paper's shapes."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

NETWORKS = ("simulated, 200 bp", "TAL/GATA, 1 kb", "accessibility, 1 kb", "Cbf1, 10 bp")


def best_seconds(
    cases: Mapping[str, Callable[[], object]],
    rounds: int = 3,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Measure the best time of each case.

    The cases take turns, so that a machine that is slower for a while is so for all of them:
    ratios of the results hold where the times do not.

    Parameters
    ----------
    cases
        Work by name.
    rounds
        Times that each case is measured, after a first round that builds graphs and fills
        caches.
    clock
        Seconds so far: `time.perf_counter` for wall time, or `time.process_time` for the CPU
        time of all threads, which other work on the machine changes less.

    Returns
    -------
    dict
        Seconds by name, in the order of `cases`.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(rounds + 1):
        for name, work in cases.items():
            start = clock()
            work()
            if round_:
                times[name].append(clock() - start)
    return {name: min(seconds) for name, seconds in times.items()}


def sgemm(size: int = 3_000) -> tuple[Callable[[], object], float]:
    """Return a call that multiplies two float32 matrices by TensorFlow, and its GFLOP."""
    import tensorflow as tf

    matrix = tf.random.normal((size, size))
    return lambda: tf.matmul(matrix, matrix).numpy(), 2 * size**3 / 1e9


def paper_shapes() -> dict[str, "keras.Model"]:
    """Build the paper's four networks by their shapes, with random weights."""
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
    return dict(zip(NETWORKS, models, strict=True))
