"""Digests of a model and of additional (fixed) inputs, which results keep."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def digest_of_model(model: keras.Model) -> str:
    """Digest layers and weights; "" where a layer cannot describe itself to Keras."""
    from dfim.models.loading import model_digest  # loads Keras

    try:
        return model_digest(model)
    except NotImplementedError:
        return ""


def digest_of_array(value: np.ndarray) -> str:
    """Digest shape and values, as float32, into sixteen hex digits."""
    array = np.ascontiguousarray(value, np.float32)
    return hashlib.sha256(f"{array.shape}".encode() + array.tobytes()).hexdigest()[:16]
