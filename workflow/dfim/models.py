"""Loading models: Keras 3 files, and the networks published as Keras 0.3 JSON and h5."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import keras

from dfim.keras03 import load_keras03


def load_model(
    path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None
) -> keras.Model:
    """Load a model from a file.

    Parameters
    ----------
    path : path
        A `.keras` file of Keras 3, or the `.json` architecture of a Keras 0.3 network (see
        `dfim.keras03`; both published networks of the paper are such).
    weights : path, optional
        The h5 file of the weights; required with an architecture.

    Returns
    -------
    keras.Model
        Not compiled; reads (N, length, 4).

    Raises
    ------
    ValueError
        When a file is missing, damaged or something else than a model, when weights are
        missing or do not fit, and for a layer that is not supported.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"model: {path} does not exist, expected a .keras or .json file")
    if path.suffix == ".keras":
        if weights is not None:
            raise ValueError(f"weights: got {weights}, but {path} holds its own weights")
        return _load_keras(path)
    if path.suffix != ".json":
        raise ValueError(f"model: {path} ends in '{path.suffix}', expected .keras or .json")
    if weights is None:
        raise ValueError(
            f"model: {path} is an architecture without weights, give its h5 file as weights"
        )
    return load_keras03(path, Path(weights))


def _load_keras(path: Path) -> keras.Model:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"model: {path} is damaged or not a .keras file (not a zip archive)")
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"model: {path} cannot be loaded by Keras: {reason}") from error
