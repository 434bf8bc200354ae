"""What mutations change, by whatever way it is scored: windows, crops or whole profiles."""

from dataclasses import fields, replace
from functools import cache, partial

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.engine.engine import Engine
from dfim.attribution.factory import make_attributor
from dfim.attribution.local import choice as window_choice
from dfim.attribution.local import self_check
from dfim.attribution.local.cropped import Cropped
from dfim.attribution.local.scorers import Assignment
from dfim.attribution.local.self_check import SelfCheckError
from dfim.attribution.results import Head
from dfim.maps.maps import score_map, score_map_by_task
from dfim.motifs.features import Features
from dfim.pairs.fis import score_pairs, score_pairs_by_task
from dfim.scoring import change_scoring
from dfim.scoring.change_scoring import ChangeScorer
from dfim.scoring.changes import Changes, Mutations, Targets
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.mutations import mutate_intervals
from dfim.variants.fis import score_variants
from dfim.variants.null import score_variant_null
from helpers.graph_models import randomized
from helpers.pairs import features_of
from helpers.small_models import LENGTH as SHORT
from helpers.small_models import conv_net, one_hot

LENGTH = 200
GC = ScoringSettings(references="gc")
DINUC = ScoringSettings(n_refs=2)
TOLERANCE = 1e-6  # of the largest score
NETS = {
    "joined": {"hidden": (4,)},  # every position reaches every other one
    "local": {"hidden": (), "padding": "same"},
    "tiled": {"hidden": ()},  # may be cut into crops
}


@cache
def engine(net="joined", method="deeplift"):
    model = conv_net(1, length=LENGTH, **NETS[net])
    return make_attributor(model, method, batch_size=48)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def ways(monkeypatch):
    """What was scored how, call by call."""
    seen = {"windows": [], "wholes": []}
    differences, whole = Assignment.differences, ChangeScorer._whole

    def spy_differences(self, *args, **options):
        seen["windows"].append(self.scorer)
        return differences(self, *args, **options)

    def spy_whole(self, chunk, mutants, *args):
        seen["wholes"].append(len(mutants))
        return whole(self, chunk, mutants, *args)

    monkeypatch.setattr(Assignment, "differences", spy_differences)
    monkeypatch.setattr(ChangeScorer, "_whole", spy_whole)
    return seen


@pytest.fixture
def forward_rows(monkeypatch):
    """Rows of each forward pass of whole sequences, those that fill batches left out."""
    seen, run = [], Engine.run

    def counted(self, X, size=None):
        seen.append(len(X))
        return run(self, X, size)

    monkeypatch.setattr(Engine, "run", counted)
    return seen


# ---- the one door ----------------------------------------------------------------------


def mixed(rng, n=5):
    """Mutations of several widths, targets of several widths, and mutations without any."""
    rows = np.sort(rng.integers(0, n, 20))
    width = rng.choice([1, 1, 12, 70], 20)
    start = rng.integers(0, LENGTH + 1 - width)
    start[0], start[-1] = 0, LENGTH - width[-1]
    columns = rng.dirichlet(np.ones(4), (20, 70)).astype(np.float32)
    of = np.sort(rng.choice(np.delete(np.arange(20), [4, 11]), 45))
    wide = rng.choice([1, 1, 15, 90], 45)
    first = np.clip(start[of] + rng.integers(-20, 21, 45), 0, LENGTH - wide)  # near by
    first[:2] = 0, LENGTH - wide[1]
    mutations = Mutations(rows, start, start + width, columns)
    return one_hot(rng, n, LENGTH), mutations, Targets(of, first, first + wide)


def score_changes(attributor, X, mutations, targets, settings, rng, *, references=None, **way):
    return ChangeScorer(attributor, settings, **way).score(
        X, mutations, targets, rng, references=references
    )


def collected(parts, tasks, targets, n):
    """Change of each target, and effect and gap of each mutation; each must come once."""
    deltas = [None] * len(targets.mutant)
    effect, gap = np.full((2, tasks, n), np.nan)
    for part in parts:
        width = targets.end - targets.start
        for place, number in enumerate(part.targets):
            one = Changes(
                part.targets[[place]], part.row[[place]], part.delta, part.importance,
                part.offset, part.mutants, part.effect, part.convergence_delta,
                part.original_convergence_delta,
            )  # fmt: skip
            assert deltas[number] is None
            deltas[number] = one.over(targets.start[[number]], width[number])[0][:, 0]
        effect[:, part.mutants], gap[:, part.mutants] = part.effect, part.convergence_delta
    assert all(delta is not None for delta in deltas)
    return deltas, effect, gap


@pytest.mark.parametrize("windowed", [None, True, False])
@pytest.mark.parametrize("kind", ["constant", "drawn"])
@pytest.mark.parametrize(
    ("net", "changes_only"), [("joined", False), ("local", False), ("tiled", True)]
)
def test_changes_are_those_of_plain_profiles(net, changes_only, kind, windowed, rng, ways):
    X, mutations, targets = mixed(rng)
    scorer, group = engine(net), None
    references = np.tile(np.float32([0.27, 0.23, 0.23, 0.27]), (1, 1, LENGTH, 1))
    if kind == "drawn":
        references, group = one_hot(rng, 10, LENGTH).reshape(5, 2, LENGTH, 4), np.arange(5)
    parts = score_changes(
        scorer, X, mutations, targets, GC if group is None else DINUC, rng,
        references=(references, group), changes_only=changes_only, windowed=windowed,
    )  # fmt: skip
    deltas, effect, gap = collected(parts, 1, targets, 20)
    whole = scorer.profiles(
        np.concatenate([X.astype(np.float32), mutations.mutants(X)]), references,
        reference_of=None if group is None else np.append(np.arange(5), mutations.rows),
    )  # fmt: skip
    scale = np.abs(whole.scores).max()
    expected = whole.scores[mutations.rows] - whole.scores[5:]
    for delta, mutant, start, end in zip(
        deltas, targets.mutant, targets.start, targets.end, strict=True
    ):
        assert np.abs(delta[0] - expected[mutant, start:end]).max() <= TOLERANCE * scale
    change = whole.target[mutations.rows] - whole.target[5:]
    np.testing.assert_allclose(effect[0], change, atol=3e-6 * np.abs(whole.target).max())
    known = np.isfinite(gap[0])
    if windowed is False:
        assert known.all()
    if not changes_only:
        np.testing.assert_allclose(gap[0][known], whole.convergence_delta[5:][known], atol=3e-6)
    assert np.mean([np.abs(delta).max() > 1e-4 * scale for delta in deltas]) > 0.3
    idle = 20 - len(np.unique(targets.mutant))
    if windowed is False:
        assert ways == {"windows": [], "wholes": [20]}
    elif windowed:
        assert ways["wholes"] == [idle]  # their effect is wanted
    else:  # what is wide is best scored whole, where it cannot be cut out
        assert ways["windows"]
        assert (sum(ways["wholes"]) > idle) == (net != "tiled")
    crops = {isinstance(scorer, Cropped) for scorer in ways["windows"]}
    assert (True in crops) == (changes_only and windowed is not False)


@pytest.mark.parametrize("windowed", [None, False])
def test_chunks_change_nothing_where_references_are_constant(windowed, rng, monkeypatch, ways):
    X, mutations, targets = mixed(rng)

    def score():
        ways["wholes"].clear()
        parts = score_changes(engine(), X, mutations, targets, GC, rng, windowed=windowed)
        return collected(parts, 1, targets, 20)

    deltas, *numbers = score()
    assert len(ways["wholes"]) == 1
    monkeypatch.setattr(change_scoring, "_CHUNK_BYTES", 1)  # one sequence at a time
    again, *others = score()
    assert len(ways["wholes"]) > 2
    for a, b in zip(deltas, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(numbers, others, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("windowed", [None, False])
def test_drawn_references_are_the_same_bits_run_to_run(windowed, rng, monkeypatch):
    X, mutations, targets = mixed(rng)
    monkeypatch.setattr(change_scoring, "_CHUNK_BYTES", 2 * LENGTH * 4 * (8 + DINUC.n_refs))

    def score(seed):
        key = np.random.default_rng(seed)
        parts = score_changes(engine(), X, mutations, targets, DINUC, key, windowed=windowed)
        return collected(parts, 1, targets, 20)

    (a, *numbers), (b, *others), (other, *_) = score(1), score(1), score(2)
    for x, y in zip([*a, *numbers], [*b, *others], strict=True):
        np.testing.assert_array_equal(x, y)
    assert any((x != y).any() for x, y in zip(a, other, strict=True))


def test_mutants_are_those_of_the_mutated_intervals(rng):
    X, mutations, _ = mixed(rng)
    mutations.columns[:] = [0.27, 0.23, 0.23, 0.27]
    expected = mutate_intervals(X, mutations.rows, mutations.start, mutations.end)
    np.testing.assert_array_equal(mutations.mutants(X), expected)


def test_beyond_what_was_scored_nothing_changes_and_nothing_is_known():
    delta = np.arange(1, 9, dtype=np.float32).reshape(1, 2, 4)
    none = np.empty((1, 0))
    part = Changes(
        np.arange(3), np.array([1, 0, 1]), delta, 10 * delta, np.array([3, 7]),
        np.arange(0), none, none, none,
    )  # fmt: skip
    change, importance = part.over(np.array([5, 5, 20]), 3)
    nan = np.nan
    np.testing.assert_array_equal(change, [[[0, 0, 5], [3, 4, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(
        importance, [[[nan, nan, 50], [30, 40, nan], [nan, nan, nan]]]
    )


def test_what_cannot_be_scored_is_refused(rng):
    X, mutations, targets = mixed(rng)

    def score(scorer=None, X=X, settings=GC, **options):
        return list(
            score_changes(
                engine() if scorer is None else scorer,
                X,
                mutations,
                targets,
                settings,
                rng,
                **options,
            )
        )

    with pytest.raises(ValueError, match="of sequence 4 is not in X, expected 4 rows of 200"):
        score(X=X[:4])
    beyond = replace(mutations, end=mutations.end + LENGTH)
    with pytest.raises(ValueError, match="is not in X, expected 5 rows of 200 bp"):
        next(score_changes(engine(), X, beyond, targets, GC, rng))
    own = ScoringSettings(n_refs=2, refs_from="mutant")
    with pytest.raises(ValueError, match="but refs_from 'mutant' gives a mutant other ref"):
        score(settings=own, windowed=True)
    model = conv_net(1, length=LENGTH)
    other = make_attributor(model, "integrated_gradients", steps=2)
    with pytest.raises(ValueError, match="but AutodiffAttributor scores whole sequences only"):
        score(other, windowed=True)
    # Gradients have no references, so it does not matter from what they are drawn.
    plain = engine("joined", "gradient_input")
    assert len(score(plain, settings=own, windowed=True)) > 1


def test_no_mutations_and_no_sequences(rng):
    X, mutations, targets = mixed(rng)
    none = mutations.of(slice(0)), targets.of(slice(0))
    for rows in (X, X[:0]):
        assert list(score_changes(engine(), rows, *none, GC, rng)) == []


# ---- pairs -----------------------------------------------------------------------------


def sites(rng, n=4):
    """Features of several widths; few and narrow ones in the last sequences."""
    rows = []
    for i in range(n):
        widths = (1, 15, 6, 1, 30) if i < n - 2 else (1, 6, 1)
        starts = np.sort(rng.choice(100, len(widths), replace=False))
        rows += [(i, s, s + w, "ABC"[k % 3]) for k, (s, w) in enumerate(
            zip(starts.tolist(), widths, strict=True))]  # fmt: skip
        if i < n - 2:  # whole profiles cost less than all of these as targets
            rows.append((i, 130, 200, "D"))
    return one_hot(rng, n, LENGTH), features_of(sorted(rows))


@pytest.mark.parametrize("net", ["joined", "local", "tiled"])
@pytest.mark.parametrize("settings", [GC, DINUC], ids=["constant", "drawn"])
def test_pairs_of_all_widths_are_those_of_whole_profiles(net, settings, rng, ways):
    X, features = sites(rng)

    def score(windowed):
        key = np.random.default_rng(1)
        return score_pairs(
            engine(net), X, features, settings=settings, windowed=windowed, rng=key
        )

    whole = score(False)
    assert not ways["windows"]
    ways["wholes"].clear()
    mixed_ways = score(None)
    assert {scorer.width for scorer in ways["windows"]} >= {1, 20}
    assert bool(ways["wholes"]) == (net == "joined")  # many wide targets
    ways["wholes"].clear()
    every = score(True)
    assert not ways["wholes"]
    scale = 15 * np.abs(whole.fis_max_abs).max()  # a sum over 15 bp and more
    for found in (mixed_ways, every):
        np.testing.assert_array_equal(found.reachable, whole.reachable)
        for name in ("fis", "fis_max_abs"):
            a, b = getattr(found, name), getattr(whole, name)
            np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * scale, err_msg=name)
        np.testing.assert_allclose(found.effect, whole.effect, rtol=0, atol=3e-6)
    assert (np.abs(whole.fis) > 1e-3 * scale).mean() > 0.05


def test_features_at_one_place_have_one_mutant(rng):
    """A palindrome is found on both strands."""
    X = one_hot(rng, 2, LENGTH)
    single = features_of(
        [(0, 20, 26, "A"), (0, 50, 58, "B"), (1, 30, 36, "A"), (1, 90, 97, "B")]
    )
    twice = np.repeat(np.arange(4), 2)
    both = single.select(twice)
    strand = np.tile(["+", "-"], 4)
    both = Features(both.sequence, both.start, both.end, both.name, strand)

    def score(features, settings=GC, **options):
        done = []
        found = score_pairs(
            engine(), X, features, settings=settings, rng=np.random.default_rng(0),
            progress=done.append, **options,
        )  # fmt: skip
        return found, sum(done)

    for windowed, inputs in ((True, 4), (False, 2 + 4)):
        alone, n_alone = score(single, windowed=windowed)
        found, n = score(both, windowed=windowed)
        assert n == n_alone == inputs
        assert len(found) == 4 * len(alone) == 16
        np.testing.assert_array_equal(found.effect, alone.effect[twice])
        np.testing.assert_array_equal(found.convergence_delta, alone.convergence_delta[twice])
        expected = {
            (int(s), int(t)): fis
            for s, t, fis in zip(alone.source, alone.target, alone.fis, strict=True)
        }
        for s, t, fis in zip(found.source, found.target, found.fis, strict=True):
            assert fis == expected[s // 2, t // 2]
    # Each of them is shuffled for itself.
    shuffled = ScoringSettings(references="gc", motif_mutation="shuffle")
    found, n = score(both, shuffled, windowed=True)
    assert n == 8
    assert (found.effect[::2] != found.effect[1::2]).any()


def test_what_reaches_none_of_its_targets_is_not_scored(rng, monkeypatch, caplog):
    X = one_hot(rng, 2, LENGTH)
    features = features_of(
        [(0, 20, 26, "A"), (0, 28, 34, "B"), (0, 150, 156, "C"), (1, 20, 26, "A"),
         (1, 150, 156, "C")]
    )  # fmt: skip
    near = np.array([True, False, True, False, False, False, False, False])  # A>B, A>C, B>A

    def score(settings):
        done = []
        with caplog.at_level("INFO", logger="dfim.pairs.fis"):
            found = score_pairs(
                engine("tiled"), X, features, settings=settings, windowed=False,
                rng=np.random.default_rng(0), progress=done.append,
            )  # fmt: skip
        return found, sum(done)

    for settings in (
        GC, DINUC, ScoringSettings(n_refs=2, motif_mutation="shuffle"),
    ):  # fmt: skip
        caplog.clear()
        found, inputs = score(settings)
        assert inputs == 1 + 2  # one sequence, and the mutants of A and B in it
        assert "6 of 8 pairs: no path of the network joins source and target" in caplog.text
        np.testing.assert_array_equal(found.reachable, near)
        assert (found.fis != 0).tolist() == near.tolist()
        assert np.isfinite(found.effect).tolist() == [True, True, False, False, False]
        with monkeypatch.context() as patch:  # as if all were joined
            patch.setattr(Engine, "reachable", lambda _, start, *ends: start >= 0)
            every, inputs = score(settings)
        assert inputs == 2 + 5
        np.testing.assert_array_equal(every.fis[near], found.fis[near])
        np.testing.assert_array_equal(every.fis_max_abs[near], found.fis_max_abs[near])
        np.testing.assert_array_equal(every.effect[:2], found.effect[:2])
        assert np.abs(every.fis[~near]).max() < 1e-5 * np.abs(found.fis).max()


def test_equal_sequences_are_scored_once_with_constant_references(rng):
    X = one_hot(rng, 3, LENGTH)[[0, 1, 0, 2, 0]]
    features = features_of(
        [
            (i, start, start + 8, name)
            for i in range(5)
            for start, name in ((20, "A"), (60, "B"))
        ]
    )

    def score(settings):
        done = []
        found = score_pairs(
            engine(), X, features, settings=settings, windowed=False,
            rng=np.random.default_rng(0), progress=done.append,
        )  # fmt: skip
        return found.fis.reshape(5, 2), sum(done)

    fis, n = score(GC)
    assert n == 3 * 3
    np.testing.assert_array_equal(fis[[2, 4]], fis[[0, 0]])
    assert (fis[0] != fis[1]).any()
    fis, n = score(DINUC)  # references of their own
    assert n == 5 * 3
    assert (fis[0] != fis[2]).any()


@pytest.mark.parametrize("windowed", [True, False])
def test_sequences_and_references_are_passed_forward_once(windowed, rng, forward_rows):
    """Ten shuffled references, four mutants a sequence: 15 rows, not 60."""
    X = one_hot(rng, 6, LENGTH)
    places = {"A": 10, "B": 40, "C": 90, "D": 150}
    features = features_of([(i, s, s + 6, n) for i in range(6) for n, s in places.items()])
    settings = ScoringSettings(n_refs=10)

    def score():
        forward_rows.clear()
        score_pairs(engine(), X, features, settings=settings, windowed=windowed, rng=rng)
        return sum(forward_rows)

    score()  # makes the windows, which prove themselves
    assert score() == 6 * (1 + 10 + (0 if windowed else 4))


# ---- several tasks ---------------------------------------------------------------------


@cache
def of_heads(*names):
    """Two heads, each with a hidden layer of its own, on one trunk."""
    inputs = keras.Input((SHORT, 4))
    x = layers.Conv1D(8, 5, activation="relu")(inputs)
    x = layers.Flatten()(layers.MaxPooling1D(4)(x))
    hidden = [layers.Dense(5, activation="relu")(x) for _ in "ab"]
    outputs = [layers.Dense(1, name=name)(h) for name, h in zip("ab", hidden, strict=True)]
    model = randomized(keras.Model(inputs, outputs), 2)
    heads = [Head(name) for name in names]
    return make_attributor(model, "deeplift", heads=heads, batch_size=48)


def same_fields(a, b):
    for field in fields(a):
        if field.name not in ("features", "info"):
            x, y = getattr(a, field.name), getattr(b, field.name)
            np.testing.assert_array_equal(x, y, err_msg=field.name)


@pytest.mark.parametrize("windowed", [True, False])
@pytest.mark.parametrize("settings", [GC, DINUC], ids=["constant", "drawn"])
def test_tasks_together_are_those_one_by_one(windowed, settings, rng, forward_rows):
    X = one_hot(rng, 4, SHORT)
    places = {"A": 2, "B": 20, "C": 50}
    features = features_of([(i, s, s + 5, n) for i in range(4) for n, s in places.items()])

    def score(scorer):
        options = {"settings": settings, "windowed": windowed}
        for _ in range(2):  # windows prove themselves at first
            forward_rows.clear()
            key = np.random.default_rng(1)
            pairs = score_pairs_by_task(scorer, X, features, rng=key, **options)
            maps = score_map_by_task(scorer, X[1], 20, 30, rng=key, **options)
        return pairs, maps, list(forward_rows)

    pairs, maps, rows = score(of_heads("a", "b"))
    assert sum(rows) > 4
    for task, name in enumerate("ab"):
        (pair,), (a_map,), own_rows = score(of_heads(name))
        assert own_rows == rows  # one forward pass serves all tasks
        same_fields(pairs[task], pair)
        same_fields(maps[task], a_map)
        assert np.abs(pair.fis).max() > 1e-3
    assert np.abs(pairs[0].fis - pairs[1].fis).max() > 1e-3
    for score_one, what, name in (
        (score_pairs, (X, features), "score_pairs"),
        (score_map, (X[1], 20, 30), "score_map"),
    ):
        with pytest.raises(ValueError, match=f"2 tasks, expected one; .*{name}_by_task"):
            score_one(of_heads("a", "b"), *what, rng=rng)
    with pytest.raises(ValueError, match="attributor: got 2 tasks, expected one"):
        score_variants(of_heads("a", "b"), X, rng=rng)


# ---- maps ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "start", "end", "settings"),
    [
        ("joined", 0, 12, GC),
        ("joined", LENGTH - 10, LENGTH, DINUC),
        ("local", 60, 140, GC),  # wider than what a base reaches
        ("local", 0, 50, DINUC),
        ("tiled", LENGTH - 50, LENGTH, GC),
    ],
)
def test_maps_are_those_of_whole_profiles(net, start, end, settings, rng, ways):
    x = one_hot(rng, 1, LENGTH)[0]

    def score(windowed):
        return score_map(
            engine(net), x, start, end, settings=settings, windowed=windowed,
            rng=np.random.default_rng(2),
        )  # fmt: skip

    whole = score(False)
    assert not ways["windows"]
    found = score(True)
    assert ways["windows"]
    scale = np.abs(whole.importance).max()
    for name in ("importance", "mutant_importance", "effect"):
        a, b = getattr(found, name), getattr(whole, name)
        np.testing.assert_allclose(a, b, rtol=0, atol=2 * TOLERANCE * max(1, scale))
    np.testing.assert_array_equal(found.mutant_base, whole.mutant_base)
    size = np.abs(whole.fis[np.isfinite(whole.fis)])
    assert (size > 1e-3 * scale).mean() > 0.1


# ---- variants --------------------------------------------------------------------------


@pytest.mark.parametrize("windowed", [None, True, False])
@pytest.mark.parametrize("net", ["joined", "local"])
@pytest.mark.parametrize("settings", [GC, DINUC], ids=["constant", "drawn"])
def test_variants_near_by_score_as_in_the_whole_window(net, windowed, settings, rng, ways):
    X = one_hot(rng, 7, LENGTH)
    X[5] = X[2]
    middle, half_width = LENGTH // 2, 15

    def score(**options):
        key = np.random.default_rng(2)
        return score_variants(engine(net), X, settings=settings, rng=key, **options)

    whole = score(windowed=False)
    assert not ways["windows"]
    near, all_of_it = score(windowed=windowed, half_width=half_width), score(windowed=windowed)
    assert bool(ways["windows"]) == (windowed is not False)
    inside = np.abs(np.arange(LENGTH) - middle) <= half_width
    for name in ("importance", "mutant_importance"):
        limited, full, expected = (getattr(s, name) for s in (near, all_of_it, whole))
        scale = np.abs(whole.importance).max()
        np.testing.assert_allclose(full, expected, rtol=0, atol=TOLERANCE * scale)
        np.testing.assert_allclose(
            limited[..., inside], expected[..., inside], rtol=0, atol=TOLERANCE * scale
        )
        assert np.isnan(limited[..., ~inside]).all()
    for found in (near, all_of_it):
        np.testing.assert_allclose(found.delta, whole.delta, atol=3e-6)
        np.testing.assert_array_equal(found.bases, whole.bases)
        np.testing.assert_array_equal(found.reachable, whole.reachable)
        np.testing.assert_array_equal(found.importance[5], found.importance[2])
        known = np.isfinite(found.convergence_delta)
        np.testing.assert_allclose(
            found.convergence_delta[known], whole.convergence_delta[known], atol=3e-6
        )
    assert (np.abs(near.peak(half_width).value) > 1e-3 * scale).all()
    np.testing.assert_array_equal(
        near.peak(half_width).position, whole.peak(half_width).position
    )


@pytest.mark.parametrize("half_width", [0, -3])
def test_a_half_width_has_a_base_at_least(half_width, rng):
    with pytest.raises(ValueError, match=f"half_width: got {half_width}, expected bp"):
        score_variants(engine(), one_hot(rng, 2, LENGTH), half_width=half_width, rng=rng)


@pytest.mark.parametrize("net", ["joined", "local"])
def test_p_values_do_not_depend_on_how_much_is_tested(net, rng, ways):
    X = one_hot(rng, 3, LENGTH)
    scores = score_variants(engine(net), X, settings=GC, rng=rng)
    ways["windows"].clear()

    def test(half_width, rows=slice(None)):
        return score_variant_null(
            engine(net), X[rows], scores.select(rows), n=5, half_width=half_width,
            settings=GC, rng=np.random.default_rng(1),
        )  # fmt: skip

    near, far = test(15), test(None)
    assert ways["windows"]
    inside = np.abs(np.arange(LENGTH) - LENGTH // 2) <= 15
    tested = np.isfinite(near.p)
    assert tested[..., inside & scores.reachable].mean() > 0.9
    assert not tested[..., ~inside].any()
    np.testing.assert_allclose(near.p[tested], far.p[tested], rtol=1e-3, atol=1e-6)


# ---- what is refused, and what is told --------------------------------------------------


def test_scorers_that_fail_their_self_check_are_not_used(rng, monkeypatch, caplog, ways):
    scorer = make_attributor(conv_net(1, length=LENGTH, **NETS["local"]), "deeplift")
    X, mutations, targets = mixed(rng)
    whole = [*score_changes(scorer, X, mutations, targets, GC, rng, windowed=False)]
    monkeypatch.setattr(self_check, "TOLERANCE", -1.0)
    monkeypatch.setattr(window_choice, "WORTHWHILE", 10.0)
    ways["wholes"].clear()
    found = [*score_changes(scorer, X, mutations, targets, GC, rng)]
    assert ways["windows"] == []
    assert "differ from whole profiles by" in caplog.text
    np.testing.assert_array_equal(found[0].delta, whole[0].delta)
    count = len(caplog.records)
    [*score_changes(scorer, X, mutations, targets, GC, rng)]
    assert len(caplog.records) == count  # said once
    with pytest.raises(SelfCheckError):
        [*score_changes(scorer, X, mutations, targets, GC, rng, windowed=True)]


def test_crops_score_mutants_once_whatever_their_targets(rng, ways):
    X, start = one_hot(rng, 2, LENGTH), np.full(4, 20)
    mutations = Mutations.of_intervals(X, np.array([0, 0, 1, 1]), start, start + 6, GC, rng)
    mutant = np.repeat(np.arange(4), 2)
    first = np.tile([2, 30], 4)
    targets = Targets(mutant, first, first + np.tile([6, 25], 4))  # of two classes
    parts = score_changes(
        engine("tiled"), X, mutations, targets, GC, rng, changes_only=True, windowed=True
    )
    assert [len(part.mutants) for part in parts] == [4]
    assert len(ways["windows"]) == 1


def test_chunks_hold_mutants_to_their_size(rng, monkeypatch, ways):
    X, mutations, targets = mixed(rng)
    count = np.bincount(mutations.rows, minlength=len(X)) + 1
    a_row = LENGTH * 4 * 8
    monkeypatch.setattr(change_scoring, "_CHUNK_BYTES", int(2 * count.max() * a_row))
    [*score_changes(engine(), X, mutations, targets, GC, rng, windowed=False)]
    assert len(ways["wholes"]) > 1
    assert sum(ways["wholes"]) == len(mutations.rows)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"attributor": "a model"},
            "attributor: got a str, expected what dfim.make_attributor",
        ),
        ({"X": np.zeros((2, LENGTH, 4))}, "X: got float64"),
        (
            {"X": np.zeros((2, LENGTH - 1, 4), np.uint8)},
            rf"X: got uint8 \(2, {LENGTH - 1}, 4\)",
        ),
    ],
)
def test_other_models_and_sequences_are_refused(given, message, rng):
    none = np.empty(0, np.int64)
    features = Features(none, none, none, none.astype(str), none.astype(str))
    given = {"attributor": engine(), "X": one_hot(rng, 2, LENGTH), **given}
    for score in (partial(score_pairs, features=features), score_variants):
        with pytest.raises(ValueError, match=message):
            score(**given, rng=rng)


@pytest.mark.parametrize(
    "typo",
    [{"references": "dinucs"}, {"refs_from": "mutants"}, {"motif_mutation": "n"}, {"n_refs": 0},
     {"gc": 46}],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(typo):
    with pytest.raises(ValueError, match=f"{next(iter(typo))}: got"):
        ScoringSettings(**typo)
