"""Crops around mutations: the same differences as whole profiles, and where they are not."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.graph.plan import make_plan
from dfim.attribution.local.crop_geometry import PoolingWindows, obstacle
from dfim.attribution.local.cropped import Cropped
from dfim.sequences.mutations import mutate_intervals
from helpers.crops import NETS, TOLERANCE, N, engine, mutations, sequences
from helpers.small_models import LENGTH, conv_net, gc_reference, one_hot

# Hidden layers none: like the TAL1/GATA1 network, but small.
ENGINES = [
    ("deeplift", "winner"),
    ("deeplift", "complete"),
    ("deeplift_rescale", "winner"),
    ("gradient_input", "winner"),
]


@pytest.fixture
def rng():
    return np.random.default_rng(8)


REFERENCES = {
    "gc": (lambda rng: gc_reference(), None),
    "shared": (lambda rng: one_hot(rng, 2)[None], None),
    "own": (lambda rng: one_hot(rng, 2 * N).reshape(N, 2, LENGTH, 4), np.arange(N)),
    "groups": (lambda rng: one_hot(rng, 3)[:, None], np.arange(N) % 3),
}


def columns_of(mutants, start, widest):
    place = np.minimum(start[:, None] + np.arange(widest), LENGTH - 1)
    return mutants[np.arange(len(start))[:, None], place]


def compare(scorer, cropped, X, mutated, references, group, rng, *, how="gc"):
    """Differences from crops, and the same from whole profiles."""
    rows, start, end = mutated
    mutants = mutate_intervals(X, rows, start, end, how=how, rng=rng)
    columns = columns_of(mutants, start, int((end - start).max()))
    found = cropped.differences(X, rows, columns, start, end, references, reference_of=group)
    both = np.append(np.arange(len(X)), rows)
    whole = scorer.profiles(
        np.concatenate([X.astype(np.float32), mutants]),
        references,
        reference_of=None if group is None else group[both],
    )
    delta = np.zeros((len(rows), LENGTH), np.float32)
    place = found.offset[:, None] + np.arange(cropped.crop)
    delta[np.arange(len(rows))[:, None], place] = found.delta
    return found, whole, delta


CASES = [("plain", *which, kind) for which in ENGINES for kind in REFERENCES] + [
    (net, "deeplift", rule, kind)
    for net, rule in zip(
        list(NETS)[1:], ("winner", "complete", "complete", "winner", "winner"), strict=True
    )
    for kind in ("gc", "own")
]


@pytest.mark.parametrize(("net", "method", "rule", "references"), CASES)
def test_differences_are_those_of_whole_profiles(net, method, rule, references, rng):
    scorer = engine(net, method, rule)
    cropped = Cropped.of(scorer, 6)
    assert cropped.crop < LENGTH - 5
    make, group = REFERENCES[references]
    X, mutated = sequences(rng), mutations(rng)
    found, whole, delta = compare(scorer, cropped, X, mutated, make(rng), group, rng)
    rows = mutated[0]
    expected = whole.scores[rows] - whole.scores[N:]
    scale = np.abs(whole.scores[rows]).max(axis=1)
    assert (np.abs(delta - expected).max(axis=1) <= TOLERANCE * scale).all()
    assert (expected[delta == 0] == 0).mean() > 0.99  # exactly nothing beyond the crop
    assert (np.abs(expected).max(axis=1) > 1e-3 * scale).mean() > 0.5
    effect = whole.target[rows] - whole.target[N:]
    np.testing.assert_allclose(found.effect, effect, atol=3e-6 * np.abs(whole.target).max())
    assert np.isnan(found.convergence_delta).all() == (method == "gradient_input")


@pytest.mark.parametrize("how", ["zeros", "shuffle"])
@pytest.mark.parametrize("observed", [True, False])
def test_other_mutations_and_unmasked_sums(how, observed, rng):
    scorer = engine("plain", observed=observed)
    X, mutated = sequences(rng), mutations(rng)
    references, group = REFERENCES["own"][0](rng), np.arange(N)
    _, whole, delta = compare(
        scorer, Cropped.of(scorer, 6), X, mutated, references, group, rng, how=how
    )
    expected = whole.scores[mutated[0]] - whole.scores[N:]
    scale = np.abs(whole.scores[mutated[0]]).max(axis=1)
    assert (np.abs(delta - expected).max(axis=1) <= TOLERANCE * scale).all()


@pytest.mark.parametrize("rule", ["winner", "complete"])
def test_gap_is_that_of_the_windows_in_the_crop(rule, rng):
    scorer = engine("plain", rule=rule)
    X, mutated = sequences(rng), mutations(rng)
    references, group = REFERENCES["own"][0](rng), np.arange(N)
    small, whole, _ = compare(scorer, Cropped.of(scorer, 6), X, mutated, references, group, rng)
    every = Cropped(scorer, LENGTH)
    full, _, _ = compare(scorer, every, X, mutated, references, group, rng)
    assert every.windows == PoolingWindows.of(scorer.plan).total  # the crop is all that is seen
    np.testing.assert_allclose(full.convergence_delta, whole.convergence_delta[N:], atol=1e-5)
    if rule == "complete":
        assert small.convergence_delta.max() < 1e-5
    else:
        assert np.median(small.convergence_delta) > 0.01
        assert (np.abs(small.convergence_delta - full.convergence_delta) > 1e-3).mean() > 0.5


@pytest.mark.parametrize("references", ["gc", "own"])
def test_a_mutant_does_not_depend_on_its_neighbours(references, rng):
    cropped = Cropped(engine(), 6, batch_size=24)
    make, group = REFERENCES[references]
    refs, X = make(rng), sequences(rng)
    rows, start, end = mutations(rng, n=70)
    columns = rng.dirichlet(np.ones(4), (70, 6)).astype(np.float32)

    def score(chosen):
        return cropped.differences(
            X, rows[chosen], columns[chosen], start[chosen], end[chosen], refs,
            reference_of=group,
        )  # fmt: skip

    whole = score(np.arange(70))
    for chosen in (rng.permutation(70), np.arange(23), np.array([5])):
        part = score(chosen)
        for name in ("delta", "offset", "effect", "convergence_delta"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[chosen])


def test_bytes_and_floats_give_the_same_bits_and_no_mutant_is_no_trouble(rng):
    X, (rows, start, end) = sequences(rng), mutations(rng)
    columns = np.zeros((len(rows), 6, 4), np.uint8)
    cropped = Cropped.of(engine(), 6)
    a = cropped.differences(X, rows, columns, start, end, gc_reference())
    b = cropped.differences(
        X.astype(np.float32), rows, columns.astype(np.float32), start, end, gc_reference()
    )
    np.testing.assert_array_equal(a.delta, b.delta)
    none = cropped.differences(X, rows[:0], columns[:0], start[:0], end[:0], gc_reference())
    assert none.delta.shape == (0, cropped.crop)


def test_no_interval_is_seen_by_more_windows_than_the_crop_has():
    for size, field, total in [(25, 70, 38), (4, 12, 13), (7, 7, 8), (1, 1, 60)]:
        windows = PoolingWindows(size=size, field=field, total=total)
        start, width = (a.ravel() for a in np.indices((size * total, 30)))
        width += 1
        count = windows.seeing(width)
        first = np.array(
            [windows.first_seeing(s, int(k)) for s, k in zip(start, count, strict=True)]
        )
        for window in range(total):
            sees = (window * size < start + width) & (window * size + field > start)
            inside = (first <= window) & (window < first + count)
            assert inside[sees].all()
        assert (first >= 0).all()
        assert (first + count <= total).all()
    assert PoolingWindows(25, 70, 38).seeing(4) == 3


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"hidden": (8,)}, "a hidden dense layer joins all positions"),
        ({"padding": "same"}, "a convolution or pooling has padding"),
        ({"pool": "same", "pool_size": 7}, "pooling of size 7, stride 7, expected windows"),
        ({"pool_size": 5, "stride": 2}, "pooling of size 5, stride 2, expected windows"),
    ],
)
def test_refused_where_crops_are_not_exact(options, why):
    model = conv_net(7, **{"hidden": (), "pool_size": 4} | options)
    scorer = make_attributor(model, "deeplift")
    assert obstacle(scorer.plan).startswith(why)
    for make in (Cropped, Cropped.of):
        with pytest.raises(ValueError, match=f"engine: {why}"):
            make(scorer, 4)


def test_refused_without_a_pooling_or_with_another_behind_it():
    def model(*steps):
        top = [layers.Flatten(), layers.Dense(1)]
        return keras.Sequential([keras.Input((LENGTH, 4)), *steps, *top])

    conv = layers.Conv1D
    for steps, why in (
        ([conv(3, 5, activation="relu")], "0 poolings"),
        ([layers.MaxPooling1D(2), conv(3, 3), layers.MaxPooling1D(2)], "2 poolings"),
        ([layers.MaxPooling1D(2), conv(3, 3)], "a convolution stands behind"),
        ([conv(3, 5, activation="tanh"), layers.MaxPooling1D(2)], "a step is tanh"),
        ([layers.Flatten(), layers.Dense(3)], "a hidden dense layer"),
        ([layers.Flatten()], "0 poolings"),
    ):
        assert obstacle(make_plan(model(*steps))).startswith(why)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_wrong_crop_does_not_pass_the_self_check(monkeypatch, shift):
    right = PoolingWindows.first_seeing

    def wrong(self, start, windows):
        return np.clip(right(self, start, windows) + shift, 0, self.total - windows)

    monkeypatch.setattr(PoolingWindows, "first_seeing", wrong)
    with pytest.raises(RuntimeError, match="crops of 5 pooling windows differ from whole"):
        Cropped(engine(), 6)


def test_bad_input_is_refused(rng):
    cropped = Cropped.of(engine(), 6)
    X = sequences(rng)
    columns, one = np.zeros((1, 6, 4), np.float32), np.array([1])

    def score(rows=one, columns=columns, start=one, end=one + 4, refs=None, **options):
        refs = gc_reference() if refs is None else refs
        return cropped.differences(X, rows, columns, start, end, refs, **options)

    score()
    for options, message in (
        ({"end": one}, r"mutant 0 is \[1, 1\) of row 1, expected 0 <= start < end <= 60"),
        ({"start": one * 58, "end": one * 61}, r"mutant 0 is \[58, 61\)"),
        ({"rows": one * N}, rf"of row {N}, expected .* in one of {N} rows"),
        ({"end": one + 7}, "within 6 columns and at most 9 bp"),
        ({"columns": np.zeros((1, 20, 4), np.float32), "end": one + 12}, "at most 9 bp"),
        ({"columns": columns[..., :3]}, "columns: got float32"),
        ({"start": one * 1.0}, "starts: got float64"),
        ({"refs": gc_reference(30)}, "references: got float32"),
        ({"refs": np.repeat(gc_reference(), 2, axis=0)}, "reference_of: got None with 2"),
    ):
        with pytest.raises(ValueError, match=message):
            score(**options)
    for width in (0, LENGTH + 1):
        with pytest.raises(ValueError, match=f"width: got {width}, expected 1 to {LENGTH}"):
            Cropped(engine(), width)


def test_made_once_and_let_go_with_the_engine():
    scorer = make_attributor(conv_net(7, hidden=(), pool_size=4), "gradient_input")
    made = Cropped.of(scorer, 6)
    assert Cropped.of(scorer, 9) is made  # as many windows
    assert Cropped.of(scorer, 1) is not made
    alive = weakref.ref(scorer)
    del scorer, made
    gc.collect()
    assert alive() is None
