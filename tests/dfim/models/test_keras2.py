"""Networks of Keras 2: written in its format here, and one that was published."""

import json

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.models.loading import load_model
from dfim.sequences.encoding import one_hot_encode
from helpers.small_models import LENGTH, conv_net, gc_reference, one_hot, two_heads

UNIFORM = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
}
NO_REGULARIZERS = {
    f"{what}_regularizer": None for what in ("kernel", "bias", "activity", "beta", "gamma")
}
NETS = {
    "norm before": {"norm": "before", "padding": "same", "pool_size": 7},
    "norm after": {"norm": "after", "pool": "same", "stride": 3},
    "heads of three": {"hidden": (12, 8), "hidden_kind": "tanh", "units": 3},
}


def settings(layer):
    """The settings of a layer as Keras 2 wrote them into its config."""
    kernel = {
        "use_bias": True,
        "kernel_initializer": UNIFORM,
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 7, "axis": 1}},
    }
    match layer:
        case layers.Conv1D():
            return {
                **kernel,
                "filters": layer.filters,
                "kernel_size": list(layer.kernel_size),
                "strides": [1],
                "dilation_rate": [1],
                "padding": layer.padding,
                "data_format": "channels_last",
                "activation": layer.activation.__name__,
            }
        case layers.Dense():
            return {**kernel, "units": layer.units, "activation": layer.activation.__name__}
        case layers.BatchNormalization():
            return {
                "axis": [len(layer.input.shape) - 1],
                "momentum": 0.99,
                "epsilon": layer.epsilon,
                "center": layer.center,
                "scale": layer.scale,
                "moving_mean_initializer": {"class_name": "Zeros", "config": {}},
            }
        case layers.MaxPooling1D():
            size, stride = list(layer.pool_size), list(layer.strides)
            return {"pool_size": size, "strides": stride, "padding": layer.padding}
        case layers.Dropout() | layers.SpatialDropout1D():
            return {"rate": layer.rate, "noise_shape": None, "seed": None}
        case layers.Activation():
            return {"activation": layer.activation.__name__}
        case layers.ReLU():
            return {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
        case layers.Flatten():
            return {"data_format": "channels_last"}


def described(model):
    """Every layer but the input, as Keras 2 described it, and the name of what it reads."""
    found = []
    for layer in model.layers[1:]:
        config = {**settings(layer), **NO_REGULARIZERS, "name": layer.name, "trainable": True}
        entry = {"class_name": type(layer).__name__, "config": config}
        found.append((entry, layer.input._keras_history.operation.name))
    return found


def architecture(model, style):
    """The JSON of a model: `style` is "list", "dict" or "functional"."""
    shape = {"batch_input_shape": [None, LENGTH, 4], "dtype": "float32"}
    entries, name = described(model), model.layers[0].name
    entry = {"class_name": "InputLayer", "config": {**shape, "sparse": False, "name": name}}
    if style == "list":
        entries[0][0]["config"] |= shape
        return "2.2.2", "Sequential", [layer for layer, _ in entries]
    if style == "dict":
        all_layers = [entry, *(layer for layer, _ in entries)]
        return "2.4.0", "Sequential", {"name": "sequential", "layers": all_layers}
    nodes = [{**entry, "name": name, "inbound_nodes": []}]
    nodes += [
        {**layer, "name": layer["config"]["name"], "inbound_nodes": [[[source, 0, 0, {}]]]}
        for layer, source in entries
    ]
    heads = [[tensor._keras_history.operation.name, 0, 0] for tensor in model.outputs]
    config = {"name": "model_1", "layers": nodes, "input_layers": [[name, 0, 0]]}
    return "2.2.4", "Model", {**config, "output_layers": heads}


def write_json(path, version, kind, config):
    path.write_text(
        json.dumps(
            {
                "class_name": kind,
                "config": config,
                "keras_version": version,
                "backend": "tensorflow",
            }
        )
    )


def write_h5(path, arrays, *, backend="tensorflow"):
    """Arrays of layers as `save_weights` of Keras 2 laid them out: {layer: {name: array}}."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name in arrays])
        file.attrs["backend"] = backend.encode()
        file.attrs["keras_version"] = b"2.2.2"
        for layer, named in arrays.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array(
                [f"{layer}_1/{name}:0".encode() for name in named]
            )
            for name, array in named.items():
                group[f"{layer}_1/{name}:0"] = array


def arrays_of(model):
    return {
        layer.name: {w.name: np.asarray(w) for w in layer.weights} for layer in model.layers
    }


@pytest.fixture
def small(tmp_path):
    """A network, and paths of its architecture (a list) and weights."""
    model = conv_net(4, **NETS["norm before"])
    paths = tmp_path / "model.json", tmp_path / "weights.h5"
    write_json(paths[0], *architecture(model, "list"))
    write_h5(paths[1], arrays_of(model))
    return model, *paths


def same(a, b, length=LENGTH):
    X = one_hot(np.random.default_rng(1), 20, length)
    found, expected = a.predict(X, verbose=0), b.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.std(expected) > 0.01
    return True


@pytest.mark.parametrize("style", ["list", "dict", "functional"])
@pytest.mark.parametrize("net", NETS)
def test_there_and_back(tmp_path, style, net):
    model = conv_net(4, **NETS[net])
    write_json(tmp_path / "model.json", *architecture(model, style))
    write_h5(tmp_path / "weights.h5", arrays_of(model))
    assert same(load_model(tmp_path / "model.json", tmp_path / "weights.h5"), model)


def test_file_of_a_whole_model_as_weights(small, tmp_path):
    model, path, _ = small
    # Keras still writes this layout itself, with the arrays in the group model_weights.
    model.save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as file:
        assert "model_weights" in file
    assert same(load_model(path, tmp_path / "whole.h5"), model)


def test_heads_keep_their_order_and_names(tmp_path):
    model = two_heads(2)
    model = keras.Model(model.inputs, model.outputs[::-1])
    write_json(tmp_path / "model.json", *architecture(model, "functional"))
    write_h5(tmp_path / "weights.h5", arrays_of(model))
    found = load_model(tmp_path / "model.json", tmp_path / "weights.h5")
    assert found.output_names == ["value", "classes"]
    X = one_hot(np.random.default_rng(1), 5)
    for a, b in zip(found.predict(X, verbose=0), model.predict(X, verbose=0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_weights_go_by_name_and_those_of_another_session_by_order(small):
    model, path, weights = small
    arrays = arrays_of(model)
    backwards = dict(reversed(arrays.items()))
    write_h5(weights, backwards)
    assert same(load_model(path, weights), model)
    write_h5(weights, {f"other_{i}": named for i, named in enumerate(arrays.values())})
    assert same(load_model(path, weights), model)


def test_mixed_precision_and_spatial_dropout_are_read(tmp_path):
    inputs = keras.Input((LENGTH, 4))
    x = layers.SpatialDropout1D(0.2)(layers.Conv1D(3, 5, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(2, activation="sigmoid")(layers.Flatten()(x)))
    version, kind, config = architecture(model, "dict")
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    for layer in config["layers"]:
        layer["config"]["dtype"] = policy
    write_json(tmp_path / "model.json", version, kind, config)
    write_h5(tmp_path / "weights.h5", arrays_of(model))
    assert same(load_model(tmp_path / "model.json", tmp_path / "weights.h5"), model)


# ---- what is refused -----------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (0, {"class_name": "LSTM"}, r"'conv1d\w*' \(LSTM\) is not supported, expected Conv1D"),
        (1, {"class_name": "Model"}, r"\(Model\) is not supported"),
        (0, {"data_format": "channels_first"}, "has data_format 'channels_first', expected"),
        (2, {"class_name": "Activation", "activation": "hard_sigmoid"}, "has activation 'hard"),
        (1, {"virtual_batch_size": 8}, r"setting that Keras refuses: .*virtual_batch_size"),
        (0, {"padding": "full"}, r"Conv1D\) has a setting that Keras refuses: .*full"),
        (0, {"kernel_size": [90], "padding": "valid"}, "cannot read what comes before it, of"),
        (0, {"batch_input_shape": [None, None, 4]}, r"shape \(None, 4\), expected \(length, 4"),
        (0, {"batch_input_shape": [None, 1, 60, 4]}, r"its input has shape \(1, 60, 4\)"),
        (0, {"batch_input_shape": None}, "is not a complete Keras 2 architecture"),
        (2, {"name": None}, "layer 3 has name None and class_name 'ReLU', expected"),
        (2, {"class_name": ["ReLU"]}, r"class_name \['ReLU'\], expected"),
    ],
)
def test_layers_and_settings_that_are_not_read(small, place, change, message):
    model, path, weights = small
    version, kind, config = architecture(model, "list")
    config[place]["class_name"] = change.pop("class_name", config[place]["class_name"])
    if config[place]["class_name"] == "Activation":
        config[place]["config"] = {"name": "act"}
    config[place]["config"] |= change
    write_json(path, version, kind, config)
    with pytest.raises(ValueError, match=message) as caught:
        load_model(path, weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([[["conv", 0, 0, {}]], [["conv", 1, 0, {}]]], "is shared, merges"),
        ([[["conv", 0, 0, {}], ["conv", 0, 0, {}]]], "is shared, merges tensors"),
        ([[["input", 0, 0, {"training": True}]]], "is called with arguments"),
        ([[["later", 0, 0, {}]]], "expected layers that read one tensor of a layer before"),
        ([], "is shared, merges"),
    ],
)
def test_functional_models_that_are_no_tree(small, nodes, message):
    model, path, weights = small
    version, kind, config = architecture(model, "functional")
    text = json.dumps(nodes).replace('"conv"', f'"{model.layers[1].name}"')
    config["layers"][3]["inbound_nodes"] = json.loads(
        text.replace('"input"', f'"{model.layers[0].name}"')
    )
    write_json(path, version, kind, config)
    with pytest.raises(ValueError, match=message):
        load_model(path, weights)


def test_one_input_is_expected(small):
    model, path, weights = small
    version, kind, config = architecture(model, "functional")
    config["input_layers"].append(["other", 0, 0])
    write_json(path, version, kind, config)
    with pytest.raises(ValueError, match=r"it has inputs \[.*'other'\] and .*, expected one"):
        load_model(path, weights)


@pytest.mark.parametrize("version", [None, "1.2.2", "3.4.1"])
def test_other_versions_of_keras(small, version):
    model, path, weights = small
    write_json(path, version, *architecture(model, "list")[1:])
    with pytest.raises(ValueError, match=rf"or Keras 2 .* keras_version is '?{version}'?$"):
        load_model(path, weights)


def test_weights_that_do_not_fit(small):
    model, path, weights = small
    arrays = arrays_of(model)
    dense = model.layers[-1].name
    write_h5(weights, arrays | {"more": {"kernel": np.zeros(3)}})
    with pytest.raises(ValueError, match=r"arrays of 8 layers, .* has 7 .* only: more$"):
        load_model(path, weights)
    write_h5(weights, {name: named for name, named in arrays.items() if name != dense})
    with pytest.raises(ValueError, match=rf"arrays of 6 layers, .* has 7 .* only: {dense}$"):
        load_model(path, weights)
    write_h5(weights, arrays | {dense: {"kernel": np.zeros((23, 1)), "bias": np.zeros(1)}})
    expected = rf"'{dense}' has arrays \[\(23, 1\), \(1,\)\] .* expected \[\(24, 1\), \(1,\)\]"
    with pytest.raises(ValueError, match=expected):
        load_model(path, weights)
    write_h5(weights, arrays | {dense: {"kernel": np.zeros((24, 1))}})
    with pytest.raises(ValueError, match=r"has arrays \[\(24, 1\)\]"):
        load_model(path, weights)


def test_files_that_hold_no_weights_of_keras_2(small, tmp_path):
    model, path, weights = small
    write_h5(weights, arrays_of(model), backend="theano")
    with pytest.raises(ValueError, match=r"no Keras 2 weights \(written on theano, where"):
        load_model(path, weights)
    dense = model.layers[-1].name
    broken = {"kernel": np.full((24, 1), np.nan), "bias": np.zeros(1)}
    write_h5(weights, arrays_of(model) | {dense: broken})
    with pytest.raises(ValueError, match=rf"'{dense}' has values that are not finite"):
        load_model(path, weights)
    model.save_weights(tmp_path / "new.weights.h5")
    with pytest.raises(ValueError, match=r"new\.weights\.h5 holds no Keras 2 weights"):
        load_model(path, tmp_path / "new.weights.h5")
    write_h5(weights, arrays_of(model))
    whole = weights.read_bytes()
    for keep in (0.1, 0.5, 0.95):
        weights.write_bytes(whole[: int(keep * len(whole))])
        with pytest.raises(ValueError, match="is missing, damaged or not an h5 file"):
            load_model(path, weights)


# ---- the published network -----------------------------------------------------

TASKS = ("JUND", "RELA", "SPI1", "STAT1", "POU2F1")


@pytest.fixture(scope="module")
def published(test_data):
    stem = test_data / "lcl_model/record_1_model_yNnvh_model"
    return load_model(f"{stem}Json.json", f"{stem}Weights.h5")


@pytest.mark.realdata
def test_published_heads_answer_to_their_motifs(published):
    assert published.input_shape == (None, 1000, 4)
    scorers = [make_attributor(published, "gradient_input", unit=k) for k in range(5)]

    def logits(sequences):
        return np.stack([scorer.predict_logit(sequences) for scorer in scorers], axis=1)

    X = one_hot(np.random.default_rng(0), 60, length=1000)
    before = logits(X)
    np.testing.assert_allclose(
        published.predict(X, verbose=0), 1 / (1 + np.exp(-before)), rtol=1e-4
    )
    motifs = {"JUND": "ATGACTCAT", "RELA": "GGGAATTTCC", "SPI1": "AAAAAGAGGAAGTG"}
    for task, motif in motifs.items():
        planted = X.copy()
        planted[:, 500 : 500 + len(motif)] = one_hot_encode([motif])
        rise = (logits(planted) - before).mean(axis=0)
        others = np.delete(rise, TASKS.index(task))
        assert rise[TASKS.index(task)] > max(1.5, 2.5 * np.abs(others).max()), task


@pytest.mark.realdata
@pytest.mark.parametrize("unit", range(5))
def test_published_contributions_add_up(published, unit):
    X = one_hot(np.random.default_rng(0), 8, length=1000)
    found = make_attributor(published, "deeplift", unit=unit).profiles(X, gc_reference(1000))
    assert np.isfinite(found.scores).all()
    assert found.target.std() > 0.3
    assert found.convergence_delta.max() < 1e-4
