"""Every sequence of a few bases: numbering, mutants, and FIS against the plain way."""

import numpy as np
import pytest
from keras import Sequential, layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.results import Head
from dfim.maps.every_kmer import Factorial, score_factorial
from dfim.maps.maps import score_map
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.kmers import mutant_index, sequence_codes, sequence_index
from dfim.sequences.mutations import OTHER_BASES

LENGTH = 4
UNIFORM = ScoringSettings(references="gc", gc=0.5)


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(3)
    model = Sequential(
        [
            layers.Input((LENGTH, 4)),
            layers.Flatten(),
            layers.Dense(12, activation="relu"),
            layers.Dense(7, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def factorial(network):
    return score_factorial(make_attributor(network, "deeplift"), UNIFORM)


# ---- numbering -----------------------------------------------------------------


def test_index_is_a_base_four_number():
    codes = sequence_codes(3)
    assert codes[0].tolist() == [0, 0, 0]
    assert codes[1].tolist() == [0, 0, 1]  # the last position is the least significant
    assert codes[4 * 16 - 1].tolist() == [3, 3, 3]
    assert len(np.unique(codes, axis=0)) == 64
    np.testing.assert_array_equal(sequence_index(codes), np.arange(64))


def test_codes_of_some():
    np.testing.assert_array_equal(
        sequence_codes(5, np.array([7, 3])), sequence_codes(5)[[7, 3]]
    )


@pytest.mark.parametrize("length", [0, 13])
def test_length_is_checked(length):
    with pytest.raises(ValueError, match=f"length: got {length} bases, expected 1 to 12"):
        sequence_codes(length)


@pytest.mark.parametrize("wrong", [-1, 64])
def test_index_is_checked(wrong):
    with pytest.raises(ValueError, match=rf"index: got {wrong} in row 1, expected 0 to 63"):
        sequence_codes(3, np.array([0, wrong]))


def test_a_code_that_is_no_base_is_refused():
    with pytest.raises(ValueError, match="codes: row 1 has a code beyond 0 to 3"):
        sequence_index(np.array([[0, 1], [2, 4]]))
    with pytest.raises(ValueError, match=r"codes: got shape \(2,\)"):
        sequence_index(np.array([0, 1]))


def test_mutants_differ_in_their_position_alone():
    index = np.array([5, 200])
    found = sequence_codes(LENGTH, mutant_index(index, LENGTH).ravel())
    found = found.reshape(2, LENGTH, 3, LENGTH)
    own = sequence_codes(LENGTH, index)
    for n in range(2):
        for position in range(LENGTH):
            others = OTHER_BASES[own[n, position]]
            np.testing.assert_array_equal(found[n, position, :, position], others)
            rest = np.delete(found[n, position], position, axis=1)
            assert (rest == np.delete(own[n], position)).all()


# ---- FIS -----------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 27, 255])
def test_map_equals_the_one_that_scores_mutants(network, factorial, index):
    x = np.eye(4, dtype=np.uint8)[sequence_codes(LENGTH, np.array([index]))[0]]
    attributor = make_attributor(network, "deeplift")
    rng = np.random.default_rng(0)
    plain = score_map(attributor, x, 0, LENGTH, settings=UNIFORM, rng=rng)
    found = factorial.map_of(index)
    np.testing.assert_allclose(found.fis, plain.fis, atol=2e-6)
    np.testing.assert_allclose(found.effect, plain.effect, atol=2e-6)
    np.testing.assert_array_equal(found.mutant_base, plain.mutant_base)
    np.testing.assert_array_equal(found.one_hot, plain.one_hot)
    np.testing.assert_array_equal(factorial.fis(np.array([index]))[0], found.fis)


def test_map_as_a_table(factorial):
    found = factorial.map_of(27)  # ACGT
    table = found.table([-2, -1, 1, 2])
    assert len(table) == LENGTH * 3 * LENGTH
    row = table.query("source_position == -1 and mutant_base == 'G' and target_position == 2")
    assert row[["source_base", "target_base"]].values.tolist() == [["C", "T"]]
    assert row["fis"].item() == found.fis[1, 1, 3]
    assert row["source_effect"].item() == found.effect[1, 1]
    assert table["fis"].isna().sum() == 3 * LENGTH
    assert found.table()["target_position"].unique().tolist() == [0, 1, 2, 3]


def test_contributions_add_up(factorial):
    assert factorial.convergence_delta.max() < 1e-5


def test_additive_network_has_no_interactions():
    model = Sequential([layers.Input((LENGTH, 4)), layers.Flatten(), layers.Dense(1)])
    found = score_factorial(make_attributor(model, "deeplift"), UNIFORM)
    assert np.nanmax(np.abs(found.fis(np.arange(4**LENGTH)))) < 1e-6


def test_gradient_needs_no_reference(network):
    attributor = make_attributor(network, "gradient_input")
    found = score_factorial(attributor, ScoringSettings(references="dinuc"))
    assert np.isnan(found.convergence_delta).all()
    assert found.importance.shape == (4**LENGTH, LENGTH)


@pytest.mark.parametrize("references", ["dinuc", "random"])
def test_references_of_a_sequence_are_refused(network, references):
    settings = ScoringSettings(references=references)
    with pytest.raises(ValueError, match=f"references: got '{references}', which belong to a"):
        score_factorial(make_attributor(network, "deeplift"), settings)


def test_one_task_is_scored(network):
    both = make_attributor(network, "deeplift", heads=[Head(0, 0), Head(0, 0)])
    with pytest.raises(ValueError, match="got 2 tasks, expected one"):
        score_factorial(both, ScoringSettings(references="gc"))


def test_longer_models_are_refused():
    model = Sequential([layers.Input((13, 4)), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ValueError, match="length: got 13 bases"):
        score_factorial(make_attributor(model, "deeplift"), UNIFORM)


def test_progress_counts_every_sequence(network):
    counted = []
    score_factorial(make_attributor(network, "deeplift"), UNIFORM, progress=counted.append)
    assert sum(counted) == 4**LENGTH


def test_saved_and_loaded(tmp_path, factorial):
    factorial.save(tmp_path / "f.h5")
    back = Factorial.load(tmp_path / "f.h5")
    np.testing.assert_array_equal(back.importance, factorial.importance)
    assert back.length == LENGTH
