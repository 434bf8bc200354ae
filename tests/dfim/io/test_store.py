"""Files between the steps: written whole, read back the same, refused when damaged."""

import gzip
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from dfim.io.store import (
    read_arrays,
    read_json,
    read_table,
    whole_file,
    write_arrays,
    write_json,
    write_table,
    write_tables,
)

TABLE = pd.DataFrame({"name": ["a", "b"], "score": [0.1 + 0.2, np.nan], "n": [1, 2]})
ARRAYS = {
    "text": np.array(["ELF1", "", "Ω"]),
    "scores": np.arange(40_000, dtype=np.float32),  # large enough to be compressed
    "scalar": np.array(3),
    "none": np.empty((0, 4), np.int8),
}


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# ---- whole files ---------------------------------------------------------------


def test_failed_write_leaves_nothing_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "new" / "a.txt"

    def fail():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(path.parent.iterdir()) == []
    path.write_text("old")
    with pytest.raises(KeyError):
        fail()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_unfinished_file_has_another_name(tmp_path):
    path = tmp_path / "model.keras"
    with whole_file(path) as temporary:
        temporary.write_text("")
        assert not path.exists()
        assert temporary.suffix == ".keras"  # writers look at it
        assert temporary.parent == path.parent  # else the rename could copy
    assert path.exists()


@pytest.mark.parametrize("name", ["a.h5", "a.tsv", "a.tsv.gz", "a.json"])
def test_equal_contents_give_equal_bytes(tmp_path, name, monkeypatch):
    def write(path):
        if name.endswith("h5"):
            write_arrays(path, ARRAYS, {"b": 1, "a": {"y": 2, "x": 3}})
        elif "tsv" in name:
            write_table(path, TABLE)
        else:
            write_json(path, {"a": 1.5})

    write(tmp_path / "1" / name)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write(tmp_path / "2" / name)
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


# ---- arrays --------------------------------------------------------------------


def test_arrays_and_attributes_come_back(tmp_path):
    path, attributes = tmp_path / "a.h5", {"settings": {"n_refs": 10, "gc": 0.46}, "none": None}
    write_arrays(path, ARRAYS, attributes)
    arrays, found = read_arrays(path, tuple(ARRAYS))
    assert found == attributes
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype.kind == array.dtype.kind
    with h5py.File(path) as file:
        assert file["scores"].compression == "gzip"


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_array_file_is_named(tmp_path, damage):
    path = tmp_path / "a.h5"
    write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    path.write_bytes(
        {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"x"}[damage]
    )
    with pytest.raises(ValueError, match="not a readable HDF5 file") as error:
        read_arrays(path)
    assert str(path) in one_line(error)


def test_missing_array_is_named(tmp_path):
    write_arrays(tmp_path / "a.h5", {"x": np.zeros(2)})
    with pytest.raises(ValueError, match=r"a\.h5: array 'fis' is missing, found \['x'\]"):
        read_arrays(tmp_path / "a.h5", ("x", "fis"))


def test_missing_array_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.h5")


# ---- tables --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_table_comes_back_to_the_last_bit(tmp_path, name):
    write_table(tmp_path / name, TABLE)
    pd.testing.assert_frame_equal(
        read_table(tmp_path / name, ("name", "n")), TABLE, check_exact=True
    )


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
@pytest.mark.parametrize("header", [True, False])
def test_a_table_in_parts_is_the_table(tmp_path, name, header):
    def text_of(path):
        data = path.read_bytes()
        return gzip.decompress(data) if name.endswith("gz") else data

    write_table(tmp_path / name, TABLE, header=header)
    whole = text_of(tmp_path / name)
    parts = (TABLE.iloc[rows] for rows in (slice(0, 0), [0], slice(0, 0), [1]))
    write_tables(tmp_path / name, parts, header=header)
    assert text_of(tmp_path / name) == whole

    def failing():
        yield TABLE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tables(tmp_path / name, failing())
    assert text_of(tmp_path / name) == whole
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_windows_newlines_are_read(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"name\tn\r\nx\t1\r\ny\t2\r\n")
    table = read_table(tmp_path / "a.tsv", ("name", "n"))
    assert table.to_dict("list") == {"name": ["x", "y"], "n": [1, 2]}


def test_names_stay_text(tmp_path):
    (tmp_path / "a.tsv").write_text("name\tn\n001\t1\nNA\t2\n1e5\t3\n")
    table = read_table(tmp_path / "a.tsv", ("name", "n"), text=("name",))
    assert table["name"].tolist() == ["001", "NA", "1e5"]
    assert table["n"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file; expected a header with name, n"),
        (b"\n\n", "empty file"),
        (b"name\tm\nx\t1\n", r"column 'n' is missing, found \['name', 'm'\]"),
        (b"name\tn\nx\t1\ny\t1\t2\n", "line 3"),
        (b"name\tn\nx\t1\t2\ny\t1\t2\n", "line 2.*expected 2 fields"),
        (b"name\tn\n\xff\xfe\t1\n", "not gzip text"),
    ],
)
def test_bad_table_is_one_line_with_the_file(tmp_path, content, message):
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_table(path, ("name", "n"))
    assert one_line(error).startswith(str(path))


@pytest.mark.parametrize("damage", ["cut", "plain", "flipped"])
def test_bad_gzip_table_is_one_line_with_the_file(tmp_path, damage):
    path = tmp_path / "a.tsv.gz"
    whole = gzip.compress(b"name\tn\n" + b"".join(b"x%d\t%d\n" % (i, i) for i in range(999)))
    flipped = bytearray(whole)
    flipped[200:220] = bytes(20)
    path.write_bytes({"cut": whole[:-30], "plain": b"name\tn\n", "flipped": flipped}[damage])
    with pytest.raises(ValueError, match="cut short or not gzip text") as error:
        read_table(path, ("name", "n"))
    assert one_line(error).startswith(str(path))


# ---- records -------------------------------------------------------------------


def test_json_comes_back_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, None, "–"], "a": 0.1})
    assert read_json(tmp_path / "a.json") == {"b": [1, None, "–"], "a": 0.1}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", {"a": float("nan")})
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", ["", '{"a": 1', "no"])
def test_bad_json_is_one_line_with_the_file(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="not JSON") as error:
        read_json(tmp_path / "a.json")
    assert one_line(error).startswith(str(tmp_path / "a.json"))


# ---- all of them ---------------------------------------------------------------


def test_nothing_else_is_left_in_a_folder(tmp_path):
    write_arrays(tmp_path / "e.h5", ARRAYS)
    write_table(tmp_path / "t.tsv", TABLE)
    write_json(tmp_path / "r.json", {})
    assert sorted(os.listdir(tmp_path)) == ["e.h5", "r.json", "t.tsv"]
    assert Path(tmp_path / "t.tsv").stat().st_size > 0
