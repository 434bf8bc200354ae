"""How the engine passes: references of groups, compiled graphs, batches, warnings."""

import logging
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.client import device_lib

from dfim.attribution.engine import compiled as graphs
from dfim.attribution.engine import costs, engine
from dfim.attribution.engine.activations import bend_of
from dfim.attribution.engine.engine import Engine
from dfim.attribution.factory import make_attributor
from dfim.attribution.graph.layers import layer_steps
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.results import relative_convergence_delta
from helpers.graph_models import MODELS
from helpers.small_models import LENGTH, conv_net, gc_reference, mutants, one_hot

BATCH = 24


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def plain():
    return conv_net(3)


@pytest.fixture
def passed(monkeypatch):
    """Every row that goes forward."""
    rows, run = [], Engine.run

    def watched(self, X, size=None):
        rows.extend(np.array(X, np.float32))
        return run(self, X, size)

    monkeypatch.setattr(Engine, "run", watched)
    return rows


# ---- references ------------------------------------------------------------------


def families(rng, n=3, mutated=9):
    """Sequences with their mutants, two references for each, and who belongs to whom."""
    originals = one_hot(rng, n)
    X = np.repeat(originals, 1 + mutated, axis=0)
    at = rng.integers(0, LENGTH, len(X))
    rows = np.arange(len(X))
    X[rows, at] = np.roll(X[rows, at], rng.integers(0, 2), axis=1)
    X[:: 1 + mutated] = originals
    references = one_hot(rng, 2 * n).reshape(n, 2, LENGTH, 4)
    return X, references, np.repeat(np.arange(n), 1 + mutated)


@pytest.mark.parametrize("held", [256 * 2**20, 1])
@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale"])
def test_references_of_a_family_pass_once(plain, method, held, rng, passed, monkeypatch):
    monkeypatch.setattr(engine, "REFERENCE_BYTES", held)
    X, references, group = families(rng)
    order = rng.permutation(len(X))
    scorer = make_attributor(plain, method, batch_size=BATCH)
    found = scorer.profiles(X[order], references, reference_of=group[order])
    assert len(passed) == len(X) + 6
    for reference in references.reshape(-1, LENGTH, 4):
        assert sum(np.array_equal(row, reference) for row in passed) == 1
    passed.clear()
    own = scorer.profiles(X, references[group], reference_of=np.arange(len(X)))
    assert len(passed) == 3 * len(X)
    for name in ("scores", "target", "base", "convergence_delta"):
        np.testing.assert_array_equal(getattr(found, name), getattr(own, name)[order])
    one = scorer.profiles(X[:1], references[:1])
    np.testing.assert_allclose(one.scores[0], own.scores[0], atol=2e-6 * np.ptp(own.scores[0]))
    np.testing.assert_allclose(one.base, own.base[:1], atol=1e-5)


def test_shared_references_pass_once(plain, rng, passed):
    X, references = one_hot(rng, 50), one_hot(rng, 3)[None]
    scorer = make_attributor(plain, "deeplift", batch_size=BATCH)
    found = scorer.profiles(X, references)
    assert len(passed) == 50 + 3
    base = scorer.predict_logit(references[0]).mean()
    np.testing.assert_allclose(found.base, np.full(50, base), rtol=1e-5)


def test_groups_without_rows_do_not_pass(plain, rng, passed):
    X, references = one_hot(rng, 4), one_hot(rng, 10).reshape(5, 2, LENGTH, 4)
    scorer = make_attributor(plain, "deeplift", batch_size=BATCH)
    scorer.profiles(X, references, reference_of=np.array([4, 1, 1, 4]))
    assert len(passed) == 4 + 2 * 2


# ---- compiled or not -------------------------------------------------------------


@pytest.mark.parametrize("name", ["chain", "gated", "softmax", "moves"])
@pytest.mark.parametrize("method", ["deeplift", "gradient_input"])
def test_compiled_graphs_give_what_plain_ones_do(name, method, rng, monkeypatch):
    model = conv_net(3, norm="after", pool="same") if name == "chain" else MODELS[name]()
    X, references = mutants(rng, 6), one_hot(rng, 12).reshape(6, 2, LENGTH, 4)
    found = []
    for threshold, compiled in ((0, True), (float("inf"), False)):
        monkeypatch.setattr(graphs, "COMPILED_FLOPS", threshold)
        scorer = make_attributor(model, method, batch_size=BATCH)
        assert scorer._graphs.compiled == compiled
        found.append(scorer.contributions(X, references, reference_of=np.arange(6)))
    a, b = found
    assert np.abs(b).max() > 1e-3
    assert np.abs(a - b).max() <= 5e-6 * np.abs(b).max()


def test_large_batches_are_compiled(plain):
    flops = costs.flops_per_profile(make_plan(plain))
    rows = costs.whole_bundles(int(graphs.COMPILED_FLOPS / flops) + 1)
    assert make_attributor(plain, "deeplift", batch_size=rows)._graphs.compiled
    assert not make_attributor(plain, "deeplift", batch_size=BATCH)._graphs.compiled


# ---- batches -----------------------------------------------------------------------


@pytest.fixture
def memory(monkeypatch):
    """Make TensorFlow tell of GPUs with so much memory."""
    costs.batch_budget.cache_clear()

    def fake(*limits):
        costs.batch_budget.cache_clear()
        gpus = [SimpleNamespace(device_type="GPU", memory_limit=limit) for limit in limits]
        cpu = SimpleNamespace(device_type="CPU", memory_limit=2**28)
        monkeypatch.setattr(device_lib, "list_local_devices", lambda: [cpu, *gpus])
        monkeypatch.setattr(
            tf.config, "list_logical_devices", lambda kind: gpus if kind == "GPU" else [cpu]
        )

    yield fake
    costs.batch_budget.cache_clear()


def test_budget_is_a_constant_without_a_gpu(memory):
    memory()
    assert costs.batch_budget() == (costs.BATCH_BYTES, costs.LARGEST)
    sizes = [costs.batch_size_for(n) for n in (1, 36_000, 500_000, 2 * 10**6, 10**9)]
    assert sizes == [768, 384, 48, 24, 24]


def test_batches_grow_with_the_memory_of_a_gpu(memory):
    rows = {}
    for gib in (0, 8, 80):
        memory(*[gib * 2**30] if gib else [])
        rows[gib] = [costs.batch_size_for(n) for n in (36_000, 500_000, 2 * 10**6)]
    for small, large in ((0, 8), (8, 80)):
        assert all(a <= b for a, b in zip(rows[small], rows[large], strict=True))
        assert rows[small][2] < rows[large][2]
    budget, largest = costs.batch_budget()
    assert max(rows[80]) <= largest
    for row_bytes, size in zip((36_000, 500_000, 2 * 10**6), rows[80], strict=True):
        assert size % costs.BUNDLE == 0
        assert size * row_bytes <= budget < 80 * 2**30


def test_smallest_gpu_decides_and_never_below_a_cpu(memory):
    memory(80 * 2**30, 8 * 2**30)
    both = costs.batch_budget()
    memory(8 * 2**30)
    assert costs.batch_budget() == both
    memory(2**20)
    assert costs.batch_budget()[0] == costs.BATCH_BYTES


@pytest.mark.parametrize(("given", "made"), [(1, 24), (24, 24), (25, 48), (512, 528)])
def test_batches_are_whole_bundles(plain, given, made):
    assert make_attributor(plain, "deeplift", batch_size=given).batch_size == made


# ---- convergence delta ------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["winner", "complete"])
def test_contributions_that_do_not_add_up_are_told_of_once(plain, rule, rng, caplog):
    X, references = one_hot(rng, 20), one_hot(rng, 20)[:, None]
    scorer = make_attributor(plain, "deeplift", maxpool_rule=rule, batch_size=BATCH)
    with caplog.at_level(logging.WARNING, "dfim"):
        for _ in range(2):
            scorer.profiles(X, references, reference_of=np.arange(20))
    if rule == "complete":
        assert caplog.messages == []
        return
    (line,) = caplog.messages
    assert line.startswith("deeplift: contributions miss the change of the logit by ")
    assert "(median of n = 20)" in line
    assert line.endswith("with these references use maxpool_rule 'complete'")
    with caplog.at_level(logging.WARNING, "dfim"):
        other = make_attributor(plain, "deeplift", maxpool_rule=rule, batch_size=BATCH)
        other.profiles(X, references, reference_of=np.arange(20))
    assert len(caplog.messages) == 2  # another attributor says it for itself


def test_too_few_steps_are_told_of(plain, rng, caplog):
    X = one_hot(rng, 20)
    for steps, lines in ((1, 1), (300, 0)):
        caplog.clear()
        scorer = make_attributor(plain, "integrated_gradients", steps=steps, batch_size=BATCH)
        scorer.profiles(X, gc_reference())
        assert len(caplog.messages) == lines
        assert all(line.endswith(f"use more steps than {steps}") for line in caplog.messages)


def test_methods_without_references_do_not_warn(plain, rng, caplog):
    for method in ("gradient_input", "mutagenesis"):
        make_attributor(plain, method, batch_size=BATCH).profiles(one_hot(rng, 3))
    assert caplog.messages == []


def test_relative_convergence_delta_is_that_of_medians_and_leaves_nan_out():
    delta, change = (
        np.float32([[1, 2, np.nan], [3, 9, 1]]),
        np.float32([[-5, 10, 7], [20, -40, 1]]),
    )
    assert relative_convergence_delta(delta, change) == 2 / 10
    assert np.isnan(
        relative_convergence_delta(np.full(3, np.nan, np.float32), np.ones(3, np.float32))
    )


KINKED = ("celu", "elu", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6", "selu", "softsign")


@pytest.mark.parametrize("name", KINKED)
def test_short_chords_have_their_slope_beside_a_kink_and_over_it(name, rng):
    function = getattr(keras.activations, name)
    (step,) = layer_steps(keras.layers.Activation(name), (LENGTH,))
    z0 = rng.normal(0, 2, 4000).astype(np.float32)
    z = (z0 + rng.choice([-1, 1], 4000) * 10 ** rng.uniform(-6, 0.5, 4000)).astype(np.float32)
    z0[:400], z[:400] = rng.choice(step.kinks, 400) + rng.normal(0, 1e-3, (2, 400))
    z0, z = z0[z != z0], z[z != z0]
    dz = z - z0
    found = bend_of(step).chord(tf.constant(z0), tf.constant(dz)).numpy()
    value, start, end, begin = (
        a.astype(np.float64)
        for a in (*(function(tf.constant(v, tf.float64)).numpy() for v in (z, z0)), z, z0)
    )
    error = np.abs(found - (value - start) / (end - begin))
    over = np.any([(begin - k) * (end - k) <= 0 for k in step.kinks], axis=0)
    assert 100 < over.sum() < 2000
    assert error[~over].max() < 3e-6
    if step.kinks == (0.0,):  # both values are as small as their difference
        assert error.max() < 3e-6
