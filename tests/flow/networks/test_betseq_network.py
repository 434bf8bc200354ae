"""The network of Cbf1: its two orders, and the published parameters."""

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.models.prediction import predict_all
from dfim.sequences.kmers import sequence_codes
from flow.networks.architectures import build
from flow.networks.betseq_network import read_betseq_network
from helpers.small_models import one_hot

UNITS = {"layer1": (12, 7), "layer2": (7, 6), "layer3": (6, 5)}  # inputs and units, for 3 bases


def small_arrays(seed=0):
    """A PyTorch state of three hidden layers, of flanks of three bases."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for layer, (inputs, units) in UNITS.items():
        arrays[f"{layer}.fc.weight"] = rng.normal(size=(units, inputs))
        for name in ("fc.bias", "batchnorm.weight", "batchnorm.bias", "batchnorm.running_mean"):
            arrays[f"{layer}.{name}"] = rng.normal(size=units)
        arrays[f"{layer}.batchnorm.running_var"] = rng.uniform(1e-5, 1, units)
    arrays |= {"linear.weight": rng.normal(size=(1, 5)), "linear.bias": rng.normal(size=1)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def write(folder, arrays):
    path = folder / "params.npz"
    np.savez(path, **arrays)
    return path


def released_forward(arrays, codes):
    """The released module in evaluation, on one-hot flattened base by base."""
    x = np.eye(4)[codes].swapaxes(1, 2).reshape(len(codes), -1)
    for layer in UNITS:
        weight, bias = arrays[f"{layer}.fc.weight"], arrays[f"{layer}.fc.bias"]
        gamma, beta, mean, variance = (
            arrays[f"{layer}.batchnorm.{name}"]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        x = x @ weight.T.astype(float) + bias
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
    return (x @ arrays["linear.weight"].T + arrays["linear.bias"])[:, 0]


def test_network_is_that_of_the_paper():
    model = build("m4", 10, 1, {})
    # 40 inputs; 500, 500 and 250 units with four numbers each of normalisation; 1 output.
    hidden = 41 * 500 + 501 * 500 + 501 * 250
    assert model.count_params() == hidden + 4 * 1250 + 251
    kinds = [type(layer) for layer in model.layers[1:]]
    block = [layers.Dense, layers.BatchNormalization, layers.ReLU]
    assert kinds == [*block, *block, layers.Dropout, *block, layers.Dropout, layers.Dense]
    assert model.layers[-1].activation is keras.activations.linear
    options = {"units": [6, 5], "dropout": [0.25, 0.5], "order": "relu_norm"}
    paper = build("m4", 10, 3, options)
    block = [layers.Dense, layers.ReLU, layers.BatchNormalization, layers.Dropout]
    assert [type(layer) for layer in paper.layers[1:]] == [*block, *block, layers.Dense]
    assert [x.rate for x in paper.layers if isinstance(x, layers.Dropout)] == [0.25, 0.5]
    assert paper.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": [5, 5]}, r"units \[5, 5\] and dropout \[0, 0.25, 0.25\], expected a number"),
        ({"units": [], "dropout": []}, "at least one layer"),
        ({"order": "norm"}, "order 'norm', expected 'norm_relu' or 'relu_norm'"),
        ({"filters": 3}, "does not take"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=r"^model\.options: got .*" + message):
        build("m4", 10, 1, options)


@pytest.mark.parametrize("order", ["norm_relu", "relu_norm"])
def test_contributions_add_up_in_both_orders(order):
    rng = np.random.default_rng(2)
    model = build("m4", 10, 1, {"units": (30, 20, 10), "order": order})
    for variable in model.variables:
        if variable.name in ("beta", "moving_mean"):
            variable.assign(rng.normal(0, 0.5, variable.shape))
        elif variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.1, 2, variable.shape))
    X = one_hot(rng, 300, 10)
    reference = np.full((1, 1, 10, 4), 0.25, np.float32)
    found = make_attributor(model, "deeplift").profiles(X, reference)
    assert found.convergence_delta.max() < 1e-5
    assert found.target.std() > 0.1
    np.testing.assert_allclose(found.target, model.predict(X, verbose=0)[:, 0], atol=1e-5)


def test_parameters_keep_their_meaning(tmp_path):
    arrays = small_arrays()
    network = read_betseq_network(write(tmp_path, arrays))
    expected = released_forward(arrays, sequence_codes(3))
    assert network.input_shape == (None, 3, 4)
    assert expected.std() > 0.1
    np.testing.assert_allclose(predict_all(network), expected, rtol=1e-4, atol=1e-4)


def test_counter_of_later_pytorch_is_ignored(tmp_path):
    arrays = small_arrays()
    plain = predict_all(read_betseq_network(write(tmp_path, arrays)))
    arrays["layer2.batchnorm.num_batches_tracked"] = np.array(5)
    counted = predict_all(read_betseq_network(write(tmp_path, arrays)))
    np.testing.assert_array_equal(counted, plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"linear.bias": None}, r"array 'linear\.bias' is missing; expected layer1\.fc"),
        ({"layer4.fc.bias": np.zeros(3)}, r"array 'layer4\.fc\.bias' is unknown"),
        ({"layer2.fc.weight": np.zeros((6, 8))}, r"'layer2\.fc\.weight' has .*\(6, 7\)"),
        ({"layer1.fc.weight": np.zeros((7, 10))}, "4 times the bases"),
        ({"layer1.fc.weight": np.zeros(())}, "4 times the bases"),
        ({"layer3.batchnorm.bias": np.zeros(6)}, r"has shape \(6,\), expected \(5,\)"),
        ({"linear.weight": np.zeros((2, 5))}, r"has shape \(2, 5\), expected \(1, 5\)"),
        ({"linear.bias": np.array([np.nan])}, "holds a value that is no finite number"),
        ({"layer1.batchnorm.running_var": -np.ones(7)}, "that is no variance"),
        ({"linear.bias": np.array([1])}, r"'linear\.bias' is int64, expected float32"),
        ({"linear.bias": np.array([None])}, r"'linear\.bias' cannot be read \(Object arr"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message, tmp_path):
    arrays = {k: v for k, v in (small_arrays() | change).items() if v is not None}
    refused(write(tmp_path, arrays), message)


def refused(path, message):
    with pytest.raises(ValueError, match=message) as error:
        read_betseq_network(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_files_that_are_no_archive_are_refused(tmp_path):
    refused(tmp_path / "none.npz", "not a NumPy archive")
    (tmp_path / "page.npz").write_text("<html>\n")
    refused(tmp_path / "page.npz", "not a NumPy archive")
    (tmp_path / "empty.npz").write_bytes(b"")
    refused(tmp_path / "empty.npz", "not a NumPy archive")
    np.save(tmp_path / "one.npy", np.zeros(3))
    refused(tmp_path / "one.npy", "one array, expected an archive")
    whole = write(tmp_path, small_arrays())
    data = whole.read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    refused(tmp_path / "cut.npz", "not a NumPy archive")
    place = data.index(small_arrays()["layer1.fc.bias"].tobytes())
    (tmp_path / "bent.npz").write_bytes(data[:place] + b"\x01" + data[place + 1 :])
    refused(tmp_path / "bent.npz", r"array 'layer1\.fc\.bias' cannot be read \(Bad CRC")


@pytest.mark.realdata
def test_published_network_predicts_the_published_energies(test_data):
    network = read_betseq_network(test_data / "betseq/BET-seq_cbf1_model_params.npz")
    with np.load(test_data / "betseq/cbf1_predicted_ddG.npz") as file:
        expected = file["ddG"]
    found = predict_all(network)
    assert found.shape == expected.shape == (4**10,)
    centred = found - found.mean(dtype=np.float64)
    np.testing.assert_allclose(centred, expected, rtol=0, atol=1e-5)
    X = one_hot(np.random.default_rng(0), 500, 10)
    reference = np.full((1, 1, 10, 4), 0.25, np.float32)
    profiles = make_attributor(network, "deeplift").profiles(X, reference)
    assert profiles.convergence_delta.max() < 1e-4
