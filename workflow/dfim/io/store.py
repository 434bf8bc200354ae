"""Files between the steps: written whole, read in one place.

Arrays go to HDF5 with the parameters that made them as attributes; tables go to
tab-separated text. Every write ends in a rename, so that a file that exists is
complete, and two equal inputs give two equal files.
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
    """Yield a temporary name beside `path`; rename it into place on success.

    The temporary file is removed when the block raises, so nothing half-written
    is left behind. The suffix is kept because writers look at it.
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
    """Write named arrays, and one JSON attribute a parameter, to HDF5.

    Text arrays are stored as variable-length UTF-8. Files carry no time stamps:
    equal arrays give equal bytes.
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
        Arrays that must be there; one that is missing, or a file that is not
        HDF5 or is cut short, is a `ValueError` that names the file.
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
    """Open a file for reading, decompressed where its content is gzip (bgzip included).

    Damage that shows while it is read is a `ValueError` with the file.
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
    """Write a tidy table as TSV (gzipped, without a time stamp, where named .gz).

    Floats are written so that they read back as the same float64. Some formats,
    such as BED, have no `header`.
    """
    write_tables(path, [table], header=header)


def write_tables(
    path: str | os.PathLike[str], tables: Iterable[pd.DataFrame], *, header: bool = True
) -> None:
    """Write a table that comes in parts of the same columns, as `write_table` would the whole.

    Memory holds one part.
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
    """Read a TSV with a header; `columns` must be there.

    Columns of `text` stay as written, so that a name such as 001 or NA is kept.
    Errors are one line with the file: no header, missing columns, ragged rows,
    a truncated gzip. Windows newlines are accepted.
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
    """Write a record as JSON with stable formatting (NaN is refused)."""
    text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON record; a malformed file is a `ValueError` with its name."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: not JSON ({error}); run the step that makes it again"
        ) from error
