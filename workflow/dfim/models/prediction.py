"""What a network says of sequences that are given as base codes."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dfim.sequences.kmers import sequence_codes

_BATCH = 8192
Predictor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def make_predictor(model: keras.Model, *, batch: int = _BATCH) -> Predictor:
    """Make a function from base codes (N, L) to a model's outputs (N, T).

    Codes are uint8, 0-3 for A, C, G, T and 4 for N; one-hot is made `batch` sequences at
    a time. The function is compiled once, so that it can be called often, and reads the
    weights that the model has when it is called.
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
        Of one output and an input of L bases, 1 to 12.
    batch
        Sequences whose one-hot is held at a time.

    Returns
    -------
    ndarray of float32 (4^L,)
        In order of the sequences' index (`dfim.sequences.kmers`).

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
    sequence_codes(length, np.arange(0))  # refuses a length of too many sequences
    found = np.empty(4**length, np.float32)
    for start in range(0, len(found), batch):
        index = np.arange(start, min(start + batch, len(found)))
        found[index] = predict(sequence_codes(length, index))[:, 0]
    return found
