"""Run functions of tensors as TensorFlow graphs of fixed shapes, compiled where that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

Array = np.ndarray
# A graph takes about half a second to compile (XLA), which joins its elementwise operations
# into few loops; batches of fewer operations are computed as fast without.
COMPILED_FLOPS = 2e8


class Graphs:
    """Graphs of functions, made at the first call for each shape of their inputs.

    Parameters
    ----------
    flops : float
        Operations of a batch, which decide whether its graphs are `compiled`.
    """

    def __init__(self, flops: float) -> None:
        self.compiled = flops >= COMPILED_FLOPS
        self._made: dict[tuple[object, ...], Callable[..., Any]] = {}

    def __call__(
        self,
        function: Callable[..., Any],
        *tensors: Any,  # noqa: ANN401 - nested lists and dictionaries of tensors
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """Call the graph of a function on tensors, or lists and dictionaries of them."""
        flat = tf.nest.flatten(tensors)
        key = (function.__name__, *(t.shape for t in flat))
        if key not in self._made:

            def unpacked(*flat: tf.Tensor) -> Any:  # noqa: ANN401 - as the function
                return function(*tf.nest.pack_sequence_as(tensors, flat))

            graph = tf.function(unpacked, autograph=False, jit_compile=self.compiled)
            self._made[key] = graph.get_concrete_function(*flat)
        return self._made[key](*flat)


def batches(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into slices of `size` rows; the last may be shorter."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def filled(array: Array, rows: int) -> Array:
    """Fill up with rows of zeros: every pass has the same shape."""
    whole = np.zeros((rows, *array.shape[1:]), array.dtype)
    whole[: len(array)] = array
    return whole
