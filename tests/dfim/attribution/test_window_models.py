"""Windows of all kinds of networks: equal to whole profiles wherever a mutation lies."""

from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.local.choice import all_in_reach, choose, given_targets
from dfim.attribution.local.cones import cone, local_nodes
from dfim.attribution.local.windowed import Windowed
from dfim.attribution.results import Head
from helpers.graph_models import MODELS, bpnet, randomized
from helpers.random_trunks import Drawn, conv, gate, networks, norm, pooled, residual, zeros
from helpers.small_models import LENGTH, two_heads
from helpers.window_checks import (
    KINDS,
    Mutants,
    compare,
    reach_choice,
    references_for,
    target_choice,
)

# Of the largest score. Up to 2.5e-7 was seen (170 random networks); the sums of a target or
# of a window are taken in another order than those of whole sequences.
TOLERANCE = 1e-6
BATCH = 24
METHODS = (
    ("deeplift", "complete"),
    ("deeplift", "winner"),
    ("deeplift_rescale", "complete"),
    ("gradient_input", "winner"),
)
# What joins all positions reads shared references behind a padding.
PADDED = Drawn(
    length=69,
    trunk=(
        partial(conv, width=5, padding="same", stride=2, dilation=1, kind="relu"),
        norm,
        partial(zeros, left=1, right=0),
        gate,
    ),
    head=partial(pooled, kind="average", hidden=[]),
    units=1,
    seed=23140,
)
# Branches of other lengths meet, and some positions are dropped at the end.
CROPPED = Drawn(
    length=47,
    trunk=(
        partial(conv, width=4, padding="causal", stride=3, dilation=1, kind="gelu"),
        partial(residual, width=3, dilation=2, crop=True),
        partial(residual, width=2, dilation=1, crop=True),
    ),
    head=partial(pooled, kind="both", hidden=[(5, "tanh")]),
    units=3,
    seed=4,
)


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def check(scorer, choice, kind, rng, *, changes=True):
    """Compare; some targets must change. Returns what was found."""
    windows = Windowed(scorer, choice, batch_size=BATCH)
    mutants = Mutants.draw(rng, width=choice.width, size=choice.size, length=scorer.length)
    references, group = references_for(kind, rng, len(mutants.X), scorer.length)
    found = compare(windows, mutants, references, group)
    assert found.error.max() <= TOLERANCE
    assert np.abs(found.effect - _effects(found, mutants)).max() <= 3e-6 * _largest(found)
    if changes:
        assert (np.abs(found.expected).max(axis=-1) > 1e-4 * found.scale).mean() > 0.1
    return found


def _effects(found, mutants):
    n = len(mutants.X)
    target = found.whole.target.reshape(len(found.delta), -1)
    return target[:, mutants.rows] - target[:, n:]


def _largest(found):
    return max(1.0, np.abs(found.whole.target).max())


@settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    net=networks(),
    method=st.sampled_from(METHODS),
    kind=st.sampled_from(KINDS),
    width=st.integers(1, 9),
    size=st.none() | st.integers(1, 25),
)
@example(net=PADDED, method=METHODS[0], kind="gc", width=1, size=None)
@example(net=PADDED, method=METHODS[2], kind="shared", width=3, size=40)
@example(net=CROPPED, method=METHODS[0], kind="own", width=2, size=None)
@example(net=CROPPED, method=METHODS[1], kind="groups", width=9, size=25)
def test_random_networks(net, method, kind, width, size):
    name, rule = method
    scorer = make_attributor(
        net.model(), name, heads=net.heads, maxpool_rule=rule, batch_size=BATCH
    )
    choice = reach_choice(scorer, width)
    if size is not None:
        choice = target_choice(scorer, width, size)
    # Drawn networks may be dead, or have nothing in the target that can change.
    check(scorer, choice, kind, np.random.default_rng(net.seed), changes=False)


@pytest.mark.parametrize(("number", "name"), [*enumerate(MODELS)])
def test_named_networks(number, name, rng):
    scorer = make_attributor(MODELS[name](), "deeplift", batch_size=BATCH)
    choice = target_choice(scorer, 5, 25) if number % 2 else reach_choice(scorer, 5)
    check(scorer, choice, KINDS[number % 4], rng)


@pytest.mark.parametrize(
    ("width", "size", "rounded"), [(1, 1, (1, 1)), (7, 21, (20, 40)), (41, 60, (60, 60))]
)
def test_targets_of_several_sizes(width, size, rounded, rng):
    scorer = make_attributor(MODELS["towers"](), "deeplift", batch_size=BATCH)
    choice = given_targets(scorer, width, size, each=2)
    assert (choice.width, choice.size) == rounded
    check(scorer, choice, "own", rng)
    assert choose(scorer, width, ((size, 2),), always=True)[size].flops <= choice.flops


def test_all_that_a_base_reaches(rng):
    scorer = make_attributor(MODELS["towers"](), "deeplift", batch_size=BATCH)
    choice = all_in_reach(scorer, 1)
    assert 20 < choice.size < LENGTH
    check(scorer, choice, "shared", rng)


# ---- where positions are joined early --------------------------------------------------


def flat_input(x):
    return layers.Dense(6, activation="relu")(layers.Flatten()(x))


def pooled_input(x):
    return layers.Dense(4, activation="tanh")(layers.GlobalAveragePooling1D()(x))


def largest_input(x):
    return layers.Concatenate()(
        [layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)]
    )


def dense_input(x):
    return layers.Flatten()(layers.Dense(5, activation="elu")(x))


def turned_input(x):
    """Positions as channels: the dense layer joins them."""
    return layers.Flatten()(layers.Dense(3, activation="relu")(layers.Permute((2, 1))(x)))


def gated_input(x):
    """Local, joined, and local again."""
    y = layers.Conv1D(4, 3, activation="relu")(x)
    return layers.Flatten()(layers.Conv1D(3, 3, activation="relu")(gate(y)))


@pytest.mark.parametrize(
    ("body", "n_local"),
    [
        (flat_input, 1),
        (pooled_input, 2),
        (largest_input, 3),
        (dense_input, 3),
        (turned_input, 1),
        (gated_input, 4),
    ],
)
def test_networks_that_join_all_positions_early(body, n_local, rng):
    inputs = keras.Input((40, 4))
    model = randomized(keras.Model(inputs, layers.Dense(2)(body(inputs))), 3)
    scorer = make_attributor(model, "deeplift", batch_size=BATCH)
    local = local_nodes(scorer.plan)
    assert sum(local) == n_local
    assert cone(scorer.plan, 3, "source").keys() == set(np.flatnonzero(local))
    check(scorer, reach_choice(scorer, 3), "gc", rng)
    check(scorer, target_choice(scorer, 3, 30), "own", rng)


# ---- other inputs, and several outputs -------------------------------------------------


def test_an_input_that_is_held(rng):
    held = {"control": np.array([2.0, -3.0])}
    heads = [Head("counts"), Head("profile", 20)]
    scorer, other = (
        make_attributor(bpnet(), "deeplift", heads=heads, held=values, batch_size=BATCH)
        for values in (held, None)
    )
    found = check(scorer, reach_choice(scorer, 4), "own", rng)
    assert found.delta.shape[0] == 2
    x = np.eye(4, dtype=np.uint8)[np.arange(LENGTH) % 4][None]
    change = np.abs(scorer.predict_logit(x) - other.predict_logit(x))[:, 0]
    assert (change > 1e-3).tolist() == [True, False]


@pytest.mark.parametrize("behind", [True, False])
def test_a_track_beside_the_sequence(behind, rng):
    """Another input with positions, read together with the sequence."""
    inputs, track = keras.Input((LENGTH, 4)), keras.Input((LENGTH, 2), name="track")
    x = layers.Conv1D(5, 5, padding="same", activation="relu")(inputs) if behind else inputs
    x = layers.Conv1D(4, 5, activation="gelu")(layers.Concatenate()([x, track]))
    x = layers.Dense(1)(layers.Flatten()(layers.MaxPooling1D(3)(x)))
    model = randomized(keras.Model([inputs, track], x), 8)
    held = {"track": rng.normal(size=(LENGTH, 2))}
    scorer = make_attributor(model, "deeplift", held=held, batch_size=BATCH)
    check(scorer, reach_choice(scorer, 4), "gc", rng)


@pytest.mark.parametrize("size", [9, None])
@pytest.mark.parametrize("method", ["deeplift", "gradient_input"])
def test_tasks_together_are_those_one_by_one(method, size, rng):
    heads = [Head("value"), Head("logits", 1), Head("logits", 0)]
    model = two_heads(5)
    mutants = Mutants.draw(rng, width=6, size=size or 1, length=LENGTH)
    references, group = references_for("own", rng, len(mutants.X), LENGTH)

    def compared(chosen):
        scorer = make_attributor(model, method, heads=chosen, batch_size=BATCH)
        choice = target_choice(scorer, 6, size) if size else reach_choice(scorer, 6)
        windows = Windowed(scorer, choice, batch_size=BATCH)
        return compare(windows, mutants, references, group)

    together = compared(heads)
    assert together.error.max() <= TOLERANCE
    for task, head in enumerate(heads):
        alone = compared([head])
        assert alone.error.max() <= TOLERANCE
        assert np.abs(alone.delta).max() > 1e-3
        np.testing.assert_array_equal(together.delta[task], alone.delta[0])
        # The last layer of one unit is added up in another order than that of two.
        np.testing.assert_allclose(together.effect[task], alone.effect[0], atol=1e-6)
