"""Exact interactions of pairs of features, against four passes by hand."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.comparators.double_mutants import double_mutant_interactions
from dfim.motifs.features import Features
from dfim.motifs.pairing import ordered_pairs
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import background
from helpers.small_models import one_hot

N, L = 6, 40
SETTINGS = ScoringSettings(gc=0.4)


@pytest.fixture(scope="module")
def predict():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Input((L, 4)),
            layers.Conv1D(8, 7, activation="relu"),
            layers.MaxPooling1D(4),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    return make_attributor(model, "gradient_input").predict_logit


@pytest.fixture(scope="module")
def dna():
    return one_hot(np.random.default_rng(2), N, L)


@pytest.fixture(scope="module")
def features():
    start, width = np.array([2, 9, 20, 33]), np.array([4, 6, 5, 7])
    return Features(
        np.repeat(np.arange(N), 4), np.tile(start, N), np.tile(start + width, N),
        np.tile(["a", "b", "a", "b"], N), np.full(4 * N, "+"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pairs(features):
    return ordered_pairs(features)[:2]


def by_hand(predict, dna, features, pair, columns):
    """One pair, its mutants written base by base; `columns` gives what replaces a feature."""
    mutants = np.repeat(dna[features.sequence[pair[0]]].astype(np.float32)[None], 4, axis=0)
    for which, feature in enumerate(pair):
        for row in (1 + which, 3):
            here = slice(features.start[feature], features.end[feature])
            mutants[row, here] = columns(feature, mutants[row, here])
    original, first, second, both = predict(mutants).astype(np.float64)
    return original - first - second + both


@pytest.mark.parametrize("kind", ["gc", "zeros"])
def test_interaction_is_that_of_four_passes(predict, dna, features, pairs, kind):
    settings = replace(SETTINGS, motif_mutation=kind)
    found = double_mutant_interactions(
        predict, dna, features, *pairs, settings=settings, batch=7
    )
    value = background(0.4) if kind == "gc" else np.zeros(4)
    expected = [
        by_hand(predict, dna, features, pair, lambda _, old: np.broadcast_to(value, old.shape))
        for pair in zip(*pairs, strict=True)
    ]
    assert found.shape == (8 * N,)
    assert np.abs(found).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_both_orders_of_a_pair_are_the_same_bits(predict, dna, features, pairs):
    source, target = pairs
    one = double_mutant_interactions(predict, dna, features, source, target, settings=SETTINGS)
    other = double_mutant_interactions(
        predict, dna, features, target, source, settings=SETTINGS
    )
    np.testing.assert_array_equal(one, other)


def test_any_batch_and_order_of_pairs_gives_the_same(predict, dna, features, pairs):
    whole = double_mutant_interactions(predict, dna, features, *pairs, settings=SETTINGS)
    order = np.random.default_rng(3).permutation(len(pairs[0]))
    mixed = double_mutant_interactions(
        predict,
        dna,
        features,
        *(index[order] for index in pairs),
        settings=SETTINGS,
        batch=5,
    )
    np.testing.assert_allclose(mixed, whole[order], atol=1e-6)


def test_additive_logits_have_no_interaction(dna, features, pairs):
    weights = np.random.default_rng(4).normal(size=(L, 4))
    found = double_mutant_interactions(
        lambda x: (x * weights).sum(axis=(1, 2)), dna, features, *pairs, settings=SETTINGS
    )
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_shuffled_features_are_averaged_over_draws(predict, dna, features, pairs):
    settings = replace(SETTINGS, motif_mutation="shuffle")

    def average(n_draws):
        rng = np.random.default_rng(5)
        return double_mutant_interactions(
            predict, dna, features, *pairs, settings=settings, n_draws=n_draws, rng=rng
        )

    def one_draw(rng):
        return double_mutant_interactions(
            predict, dna, features, *pairs, settings=settings, n_draws=1, rng=rng
        )

    rng = np.random.default_rng(5)
    draws = [one_draw(rng) for _ in range(3)]
    assert not np.allclose(draws[0], draws[1])
    np.testing.assert_allclose(average(3), np.mean(draws, axis=0), atol=1e-12)


def test_no_pairs(predict, dna, features):
    none = np.empty(0, np.int64)
    assert double_mutant_interactions(predict, dna, features, none, none).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": [0, 1]}, r"source, target: got shapes \(2,\) and \(1,\), expected \(P,\)"),
        ({"target": [5]}, r"source, target: pair 0, features \(0, 5\), is of two sequences"),
        ({"target": [0]}, r"source, target: pair 0, features \(0, 0\), is overlapping"),
        ({"n_draws": 0}, "n_draws: got 0, expected at least 1"),
        ({"batch": 0}, "batch: got 0, expected at least 1"),
        (
            {"settings": ScoringSettings(motif_mutation="shuffle")},
            r"rng: got None, expected a numpy\.random\.Generator to shuffle features",
        ),
    ],
)
def test_refused_in_one_line(predict, dna, features, change, message):
    arguments = {"source": [0], "target": [1]} | change
    index = [np.array(arguments.pop(name)) for name in ("source", "target")]
    with pytest.raises(ValueError, match=message) as error:
        double_mutant_interactions(predict, dna, features, *index, **arguments)
    assert "\n" not in str(error.value)
