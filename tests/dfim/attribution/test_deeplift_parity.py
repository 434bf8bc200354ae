"""The engine against the `deeplift` package: stored results, and the package itself."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.methods.deeplift_package import DeepliftPackage
from dfim.models.loading import load_model
from helpers.deeplift64 import Chain64
from helpers.small_models import LENGTH, conv_net, gc_reference, mutants, one_hot, two_heads

TOLERANCE = 2e-6  # of the largest contribution of a sequence
GOLDEN = {
    "deeplift": "deeplift",
    "rescale": "deeplift_rescale",
    "grad": "gradient_input",
}
MODES = {
    "deeplift_package": "deeplift",
    "rescale": "deeplift_rescale",
    "gradient": "gradient_input",
}
NETS = {
    "valid": {},
    "same": {"padding": "same", "pool": "same"},
    "norm before ReLU": {"norm": "before", "padding": "same", "pool_size": 7},
    "norm after ReLU": {"norm": "after", "hidden": (), "pool_size": 5},
    "norm after pooling": {"norm_pooled": True, "pool_size": 5},
    "two hidden layers, two units": {"hidden": (32, 24), "units": 2, "final": "linear"},
    "tanh": {"hidden_kind": "tanh"},
}


def error(found, expected):
    """Largest difference of a row, in units of its largest absolute value."""
    scale = np.abs(expected).max(axis=(1, 2))
    assert scale.min() > 1e-3
    return (np.abs(found - expected).max(axis=(1, 2)) / scale).max()


@pytest.fixture(scope="module")
def simulated(test_data):
    folder = test_data / "dfim_release" / "embedded_motif_interaction_data"
    return load_model(folder / "model_architecture.json", folder / "model_weights.h5")


@pytest.fixture(scope="module")
def golden(test_data):
    with np.load(test_data / "golden" / "sim_golden.npz") as file:
        return dict(file)


@pytest.mark.realdata
@pytest.mark.parametrize("kind", ["real", "null"])
@pytest.mark.parametrize("method", GOLDEN)
def test_simulated_network_as_stored(simulated, golden, method, kind):
    X = golden["X" if kind == "real" else "X_null"]
    reference = np.tile(golden["ref"], (1, 1, 200, 1))
    scorer = make_attributor(simulated, GOLDEN[method], maxpool_rule="winner", batch_size=48)
    exact = Chain64(simulated, GOLDEN[method], "winner")

    def check(sequences, stored):
        found = scorer.contributions(sequences, reference)
        truth = exact.contributions(sequences, reference[0].repeat(len(sequences), axis=0))
        assert error(found, truth) <= TOLERANCE
        assert error(found, stored) <= TOLERANCE + error(stored, truth)
        assert error(stored, truth) <= 2 * TOLERANCE

    check(X, golden[f"{method}_{kind}_contrib_orig"])
    mutant = X[golden["mut_seq"]].astype(np.float32)
    position = np.arange(200)
    inside = (position >= golden["motif_start"][:, None]) & (
        position < golden["motif_end"][:, None]
    )
    mutant[inside] = golden["ref"]
    check(mutant, golden[f"{method}_{kind}_contrib_mut"])
    delta = scorer.profiles(mutant, reference).convergence_delta
    assert np.isnan(delta).all() if method == "grad" else delta.max() < 2e-5


@pytest.mark.realdata
def test_tal_gata_network_as_stored(test_data):
    folder = test_data / "dfim_release" / "tal_gata_interaction_data"
    model = load_model(
        folder / "tal_gata_dnase_model_architecture.json",
        folder / "tal_gata_dnase_model_weights.hd5",
    )
    with np.load(test_data / "golden" / "tal_dl.npz") as file:
        reference = np.tile(file["ref"], (1, 1, 1000, 1))
        found = make_attributor(
            model, "deeplift", output="output0", maxpool_rule="winner"
        ).contributions(file["X"], reference)
        assert error(found, file["contrib"]) <= TOLERANCE


@pytest.fixture(params=NETS, scope="module")
def net(request):
    return conv_net(8, **NETS[request.param])


@pytest.mark.parametrize("mode", MODES)
def test_random_network_as_the_package(net, mode):
    rng = np.random.default_rng(1)
    X, references = mutants(rng, 12), one_hot(rng, 24).reshape(12, 2, LENGTH, 4)
    unit = net.output_shape[1] - 1
    package = DeepliftPackage(net, mode=mode, unit=unit)
    engine = make_attributor(net, MODES[mode], unit=unit, maxpool_rule="winner", batch_size=24)
    np.testing.assert_allclose(
        package.predict_logit(X), engine.predict_logit(X), rtol=1e-5, atol=1e-5
    )
    # Slopes are quotients of differences: some are so small that their rounding in the package
    # shows. Float64 tells how much of a difference is the package's own.
    exact = Chain64(net, MODES[mode], "winner", unit)
    for refs, of in ((gc_reference(), np.zeros(12, int)), (references, np.arange(12))):
        expected = package.contributions(X, refs, reference_of=of)
        found = engine.contributions(X, refs, reference_of=of)
        truth = np.mean([exact.contributions(X, r) for r in refs[of].swapaxes(0, 1)], axis=0)
        assert error(found, truth) <= TOLERANCE
        assert error(found, expected) <= TOLERANCE + error(expected, truth)
        assert error(expected, truth) <= 1e-4


@pytest.mark.parametrize(("output", "unit"), [("classes", 1), ("value", 0)])
def test_heads_as_the_package(output, unit):
    model, X = two_heads(2), one_hot(np.random.default_rng(2), 10)
    found, expected = (
        make_attributor(
            model, method, output=output, unit=unit, maxpool_rule="winner"
        ).profiles(X, gc_reference())
        for method in ("deeplift", "deeplift_package")
    )
    scale = np.abs(expected.scores).max(axis=1)
    assert (np.abs(found.scores - expected.scores).max(axis=1) <= TOLERANCE * scale).all()
    np.testing.assert_allclose(found.target, expected.target, rtol=1e-5)
    assert max(found.convergence_delta.max(), expected.convergence_delta.max()) < 1e-5


def test_package_and_eager_keras_live_together():
    import tensorflow as tf

    model, X = conv_net(1), one_hot(np.random.default_rng(3), 4)
    before = model.predict(X, verbose=0)
    make_attributor(model, "deeplift_package").profiles(X, gc_reference())
    assert tf.executing_eagerly()
    assert sys.modules["tensorflow"] is tf
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)


def test_package_missing_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "deeplift"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "deeplift", None)
    with pytest.raises(ImportError, match=r"needs the extra dfim\[deeplift\]"):
        make_attributor(conv_net(1), "deeplift_package")


def test_package_has_one_maxpool_rule():
    with pytest.raises(ValueError, match="the deeplift package only has 'winner'"):
        make_attributor(conv_net(1), "deeplift_package", maxpool_rule="complete")


def wrap(*body):
    return keras.Sequential(
        [keras.Input((LENGTH, 4)), *body, layers.Flatten(), layers.Dense(1)]
    )


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Conv1D(4, 5, dilation_rate=2, name="c"), r"'c' \(Conv1D\): groups or dilation"),
        (layers.Conv1D(4, 5, groups=2, name="c"), r"'c' \(Conv1D\): groups or dilation"),
        (layers.Conv1D(4, 5, padding="causal", name="c"), r"'c' .*: padding='causal'"),
        (layers.Conv1D(4, 5, activation="gelu", name="c"), r"'c' .*: activation 'gelu'"),
        (layers.ReLU(max_value=6, name="r"), r"'r' \(ReLU\): ReLU with max_value"),
        (layers.AveragePooling1D(2, name="p"), r"'p' \(AveragePooling1D\): this class"),
        (layers.LSTM(4, return_sequences=True, name="m"), r"'m' \(LSTM\): this class"),
        (layers.BatchNormalization(axis=1, name="b"), r"'b' \(BatchNormalization\): axis=1"),
        (layers.Dense(4, name="d"), r"'d' \(Dense\): Dense on 2-D input"),
    ],
)
def test_layer_that_the_package_cannot_score_is_named(layer, message):
    with pytest.raises(ValueError, match=message + ".*supported: Conv1D"):
        make_attributor(wrap(layer), "deeplift_package")


def test_package_scores_chains_only():
    inputs = keras.Input((LENGTH, 4))
    merged = layers.Add(name="sum")([layers.Conv1D(4, 3)(inputs) for _ in range(2)])
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(merged)))
    with pytest.raises(ValueError, match=r"'sum' \(Add\): it merges 2 tensors"):
        make_attributor(model, "deeplift_package")
    model = keras.Model(inputs, layers.Conv1D(1, 3, name="end")(inputs))
    with pytest.raises(
        ValueError, match=r"'end' \(Conv1D\): the deeplift package scores a Dense"
    ):
        make_attributor(model, "deeplift_package")
