"""Several tasks at once: the same numbers as one by one, from one pass forward."""

from dataclasses import replace

import numpy as np
import pytest

from dfim.attribution.engine import compiled as graphs
from dfim.attribution.engine.engine import Engine
from dfim.attribution.factory import make_attributor
from dfim.attribution.methods.per_task import PerTask
from dfim.attribution.results import Head
from dfim.models.loading import load_model
from helpers.graph_models import bpnet
from helpers.small_models import LENGTH, conv_net, gc_reference, mutants, one_hot, two_heads

BATCH = 24
FIELDS = ("scores", "target", "base", "convergence_delta")
CASES = {
    "one output": (lambda: conv_net(2, units=5), [Head(0, k) for k in (3, 0, 4)]),
    "no hidden layer": (
        lambda: conv_net(2, units=5, hidden=()),
        [Head(0, k) for k in range(5)],
    ),
    "two outputs": (
        lambda: two_heads(1),
        [Head("classes", 0), Head("classes", 1), Head("value", 0)],
    ),
    "outputs in turn": (lambda: two_heads(1), [Head(0, 1), Head(1), Head(0, 0)]),
    "positions": (bpnet, [Head("profile", 3), Head("profile", 9), Head("counts")]),
}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(params=CASES, scope="module")
def case(request):
    make, heads = CASES[request.param]
    return make(), heads


def one_by_one(model, method, heads, **options):
    return [
        make_attributor(model, method, output=head.output, unit=head.unit, **options)
        for head in heads
    ]


def assert_same(found, singles, same_logits=False):
    """Profiles of all tasks are those of each, scores bit by bit.

    Logits come from one matrix product for all columns of an output, so their last bits are
    others than those of a product for one. A convergence delta is a difference of such numbers.
    """
    for name in FIELDS:
        expected = np.stack([getattr(one, name) for one in singles])
        if name == "scores" or same_logits:
            np.testing.assert_array_equal(getattr(found, name), expected)
        else:
            share = 4e-6 if name == "convergence_delta" else 1e-6
            rounding = share * np.abs(found.target).max()
            np.testing.assert_allclose(getattr(found, name), expected, rtol=0, atol=rounding)


@pytest.mark.parametrize("method", ["deeplift", "gradient_input"])
def test_tasks_are_scored_as_one_by_one(case, method, rng):
    model, heads = case
    X, references = mutants(rng, 30), one_hot(rng, 12).reshape(6, 2, LENGTH, 4)
    group = rng.integers(0, 6, 30)
    scorer = make_attributor(model, method, heads=heads, batch_size=BATCH)
    singles = one_by_one(model, method, heads, batch_size=BATCH)
    arguments = {"references": references, "reference_of": group}
    found = scorer.profiles(X, **arguments)
    assert found.scores.shape == (len(heads), 30, LENGTH)
    assert_same(found, [one.profiles(X, **arguments) for one in singles])
    for kind in ("contributions", "hypothetical"):
        every = getattr(scorer, kind)(X, **arguments)
        each = [getattr(one, kind)(X, **arguments) for one in singles]
        np.testing.assert_array_equal(every, np.stack(each))
        assert (np.ptp(every, axis=0) > 0).any()  # tasks differ
    logits = np.stack([one.predict_logit(X) for one in singles])
    np.testing.assert_allclose(scorer.predict_logit(X), logits, rtol=1e-5, atol=1e-5)


def test_one_head_has_no_axis_of_tasks(rng):
    model, X = conv_net(2, units=5), one_hot(rng, 3)
    found = make_attributor(model, "deeplift", heads=[Head(0, 2)]).profiles(X, gc_reference())
    expected = make_attributor(model, "deeplift", unit=2).profiles(X, gc_reference())
    assert found.scores.shape == (3, LENGTH)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("method", ["deeplift", "gradient_input"])
def test_all_tasks_share_the_passes_forward(method, rng, monkeypatch):
    passes, run = [], Engine.run

    def watched(self, X, size=None):
        passes.append(len(X))
        return run(self, X, size)

    monkeypatch.setattr(Engine, "run", watched)
    model, X = conv_net(2, units=5), one_hot(rng, 60)
    references, group = one_hot(rng, 6).reshape(3, 2, LENGTH, 4), np.arange(60) % 3
    counts = []
    for heads in ([Head(0, 0)], [Head(0, k) for k in range(5)]):
        passes.clear()
        scorer = make_attributor(model, method, heads=heads, batch_size=BATCH)
        scorer.profiles(X, references, reference_of=group)
        counts.append(list(passes))
    assert counts[0] == counts[1]
    assert sum(counts[0]) == 60 + (6 if method == "deeplift" else 0)


@pytest.mark.parametrize("method", ["integrated_gradients", "mutagenesis"])
def test_methods_of_one_task_stand_side_by_side(method, rng):
    model, heads = two_heads(1), [Head("classes", 1), Head("value", 0)]
    X, references = mutants(rng, 5), one_hot(rng, 4).reshape(2, 2, LENGTH, 4)
    of, options = np.arange(5) % 2, {"batch_size": BATCH, "steps": 3}
    scorer = make_attributor(model, method, heads=heads, **options)
    singles = one_by_one(model, method, heads, **options)
    assert isinstance(scorer, PerTask)
    assert scorer.description() == replace(singles[0].description(), heads=tuple(heads))
    found = scorer.profiles(X, references, reference_of=of)
    each = [one.profiles(X, references, reference_of=of) for one in singles]
    assert_same(found, each, same_logits=True)
    np.testing.assert_array_equal(
        scorer.contributions(X, references, reference_of=of),
        np.stack([one.contributions(X, references, reference_of=of) for one in singles]),
    )
    np.testing.assert_array_equal(
        scorer.predict_logit(X), np.stack([one.predict_logit(X) for one in singles])
    )


def test_tasks_side_by_side_reach_as_far_as_any(rng):
    model = two_heads(1)  # a hidden layer before one of the outputs only
    start = rng.integers(0, LENGTH - 2, (2, 300))
    pairs = start[0], start[0] + 2, start[1], start[1] + 2
    heads = [Head("classes"), Head("value")]
    near, far = one_by_one(model, "mutagenesis", heads)
    assert 0 < near.reachable(*pairs).mean() < far.reachable(*pairs).mean()
    for method in ("mutagenesis", "deeplift"):
        both = make_attributor(model, method, heads=heads)
        np.testing.assert_array_equal(both.reachable(*pairs), far.reachable(*pairs))
        assert both.structural_reach() is None
    assert near.structural_reach() == 7  # four convolutions of width 5 to a pooling window


def test_wrong_heads_are_refused():
    model = two_heads(1)
    with pytest.raises(ValueError, match="heads: got none, expected at least one"):
        make_attributor(model, "deeplift", heads=[])
    with pytest.raises(ValueError, match="unit: got 2, expected 0 to 1"):
        make_attributor(model, "deeplift", heads=[Head("value"), Head("classes", 2)])
    with pytest.raises(ValueError, match="output: got 'x', expected one of"):
        make_attributor(model, "deeplift", heads=[Head("value"), Head("x")])


@pytest.mark.realdata
def test_published_tasks_are_scored_at_once_as_one_by_one(test_data, rng, monkeypatch):
    monkeypatch.setattr(graphs, "COMPILED_FLOPS", float("inf"))  # the half of the time
    stem = test_data / "lcl_model/record_1_model_yNnvh_model"
    model = load_model(f"{stem}Json.json", f"{stem}Weights.h5")
    heads, X = [Head(0, k) for k in range(5)], one_hot(rng, 4, 1000)
    scorer = make_attributor(model, "deeplift", heads=heads, batch_size=BATCH)
    found = scorer.profiles(X, gc_reference(1000))
    singles = one_by_one(model, "deeplift", heads, batch_size=BATCH)
    assert_same(found, [one.profiles(X, gc_reference(1000)) for one in singles])
    assert found.convergence_delta.max() < 1e-4
