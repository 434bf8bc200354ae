"""Predict sequences that are given as base codes."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dfim.sequences.kmers import sequence_codes

_BATCH = 8192
Predictor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def make_predictor(model: keras.Model, *, batch: int = _BATCH) -> Predictor:
    """Make a function that computes a model's outputs from base codes.

    Parameters
    ----------
    model
        Keras model of one input (L, 4) and one output layer of T values.
    batch
        Sequences whose one-hot encoding is held at a time.

    Returns
    -------
    callable
        From uint8 codes (N, L), 0-3 for A, C, G, T and 4 for N, to float32 (N, T). It is
        compiled once, and uses the weights that the model has when it is called.

    Raises
    ------
    ValueError
        A `batch` below 1.
    """
    if batch < 1:
        raise ValueError(f"batch: got {batch}, expected at least 1")

    def outputs(codes: tf.Tensor) -> tf.Tensor:
        return model(tf.one_hot(codes, 4), training=False)

    signature = [tf.TensorSpec([None, model.input_shape[1]], tf.uint8)]
    compiled = tf.function(outputs, input_signature=signature)

    def predict(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        predictions = np.empty((len(codes), model.output_shape[-1]), np.float32)
        for start in range(0, len(codes), batch):
            rows = slice(start, start + batch)
            predictions[rows] = compiled(codes[rows])
        return predictions

    return predict


def predict_all(network: keras.Model, *, batch: int = _BATCH) -> NDArray[np.float32]:
    """Predict every sequence of the length that a network reads.

    Parameters
    ----------
    network
        Keras model of one output and an input of L bases, 1 to 12.
    batch
        Sequences whose one-hot encoding is held at a time.

    Returns
    -------
    ndarray of float32 (4^L,)
        In order of the k-mer index (`dfim.sequences.kmers`).

    Raises
    ------
    ValueError
        For a network of more outputs, or of another length.

    Notes
    -----
    Memory: the result and one batch. Time: 4^10 sequences and the network of Cbf1 take
    10 s on one core.
    """
    length, outputs = network.input_shape[1], network.output_shape[-1]
    if outputs != 1:
        raise ValueError(f"network: got {outputs} outputs, expected 1")
    predict = make_predictor(network, batch=batch)
    sequence_codes(length, np.arange(0))  # raises where the network is too long
    predictions = np.empty(4**length, np.float32)
    for start in range(0, len(predictions), batch):
        index = np.arange(start, min(start + batch, len(predictions)))
        predictions[index] = predict(sequence_codes(length, index))[:, 0]
    return predictions
