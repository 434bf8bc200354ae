"""Maps in one file: equal to those one by one, resumed after a kill, refused when foreign."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.attribution.results import Head
from dfim.maps.files import MapFile, score_maps
from dfim.maps.maps import score_map
from dfim.models.loading import model_digest
from dfim.scoring.settings import ScoringSettings
from dfim.scoring.shards import join_shards
from dfim.sequences.encoding import one_hot
from helpers import ROOT, WORKFLOW
from helpers.small_models import LENGTH, conv_net, two_heads

CODES = np.random.default_rng(0).integers(0, 4, (7, LENGTH)).astype(np.uint8)
SETTINGS = ScoringSettings(n_refs=2)
WINDOW = {"start": 20, "end": 29}


@pytest.fixture(scope="module")
def model():
    return conv_net(1)


@pytest.fixture(scope="module")
def attributor(model):
    return make_attributor(model, "deeplift")


def score(attributor, path, codes=CODES, **changes):
    given = {"seed": 5, "model": "m", "settings": SETTINGS, "block": 3, **WINDOW, **changes}
    return score_maps(attributor, codes, path, **given)


def test_maps_equal_those_one_by_one(tmp_path, attributor):
    found = score(attributor, tmp_path / "maps.h5")
    assert len(found) == 7
    for first in (0, 3, 6):
        rng = np.random.default_rng([5, first])
        for row in range(first, min(first + 3, 7)):
            x = one_hot(CODES[row : row + 1])[0]
            alone = score_map(attributor, x, **WINDOW, settings=SETTINGS, rng=rng)
            np.testing.assert_array_equal(found[row].fis, alone.fis)
            np.testing.assert_array_equal(found[row].one_hot, alone.one_hot)
            np.testing.assert_array_equal(found[row].mutant_base, alone.mutant_base)
    assert found[0].start == 20
    assert [m.importance[0] for m in found] == [found[row].importance[0] for row in range(7)]
    assert not (tmp_path / "maps.h5.blocks").exists()


def test_file_says_what_made_it(tmp_path, model, attributor):
    found = score(attributor, tmp_path / "maps.h5", model=model_digest(model))
    assert found.parameters["model"] == model_digest(model)
    assert found.parameters["settings"]["n_refs"] == 2
    assert found.parameters["method"] == "deeplift"
    assert found.parameters["importance"] == {
        "maxpool_rule": "complete", "observed": True, "batch_size": 768,
        "heads": [[0, 0]], "held": {},
    }  # fmt: skip
    assert found.parameters["shape"] == [7, LENGTH]


def test_shards_join_to_the_file_of_one_run(tmp_path, attributor):
    whole = score(attributor, tmp_path / "maps.h5")
    shards = [tmp_path / f"{k}.h5" for k in range(2)]
    files = [score(attributor, path, shard=(k, 2)) for k, path in enumerate(shards)]
    assert [len(file) for file in files] == [6, 1]
    np.testing.assert_array_equal(files[1][6].importance, whole[6].importance)
    with pytest.raises(IndexError, match="row 5: the file has 1 maps, of rows 6 to 6"):
        files[1][5]
    join_shards(shards, tmp_path / "joined.h5")
    assert (tmp_path / "joined.h5").read_bytes() == whole.path.read_bytes()
    assert whole[0].info == whole.info
    assert "by deeplift" in repr(whole)


def test_another_task_is_another_file(tmp_path):
    model, path = two_heads(1), tmp_path / "maps.h5"
    units = [make_attributor(model, "deeplift", unit=unit) for unit in (0, 1)]
    maps = [score(one, path)[0] for one in units]
    assert (maps[0].importance != maps[1].importance).any()
    alone = score(units[1], tmp_path / "alone.h5")
    assert score(units[1], path).content_digest() == alone.content_digest()
    with pytest.raises(KeyboardInterrupt):
        score(units[0], path, progress=interrupt)
    with pytest.raises(ValueError, match="another run, with another importance"):
        score(units[1], path)


def interrupt(_):
    raise KeyboardInterrupt


def test_numbers_of_numpy_are_numbers(tmp_path, attributor):
    window = {name: np.int64(place) for name, place in WINDOW.items()}
    numbers = {"settings": ScoringSettings(n_refs=np.int64(2), gc=np.float32(0.5)), **window}
    found = score(attributor, tmp_path / "maps.h5", seed=np.int32(5), **numbers)
    assert found.parameters["start"] == WINDOW["start"]


def test_what_cannot_be_scored_is_refused_at_the_door(tmp_path, attributor):
    codes = CODES.copy()
    codes[4, 25] = 4
    with pytest.raises(ValueError, match="sequence 4 has N at position 25"):
        score(attributor, tmp_path / "maps.h5", codes)
    both = make_attributor(two_heads(1), "deeplift", heads=[Head(0, 0), Head(0, 1)])
    with pytest.raises(ValueError, match="got 2 tasks, expected one"):
        score(both, tmp_path / "maps.h5")
    assert list(tmp_path.iterdir()) == []


def test_model_digest_sees_weights():
    first, same, other = conv_net(1), conv_net(1), conv_net(2)
    same.set_weights(first.get_weights())
    assert len(model_digest(first)) == 16
    before = model_digest(first)
    weights = first.get_weights()
    weights[-1] = weights[-1] + 1e-6
    first.set_weights(weights)
    assert model_digest(first) != before
    assert model_digest(other) != before


def test_model_digest_sees_layers_and_not_their_names():
    first = conv_net(1)  # Keras gives every network other names
    again = [conv_net(1), conv_net(1, hidden_kind="tanh"), conv_net(1, pool_size=3, stride=4)]
    assert [one.name for one in again] != [first.name] * 3
    digests = [model_digest(one) for one in again]
    assert digests[0] == model_digest(first)
    assert len(set(digests)) == 3


def test_model_digest_tells_functions_that_layers_are_named_after():
    named = []
    for kind in ("relu", "tanh"):
        inputs = keras.Input((LENGTH, 4))
        x = keras.layers.Activation(kind, name=kind)(keras.layers.Flatten()(inputs))
        named.append(keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(x)))
    assert model_digest(named[0]) != model_digest(named[1])


def test_finished_blocks_are_not_scored_again(tmp_path, attributor):
    whole = score(attributor, tmp_path / "whole.h5").path.read_bytes()

    def stop_at(count):
        calls = iter(range(1, 10))

        def stop(_):
            if next(calls) == count:
                raise KeyboardInterrupt

        return stop

    with pytest.raises(KeyboardInterrupt):
        score(attributor, tmp_path / "maps.h5", progress=stop_at(2))
    blocks = sorted((tmp_path / "maps.h5.blocks").glob("*.h5"))
    assert [block.name for block in blocks] == ["000000000.h5", "000000003.h5"]
    stamps = [block.stat().st_mtime_ns for block in blocks]
    with pytest.raises(KeyboardInterrupt):
        score(attributor, tmp_path / "maps.h5", progress=stop_at(3))
    assert [block.stat().st_mtime_ns for block in blocks] == stamps
    score(attributor, tmp_path / "maps.h5")
    assert (tmp_path / "maps.h5").read_bytes() == whole


KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
from test_map_file import CODES, conv_net, make_attributor, np, score
codes = np.tile(CODES, (60, 1))
score(make_attributor(conv_net(1), "deeplift"), sys.argv[1], codes)
"""


def test_killed_run_goes_on(tmp_path, attributor):
    codes = np.tile(CODES, (60, 1))
    whole = score(attributor, tmp_path / "whole.h5", codes).path.read_bytes()
    path, here = tmp_path / "maps.h5", Path(__file__).parent
    command = [
        sys.executable,
        "-c",
        KILLED,
        str(path),
        str(here),
        str(ROOT / "tests"),
        str(WORKFLOW),
    ]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("maps.h5.blocks/*.h5"))) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not path.exists()
    assert 0 < len(list(tmp_path.glob("maps.h5.blocks/*.h5"))) < 140
    score(attributor, path, codes)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "change", [{"seed": 6}, {"model": "n"}, {"start": 19}, {"settings": ScoringSettings()}]
)
def test_blocks_of_another_run_are_refused(tmp_path, attributor, change):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(attributor, tmp_path / "maps.h5", progress=stop)
    with pytest.raises(ValueError, match="holds blocks of another run, with another "):
        score(attributor, tmp_path / "maps.h5", **change)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, attributor):
    (tmp_path / "maps.h5.blocks").mkdir()
    (tmp_path / "maps.h5.blocks/mine.txt").write_text("")
    with pytest.raises(ValueError, match="is no folder of blocks"):
        score(attributor, tmp_path / "maps.h5")
    assert (tmp_path / "maps.h5.blocks/mine.txt").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 30, "end": 61}, r"region: got \[30, 61\), expected 0 <= start < end <= 60"),
        ({"block": 0}, "block: got 0, expected at least 1"),
        ({"codes": CODES[0]}, "codes: got uint8 "),
        ({"codes": CODES[:0]}, "codes: got uint8 "),
    ],
)
def test_arguments_are_checked(tmp_path, attributor, change, message):
    with pytest.raises(ValueError, match=message):
        score(attributor, tmp_path / "maps.h5", **change)
    assert list(tmp_path.iterdir()) == []


def test_foreign_and_damaged_files_are_refused(tmp_path, attributor):
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"text\.h5: not a readable HDF5 file"):
        MapFile(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("codes", data=[1])
    with pytest.raises(ValueError, match=r"other\.h5: holds no maps of dfim \(kind None"):
        MapFile(tmp_path / "other.h5")
    with h5py.File(tmp_path / "other.h5", "a") as file:
        file.attrs["parameters"] = json.dumps({"kind": "dfim maps 1"})
    with pytest.raises(ValueError, match="arrays \\['codes'\\]"):
        MapFile(tmp_path / "other.h5")
    whole = score(attributor, tmp_path / "maps.h5").path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.h5: not a readable HDF5 file"):
        MapFile(tmp_path / "cut.h5")
    with pytest.raises(FileNotFoundError):
        MapFile(tmp_path / "none.h5")


def test_row_is_checked(tmp_path, attributor):
    found = score(attributor, tmp_path / "maps.h5")
    with pytest.raises(IndexError, match="row 7: the file has 7 maps, of rows 0 to 6"):
        found[7]
