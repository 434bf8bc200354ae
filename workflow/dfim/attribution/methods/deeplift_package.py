"""The `deeplift` package (0.6.13.0) as an attribution method, for comparison.

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
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.base import Attributor
from dfim.attribution.checks import ReferenceGroups, check_one_hot
from dfim.attribution.engine.costs import default_batch_size
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.graph.reach import PlanReach
from dfim.attribution.methods.deeplift_chain import chain_of
from dfim.attribution.methods.deeplift_layers import layer_list
from dfim.attribution.results import Array, Block, Head, Wanted

MODES = {
    "deeplift_package": "DeepLIFT_GenomicsDefault",
    "rescale": "Rescale",
    "gradient": "Gradient",
}
# Contributions that one call may return: each call adds to the package's graph and slows
# all later ones down, so calls are few and large.
_CALL_BYTES = 2**28


class DeepliftPackage(PlanReach, Attributor):
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
        self._util: Any  # a module without types, of which one function is replaced
        self._util, conversion = _import_package()
        chain = chain_of(model, output)
        self.method = "deeplift_package"
        self.length = chain.length
        self.batch_size = batch_size or default_batch_size(self.plan)
        self.needs_references = mode != "gradient"
        self.observed, self.maxpool_rule = observed, "winner"
        self._unit = unit
        layers = layer_list(chain.layers, chain.length)
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
        n = check_one_hot("X", X, (None, self.length, 4))
        out = np.empty(n, np.float32)
        for start in range(0, n, self.batch_size):
            rows = slice(start, start + self.batch_size)
            values = self._session.run(self._output, {self._input: X[rows]})
            out[rows] = values[:, self._unit]
        return out

    def _blocks(
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        function = self._imagine if wanted == "hypothetical" else self._contribute
        if references is None:  # of plain gradients: not looked at
            references = ReferenceGroups(np.zeros((1, 1, self.length, 4), np.float32))
        rows_per_call = max(1, _CALL_BYTES // (self.length * 4 * 4))
        for start in range(0, len(X), rows_per_call):
            x = X[start : start + rows_per_call].astype(np.float32)
            rows = slice(start, start + len(x))
            group = references.groups(rows, len(x))
            baselines = [
                references.arrays[group, r].astype(np.float32)
                for r in range(references.repeats)
            ]
            values = _mean([self._score(function, x, x0) for x0 in baselines])
            target = base = delta = np.full(len(x), np.nan, np.float32)
            if wanted == "scores":
                target = self.predict_logit(x)
                if self.needs_references:
                    base = _mean([self.predict_logit(x0) for x0 in baselines])
                    delta = np.abs(values.sum(axis=(1, 2)) - (target - base))
                values = (values * x if self.observed else values).sum(axis=2)
            yield Block(rows, *(array[None] for array in (values, target, base, delta)))

    @functools.cached_property
    def _imagine(self) -> Callable[..., Array]:
        """Return the package's function for hypothetical contributions: a graph of its own."""
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


def _mean(arrays: Sequence[Array]) -> Array:
    """Mean of arrays of one shape, added up one after the other."""
    return functools.reduce(np.add, arrays) / len(arrays)
