"""The `deeplift` package (0.6.13.0) behind the same interface, as an independent reference.

It was written for TensorFlow 1. Here it runs beside eager Keras 3: `tensorflow` means
`tensorflow.compat.v1` only while its modules are imported, it works in a graph and a session
of its own, and it gets the model as a list of layers in memory (it can read no file that
Keras writes today). It receives the layers as they are: nothing is folded for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.base import Array, Attributor, Block, Wanted
from dfim.attribution.engine.costs import default_batch_size
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.methods.deeplift_chain import activation_kind, chain_of, unsupported
from dfim.attribution.results import Head

MODES = {
    "deeplift_package": "DeepLIFT_GenomicsDefault",
    "rescale": "Rescale",
    "gradient": "Gradient",
}
# Contributions that one call may return: each call adds to the package's graph and slows
# all later ones down, so calls are few and large.
_CALL_BYTES = 2**28


class DeepliftPackage(Attributor):
    """Scores one logit of a chain of layers with the `deeplift` package.

    Parameters
    ----------
    model : keras.Model
    output, unit, observed, batch_size
        As `dfim.attribution.make_attributor`.
    mode : str
        "deeplift_package" (its genomics default: Rescale after convolutions, RevealCancel
        after dense layers), "rescale" or "gradient".

    Raises
    ------
    ImportError
        When the package is not installed.
    ValueError
        As `dfim.attribution.graph.plan.make_plan`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        output: int | str = 0,
        unit: int = 0,
        observed: bool = True,
        batch_size: int | None = None,
        mode: str = "deeplift_package",
    ) -> None:
        self.plan = make_plan(model, [Head(output, unit)])  # refuses what has no rule
        self._util, conversion = _import_package()
        chain = chain_of(model, output)
        self.method = "deeplift_package"
        self.length = chain.length
        self.batch_size = batch_size or default_batch_size(self.plan)
        self.needs_references = mode != "gradient"
        self._observed = observed
        self._unit = unit
        layers = _layer_list(chain.layers, chain.length)
        self._graph = tf.Graph()
        # Its graph has independent branches, so it gains from running them side by side.
        threads = tf.config.threading.get_intra_op_parallelism_threads()
        settings = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=threads,
            use_per_session_threads=True,
        )
        self._session = tf.compat.v1.Session(graph=self._graph, config=settings)
        with self._active(), contextlib.redirect_stdout(io.StringIO()):
            scored = conversion.convert_sequential_model(
                layers, nonlinear_mxts_mode=MODES[mode], verbose=False
            )
            self._input = scored.get_layers()[0].get_activation_vars()
            self._output = scored.get_layers()[-1].get_activation_vars()
            self._scored = scored
            self._contribute = scored.get_target_contribs_func(
                find_scores_layer_idx=0, target_layer_idx=-1
            )

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        n = self._check_one_hot("X", X, (None, self.length, 4))
        out = np.empty(n, np.float32)
        for start in range(0, n, self.batch_size):
            rows = slice(start, start + self.batch_size)
            values = self._session.run(self._output, {self._input: X[rows]})
            out[rows] = values[:, self._unit]
        return out

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        function = self._imagine if wanted == "hypothetical" else self._contribute
        if not self.needs_references:
            references, reference_of = np.zeros((1, 1, self.length, 4), np.float32), None
        rows_per_call = max(1, _CALL_BYTES // (self.length * 4 * 4))
        for start in range(0, len(X), rows_per_call):
            x = X[start : start + rows_per_call].astype(np.float32)
            group = np.zeros(len(x), int)
            if reference_of is not None:
                group = reference_of[start : start + len(x)]
            repeats = [
                references[group, r].astype(np.float32) for r in range(references.shape[1])
            ]
            values = sum(self._score(function, x, r) for r in repeats) / len(repeats)
            target = base = gap = np.full(len(x), np.nan, np.float32)
            if wanted == "scores":
                target = self.predict_logit(x)
                if self.needs_references:
                    base = sum(self.predict_logit(r) for r in repeats) / len(repeats)
                    gap = np.abs(values.sum(axis=(1, 2)) - (target - base))
                values = (values * x if self._observed else values).sum(axis=2)
            found = (array[None] for array in (values, target, base, gap))
            yield Block(slice(start, start + len(x)), *found)

    @functools.cached_property
    def _imagine(self) -> Callable[..., Array]:
        """The package's function for hypothetical contributions: a graph of its own."""
        with self._active(), contextlib.redirect_stdout(io.StringIO()):
            multiply = self._scored.get_target_multipliers_func(
                find_scores_layer_idx=0, target_layer_idx=-1
            )
        return self._util.get_hypothetical_contribs_func_onehot(multiply)

    def _score(self, function: Callable[..., Array], x: Array, reference: Array) -> Array:
        """Contributions (n, L, 4) by one call of a function of the package."""
        with self._active():
            scores = function(
                task_idx=self._unit,
                input_data_list=[x],
                input_references_list=[reference],
                batch_size=self.batch_size,
                progress_update=None,
            )
        return np.asarray(scores, np.float32)

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        """Make the private graph current, and the private session the package's."""
        before = self._util.get_session
        self._util.get_session = lambda: self._session
        try:
            with self._graph.as_default():
                yield
        finally:
            self._util.get_session = before


def _import_package() -> tuple[ModuleType, ModuleType]:
    """Import the package's util and conversion modules against TensorFlow 1's interface."""
    original = sys.modules["tensorflow"]
    sys.modules["tensorflow"] = tf.compat.v1
    try:
        return (
            importlib.import_module("deeplift.util"),
            importlib.import_module("deeplift.conversion.kerasapi_conversion"),
        )
    except ModuleNotFoundError as error:
        raise ImportError(
            f"method 'deeplift_package' needs the extra dfim[deeplift], not installed ({error})"
        ) from error
    finally:
        sys.modules["tensorflow"] = original


def _layer_list(layers: tuple[keras.layers.Layer, ...], length: int) -> list[dict[str, Any]]:
    """Describe layers as the package wants them; the last activation is left out."""
    described = [_describe(layer) for layer in layers]
    while described[-1]["class_name"] in ("Activation", "Dropout"):
        described.pop()
    if described[-1]["class_name"] != "Dense":
        raise unsupported(layers[-1], "the deeplift package scores a Dense layer only")
    described[-1]["config"]["activation"] = "linear"
    described[0]["config"]["batch_input_shape"] = (None, length, 4)
    return described


def _describe(layer: keras.layers.Layer) -> dict[str, Any]:
    """Give one layer's class, settings and weights."""
    config: dict[str, Any] = {"weights": [np.asarray(w) for w in layer.get_weights()]}
    match layer:
        case keras.layers.Conv1D():
            config |= _conv_settings(layer)
        case keras.layers.Dense():
            if _rank(layer) != 1:
                raise unsupported(layer, "Dense on 2-D input")
            config["activation"] = activation_kind(layer)
        case keras.layers.Activation() | keras.layers.ReLU():
            return {
                "class_name": "Activation",
                "config": {"activation": activation_kind(layer)},
            }
        case keras.layers.MaxPooling1D():
            config |= {
                "pool_size": layer.pool_size,
                "strides": layer.strides,
                "padding": layer.padding,
            }
        case keras.layers.BatchNormalization():
            config |= _norm_settings(layer, config["weights"])
        case keras.layers.Dropout() | keras.layers.SpatialDropout1D():
            return {"class_name": "Dropout", "config": {}}
        case keras.layers.Flatten():
            pass
        case _:
            raise unsupported(layer, "this class of layer")
    return {"class_name": type(layer).__name__, "config": config}


def _conv_settings(layer: keras.layers.Conv1D) -> dict[str, Any]:
    if layer.groups > 1 or tuple(layer.dilation_rate) != (1,):
        raise unsupported(layer, "groups or dilation")
    if layer.padding not in ("valid", "same"):
        raise unsupported(layer, f"padding='{layer.padding}'")
    names = ("filters", "kernel_size", "padding", "strides")
    return {"activation": activation_kind(layer)} | {n: getattr(layer, n) for n in names}


def _norm_settings(
    layer: keras.layers.BatchNormalization, weights: list[Array]
) -> dict[str, Any]:
    if layer.axis not in (-1, _rank(layer)):
        raise unsupported(layer, f"axis={layer.axis}")
    if not layer.scale:
        weights = [np.ones_like(weights[0]), *weights]
    if not layer.center:
        weights = [weights[0], np.zeros_like(weights[0]), *weights[1:]]
    return {"weights": weights, "axis": -1, "epsilon": layer.epsilon}


def _rank(layer: keras.layers.Layer) -> int:
    """Axes of what a layer reads, without that of the batch."""
    return len(layer._inbound_nodes[0].input_tensors[0].shape) - 1
