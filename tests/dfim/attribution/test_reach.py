"""Structural reach: against what a mutation really changes, position by position."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.graph.reach import reachable, receptive_fields, structural_reach
from helpers.small_models import _randomize, conv_net, gc_reference, one_hot

LENGTH = 30


def two_pools():
    """Convolution and pooling twice: the second level sees the first with gaps."""
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(8, 2, activation="relu")(inputs)
    x = layers.MaxPooling1D(2, 4)(x)
    x = layers.Conv1D(8, 2, activation="relu")(x)
    x = layers.MaxPooling1D(2)(x)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    return _randomize(model, np.random.default_rng(1))


def linear_end():
    """The last convolution has no activation: it joins nothing that was not joined."""
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(8, 4, activation="relu")(inputs)
    x = layers.Conv1D(8, 6)(x)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    return _randomize(model, np.random.default_rng(1))


def linear():
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(3, 5, padding="same")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    return _randomize(model, np.random.default_rng(1))


def plain(**options):
    return lambda: conv_net(2, **{"hidden": (), "length": LENGTH} | options)


# Network, and the reach that follows by hand: convolutions of width 5.
NETS = {
    "valid": (plain(pool_size=4), 11),
    "one convolution": (plain(depth=1, pool_size=6), 9),
    "bases left over": (plain(depth=1, pool_size=7), 10),
    "same": (plain(padding="same", pool_size=3), 10),
    "padded pooling": (plain(depth=1, pool="same", pool_size=7), 10),
    "overlapping windows": (plain(depth=1, pool_size=4, stride=2), 7),
    "windows with gaps": (plain(depth=1, pool_size=2, stride=6), 5),
    "two poolings": (two_pools, 10),
    "linear end": (linear_end, 3),
    "linear": (linear, 0),
    "hidden layer": (plain(depth=1, pool_size=6, hidden=(8,)), None),
}


@cache
def changed(name):
    """Whether mutating i ever changes the importance of j, by brute force (L, L)."""
    rng = np.random.default_rng(0)
    scorer = make_attributor(NETS[name][0](), "deeplift", batch_size=512)
    out = np.zeros((LENGTH, LENGTH), bool)
    for X in one_hot(rng, 160, LENGTH).reshape(8, 20, LENGTH, 4):
        mutants = np.repeat(X[:, None], LENGTH, axis=1)
        at = np.arange(LENGTH)
        mutants[:, at, at] = np.roll(mutants[:, at, at], rng.integers(1, 4), axis=-1)
        reference = gc_reference(LENGTH)
        original = scorer.profiles(X, reference).scores
        scores = scorer.profiles(mutants.reshape(-1, LENGTH, 4), reference).scores
        out |= (scores.reshape(20, LENGTH, LENGTH) != original[:, None]).any(axis=0)
    return out & ~np.eye(LENGTH, dtype=bool)


def nucleotide_pairs(plan):
    """Reachability of every two different nucleotides (L, L)."""
    i, j = (a.ravel() for a in np.indices((LENGTH, LENGTH)))
    found = reachable(plan, i, i + 1, j, j + 1).reshape(LENGTH, LENGTH)
    return found & ~np.eye(LENGTH, dtype=bool)


@pytest.mark.parametrize("name", NETS)
def test_reachable_pairs_are_those_that_mutations_change(name):
    expected = nucleotide_pairs(make_plan(NETS[name][0]()))
    np.testing.assert_array_equal(changed(name), expected)
    assert expected.any() == (name != "linear")


@pytest.mark.parametrize("name", NETS)
def test_reach_is_the_largest_distance_of_a_reachable_pair(name):
    make, reach = NETS[name]
    assert structural_reach(make_plan(make())) == reach
    if reach is not None:
        i, j = np.nonzero(changed(name))
        assert np.abs(i - j).max(initial=0) == reach


def test_intervals_are_reachable_where_any_of_their_nucleotides_are():
    plan = make_plan(NETS["windows with gaps"][0]())
    rng = np.random.default_rng(3)
    start, width = rng.integers(0, LENGTH - 6, (2, 300)), rng.integers(1, 7, (2, 300))
    found = reachable(plan, start[0], (start + width)[0], start[1], (start + width)[1])
    seen = receptive_fields(plan)
    together = (seen[:, :, None] & seen[:, None, :]).any(axis=0)
    expected = [
        together[a : a + m, b : b + n].any() for a, b, m, n in zip(*start, *width, strict=True)
    ]
    assert found.tolist() == expected
    assert 0.1 < found.mean() < 0.9


def test_reach_of_the_tal_gata_shape_is_69():
    convolutions = [layers.Conv1D(25, 10, activation="relu") for _ in range(5)]
    top = [layers.MaxPooling1D(25), layers.Flatten(), layers.Dense(3, activation="sigmoid")]
    plan = make_plan(keras.Sequential([keras.Input((1000, 4)), *convolutions, *top]))
    assert structural_reach(plan) == 69
    gata = np.arange(0, 900)
    for gap, most in ((69 - 1, True), (69, False)):  # GATA, so many bases, CANNTG
        found = reachable(plan, gata, gata + 4, gata + 4 + gap, gata + 10 + gap)
        assert found.any() == most  # centres 73 bp apart, and 74
    for distance, always in ((45, True), (46, False)):  # 70 bp a window, every 25 bp
        found = reachable(plan, gata, gata + 1, gata + distance, gata + distance + 1)
        assert found.all() == always


def test_bad_intervals_are_refused():
    plan = make_plan(NETS["valid"][0]())
    one, two = np.array([1]), np.array([2])
    with pytest.raises(ValueError, match=r"source: pair 0 has \[2, 1\), expected 0 <= start"):
        reachable(plan, two, one, one, two)
    with pytest.raises(ValueError, match=r"target: pair 0 has \[2, 31\).*<= 30"):
        reachable(plan, one, two, two, np.array([31]))
