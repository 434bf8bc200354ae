"""Predict the logits of several heads of a network, by one pass over the sequences."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dfim.attribution.graph.trace import output_tensor
from dfim.attribution.methods.logit_tensors import pre_activation
from dfim.attribution.results import Head


def columns_of(model: keras.Model) -> list[Head]:
    """List every column of every output, in the order of the outputs."""
    return [
        Head(index, unit)
        for index, tensor in enumerate(model.outputs)
        for unit in range(int(tensor.shape[-1]))
    ]


def predict_logits(
    model: keras.Model,
    X: NDArray[np.uint8],
    heads: Sequence[Head],
    *,
    batch_size: int = 256,
) -> NDArray[np.float32]:
    """Predict the logits of some heads.

    Parameters
    ----------
    model
        Sequential or functional, of one input; a last sigmoid or softmax of a head is left
        out.
    X
        (N, L, 4) one-hot sequences.
    heads
        The T heads to predict.
    batch_size
        Sequences per pass; the last batch is padded, so that a row's result does not
        depend on how many there are.

    Returns
    -------
    (N, T) float32

    Raises
    ------
    ValueError
        For a head that does not exist.
    """
    outputs = list(dict.fromkeys(head.output for head in heads))
    network = keras.Model(
        model.inputs, [pre_activation(*output_tensor(model, name)) for name in outputs]
    )
    columns = [(outputs.index(head.output), head.unit) for head in heads]
    for (place, unit), head in zip(columns, heads, strict=True):
        width = int(network.outputs[place].shape[-1])
        if not 0 <= unit < width:
            raise ValueError(
                f"unit: got {unit}, expected 0 to {width - 1}, as output {head.output!r} has "
                f"{width} columns"
            )

    def run(batch: tf.Tensor) -> tf.Tensor:
        values = network(tf.cast(batch, tf.float32), training=False)
        values = values if isinstance(values, list | tuple) else [values]
        return tf.stack([values[place][:, unit] for place, unit in columns], axis=1)

    shape = tf.TensorSpec((batch_size, *X.shape[1:]), tf.uint8)
    graph = tf.function(run, input_signature=[shape], autograph=False)
    logits = np.empty((len(X), len(heads)), np.float32)
    for start in range(0, len(X), batch_size):
        batch = X[start : start + batch_size].astype(np.uint8)
        padding = ((0, batch_size - len(batch)), (0, 0), (0, 0))
        rows = slice(start, start + len(batch))
        logits[rows] = graph(np.pad(batch, padding)).numpy()[: len(batch)]
    return logits
