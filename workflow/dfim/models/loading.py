"""Load models: Keras 3 files, and JSON and h5 files of Keras 0.3 or 2."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from dfim.models import keras0, keras2

# Keys of a configuration whose text is the name of a layer; "relu" elsewhere is a function.
_NAMING = ("name", "keras_history", "input_layers", "output_layers")
_READERS = {"0.3": keras0, "2": keras2}


def load_model(
    path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None
) -> keras.Model:
    """Load a model from a file.

    Parameters
    ----------
    path : path
        A `.keras` file of Keras 3, or a `.json` architecture. Of Keras 0.3: a Sequential
        of Convolution1D layers over (length, 4) or a Graph of Convolution2D layers over
        (1, 4, length), as the paper's two published networks are. Of Keras 2 (also
        tf.keras): a Sequential, or a functional model whose layers read one tensor each,
        over one (length, 4) input.
    weights : path, optional
        The h5 file that the same Keras wrote (`save_weights`, in Keras 2 also `save`);
        required with an architecture.

    Returns
    -------
    keras.Model
        Not compiled; reads (N, length, 4). Outputs keep their order and names (those of
        a Graph: output0, ...).

    Raises
    ------
    ValueError
        When a file is missing, damaged or not a model, when weights are missing or do not
        fit, and for a layer that is not supported.

    Examples
    --------
    >>> import dfim
    >>> import keras
    >>> network = keras.Sequential(
    ...     [
    ...         keras.Input((100, 4)),
    ...         keras.layers.Conv1D(8, 11, activation="relu"),
    ...         keras.layers.GlobalMaxPooling1D(),
    ...         keras.layers.Dense(1),
    ...     ]
    ... )
    >>> network.save("network.keras")
    >>> model = dfim.load_model("network.keras")
    >>> model.input_shape
    (None, 100, 4)
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"model: {path} does not exist, expected a .keras or .json file")
    if path.suffix == ".keras":
        if weights is not None:
            raise ValueError(f"weights: got {weights}, but {path} holds its own weights")
        return _load_keras(path)
    if path.suffix != ".json":
        raise ValueError(
            f"model: {path} ends in '{path.suffix}', expected .keras or .json; open others "
            "with keras.models.load_model(path, compile=False): any functional model will do"
        )
    if weights is None:
        raise ValueError(
            f"model: {path} is an architecture without weights, give its h5 file as weights"
        )
    model = _read_json(path)
    version = next((v for v, reader in _READERS.items() if reader.recognises(model)), None)
    if version is None:
        raise ValueError(
            f"model: {path} is not an architecture of Keras 0.3 (Sequential, Graph) or Keras 2 "
            f"(Sequential, functional), its keras_version is {model.get('keras_version')!r}"
        )
    try:
        architecture = _READERS[version].read_architecture(model)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(
            f"model: {path} is not a complete Keras {version} architecture ({error!r})"
        ) from error
    arrays = _read_weights(Path(weights), version)
    return _READERS[version].assemble(architecture, arrays)


def model_digest(model: keras.Model) -> str:
    """Compute a digest of a model's layers and weights.

    Parameters
    ----------
    model
        Any Keras model with a configuration.

    Returns
    -------
    str
        Sixteen hexadecimal digits: equal for equal layers, settings and weights. Names are
        left out, since Keras numbers unnamed layers anew in every session.

    Examples
    --------
    >>> import dfim
    >>> import keras
    >>> layers = [keras.Input((10, 4)), keras.layers.Flatten(), keras.layers.Dense(1)]
    >>> model = keras.Sequential(layers)
    >>> digest = dfim.model_digest(model)
    >>> len(digest)
    16
    >>> model.save("network.keras")
    >>> dfim.model_digest(dfim.load_model("network.keras")) == digest
    True
    """
    config = _renamed(model.get_config(), {}, "")
    digest = hashlib.sha256(json.dumps(config, default=str).encode())
    for array in model.get_weights():
        digest.update(
            f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
        )
    return digest.hexdigest()[:16]


def _renamed(config: Any, names: dict[str, str], key: str) -> Any:  # noqa: ANN401 - any JSON value
    """Replace the names of layers and models by their order, wherever they occur."""
    if isinstance(config, dict):
        # Other things have names too: a policy of types is called "float32".
        if isinstance(config.get("name"), str) and config.keys() & {"trainable", "batch_shape"}:
            names.setdefault(config["name"], f"#{len(names)}")
        return {key: _renamed(value, names, key) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [_renamed(value, names, key) for value in config]
    return names.get(config, config) if key in _NAMING and isinstance(config, str) else config


def _load_keras(path: Path) -> keras.Model:
    """Load a .keras file, with errors of one line."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"model: {path} is damaged or not a .keras file (not a zip archive)")
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"model: {path} cannot be loaded by Keras: {reason}") from error


def _read_json(path: Path) -> Mapping[str, Any]:
    """Read an architecture, with errors of one line."""
    try:
        model = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"model: {path} is not JSON: {error}") from error
    if not isinstance(model, dict):
        raise ValueError(f"model: {path} is not an architecture, but a {type(model).__name__}")
    return model


def _read_weights(path: Path, version: str) -> dict[str, list[np.ndarray]]:
    """Read the weights of an h5 file of a Keras version, by layer."""
    try:
        with h5py.File(path, "r") as file:
            return _READERS[version].read_weights(file)
    except OSError as error:
        raise ValueError(f"weights: {path} is missing, damaged or not an h5 file") from error
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"weights: {path} holds no Keras {version} weights ({error})"
        ) from error
