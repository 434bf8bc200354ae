"""The published network of Cbf1.

Its parameters are those of a PyTorch module of three hidden layers (linear, batch
normalisation, ReLU, dropout) and a linear output, kept as a NumPy archive under the names
that its state has in PyTorch.
"""

import os
import zipfile
import zlib
from collections.abc import Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from flow.networks.architectures import m4

_LAYERS = ("layer1", "layer2", "layer3")
# Arrays of a hidden layer, in Keras's order: of the dense layer, of its normalisation.
_DENSE = ("fc.weight", "fc.bias")
_NORM = (
    "batchnorm.weight", "batchnorm.bias", "batchnorm.running_mean", "batchnorm.running_var"
)  # fmt: skip
_OUTPUT = ("linear.weight", "linear.bias")
_NAMES = (*(f"{layer}.{name}" for layer in _LAYERS for name in (*_DENSE, *_NORM)), *_OUTPUT)
# A counter that PyTorch has kept beside them since 0.4.1.
_IGNORED = tuple(f"{layer}.batchnorm.num_batches_tracked" for layer in _LAYERS)

_Arrays = Mapping[str, NDArray[np.float32]]


def read_betseq_network(path: str | os.PathLike[str]) -> keras.Model:
    """Read the network that Le et al. 2018 trained on BET-seq measurements.

    Parameters
    ----------
    path
        An .npz file: layer1, layer2 and layer3 each with fc.weight (out, in), fc.bias,
        batchnorm.weight, batchnorm.bias, batchnorm.running_mean and
        batchnorm.running_var, then linear.weight (1, in) and linear.bias. Input
        base * L + position of layer1 is that base (A, C, G, T) at that position.

    Returns
    -------
    keras.Model
        `flow.networks.architectures.m4` for L bases and one output (ΔΔG in kcal/mol, not
        centred),
        with L and the widths of the file.

    Raises
    ------
    ValueError
        In one line with file and array: no .npz file, an array that is missing, unknown,
        of another shape or no finite number, a negative variance. Pickled arrays are
        refused without being read.
    """
    arrays = _read(path)
    inputs = arrays["layer1.fc.weight"].shape[-1:]
    if inputs == () or inputs[0] < 4 or inputs[0] % 4:
        raise ValueError(
            f"{path}: array 'layer1.fc.weight' has shape {arrays['layer1.fc.weight'].shape}, "
            "expected (units, 4 times the bases of a sequence)"
        )
    _check_shapes(path, arrays, inputs[0])
    length = inputs[0] // 4
    units = [len(arrays[f"{layer}.fc.bias"]) for layer in _LAYERS]
    network = m4(length, 1, units=units)
    for number, layer in enumerate(_LAYERS, 1):
        weight, bias = (arrays[f"{layer}.{name}"] for name in _DENSE)
        if number == 1:  # base by base in the file, position by position in Keras
            weight = weight.reshape(-1, 4, length).swapaxes(1, 2).reshape(weight.shape)
        network.get_layer(f"dense{number}").set_weights([weight.T, bias])
        norm = [arrays[f"{layer}.{name}"] for name in _NORM]
        network.get_layer(f"dense{number}_norm").set_weights(norm)
    weight, bias = (arrays[name] for name in _OUTPUT)
    network.get_layer("output").set_weights([weight.T, bias])
    return network


def _read(path: str | os.PathLike[str]) -> _Arrays:
    """The arrays of the file, each known to hold finite numbers."""
    try:
        archive = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a NumPy archive (.npz) ({error})") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"{path}: one array, expected an archive (.npz) of {len(_NAMES)}")
    with archive:
        for name in sorted({*archive.files, *_NAMES} - {*_IGNORED}):
            if name not in archive.files or name not in _NAMES:
                fault = "is unknown" if name in archive.files else "is missing"
                raise ValueError(
                    f"{path}: array {name!r} {fault}; expected {', '.join(_NAMES)}"
                )
        return {name: _numbers(path, name, archive) for name in _NAMES}


def _numbers(
    path: str | os.PathLike[str], name: str, archive: np.lib.npyio.NpzFile
) -> NDArray[np.float32]:
    try:
        found = archive[name]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: array {name!r} cannot be read ({error})") from error
    if found.dtype.kind != "f":
        raise ValueError(f"{path}: array {name!r} is {found.dtype}, expected float32")
    least = 0 if name.endswith("running_var") else -np.inf
    if not (np.isfinite(found) & (found >= least)).all():
        what = "no variance" if least == 0 else "no finite number"
        raise ValueError(f"{path}: array {name!r} holds a value that is {what}")
    return found.astype(np.float32)


def _check_shapes(path: str | os.PathLike[str], arrays: _Arrays, inputs: int) -> None:
    """Every layer must read what the one before it gives."""
    for layer in _LAYERS:
        units = arrays[f"{layer}.fc.bias"].size
        _check_shape(path, arrays, f"{layer}.fc.weight", (units, inputs))
        for name in (_DENSE[1], *_NORM):
            _check_shape(path, arrays, f"{layer}.{name}", (units,))
        inputs = units
    _check_shape(path, arrays, _OUTPUT[0], (1, inputs))
    _check_shape(path, arrays, _OUTPUT[1], (1,))


def _check_shape(
    path: str | os.PathLike[str], arrays: _Arrays, name: str, shape: tuple[int, ...]
) -> None:
    if arrays[name].shape != shape:
        raise ValueError(
            f"{path}: array {name!r} has shape {arrays[name].shape}, expected {shape}"
        )
