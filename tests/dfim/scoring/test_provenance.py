"""How scores were made: kept, shown, read back, and compared before scores are joined."""

import doctest
import re
from dataclasses import dataclass, replace
from typing import ClassVar

import keras
import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.attribution.results import Head
from dfim.io.store import read_arrays, write_arrays
from dfim.models.loading import model_digest
from dfim.scoring import provenance
from dfim.scoring.provenance import UNRECORDED, ScoreInfo, require_same_info
from dfim.scoring.records import ScoreRecord
from dfim.scoring.settings import ScoringSettings
from helpers.small_models import LENGTH, conv_net, two_heads

SETTINGS = ScoringSettings(references="gc", n_refs=np.int64(3))


@dataclass(frozen=True, repr=False)
class Things(ScoreRecord):
    values: np.ndarray
    start: int

    row_fields: ClassVar[tuple[str, ...]] = ("values",)


@pytest.fixture(scope="module")
def model():
    return conv_net(1)


@pytest.fixture(scope="module")
def info(model):
    return ScoreInfo.of(make_attributor(model, "deeplift"), SETTINGS)


def test_examples_run():
    assert doctest.testmod(provenance).failed == 0


def test_info_names_method_model_and_settings(model, info):
    assert (info.method, info.model) == ("deeplift", model_digest(model))
    assert info.settings["n_refs"] == 3
    assert info.importance["maxpool_rule"] == "complete"
    assert (info.index, info.units, info.sign) == ("FIS", "logit", "original - mutant")
    gradient = ScoreInfo.of(make_attributor(model, "gradient_input"), SETTINGS, model="mine")
    named = info.differences(gradient)
    assert named[:2] == ["method", "model"]
    assert re.fullmatch(r"importance \((.*, )?maxpool_rule\)", named[2])
    assert gradient.importance["maxpool_rule"] == "winner"  # the rule of gradients


def test_each_task_has_its_own_head():
    both = make_attributor(two_heads(1), "deeplift", heads=[Head(0, 0), Head(0, 1)])
    assert ScoreInfo.of(both, SETTINGS).importance["heads"] == [[0, 0], [0, 1]]
    assert ScoreInfo.of(both, SETTINGS, task=1).importance["heads"] == [[0, 1]]


def test_a_layer_that_cannot_describe_itself_leaves_the_model_unnamed():
    class Scaled(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            return self.factor(x)

    inputs = keras.Input((LENGTH, 4))
    x = keras.layers.Flatten()(Scaled(lambda x: 2 * x)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    assert make_attributor(model, "gradient_input").model_digest == ""


def test_info_is_saved_loaded_and_shown(tmp_path, info):
    things = Things(np.arange(3.0), 4, info=info)
    things.save(tmp_path / "t.h5", {"kind": "real"})
    found = Things.load(tmp_path / "t.h5")
    assert (found.info, found.start) == (info, 4)
    assert isinstance(found.start, int)
    assert read_arrays(tmp_path / "t.h5")[1]["kind"] == "real"
    assert repr(found).endswith(f"; {info})")
    for text in ("values (3,)", "by deeplift (complete)", info.model, "references gc"):
        assert text in repr(found)


def test_file_of_an_older_version_is_refused_in_a_line(tmp_path):
    write_arrays(tmp_path / "t.h5", {"values": np.arange(3.0), "start": np.array(4)})
    message = r"t\.h5: does not say by which method and model [^\n]*; score again$"
    with pytest.raises(ValueError, match=message):
        Things.load(tmp_path / "t.h5")
    write_arrays(
        tmp_path / "t.h5", {"values": np.arange(3.0), "start": np.array(4)},
        {"score_info": {"method": "deeplift"}},
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"score info: got \['method'\], expected"):
        Things.load(tmp_path / "t.h5")


def test_scores_of_different_runs_are_not_joined(info):
    things = Things(np.arange(3.0), 4, info=info)
    joined = Things.concatenate([things, things])
    assert (len(joined.values), joined.info) == (6, info)
    for change, named in (
        ({"method": "gradient_input"}, "method"),
        ({"model": "another"}, "model"),
        ({"settings": {**info.settings, "gc": 0.5}}, r"settings \(gc\)"),
    ):
        other = replace(things, info=replace(info, **change))
        with pytest.raises(ValueError, match=f"cannot join scores that differ in {named}: got"):
            Things.concatenate([things, other])
    with pytest.raises(ValueError, match="cannot compare scores that differ in method"):
        require_same_info([info, UNRECORDED], "compare")
