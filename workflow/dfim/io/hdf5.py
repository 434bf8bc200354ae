"""Write checksummed HDF5 files, refuse damaged ones, and compute digests of their content."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from h5py import h5f, h5p
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
_CHUNK = 2**16  # bytes; smaller than HDF5's cache, so that a chunk is compressed once
_READ = 2**22  # bytes that are digested at a time


@contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        With the file's name: no HDF5, or damage that shows when it is opened or while the
        block reads it.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise
    except (OSError, KeyError, RuntimeError) as error:  # what h5py makes of damage
        raise ValueError(
            f"{path}: not a readable HDF5 file ({error}); delete it and run its step again"
        ) from error


def new_hdf5(path: str | os.PathLike[str]) -> h5py.File:
    """Create an empty file in the format of HDF5 1.10, without time stamps.

    From that version on the structures of a file carry checksums, as the values that
    `append_rows` writes do; without them a flipped bit can make the library ask for more
    memory than there is. Equal writes give equal bytes.
    """
    made, access = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    made.set_obj_track_times(False)  # h5py.File has no argument for it
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    return h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, made, access))


def append_rows(file: h5py.File, arrays: Arrays) -> None:
    """Append rows to datasets of an open file; create those that are missing.

    Values are compressed, and each chunk carries a checksum: damage raises when it is read.

    Parameters
    ----------
    file
        Open for writing.
    arrays
        Arrays by the name of their dataset, of any shape (N, ...); the type and the axes
        after the first are those of the rows that are there.
    """
    for name, array in arrays.items():
        shape = array.shape[1:]
        if name not in file:
            bytes_a_row = array.dtype.itemsize * int(np.prod(shape))
            file.create_dataset(
                name, (0, *shape), array.dtype, maxshape=(None, *shape),
                chunks=(max(1, _CHUNK // bytes_a_row), *shape),
                compression="gzip", compression_opts=1, shuffle=True, fletcher32=True,
            )  # fmt: skip
        data, n = file[name], len(file[name])
        data.resize(n + len(array), axis=0)
        data[n:] = array


def content_digest(path: str | os.PathLike[str]) -> str:
    """Compute a digest of what is in an HDF5 file, however it is stored.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str
        SHA-256 over names, shapes, types, values and attributes of everything in it: equal
        for equal contents, whatever the compression and the order of writing.

    Raises
    ------
    ValueError
        A file that is damaged or no HDF5.

    Notes
    -----
    Reads the file once; memory holds 4 MiB, or one row where that is more.
    """
    digest = hashlib.sha256()
    with open_hdf5(path) as file:
        members: list[str] = ["/"]
        file.visit(members.append)
        for name in sorted(members):
            item = file[name]
            data = item if isinstance(item, h5py.Dataset) else None
            shape, dtype = (None, None) if data is None else (data.shape, data.dtype.str)
            digest.update(json.dumps([name, shape, dtype]).encode())
            for key in sorted(item.attrs):
                value = np.asarray(item.attrs[key])
                digest.update(json.dumps([key, value.shape, value.dtype.str]).encode())
                digest.update(_bytes_of(value))
            for part in () if data is None else _parts(data):
                digest.update(_bytes_of(part))
    return digest.hexdigest()


def _parts(data: h5py.Dataset) -> Iterator[NDArray[Any]]:
    """Yield the values of a dataset, some rows at a time."""
    if not data.shape:
        yield np.asarray(data[()])
        return
    bytes_a_row = max(1, data.dtype.itemsize * int(np.prod(data.shape[1:])))
    rows = max(1, _READ // bytes_a_row)
    for first in range(0, data.shape[0], rows):
        yield data[first : first + rows]


def _bytes_of(values: NDArray[Any]) -> bytes:
    """Return the bytes of an array; those of texts as JSON."""
    if values.dtype.kind != "O":
        return values.tobytes()
    texts = [x.decode() if isinstance(x, bytes) else str(x) for x in values.ravel()]
    return json.dumps(texts).encode()
