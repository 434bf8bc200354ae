"""The engine on functional models: sums, gradients, known answers, outputs, errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dfim.attribution.engine.activations import bend_of
from dfim.attribution.engine.engine import Engine
from dfim.attribution.factory import make_attributor
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.graph.steps import Activation
from dfim.attribution.methods import deeplift_layers, deeplift_package
from dfim.maps.maps import score_map
from dfim.models.loading import load_model
from dfim.scoring.settings import ScoringSettings
from helpers.graph_models import MODELS, bpnet, randomized, stacked
from helpers.small_models import LENGTH, gc_reference, mutants, one_hot

BATCH = 8


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(params=MODELS, scope="module")
def net(request):
    return MODELS[request.param]()


def logits_of(model):
    """First logit of the first output, by Keras itself; other inputs are zero."""
    scored, last = model.outputs[0], model.layers[-1]
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    if getattr(last, "activation", None) in (
        keras.activations.sigmoid,
        keras.activations.softmax,
    ):
        copy.layers[-1].activation = keras.activations.linear

    def compute(x):
        others = [tf.zeros((len(x), *t.shape[1:])) for t in model.inputs[1:]]
        y = copy([x, *others] if others else x, training=False)
        y = y[0] if isinstance(y, list | tuple) else y
        return tf.reshape(y, (len(x), -1))[:, 0]

    assert scored.shape[0] is None
    return compute


def largest(a):
    return np.abs(a).max()


def test_logit_and_gradient_are_those_of_keras(net, rng):
    X, logits = mutants(rng, 6), logits_of(net)
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        expected = logits(x)
    gradient = (tape.gradient(expected, x) * x).numpy()
    scorer = make_attributor(net, "gradient_input", observed=False, batch_size=BATCH)
    assert isinstance(scorer, Engine)
    np.testing.assert_allclose(scorer.predict_logit(X), expected, rtol=2e-5, atol=2e-5)
    assert largest(gradient) > 1e-3
    assert largest(scorer.contributions(X) - gradient) <= 5e-6 * largest(gradient)


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale"])
def test_contributions_add_up_with_every_reference(net, method, rng):
    X, references = mutants(rng, 6), one_hot(rng, 12).reshape(6, 2, LENGTH, 4)
    scorer = make_attributor(net, method, observed=False, batch_size=BATCH)
    found = scorer.profiles(X, references, reference_of=np.arange(6))
    base = scorer.predict_logit(references.reshape(-1, LENGTH, 4)).reshape(6, 2).mean(axis=1)
    change = found.target - base
    assert largest(change) > 1e-2
    scale = largest(found.scores)
    assert largest(found.scores.sum(axis=1) - change) <= 1e-4 * scale
    assert found.convergence_delta.max() <= 1e-4 * scale


def test_rows_do_not_depend_on_order_or_neighbours(rng):
    X, references = mutants(rng, 20), one_hot(rng, 6).reshape(3, 2, LENGTH, 4)
    group, order = rng.integers(0, 3, 20), rng.permutation(20)
    scorer = make_attributor(bpnet(), "deeplift", batch_size=BATCH)
    whole = scorer.profiles(X, references, reference_of=group)
    mixed = scorer.profiles(X[order], references, reference_of=group[order])
    part = scorer.profiles(X[:5], references, reference_of=group[:5])
    for name in ("scores", "target", "convergence_delta"):
        np.testing.assert_array_equal(getattr(whole, name)[order], getattr(mixed, name))
        np.testing.assert_array_equal(getattr(whole, name)[:5], getattr(part, name))


# ---- rules with known answers ----------------------------------------------------


def pair_net(join):
    """Two bases of a sequence of two, brought together by a layer."""
    inputs = keras.Input((2, 4))
    sides = [layers.Flatten()(layers.Cropping1D(c)(inputs)) for c in ((0, 1), (1, 0))]
    ends = [layers.Dense(1, use_bias=False)(side) for side in sides]
    model = keras.Model(inputs, join(ends))
    weights = np.arange(1.0, 5.0, dtype=np.float32)[:, None]
    model.set_weights([weights, 10 * weights])
    return model


def test_product_gives_each_factor_its_change_at_the_mean_of_the_other():
    scorer = make_attributor(pair_net(layers.Multiply()), "deeplift_rescale", batch_size=BATCH)
    X = np.eye(4, dtype=np.uint8)[[[3, 1]]]  # 4 and 20
    reference = np.eye(4, dtype=np.uint8)[[[[0, 0]]]]  # 1 and 10
    found = scorer.profiles(X, reference)
    np.testing.assert_allclose(scorer.contributions(X, reference).sum(axis=2), [[45, 25]])
    np.testing.assert_allclose(found.target, 80)
    np.testing.assert_allclose(found.convergence_delta, 0)


def test_gradient_of_a_product_is_the_other_factor():
    scorer = make_attributor(pair_net(layers.Multiply()), "gradient_input", batch_size=BATCH)
    X = np.eye(4, dtype=np.uint8)[[[3, 1]]]
    np.testing.assert_allclose(scorer.profiles(X).scores, [[80, 80]])


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        (layers.Subtract(), [4, -20]),
        (layers.Average(), [2, 10]),
        (lambda ends: ends[0] + ends[1], [4, 20]),
        (lambda ends: ends[0] - ends[1], [4, -20]),
    ],
)
def test_sums_are_linear(join, expected):
    scorer = make_attributor(pair_net(join), "deeplift", batch_size=BATCH)
    X = np.eye(4, dtype=np.uint8)[[[3, 1]]]
    found = scorer.profiles(X, np.zeros((1, 1, 2, 4), np.float32))
    np.testing.assert_allclose(found.scores, [expected])


def test_softmax_does_not_see_a_shift_of_all_logits():
    inputs = keras.Input((2, 4))
    x = layers.Softmax()(layers.Dense(2, use_bias=False)(layers.Flatten()(inputs)))
    model = keras.Model(inputs, layers.Dense(1, use_bias=False)(x))
    both, against = [[1, 1], [3, 3], [60, 60], [0, 0]], [[1, -1], [2, -2], [0, 0], [0, 1]]
    model.set_weights([np.float32([*both, *against]), np.float32([[5], [2]])])
    scorer = make_attributor(model, "deeplift", observed=False, batch_size=BATCH)
    X = np.eye(4, dtype=np.uint8)[[[0, 1], [2, 0], [1, 2]]]
    found = scorer.profiles(X, np.eye(4, dtype=np.uint8)[[[[3, 3]]]])
    np.testing.assert_allclose(found.scores[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(found.scores[:, 1], change_of_softmax(X), rtol=1e-5)
    assert found.convergence_delta.max() < 1e-5


def change_of_softmax(X):
    """5 p + 2 (1 - p) minus that of the reference, whose logits are 0 and 1."""
    difference = np.array([2, 4, 0, -1])[X[:, 1].argmax(axis=1)]
    return 3 / (1 + np.exp(-difference)) - 3 / (1 + np.exp(1))


def test_slopes_of_the_relu_are_exact_but_across_its_kink():
    z0 = tf.constant([100.0, -100.0, 3.0, -3.0, 1.0, -1.0, 0.0, 0.0, 2.0])
    dz = tf.constant([1e-5, 1e-5, -1.0, 1.0, -4.0, 4.0, 1.0, -1.0, 0.0])
    found = bend_of(Activation("relu")).chord(z0, dz)
    np.testing.assert_array_equal(found, [1, 0, 1, 0, 0.25, 0.75, 1, 0, 1])


def test_hidden_dense_layers_get_reveal_cancel_and_convolutions_do_not(rng):
    X, references = one_hot(rng, 4), one_hot(rng, 1)[None]
    for last, differ in ((layers.Dense(6, activation="elu"), True), (layers.ELU(), False)):
        x = inputs = keras.Input((LENGTH, 4))
        x = last(layers.Flatten()(layers.Conv1D(4, 5, activation="elu")(x)))
        model = randomized(keras.Model(inputs, layers.Dense(1)(x)), 7)
        a, b = (
            make_attributor(model, method, batch_size=BATCH).contributions(X, references)
            for method in ("deeplift", "deeplift_rescale")
        )
        assert (largest(a - b) > 1e-3 * largest(b)) == differ


def test_dense_layer_that_is_read_twice_keeps_its_own_value(rng):
    inputs = keras.Input((LENGTH, 4))
    hidden = layers.Dense(5)(layers.Flatten()(inputs))
    both = layers.Concatenate()([layers.Activation("relu")(hidden), hidden])
    model = randomized(keras.Model(inputs, layers.Dense(1)(both)), 3)
    X = one_hot(rng, 5)
    scorer = make_attributor(model, "deeplift", batch_size=BATCH)
    found = scorer.profiles(X, gc_reference())
    np.testing.assert_allclose(found.target, model.predict(X, verbose=0)[:, 0], rtol=1e-5)
    assert found.convergence_delta.max() < 1e-4


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(5, 4, strides=3, padding="causal"),
        layers.Conv1D(5, 4, strides=3),
        layers.Conv1D(4, 4, dilation_rate=3, padding="same", groups=2, use_bias=False),
        layers.Conv1D(5, 3, dilation_rate=4, padding="causal"),
        layers.DepthwiseConv1D(4, dilation_rate=2, padding="same", depth_multiplier=3),
        layers.DepthwiseConv1D(4, strides=3, padding="same"),
        layers.SeparableConv1D(5, 3, strides=2, padding="same", use_bias=False),
        layers.AveragePooling1D(4, 3),
        layers.MaxPooling1D(4, 3, padding="same"),
        layers.BatchNormalization(axis=1),
        layers.UpSampling1D(3),
    ],
    ids=lambda layer: layer.name,
)
def test_windows_lie_where_those_of_keras_do(layer, rng):
    x = inputs = keras.Input((29, 4))
    layer = type(layer).from_config(layer.get_config())
    x = layers.AveragePooling1D(3, 2)(layers.ReLU()(layer(layers.Conv1D(4, 3)(x))))
    model = randomized(keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x))), 6)
    X = one_hot(rng, 5, 29).astype(np.float32)
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        expected = model(x)[:, 0]
    gradient = (tape.gradient(expected, x) * X).numpy()
    scorer = make_attributor(model, "gradient_input", batch_size=BATCH)
    np.testing.assert_allclose(scorer.predict_logit(X), expected, rtol=1e-5, atol=1e-5)
    assert largest(gradient) > 1e-3
    assert largest(scorer.contributions(X) - gradient) <= 5e-6 * largest(gradient)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.ReLU()(layers.Add()([x, layers.Conv1D(4, 3, padding="same")(x)])),
        lambda x: layers.AveragePooling1D(3, 1, padding="same")(x),
        lambda x: layers.PReLU()(layers.Conv1D(4, 3, padding="same")(x)),
        lambda x: layers.Activation("gelu")(layers.BatchNormalization(axis=1)(x)),
        lambda x: layers.Activation("tanh")(layers.Conv1D(4, 1)(layers.ReLU()(x))),
    ],
    ids=["sum", "average", "slopes of its own", "normalized positions", "chain"],
)
def test_positions_that_a_pooling_leaves_over(end, rng):
    """What cannot give fewer positions gives them all, with whatever follows it."""
    inputs = keras.Input((23, 4))
    x = end(layers.Conv1D(4, 5, padding="same")(inputs))
    x = layers.MaxPooling1D(5)(x)  # 3 positions are left over
    model = randomized(keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x))), 6)
    X, references = one_hot(rng, 5, 23), one_hot(rng, 5, 23)[:, None]
    scorer = make_attributor(model, "deeplift", batch_size=BATCH)
    found = scorer.profiles(X, references, reference_of=np.arange(5))
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(found.target, expected, rtol=1e-5, atol=1e-5)
    assert found.convergence_delta.max() < 1e-5 < largest(found.scores)


# ---- the deeplift package ----------------------------------------------------------


def _described(layer):
    """What the package is told of layers that it knows and our chains for it do not."""
    config = {"weights": []}
    match layer:
        case layers.AveragePooling1D():
            config |= {
                "pool_size": layer.pool_size,
                "strides": layer.strides,
                "padding": layer.padding,
            }
        case layers.LeakyReLU():
            # One slope for all: the package's PReLU takes it as its only weight.
            return {
                "class_name": "PReLU",
                "config": {"weights": [np.float32(layer.negative_slope)]},
            }
        case layers.GlobalMaxPooling1D() | layers.GlobalAveragePooling1D():
            pass
        case _:
            return None
    return {"class_name": type(layer).__name__, "config": config}


@pytest.mark.parametrize(
    "body",
    [
        [layers.AveragePooling1D(4), layers.Flatten()],
        [layers.AveragePooling1D(5, 2), layers.Flatten(), layers.Dense(6, activation="relu")],
        [layers.GlobalAveragePooling1D()],
        [layers.GlobalMaxPooling1D()],
        [layers.Flatten(), layers.Dense(8), layers.LeakyReLU(0.3)],
    ],
    ids=["average", "overlapping average", "global average", "global maximum", "leaky"],
)
def test_layers_that_the_deeplift_package_knows(body, monkeypatch, rng):
    x = inputs = keras.Input((LENGTH, 4))
    x = layers.LeakyReLU(0.2)(layers.Conv1D(6, 5)(x))
    for layer in body:
        x = type(layer).from_config(layer.get_config())(x)
    model = randomized(keras.Model(inputs, layers.Dense(1)(x)), 5)
    known = deeplift_layers._describe
    monkeypatch.setattr(deeplift_package, "make_plan", lambda *_, **__: None)
    monkeypatch.setattr(
        deeplift_layers, "_describe", lambda layer: _described(layer) or known(layer)
    )
    X = mutants(rng, 8)
    package = deeplift_package.DeepliftPackage(model, batch_size=8)
    engine = make_attributor(model, "deeplift", maxpool_rule="winner", batch_size=8)
    assert isinstance(engine, Engine)
    expected = package.contributions(X, gc_reference())
    found = engine.contributions(X, gc_reference())
    # The package's slopes are quotients of small differences: by float64 the engine is right
    # to 2e-7 here, the package to 6e-6.
    assert largest(found - expected) <= 1e-5 * largest(expected)


# ---- inputs and outputs ------------------------------------------------------------


def test_outputs_and_units_of_a_profile_head(rng):
    model, X = bpnet(), one_hot(rng, 4)
    profile, counts = model.predict([X, np.zeros((4, 2))], verbose=0)
    for output, unit, expected in (
        ("profile", 3, profile[:, 3]),
        (0, 0, profile[:, 0]),
        ("counts", 0, counts[:, 0]),
        (1, 0, counts[:, 0]),
    ):
        scorer = make_attributor(model, "deeplift", output=output, unit=unit, batch_size=BATCH)
        np.testing.assert_allclose(scorer.predict_logit(X), expected, rtol=1e-4, atol=1e-5)
    units = profile.shape[1]
    with pytest.raises(ValueError, match=rf"unit: got {units}, expected 0 to {units - 1} "):
        make_attributor(model, "deeplift", unit=units)
    with pytest.raises(ValueError, match="output: got 'nothing', expected one of"):
        make_attributor(model, "deeplift", output="nothing")


def test_other_inputs_are_held_at_zero_or_at_what_is_given(rng):
    model, X = bpnet(), one_hot(rng, 4)
    control = np.array([3.0, -2.0])
    for held, value in ((None, np.zeros(2)), ({"control": control}, control)):
        scorer = make_attributor(
            model, "deeplift", output="counts", held=held, batch_size=BATCH
        )
        _, counts = model.predict([X, np.tile(value, (4, 1))], verbose=0)
        np.testing.assert_allclose(scorer.predict_logit(X), counts[:, 0], rtol=1e-5, atol=1e-5)
        assert scorer.profiles(X, gc_reference()).convergence_delta.max() < 1e-5


def test_two_sequences_are_told_apart_by_what_is_held(rng):
    first, second = (keras.Input((LENGTH, 4), name=name) for name in ("first", "second"))
    joined = layers.Concatenate(axis=1)([first, second])
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(5, 9, activation="relu")(joined))
    model = randomized(keras.Model([first, second], layers.Dense(1)(x)), 8)
    X, partner = one_hot(rng, 5), one_hot(rng, 1)[0]
    given = np.tile(partner, (5, 1, 1))
    for held, inputs in (({"second": partner}, [X, given]), ({"first": partner}, [given, X])):
        scorer = make_attributor(model, "deeplift", held=held, batch_size=BATCH)
        expected = model.predict(inputs, verbose=0)[:, 0]
        np.testing.assert_allclose(scorer.predict_logit(X), expected, rtol=1e-5, atol=1e-5)


def test_last_activation_of_a_model_inside_is_left_out(rng):
    inner_input = keras.Input((LENGTH * 4,))
    inner = keras.Model(inner_input, layers.Dense(3, activation="softmax")(inner_input))
    inputs = keras.Input((LENGTH, 4))
    model = randomized(keras.Model(inputs, inner(layers.Flatten()(inputs))), 2)
    X = one_hot(rng, 4)
    logits = np.stack(
        [make_attributor(model, "deeplift", unit=u).predict_logit(X) for u in range(3)], axis=1
    )
    ratio = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = ratio / ratio.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)


def test_saved_model_is_scored_with_the_same_bits(tmp_path, rng):
    X = one_hot(rng, 4)
    for name in ("shared", "nested"):
        model = MODELS[name]()
        model.save(tmp_path / "m.keras")
        a, b = (
            make_attributor(m, "deeplift", batch_size=BATCH).contributions(X, gc_reference())
            for m in (model, load_model(tmp_path / "m.keras"))
        )
        np.testing.assert_array_equal(a, b)


def test_models_inside_a_sequential_one_are_opened(rng):
    inner = keras.Sequential([layers.Conv1D(4, 5, strides=2, activation="relu")])
    tail = [layers.MaxPooling1D(3, 2), layers.Flatten(), layers.Dense(1)]
    model = randomized(keras.Sequential([keras.Input((LENGTH, 4)), inner, *tail]), 1)
    X = one_hot(rng, 4)
    scorer = make_attributor(model, "deeplift", batch_size=BATCH)
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(scorer.predict_logit(X), expected, rtol=1e-5, atol=1e-5)
    assert scorer.profiles(X, one_hot(rng, 1)[None]).convergence_delta.max() < 1e-5


def test_very_deep_model_does_not_recurse():
    x = inputs = keras.Input((LENGTH, 4))
    for _ in range(700):  # Keras itself cannot build twice as many
        x = layers.Identity()(x)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    assert len(make_plan(model).nodes) == 4


# ---- what a map needs --------------------------------------------------------------


def test_maps_of_a_branched_model(rng):
    scorer = make_attributor(MODELS["towers"](), "deeplift", batch_size=64)
    settings = ScoringSettings(references="gc")
    x = one_hot(rng, 1)[0]
    found = score_map(scorer, x, 10, 22, settings=settings, rng=rng)
    assert np.nanmax(np.abs(found.fis)) > 1e-3


@pytest.mark.parametrize("name", ["towers", "separable", "bpnet"])
def test_nucleotides_that_are_not_joined_do_not_change_each_other(name, rng):
    model = MODELS[name]()
    scorer = make_attributor(model, "deeplift", batch_size=64)
    x = one_hot(rng, 1)
    sources = np.arange(0, LENGTH, 7)
    X = np.repeat(x, len(sources), axis=0)
    X[np.arange(len(sources)), sources] = np.roll(x[0, sources], 1, axis=1)
    scores = scorer.profiles(np.concatenate([x, X]), gc_reference()).scores
    change = np.abs(scores[1:] - scores[0])
    source, target = (a.ravel() for a in np.meshgrid(sources, range(LENGTH), indexing="ij"))
    joined = scorer.reachable(source, source + 1, target, target + 1).reshape(change.shape)
    assert (change[~joined] == 0).all()
    assert 0.1 < joined.mean() < 0.9
    assert (change[joined] > 0).mean() > 0.3


# ---- what is refused ---------------------------------------------------------------


class Doubled(layers.Dense):
    """A subclass that computes something else than its parent."""

    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.LSTM(3, name="m"), r"layer 'm' \(LSTM\): this class of layer has no rule"),
        (layers.LayerNormalization(name="n"), r"layer 'n' \(LayerNormalization\): this class"),
        (Doubled(3, name="d"), r"layer 'd' \(Doubled\): this class of layer has no rule"),
        (layers.Dense(3, activation=tf.nn.relu6, name="a"), "'a' .Dense.: activation 'relu6'"),
        (layers.Softmax(axis=(1, 2), name="s"), r"layer 's' \(Softmax\): axis=\(1, 2\)"),
        (
            layers.MaxPooling1D(2, data_format="channels_first", name="p"),
            r"layer 'p' \(MaxPooling1D\): data_format=channels_first",
        ),
    ],
)
def test_layer_without_a_rule_is_named(layer, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_attributor(stacked(layer), "deeplift")
    assert "supported: Conv1D" in str(caught.value)
    assert "integrated_gradients and mutagenesis take any other" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_join_without_a_rule_is_named():
    inputs = keras.Input((LENGTH, 4))
    both = layers.Maximum(name="top")([layers.Conv1D(3, 5)(inputs) for _ in range(2)])
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(both)))
    with pytest.raises(ValueError, match=r"'top' \(Maximum\): it merges 2 tensors"):
        make_attributor(model, "deeplift")


def test_operation_without_a_rule_is_named():
    inputs = keras.Input((LENGTH, 4))
    model = keras.Model(inputs, layers.Dense(1)(keras.ops.max(inputs, axis=1)))
    with pytest.raises(ValueError, match=r"\(Max\): this operation on one tensor has no rule"):
        make_attributor(model, "deeplift")


def test_layers_beside_the_way_to_the_output_do_not_matter():
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(4, 5, strides=2)(inputs)
    ends = [layers.Dense(1, name="good")(layers.Flatten()(x)), layers.LSTM(2, name="bad")(x)]
    model = keras.Model(inputs, ends)
    assert isinstance(make_attributor(model, "deeplift", output="good"), Engine)
    with pytest.raises(ValueError, match="layer 'bad'"):
        make_attributor(model, "deeplift", output="bad")


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"controls": np.zeros(2)}, r"held: got 'controls', expected names among the inputs"),
        ({"control": np.zeros(3)}, r"held: got shape \(3,\) for 'control', expected \(2,\)"),
        ({"sequence": np.zeros((LENGTH, 4))}, r"expected one of \(length, 4\) with a fixed"),
    ],
)
def test_wrong_held_values_are_refused(held, message):
    with pytest.raises(ValueError, match=message):
        make_attributor(bpnet(), "deeplift", held=held)


def test_output_must_depend_on_the_sequence():
    inputs, control = keras.Input((LENGTH, 4), name="sequence"), keras.Input((2,))
    ends = [layers.Dense(1)(layers.Flatten()(inputs)), layers.Dense(1, name="c")(control)]
    model = keras.Model([inputs, control], ends)
    with pytest.raises(ValueError, match="output 'c': it does not depend on input 'sequence'"):
        make_attributor(model, "deeplift", output="c")
