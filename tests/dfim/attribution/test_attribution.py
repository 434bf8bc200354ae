"""The scoring engine: sums, gradients, ties, batches, heads, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dfim.attribution.engine.costs import default_batch_size, flops_per_profile
from dfim.attribution.factory import METHODS, make_attributor
from dfim.attribution.graph.plan import make_plan
from helpers.small_models import LENGTH, conv_net, gc_reference, mutants, one_hot, two_heads

TOLERANCE = 2e-6  # of the largest contribution of a sequence
# Mutagenesis knows no winners: tests/test_mutagenesis.py.
ENGINES = [name for name in METHODS if name not in ("deeplift_package", "mutagenesis")]
NETS = {
    "valid": {},
    "same": {"padding": "same", "pool": "same"},
    "norm before": {"norm": "before", "padding": "same", "pool_size": 7},
    "norm after": {"norm": "after", "pool": "same"},
    "norm after, same": {"norm": "after", "padding": "same", "hidden": (12, 12)},
    "two hidden": {"hidden": (24, 16), "final": "linear", "units": 3},
    "tanh": {"hidden_kind": "tanh", "depth": 1},
    "no hidden": {"hidden": (), "depth": 3, "pool_size": 5, "norm_pooled": True},
    "overlapping windows": {"pool_size": 5, "stride": 2},
    "windows with gaps": {"pool_size": 3, "stride": 4, "pool": "same"},
}


def made(model, method, **options):
    """An attributor of small batches, which are not compiled: that takes long."""
    return make_attributor(model, method, **{"batch_size": 24} | options)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(params=NETS, scope="module")
def net(request):
    return conv_net(3, **NETS[request.param])


@pytest.fixture(scope="module")
def plain():
    return conv_net(3)


def logits_of(model, output=0):
    """The model up to its last pre-activation, by Keras itself."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    return copy


def close(a, b):
    """Equal within TOLERANCE of each row's largest absolute value in b."""
    axes = tuple(range(1, b.ndim))
    scale = np.abs(b).max(axis=axes)
    assert (scale > 1e-3).all()
    return (np.abs(a - b).max(axis=axes) <= TOLERANCE * scale).all()


def test_logit_is_that_of_keras(net, rng):
    X = mutants(rng, 20)
    expected = logits_of(net).predict(X, verbose=0)
    for unit in range(expected.shape[1]):
        found = made(net, "deeplift", unit=unit).predict_logit(X)
        np.testing.assert_allclose(found, expected[:, unit], rtol=1e-5, atol=1e-5)


def test_gradient_is_that_of_tensorflow(net, rng):
    X = mutants(rng, 9)
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        logit = logits_of(net)(x)[:, 0]
    expected = (tape.gradient(logit, x) * x).numpy()
    scorer = made(net, "gradient_input", observed=False)
    assert close(scorer.contributions(X), expected)
    profiles = scorer.profiles(X, None)
    assert close(profiles.scores, expected.sum(axis=2))
    assert np.isnan(profiles.convergence_delta).all()


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale"])
def test_contributions_add_up_with_every_reference_under_complete(net, method, rng):
    scorer = made(net, method, maxpool_rule="complete", observed=False)
    X, references = mutants(rng, 12), one_hot(rng, 36).reshape(12, 3, LENGTH, 4)
    for refs, of in ((gc_reference(), None), (references, np.arange(12))):
        found = scorer.profiles(X, refs, reference_of=of)
        flat = refs.reshape(-1, LENGTH, 4)
        mean = scorer.predict_logit(flat).reshape(len(refs), -1).mean(axis=1)
        change = found.target - mean
        np.testing.assert_allclose(found.scores.sum(axis=1), change, atol=2e-5, rtol=2e-5)
        assert found.convergence_delta.max() < 5e-5
        assert np.abs(change).max() > 0.1


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale"])
@pytest.mark.parametrize("name", ["valid", "two hidden", "no hidden", "overlapping windows"])
def test_contributions_add_up_with_gc_under_winner_without_padding(method, name, rng):
    scorer = made(conv_net(3, **NETS[name]), method, maxpool_rule="winner")
    assert scorer.profiles(mutants(rng, 50), gc_reference()).convergence_delta.max() < 2e-5


def test_winner_leaves_a_convergence_delta_with_shuffled_references_and_says_so(plain, rng):
    scorer = made(plain, "deeplift", maxpool_rule="winner", observed=False)
    references = one_hot(rng, 10)[:, None]
    found = scorer.profiles(one_hot(rng, 10), references, reference_of=np.arange(10))
    change = found.target - scorer.predict_logit(references[:, 0])
    np.testing.assert_allclose(
        found.convergence_delta, np.abs(found.scores.sum(axis=1) - change), atol=2e-5
    )
    assert np.median(found.convergence_delta) > 0.01


def tie_net():
    """Counts A by a width-1 filter with bias -1/2, pools by 5, adds the windows up."""
    model = keras.Sequential(
        [
            keras.Input((20, 4)),
            layers.Conv1D(1, 1, activation="relu"),
            layers.MaxPooling1D(5),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.set_weights(
        [np.float32([[[1], [0], [0], [0]]]), np.float32([-0.5]), np.ones((4, 1)), np.zeros(1)]
    )
    return model


@pytest.mark.parametrize("method", ENGINES)
@pytest.mark.parametrize("fused", [True, False])
def test_first_of_equal_positions_wins(method, fused):
    model = tie_net()
    if not fused:  # a normalization that changes nothing stands between ReLU and pooling
        x = layers.BatchNormalization(epsilon=0)(model.layers[0].output)
        x = model.layers[2](model.layers[1](x))
        model = keras.Model(model.inputs, model.layers[3](x))
    X = np.zeros((1, 20, 4), np.uint8)
    X[0, :, 1] = 1
    X[0, [2, 3, 7], :] = np.eye(4, dtype=np.uint8)[0]
    found = made(model, method).profiles(X, np.zeros((1, 1, 20, 4), np.float32))
    assert np.flatnonzero(found.scores[0]).tolist() == [2, 7]


@pytest.mark.parametrize("rule", ["winner", "complete"])
def test_silent_window_takes_the_loss_where_the_rule_says(rule):
    X = np.zeros((1, 20, 4), np.float32)
    X[0, :, 1] = 1
    reference = np.zeros((1, 1, 20, 4), np.float32)
    reference[..., 0] = 1
    reference[0, 0, 0] = [0.75, 0.25, 0, 0]  # the reference's winner of window 0 is not first
    scorer = made(tie_net(), "deeplift", maxpool_rule=rule, observed=False)
    found = scorer.profiles(X, reference)
    first = {"winner": [0, 5, 10, 15], "complete": [1, 5, 10, 15]}[rule]
    assert np.flatnonzero(found.scores[0]).tolist() == first
    assert (found.convergence_delta[0] < 1e-6) == (rule == "complete")


@pytest.mark.parametrize("method", ENGINES)
def test_rows_do_not_depend_on_order_or_neighbours(plain, method, rng):
    X, references = mutants(rng, 150), one_hot(rng, 2 * 7).reshape(7, 2, LENGTH, 4)
    group = rng.integers(0, 7, 150)
    order = rng.permutation(150)
    scorer = made(plain, method, batch_size=72)
    for refs, of in ((gc_reference(), None), (references, group)):
        a = scorer.profiles(X, refs, reference_of=of)
        b = scorer.profiles(X[order], refs, reference_of=None if of is None else of[order])
        c = scorer.profiles(X[:70], refs, reference_of=None if of is None else of[:70])
        for name in ("scores", "target", "convergence_delta"):
            np.testing.assert_array_equal(getattr(a, name)[order], getattr(b, name))
            np.testing.assert_array_equal(getattr(a, name)[:70], getattr(c, name))


@pytest.mark.parametrize(
    ("method", "rule"), [("deeplift", "complete"), ("deeplift_rescale", "winner")]
)
def test_batch_shape_changes_last_bits_only(net, method, rule, rng):
    X, references = mutants(rng, 40), one_hot(rng, 2)[None]
    found = [
        made(net, method, maxpool_rule=rule, batch_size=size).contributions(X, references)
        for size in (24, 48)
    ]
    assert close(found[0], found[1])


def test_bytes_and_floats_give_the_same_bits(plain, rng):
    X = one_hot(rng, 30)
    scorer = made(plain, "deeplift", maxpool_rule="winner")
    a = scorer.profiles(X, gc_reference())
    b = scorer.profiles(X.astype(np.float32), gc_reference())
    np.testing.assert_array_equal(a.scores, b.scores)


def test_fractional_columns_are_scored_as_they_are(plain, rng):
    X = mutants(rng, 6)
    scorer = made(plain, "deeplift_rescale", observed=False)
    np.testing.assert_allclose(
        scorer.predict_logit(X), logits_of(plain).predict(X, verbose=0)[:, 0], rtol=1e-5
    )
    # A column equal to the reference's contributes nothing; an N against gc does.
    scores = np.abs(scorer.contributions(X, gc_reference())).max(axis=(0, 2))
    assert (scores[30:38] == 0).all()
    assert scores[10:14].max() > 0


def test_mean_over_references(plain, rng):
    X, references = one_hot(rng, 10), one_hot(rng, 3)[None]
    scorer = made(plain, "deeplift", maxpool_rule="winner")
    single = [scorer.contributions(X, references[:, r : r + 1]) for r in range(3)]
    assert close(scorer.contributions(X, references), np.mean(single, axis=0))
    grouped = scorer.contributions(
        X, np.repeat(references, 4, axis=0), reference_of=np.arange(10) % 4
    )
    assert close(grouped, np.mean(single, axis=0))


def test_observed_base_mask(plain, rng):
    X = mutants(rng, 10)
    contributions = made(plain, "deeplift").contributions(X, gc_reference())
    for observed, expected in ((True, contributions * X), (False, contributions)):
        scorer = made(plain, "deeplift", observed=observed)
        found = scorer.profiles(X, gc_reference()).scores
        np.testing.assert_allclose(found, expected.sum(axis=2), atol=1e-6)


def test_heads_and_units(rng):
    model = two_heads(4)
    X = one_hot(rng, 5)
    classes, value = model.predict(X, verbose=0)
    for output in (0, "classes"):
        for unit in (0, 1):
            logit = made(model, "deeplift", output=output, unit=unit).predict_logit(X)
            np.testing.assert_allclose(1 / (1 + np.exp(-logit)), classes[:, unit], rtol=1e-5)
    for output in (1, "value"):
        found = made(model, "deeplift", output=output).predict_logit(X)
        np.testing.assert_allclose(found, value[:, 0], rtol=1e-5)
    with pytest.raises(ValueError, match=r"output: got 'nothing', expected one of"):
        made(model, "deeplift", output="nothing")
    with pytest.raises(ValueError, match="unit: got 2, expected 0 to 1"):
        made(model, "deeplift", unit=2)
    with pytest.raises(ValueError, match="output: got 2, expected 0 to 1"):
        made(model, "deeplift", output=2)


def test_wrong_arguments_are_refused(plain, rng):
    X = one_hot(rng, 4)
    scorer = made(plain, "deeplift", maxpool_rule="winner")
    cases = [
        ((X[:, :-1], gc_reference(), None), rf"X: got uint8 \(4, {LENGTH - 1}, 4\)"),
        ((X.astype(float), gc_reference(), None), "X: got float64"),
        ((X, None, None), "references: got None"),
        ((X, gc_reference()[0], None), "references: got float32"),
        ((X, X[:, None], None), "reference_of: got None with 4 groups"),
        ((X, X[:, None], np.array([0, 1, 2, 4])), "reference_of: row 3 has group 4"),
        ((X, X[:, None], np.zeros(3, int)), r"reference_of: got int64 \(3,\)"),
    ]
    for (x, references, of), message in cases:
        with pytest.raises(ValueError, match=message):
            scorer.profiles(x, references, reference_of=of)
    with pytest.raises(ValueError, match="method: got 'magic', expected one of deeplift"):
        made(plain, "magic")
    with pytest.raises(ValueError, match="maxpool_rule: got 'all'"):
        made(plain, "deeplift", maxpool_rule="all")
    for method in ("deeplift", "mutagenesis"):
        with pytest.raises(ValueError, match="heads: got none"):
            made(plain, method, heads=[])


def test_no_rows_and_progress(plain, rng):
    scorer = made(plain, "deeplift", batch_size=8)
    assert scorer.profiles(one_hot(rng, 0), gc_reference()).scores.shape == (0, LENGTH)
    done = []
    scorer.profiles(one_hot(rng, 60), gc_reference(), progress=done.append)
    assert done == [24, 24, 12]  # sizes of batches are multiples of 24


def test_batch_size_and_flops_of_the_papers_networks():
    simulated = conv_net(0, depth=1, length=200)
    assert default_batch_size(make_plan(simulated)) == 768
    body = []
    for filters, width, pool in ((300, 19, 3), (200, 11, 4), (200, 7, 4)):
        body += [layers.Conv1D(filters, width, padding="same"), layers.MaxPooling1D(pool)]
    tasks = [layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dense(18)]
    model = keras.Sequential([keras.Input((1000, 4)), *body, *tasks])
    plan = make_plan(model)
    assert default_batch_size(plan) == 24
    # Positions that a pooling drops at the end are not computed: 999 of 1,000, ...
    products = 999 * 300 * 19 * 4 + 332 * 200 * 11 * 300 + 80 * 200 * 7 * 200
    assert flops_per_profile(plan) == 4 * (products + 2 * 4000 * 8 + 8)
