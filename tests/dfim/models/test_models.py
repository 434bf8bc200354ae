"""Loading models: what comes back, what is refused, and the published networks."""

import gzip
import json

import h5py
import keras
import numpy as np
import pytest

from dfim.models.loading import load_model
from dfim.sequences.encoding import one_hot_encode
from dfim.sequences.fasta import read_fasta
from helpers.small_models import conv_net, one_hot

HEAD = {"name": "Dense", "activation": "sigmoid", "output_dim": 1}
CONV = {
    "name": "Convolution1D",
    "activation": "relu",
    "border_mode": "valid",
    "filter_length": 3,
    "input_shape": [12, 4],
    "nb_filter": 2,
    "subsample_length": 1,
}
POOL = {"name": "MaxPooling1D", "border_mode": "valid", "pool_length": 5, "stride": 5}


def write(folder, layers, arrays, name="Sequential"):
    """Write a Keras 0.3 model: {layer index: [arrays]}."""
    (folder / "model.json").write_text(json.dumps({"name": name, "layers": layers}))
    with h5py.File(folder / "weights.h5", "w") as file:
        for i in range(len(layers)):
            group = file.create_group(f"layer_{i}")
            group.attrs["nb_params"] = len(arrays.get(i, []))
            for j, array in enumerate(arrays.get(i, [])):
                group[f"param_{j}"] = array
    return folder / "model.json", folder / "weights.h5"


@pytest.fixture
def small(tmp_path):
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(2, 4, 3, 1)), rng.normal(size=2)
    dense = rng.normal(size=(4, 1)), rng.normal(size=1)
    layers = [CONV, POOL, {"name": "Flatten"}, {"name": "Dropout", "p": 0.5}, HEAD]
    paths = write(tmp_path, layers, {0: [kernel, bias], 4: dense})
    return *paths, (kernel, bias, *dense)


def test_theano_convolution_is_flipped(small):
    path, weights, (kernel, bias, dense, dense_bias) = small
    X = one_hot(np.random.default_rng(1), 3, length=12).astype(float)
    z = np.zeros((3, 10, 2))
    for i in range(10):  # out[i] = sum over t of x[i + 2 - t] * kernel[t], a true convolution
        for t in range(3):
            z[:, i] += X[:, i + 2 - t] @ kernel[:, :, t, 0].T
    pooled = np.maximum(z + bias, 0).reshape(3, 2, 5, 2).max(axis=2)
    expected = 1 / (1 + np.exp(-(pooled.reshape(3, 4) @ dense + dense_bias)))
    found = load_model(path, weights).predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_keras_file_comes_back(tmp_path):
    model, X = conv_net(1, norm="before"), one_hot(np.random.default_rng(2), 5)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def cut(path, keep):
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


def test_damaged_keras_file(tmp_path):
    path = tmp_path / "model.keras"
    conv_net(1).save(path)
    cut(path, 0.5)
    with pytest.raises(ValueError, match=r"model\.keras is damaged or not a \.keras file"):
        load_model(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        load_model(path)
    with pytest.raises(ValueError, match=r"other\.keras does not exist"):
        load_model(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"ends in '\.txt', expected \.keras or \.json"):
        load_model(_touch(tmp_path / "model.txt"))


def test_zip_that_is_no_model(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("notes.txt", "none")
    with pytest.raises(ValueError, match="cannot be loaded by Keras") as caught:
        load_model(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)


def _touch(path):
    path.write_text("x")
    return path


def test_architecture_needs_weights(small):
    with pytest.raises(ValueError, match="is an architecture without weights"):
        load_model(small[0])


def test_truncated_or_missing_weights(small, tmp_path):
    path, weights, _ = small
    cut(weights, 0.6)
    with pytest.raises(ValueError, match=r"weights\.h5 is missing, damaged or not an h5"):
        load_model(path, weights)
    with pytest.raises(ValueError, match=r"none\.h5 is missing"):
        load_model(path, tmp_path / "none.h5")
    with h5py.File(weights, "w") as file:
        file.create_group("layer_0")
    with pytest.raises(ValueError, match=r"holds no Keras 0\.3 weights"):
        load_model(path, weights)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not an architecture, but a list"),
        ('{"name": ["Graph"]}', r"is not an architecture of Keras 0\.3 .* or Keras 2"),
        ('{"name": "Sequential"}', r"is not a complete Keras 0\.3 .*'layers'"),
        ('{"name": "Graph", "nodes": {}}', r"is not a complete Keras 0\.3 .*input_config"),
        ('{"class_name": "Sequential", "config": []}', "its keras_version is None"),
    ],
)
def test_json_that_is_no_model(small, text, message):
    path, weights, _ = small
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_model(path, weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: [np.zeros((2, 4, 5, 1)), np.zeros(2)]}, r"'layer_0' has a kernel \(2, 4, 5, 1\)"),
        ({0: [np.zeros((2, 4, 3, 1))]}, r"'layer_0' has a bias \(0,\), expected \(2,\)"),
        ({4: [np.zeros((5, 1)), np.zeros(1)]}, r"has a kernel \(5, 1\), expected \(4, 1\)"),
        ({1: [np.zeros(3)]}, "1 arrays belong to no layer"),
    ],
)
def test_weights_that_do_not_fit(small, tmp_path, change, message):
    kernel, bias, *dense = small[2]
    layers = json.loads(small[0].read_text())["layers"]
    paths = write(tmp_path, layers, {0: [kernel, bias], 4: dense} | change)
    with pytest.raises(ValueError, match=message):
        load_model(*paths)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"name": "LSTM"}, r"layer 'layer_1' \(LSTM\) or a setting of it is unknown"),
        ({**POOL, "border_mode": "same"}, r"'layer_1' \(MaxPooling1D\) or a setting"),
        ({"name": "Dropout"}, "layer 'layer_1' lacks the setting 'p'"),
    ],
)
def test_layers_that_are_not_known(small, tmp_path, layer, message):
    paths = write(tmp_path, [CONV, layer, {"name": "Flatten"}, HEAD], {0: small[2][:2]})
    with pytest.raises(ValueError, match=message):
        load_model(*paths)


@pytest.fixture(scope="module")
def simulated(test_data):
    folder = test_data / "dfim_release" / "embedded_motif_interaction_data"
    return load_model(folder / "model_architecture.json", folder / "model_weights.h5")


@pytest.mark.realdata
def test_published_simulated_network(simulated, test_data):
    from sklearn.metrics import roc_auc_score

    folder = test_data / "dfim_release" / "embedded_motif_interaction_data"
    X = one_hot_encode(read_fasta(folder / "sequences.fa.gz").sequences)
    with gzip.open(folder / "labels.txt.gz", "rt") as file:
        label = np.array([line.split()[-1] for line in file][1:], int)
    assert len(X) == len(label) == 60_000
    found = simulated.predict(X, batch_size=1000, verbose=0)[:, 0]
    assert np.mean((found > 0.5) == label) == pytest.approx(0.99295, abs=5e-6)
    assert roc_auc_score(label, found) == pytest.approx(0.9998, abs=5e-5)


@pytest.mark.realdata
def test_published_tal_gata_network_answers_to_gata(test_data):
    folder = test_data / "dfim_release" / "tal_gata_interaction_data"
    model = load_model(
        folder / "tal_gata_dnase_model_architecture.json",
        folder / "tal_gata_dnase_model_weights.hd5",
    )
    assert model.output_names == ["output0", "output1", "output2"]
    for layer in model.layers[-3:]:
        layer.activation = keras.activations.linear
    X = one_hot(np.random.default_rng(0), 100, length=1000)
    before = np.array(model.predict(X, verbose=0))
    rise = {}
    # Unflipped along one axis the network answers to the reverse or the complement instead.
    for motif in ("AGATAAG", "GAATAGA", "TCTATTC"):
        planted = X.copy()
        planted[:, 500:507] = one_hot_encode([motif])
        rise[motif] = (np.array(model.predict(planted, verbose=0)) - before).mean(axis=(1, 2))
    assert (rise["AGATAAG"] > 0.5).all()
    assert (rise["AGATAAG"] > 3 * np.maximum(rise["GAATAGA"], rise["TCTATTC"])).all()
