"""Gradients of any model: against differences, known integrals and the engine."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.engine.engine import Engine
from dfim.attribution.factory import METHODS, make_attributor
from dfim.attribution.methods.autodiff import AutodiffAttributor
from dfim.attribution.methods.deeplift_package import DeepliftPackage
from dfim.maps.maps import score_map
from dfim.scoring.settings import ScoringSettings
from helpers.small_models import LENGTH, _randomize, conv_net, gc_reference, mutants, one_hot

SHORT = 12  # positions of the networks whose layers are slow to trace
TAPE = ("gradient_input", "integrated_gradients")


@keras.saving.register_keras_serializable("dfim_tests")
class Power(layers.Layer):
    """x to a power: a layer of one's own."""

    def __init__(self, exponent=3, **kwargs):
        super().__init__(**kwargs)
        self.exponent = exponent

    def call(self, x):
        return x**self.exponent


def ends(*body, length=SHORT, final="sigmoid", units=2):
    """A model of some layers, a Flatten and a Dense layer, with random weights."""
    x = inputs = keras.Input((length, 4))
    for layer in body:
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(units, activation=final)(layers.Flatten()(x)))
    return _randomize(model, np.random.default_rng(8))


def attention():
    inputs = keras.Input((SHORT, 4))
    x = layers.Dense(6)(inputs)
    x = layers.MultiHeadAttention(2, 3, dropout=0.5)(x, x)
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))


NETS = {
    "LSTM": lambda: ends(layers.Bidirectional(layers.LSTM(4, return_sequences=True))),
    "attention": attention,
    "own layer": lambda: ends(layers.Flatten(), layers.Dense(5), Power(3), layers.Dropout(0.5)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(params=NETS, scope="module")
def net(request):
    keras.utils.set_random_seed(3)
    return NETS[request.param]()


@pytest.fixture(scope="module")
def plain():
    return conv_net(3)


def linear():
    return ends(layers.Conv1D(3, 5, padding="same"), length=LENGTH, units=1)


def differences(scorer, x, step=2**-6):
    """Slopes (L, 4) of the logit by central differences."""
    shifts = step * np.eye(x.size, dtype=np.float32).reshape(-1, *x.shape)
    up, down = scorer.predict_logit(x + shifts), scorer.predict_logit(x - shifts)
    return ((up - down) / (2 * step)).reshape(x.shape)


def test_gradients_of_any_layer_are_the_slopes(net, rng):
    scorer = make_attributor(net, "gradient_input", unit=1, batch_size=32)
    assert isinstance(scorer, AutodiffAttributor)
    X = one_hot(rng, 2, SHORT).astype(np.float32)
    gradients, contributions = scorer.hypothetical(X), scorer.contributions(X)
    for x, gradient, contribution in zip(X, gradients, contributions, strict=True):
        expected = differences(scorer, x)
        assert np.abs(gradient - expected).max() < 5e-3 * np.abs(expected).max()
        np.testing.assert_array_equal(contribution, gradient * x)


def test_integrals_of_any_layer_add_up(net, rng):
    X, references = one_hot(rng, 4, SHORT), one_hot(rng, 8, SHORT).reshape(4, 2, SHORT, 4)
    scorer = make_attributor(net, "integrated_gradients", observed=False, batch_size=8)
    found = scorer.profiles(X, references, reference_of=np.arange(4))
    base = scorer.predict_logit(references.reshape(-1, SHORT, 4)).reshape(4, 2).mean(axis=1)
    change = found.target - base
    np.testing.assert_allclose(found.scores.sum(axis=1), change, atol=1e-3 * np.ptp(change))
    assert found.convergence_delta.max() < 1e-3 * np.ptp(change)


def test_rules_refuse_what_gradients_take(net, caplog):
    with pytest.raises(ValueError, match="supported"):
        make_attributor(net, "deeplift")
    with caplog.at_level(logging.INFO, "dfim.attribution"):
        make_attributor(net, "gradient_input")
    (line,) = caplog.messages
    assert line.startswith("layer '")
    assert line.endswith("gradients by automatic differentiation")


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_cube_integrates_by_the_midpoint_rule(steps, rng):
    model = ends(Power(3), final="linear", units=1)
    w = model.layers[-1].get_weights()[0].reshape(SHORT, 4)
    X = one_hot(rng, 3, SHORT)
    zeros = np.zeros((1, 1, SHORT, 4), np.float32)
    scorer = make_attributor(model, "integrated_gradients", steps=steps, batch_size=8)
    found = scorer.contributions(X, zeros)
    np.testing.assert_allclose(found, X * w * (1 - 1 / (4 * steps**2)), rtol=1e-5)
    np.testing.assert_allclose(
        scorer.profiles(X, zeros).convergence_delta,
        np.abs((X * w).sum(axis=(1, 2))) / (4 * steps**2),
        atol=1e-5,
    )


def test_gap_shrinks_with_steps(plain, rng):
    X = one_hot(rng, 20)
    gaps = [
        make_attributor(plain, "integrated_gradients", steps=steps, batch_size=32)
        .profiles(X, gc_reference())
        .convergence_delta
        for steps in (5, 50, 500)
    ]
    assert gaps[0].mean() > 5 * gaps[1].mean() > 25 * gaps[2].mean()
    assert gaps[2].max() < 0.01


@pytest.mark.parametrize("steps", [1, 50])
def test_integral_of_a_linear_model_is_deeplift(steps, rng):
    model, X = linear(), mutants(rng, 6)
    references = one_hot(rng, 2)[None]
    integral = make_attributor(model, "integrated_gradients", steps=steps, batch_size=8)
    rules = make_attributor(model, "deeplift", batch_size=8)
    for kind in ("contributions", "hypothetical"):
        np.testing.assert_allclose(
            getattr(integral, kind)(X, references),
            getattr(rules, kind)(X, references),
            rtol=1e-4,
            atol=1e-6,
        )


@pytest.mark.parametrize(
    "options", [{}, {"padding": "same", "pool": "same", "norm": "before"}, {"units": 3}]
)
def test_gradients_are_those_of_the_engine(options, rng):
    model, X = conv_net(3, **options), mutants(rng, 9)
    unit = options.get("units", 1) - 1
    engine = make_attributor(model, "gradient_input", unit=unit)
    assert isinstance(engine, Engine)
    tape = AutodiffAttributor(model, "gradient_input", unit=unit, batch_size=16)
    a, b = engine.profiles(X), tape.profiles(X)
    np.testing.assert_allclose(b.scores, a.scores, atol=2e-6 * np.abs(a.scores).max())
    np.testing.assert_allclose(b.target, a.target, rtol=1e-5, atol=1e-5)
    assert np.isnan(b.convergence_delta).all()


def outputs():
    """Models of one function whose sigmoid stands in different places, and its logits."""
    inputs = keras.Input((SHORT, 4))
    hidden = layers.Flatten()(layers.LSTM(4, return_sequences=True)(inputs))
    dense = layers.Dense(3)
    logits = dense(hidden)
    squashed = layers.Dense(3, activation="sigmoid")
    inside = keras.Sequential([keras.Input(hidden.shape[1:]), squashed])
    ends = {
        "linear": logits,
        "activation": layers.Activation("sigmoid")(logits),
        "operation": keras.ops.sigmoid(logits),
        "softmax": layers.Softmax()(logits),
        "dense": squashed(hidden),
        "model": inside(hidden),
    }
    squashed.set_weights(dense.get_weights())
    return {name: keras.Model(inputs, end) for name, end in ends.items()}


def test_the_logit_is_found_wherever_the_sigmoid_stands(rng):
    models, X = outputs(), one_hot(rng, 5, SHORT)
    expected = models["linear"].predict(X, verbose=0)
    for model in models.values():
        found = AutodiffAttributor(model, "gradient_input", unit=2, batch_size=8)
        np.testing.assert_allclose(found.predict_logit(X), expected[:, 2], atol=1e-6)


def test_units_are_counted_over_positions(rng):
    inputs, X = keras.Input((SHORT, 4)), one_hot(rng, 3, SHORT)
    recurrent = layers.GRU(2, return_sequences=True)(inputs)
    model = keras.Model(inputs, layers.Conv1D(3, 1, activation="sigmoid")(recurrent))
    found = make_attributor(model, "gradient_input", unit=7, batch_size=8).predict_logit(X)
    value = model.predict(X, verbose=0)[:, 2, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), value, rtol=1e-5)
    with pytest.raises(ValueError, match="unit: got 36, expected 0 to 35"):
        make_attributor(model, "gradient_input", unit=36)


def test_value_is_scored_where_there_is_no_pre_activation(rng, caplog):
    inputs, X = keras.Input((SHORT, 4)), one_hot(rng, 3, SHORT)
    model = keras.Model(inputs, Power(2, name="end")(layers.LSTM(2)(inputs)))
    with caplog.at_level(logging.INFO, "dfim.attribution"):
        scorer = make_attributor(model, "gradient_input", batch_size=8)
    assert "output 'end': the value of its last layer (Power) is scored" in caplog.messages
    np.testing.assert_allclose(
        scorer.predict_logit(X), model.predict(X, verbose=0)[:, 0], rtol=1e-5
    )


def test_other_inputs_are_held(rng):
    sequence, extra = keras.Input((SHORT, 4)), keras.Input((2,), name="extra")
    x = layers.Concatenate()([layers.LSTM(3)(sequence), extra])
    model = keras.Model([extra, sequence], layers.Dense(1)(layers.Dense(4, "tanh")(x)))
    X = one_hot(rng, 4, SHORT)
    for held in (None, {"extra": [1.0, -2.0]}):
        value = np.tile(np.float32((held or {}).get("extra", [0, 0])), (4, 1))
        scorer = make_attributor(model, "integrated_gradients", held=held, batch_size=8)
        expected = model.predict([value, X], verbose=0)[:, 0]
        np.testing.assert_allclose(scorer.predict_logit(X), expected, atol=1e-6)
        assert scorer.profiles(X, gc_reference(SHORT)).convergence_delta.max() < 1e-4


@pytest.mark.parametrize("method", TAPE)
def test_rows_do_not_depend_on_order_or_neighbours(net, method, rng):
    X, references = one_hot(rng, 20, SHORT), one_hot(rng, 6, SHORT).reshape(3, 2, SHORT, 4)
    group, order = rng.integers(0, 3, 20), rng.permutation(20)
    scorer = make_attributor(net, method, batch_size=8, steps=3)
    a = scorer.profiles(X, references, reference_of=group)
    b = scorer.profiles(X[order], references, reference_of=group[order])
    c = scorer.profiles(X[:5].astype(np.float32), references, reference_of=group[:5])
    for name in ("scores", "target", "convergence_delta"):
        np.testing.assert_array_equal(getattr(a, name)[order], getattr(b, name))
        np.testing.assert_array_equal(getattr(a, name)[:5], getattr(c, name))
    logits = scorer.predict_logit(X)
    np.testing.assert_array_equal(logits[order], scorer.predict_logit(X[order]))


def test_mean_over_references_and_observed_base(plain, rng):
    X, references = mutants(rng, 6), one_hot(rng, 3)[None]
    scorer = make_attributor(plain, "integrated_gradients", batch_size=8, steps=4)
    single = [scorer.contributions(X, references[:, r : r + 1]) for r in range(3)]
    found = scorer.contributions(X, references)
    np.testing.assert_allclose(found, np.mean(single, axis=0), atol=1e-6)
    bare = make_attributor(plain, "integrated_gradients", batch_size=8, steps=4, observed=False)
    for one, expected in ((scorer, found * X), (bare, found)):
        scores = one.profiles(X, references).scores
        np.testing.assert_allclose(scores, expected.sum(axis=2), atol=1e-6)


def test_weights_are_those_at_the_start(rng):
    model, X = NETS["LSTM"](), one_hot(rng, 3, SHORT)
    scorer = make_attributor(model, "gradient_input", batch_size=8)
    before = make_attributor(model, "gradient_input", batch_size=8).contributions(X)
    for variable in model.trainable_variables:
        variable.assign(variable * 2)
    np.testing.assert_array_equal(scorer.contributions(X), before)
    changed = make_attributor(model, "gradient_input", batch_size=8).contributions(X)
    assert np.abs(changed - before).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_hypothetical_contributions_hold_the_observed_ones(plain, method, rng):
    X, references = one_hot(rng, 6), one_hot(rng, 12).reshape(6, 2, LENGTH, 4)
    scorer = make_attributor(plain, method, batch_size=8)
    before = scorer.contributions(X, references, reference_of=np.arange(6))
    found = scorer.hypothetical(X, references, reference_of=np.arange(6))
    np.testing.assert_allclose((found * X).sum(axis=2), before.sum(axis=2), atol=5e-6)
    assert (np.ptp(found, axis=2) > 0).any(axis=1).all()
    after = scorer.contributions(X, references, reference_of=np.arange(6))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale"])
def test_hypothetical_contributions_of_a_linear_model(method, rng):
    model, reference = linear(), gc_reference()
    scorer = make_attributor(model, method)
    X = one_hot(rng, 3)
    slopes = make_attributor(model, "gradient_input").hypothetical(X)
    np.testing.assert_array_equal(slopes[0], slopes[1])
    expected = slopes - (slopes * reference[0]).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(scorer.hypothetical(X, reference), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "method"),
    [("deeplift_package", "deeplift"), ("rescale", "deeplift_rescale")],
)
def test_hypothetical_contributions_are_those_of_the_package(plain, mode, method, rng):
    X = mutants(rng, 12)
    package = DeepliftPackage(plain, mode=mode)
    engine = make_attributor(plain, method, maxpool_rule="winner")
    expected = package.hypothetical(X, gc_reference())
    found = engine.hypothetical(X, gc_reference())
    assert np.abs(found - expected).max() <= 5e-6 * np.abs(expected).max()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_maps_and_sums_have_no_fis(method, rng):
    model, x = linear(), one_hot(rng, 1)[0]
    settings = ScoringSettings(references="gc")
    scorer = make_attributor(model, method, batch_size=32, steps=5)
    found = score_map(scorer, x, 20, 26, settings=settings, rng=rng)
    assert np.isfinite(found.importance).all()
    assert np.abs(found.importance).max() > 0.1
    off = ~np.eye(6, dtype=bool)
    assert np.abs(found.fis.swapaxes(0, 1)[:, off]).max() < 1e-5


@pytest.mark.parametrize("method", [*TAPE, "mutagenesis"])
def test_maps_of_any_layer(net, method, rng):
    settings = ScoringSettings(references="dinuc", n_refs=2)
    scorer = make_attributor(net, method, batch_size=16, steps=5)
    found = score_map(scorer, one_hot(rng, 1, SHORT)[0], 3, 8, settings=settings, rng=rng)
    off = ~np.eye(5, dtype=bool)
    assert (np.abs(found.fis.swapaxes(0, 1)[:, off]) > 1e-7).all()


def test_reach_is_that_of_the_engine_where_it_knows_the_layers(net, rng):
    local, length = conv_net(2, hidden=(), depth=1, length=40), 40
    i, j = np.divmod(np.arange(length**2), length)
    pairs = (i, i + 1, j, j + 1)
    scorer = make_attributor(local, "integrated_gradients", steps=3, batch_size=32)
    near = scorer.reachable(*pairs)
    np.testing.assert_array_equal(near, make_attributor(local, "deeplift").reachable(*pairs))
    settings = ScoringSettings(references="gc")
    found = score_map(scorer, one_hot(rng, 1, 40)[0], 0, 40, settings=settings, rng=rng)
    fis = np.abs(found.fis).max(axis=1).ravel()
    assert (fis[~near] == 0).all()
    assert 0 < near.mean() < 1
    inside = i[i < SHORT]
    assert make_attributor(net, "integrated_gradients").reachable(*[inside] * 4).all()


def test_wrong_arguments_are_refused(plain, rng):
    X = one_hot(rng, 3)
    scorer = make_attributor(plain, "integrated_gradients")
    with pytest.raises(ValueError, match="references: got None, method 'integrated_gradients'"):
        scorer.profiles(X)
    with pytest.raises(ValueError, match=r"X: got uint8 \(3, 59, 4\)"):
        scorer.predict_logit(X[:, 1:])
    with pytest.raises(ValueError, match="steps: got 0, expected at least 1"):
        make_attributor(plain, "integrated_gradients", steps=0)
    with pytest.raises(ValueError, match="output: got 'nothing', expected one of"):
        make_attributor(plain, "integrated_gradients", output="nothing")
    inputs = keras.Input((SHORT, 5))
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(2)(inputs)))
    for method in TAPE:
        with pytest.raises(ValueError, match=r"expected one of \(length, 4\)"):
            make_attributor(model, method)
