"""Read and write the files between steps: HDF5 arrays, tab-separated tables, JSON records.

Every write goes to a temporary file that is renamed when it is complete. Nothing holds a
time stamp: equal values give equal bytes.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.hdf5 import open_hdf5


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success.

    The folder is made where it is missing. When the block raises, the temporary file is
    removed and an older file at `path` stays. The suffix is kept because writers look at it.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.stem}.{os.getpid()}.part{final.suffix}")
    try:
        yield temporary
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write named arrays and attributes to an HDF5 file.

    Parameters
    ----------
    path
        The file; replaced when it is there.
    arrays
        Arrays of any shape by name. Texts are stored as variable-length UTF-8, arrays of more
        than 64 KiB compressed.
    attributes
        Parameters by name, each stored as JSON.
    """
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        for name, array in arrays.items():
            values = np.asarray(array)
            if values.dtype.kind in "UO":
                file.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
            else:
                compression = "gzip" if values.nbytes > 1 << 16 else None
                file.create_dataset(
                    name, data=values, compression=compression, shuffle=compression is not None
                )
        for key, value in (attributes or {}).items():
            file.attrs[key] = json.dumps(value, sort_keys=True)


def read_arrays(
    path: str | os.PathLike[str], names: tuple[str, ...] = ()
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read arrays and attributes written by `write_arrays`.

    Parameters
    ----------
    path
        The HDF5 file.
    names
        Arrays that must be there.

    Returns
    -------
    arrays : dict
        Every array of the file by name, wholly in memory.
    attributes : dict
        Parameters by name.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        With the file's name: an array of `names` is missing, or the file is damaged or no
        HDF5.
    """
    with open_hdf5(path) as file:
        arrays = {
            name: data.asstr()[...].astype(str)
            if h5py.check_string_dtype(data.dtype)
            else data[...]
            for name, data in file.items()
        }
        attributes = {key: json.loads(value) for key, value in file.attrs.items()}
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(
            f"{path}: array {missing[0]!r} is missing, found {sorted(arrays)}; "
            "the file was made by another step or version: delete it and run its step again"
        )
    return arrays, attributes


@contextmanager
def open_plain_or_gzip(path: str | os.PathLike[str]) -> Iterator[BufferedIOBase]:
    """Open a file for reading bytes, decompressed where its content is gzip or bgzip.

    Raises
    ------
    ValueError
        With the file's name: gzip data that turns out damaged while the block reads it.
    """
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            yield gzip.GzipFile(fileobj=raw) if compressed else raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: gzip data damaged or cut short ({error}); fetch or write it again"
            ) from error


@contextmanager
def new_plain_or_gzip(path: str | os.PathLike[str]) -> Iterator[BufferedIOBase]:
    """Open a new file for writing bytes, gzipped where `path` ends in .gz.

    The file appears under its name when the block ends. The gzip header holds neither name
    nor time, so that equal content gives equal bytes.
    """
    with whole_file(path) as temporary, open(temporary, "wb") as raw:
        if str(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
                yield file
        else:
            yield raw


def write_table(
    path: str | os.PathLike[str], table: pd.DataFrame, *, header: bool = True
) -> None:
    """Write a table as TSV, gzipped where `path` ends in .gz.

    Missing values are written as NA, floats so that they read back as the same float64.
    Some formats, such as BED, have no `header`.
    """
    write_tables(path, [table], header=header)


def write_tables(
    path: str | os.PathLike[str], tables: Iterable[pd.DataFrame], *, header: bool = True
) -> None:
    """Write parts of one table, one after the other, as `write_table` writes the whole.

    The parts have the same columns. Memory holds one part.
    """
    with new_plain_or_gzip(path) as file:
        for table in tables:
            text = table.to_csv(
                sep="\t", index=False, header=header, na_rep="NA", lineterminator="\n"
            )
            file.write(text.encode())
            header = False


def read_table(
    path: str | os.PathLike[str], columns: tuple[str, ...] = (), *, text: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Read a TSV with a header, plain or gzip, with Unix or Windows newlines.

    Parameters
    ----------
    path
        The file; gzip is recognised by the suffix .gz.
    columns
        Names of columns that must be there; others are read too.
    text
        Columns that stay as written, so that a name such as 001 or NA is kept.

    Returns
    -------
    DataFrame
        NA in other columns becomes NaN.

    Raises
    ------
    ValueError
        In one line with the file's name: no header, missing columns, rows of unequal
        length, gzip data that is cut short.
    """
    try:
        table = pd.read_csv(
            path,
            sep="\t",
            na_values=["NA"],
            keep_default_na=False,
            dtype=dict.fromkeys(text, str),
        )
    except pd.errors.EmptyDataError as error:
        raise ValueError(
            f"{path}: empty file; expected a header with {', '.join(columns)}"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: cut short or not gzip text ({error}); fetch it again"
        ) from error
    except pd.errors.ParserError as error:
        raise ValueError(f"{path}: not a table: {str(error).strip()}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first for row names
        raise ValueError(
            f"{path}, line 2: more fields than the header; expected {len(table.columns)} fields"
        )
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(
            f"{path}: column {missing[0]!r} is missing, found {list(table.columns)}; "
            f"expected {list(columns)}"
        )
    return table.fillna(dict.fromkeys(text, "NA"))


def write_json(path: str | os.PathLike[str], record: Mapping[str, Any]) -> None:
    """Write a record as JSON with two spaces of indentation; NaN raises a `ValueError`."""
    text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON record; raise a `ValueError` with the file's name where it is malformed."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: not JSON ({error}); run the step that makes it again"
        ) from error
