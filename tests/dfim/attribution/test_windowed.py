"""Windows around mutations: the same differences as whole profiles, whoever stands beside."""

import gc
import weakref
from functools import cache

import numpy as np
import pytest

from dfim.attribution.engine import compiled as graphs
from dfim.attribution.engine.compiled import COMPILED_FLOPS
from dfim.attribution.factory import make_attributor
from dfim.attribution.local import items as window_items
from dfim.attribution.local import windowed
from dfim.attribution.local.choice import all_in_reach, choose, given_targets
from dfim.attribution.local.cones import cone
from dfim.attribution.local.spans import CLASSES, Span
from dfim.attribution.local.windowed import Windowed
from helpers.small_models import LENGTH, conv_net, gc_reference
from helpers.window_checks import Mutants, compare, reach_choice, references_for, target_choice

TOLERANCE = 1e-6  # of the largest score
WIDTH, SIZE = 6, 9
NETS = {
    "hidden": {"pool_size": 4},
    "local": {"hidden": (), "pool_size": 4},
    "same": {"padding": "same", "pool": "same", "pool_size": 7, "hidden": (8,)},
    "overlap": {"hidden": (), "pool_size": 5, "stride": 2, "norm": "after", "depth": 1},
    "norm": {"norm": "before", "norm_pooled": True, "hidden": (8, 8), "hidden_kind": "tanh"},
}
ENGINES = [
    ("deeplift", "winner"),
    ("deeplift", "complete"),
    ("deeplift_rescale", "winner"),
    ("gradient_input", "winner"),
]


@cache
def engine(net="hidden", method="deeplift", rule="complete", observed=True):
    model = conv_net(7, **NETS[net])
    return make_attributor(model, method, maxpool_rule=rule, observed=observed, batch_size=48)


def choice_of(scorer, how):
    """All that is in reach, or given targets."""
    reach = how == "reach"
    return reach_choice(scorer, WIDTH) if reach else target_choice(scorer, WIDTH, SIZE)


def made(scorer, how):
    return Windowed.of(scorer, choice_of(scorer, how))


def scored(windows, mutants, references, group, **options):
    targets = None if windows.reaches else (mutants.of, mutants.first)
    return windows.differences(
        mutants.X, mutants.rows, mutants.columns, mutants.start, mutants.end, references,
        reference_of=group, targets=targets, **options,
    )  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(8)


@pytest.fixture
def mutants(rng):
    return Mutants.draw(rng, width=WIDTH, size=SIZE, length=LENGTH, n=6, m=30)


# ---- what they give --------------------------------------------------------------------

OTHERS = zip(list(NETS)[1:], ("winner", "complete", "winner", "complete"), strict=True)
CASES = [
    *(("hidden", *which, kind) for which in ENGINES for kind in ("gc", "own")),
    *(("hidden", "deeplift", "complete", kind) for kind in ("shared", "groups")),
    *((net, "deeplift", rule, kind) for net, rule in OTHERS for kind in ("gc", "own")),
]


@pytest.mark.parametrize("how", ["reach", "targets"])
@pytest.mark.parametrize(("net", "method", "rule", "kind"), CASES)
def test_differences_are_those_of_whole_profiles(net, method, rule, kind, how, rng, mutants):
    windows = made(engine(net, method, rule), how)
    found = compare(windows, mutants, *references_for(kind, rng, 6, LENGTH))
    assert found.error.max() <= TOLERANCE
    assert (np.abs(found.expected).max(axis=-1) > 1e-3 * found.scale).mean() > 0.2
    n, place = 6, found.found.offset[:, None] + np.arange(windows.size)
    known = found.found.importance
    own = found.whole.scores[mutants.rows[found.found.mutant][:, None], place]
    assert np.abs(known - own).max() <= TOLERANCE * found.scale
    target = found.whole.target
    np.testing.assert_allclose(
        found.found.effect, target[mutants.rows] - target[n:],
        rtol=0, atol=3e-6 * np.abs(target).max(),
    )  # fmt: skip
    unknown = method == "gradient_input" or windows.size < LENGTH
    assert np.isnan(found.found.convergence_delta).all() == unknown


def test_what_is_out_of_reach_is_left_out_and_does_not_change(rng, mutants):
    windows = made(engine("local"), "reach")
    assert windows.size < 0.6 * LENGTH
    found = compare(windows, mutants, *references_for("own", rng, 6, LENGTH))
    outside = found.delta == 0
    assert outside.mean() > 0.4
    assert (found.expected[outside] == 0).mean() > 0.99


@pytest.mark.parametrize("rule", ["winner", "complete"])
@pytest.mark.parametrize("kind", ["shared", "own"])
def test_completeness_errors_are_those_of_whole_profiles(rule, kind, rng, mutants):
    windows = made(engine("hidden", rule=rule), "reach")
    found = compare(windows, mutants, *references_for(kind, rng, 6, LENGTH))
    delta, scale = found.whole.convergence_delta, np.abs(found.whole.target).max()
    np.testing.assert_allclose(found.found.convergence_delta, delta[6:], atol=3e-6 * scale)
    np.testing.assert_allclose(
        found.found.original_convergence_delta, delta[mutants.rows], atol=3e-6 * scale
    )
    assert (np.median(delta) > 1e-2 * scale) == (rule == "winner")


@pytest.mark.parametrize("how", ["reach", "targets"])
@pytest.mark.parametrize("kind", ["gc", "own"])
def test_originals_in_reach_keep_their_completeness_errors(kind, how, rng, mutants):
    windows = made(engine("local", rule="winner"), how)
    found = compare(windows, mutants, *references_for(kind, rng, 6, LENGTH))
    assert np.isnan(found.found.convergence_delta).all()
    if how == "targets":
        assert np.isnan(found.found.original_convergence_delta).all()
    else:
        own = found.whole.convergence_delta[mutants.rows]
        np.testing.assert_allclose(found.found.original_convergence_delta, own, atol=3e-6)


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("value", [0, 0.25])
def test_other_mutations_and_unmasked_sums(value, observed, rng, mutants):
    windows = made(engine("same", observed=observed), "targets")
    mutants.columns[:] = value
    found = compare(windows, mutants, *references_for("own", rng, 6, LENGTH))
    assert found.error.max() <= TOLERANCE
    inside = (found.found.offset < mutants.end[mutants.of]) & (
        found.found.offset + SIZE > mutants.start[mutants.of]
    )
    assert inside.any()


@pytest.mark.parametrize("how", ["reach", "targets"])
def test_compiled_graphs_give_the_same(how, rng, mutants, monkeypatch):
    scorer = engine("same")
    monkeypatch.setattr(graphs, "COMPILED_FLOPS", 0)
    windows = Windowed(scorer, choice_of(scorer, how))
    found = compare(windows, mutants, *references_for("own", rng, 6, LENGTH))
    assert found.error.max() <= TOLERANCE


# ---- nobody depends on the others ------------------------------------------------------


def same_bits(part, whole, which):
    """Whether mutants `which` of `whole` are those of `part`, target by target."""
    asked, _ = Mutants.targets_of(which, whole.mutant)
    for name in ("delta", "importance", "offset"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[asked])
    for name in ("effect", "convergence_delta", "original_convergence_delta"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[which])


@pytest.mark.parametrize("how", ["reach", "targets"])
@pytest.mark.parametrize(
    ("net", "kind"), [("hidden", "gc"), ("hidden", "own"), ("local", "own")]
)
def test_a_mutant_does_not_depend_on_its_neighbours(net, kind, how, rng):
    mutants = Mutants.draw(rng, width=WIDTH, size=SIZE, length=LENGTH, n=6, m=70)
    scorer = engine(net)
    windows = Windowed(scorer, choice_of(scorer, how), batch_size=24)
    references = references_for(kind, rng, 6, LENGTH)
    whole = scored(windows, mutants, *references)
    for which in (rng.permutation(70), np.arange(23), np.array([5]), np.arange(69, -1, -2)):
        same_bits(scored(windows, mutants.chosen(which), *references), whole, which)


def test_bits_do_not_depend_on_who_has_more_targets(rng, mutants, monkeypatch):
    scorers = [make_attributor(conv_net(7), "deeplift", batch_size=48) for _ in range(2)]
    choices = [given_targets(scorers[0], WIDTH, SIZE, each) for each in (1, 24)]
    rows = Windowed(scorers[0], choices[0]).batch_size
    between = rows * (choices[0].flops + choices[1].flops) / 2
    monkeypatch.setattr(graphs, "COMPILED_FLOPS", between)
    windows = [Windowed.of(*each) for each in zip(scorers, choices, strict=True)]
    few, many = (scored(each, mutants, gc_reference(), None) for each in windows)
    same_bits(few, many, np.arange(len(mutants.rows)))


def test_bits_do_not_depend_on_how_many_sequences_are_held(rng, mutants, monkeypatch):
    for how in ("reach", "targets"):
        windows, references = made(engine("local"), how), references_for("own", rng, 6, LENGTH)
        whole = scored(windows, mutants, *references)
        with monkeypatch.context() as patch:
            patch.setattr(window_items, "REFERENCE_BYTES", 1)
            same_bits(scored(windows, mutants, *references), whole, np.arange(30))


@pytest.mark.parametrize("how", ["reach", "targets"])
def test_bytes_and_floats_give_the_same_bits_and_no_mutant_is_no_trouble(how, mutants):
    windows, references = made(engine(), how), gc_reference()
    mutants.columns[:] = np.round(mutants.columns)
    a = scored(windows, mutants, references, None)
    b = windows.differences(
        mutants.X.astype(np.float32), mutants.rows, mutants.columns.astype(np.uint8),
        mutants.start, mutants.end, references,
        targets=None if windows.reaches else (mutants.of, mutants.first),
    )  # fmt: skip
    np.testing.assert_array_equal(a.delta, b.delta)
    none = scored(windows, mutants.chosen(np.arange(0)), references, None)
    assert none.delta.shape == (0, windows.size)
    assert none.effect.shape == (0,)


@pytest.mark.parametrize("how", ["reach", "targets"])
def test_progress_counts_mutants(how, mutants):
    done = []
    scored(made(engine(), how), mutants, gc_reference(), None, progress=done.append)
    assert sum(done) == 30


# ---- what is refused -------------------------------------------------------------------


def test_bad_input_is_refused(rng, mutants):
    windows = made(engine(), "reach")
    columns, one = np.zeros((1, WIDTH, 4), np.float32), np.array([1])

    def score(rows=one, columns=columns, start=one, end=one + 4, refs=None, **options):
        refs = gc_reference() if refs is None else refs
        return windows.differences(mutants.X, rows, columns, start, end, refs, **options)

    score()
    for options, message in (
        ({"end": one}, r"mutant 0 is \[1, 1\) of row 1, expected 0 <= start < end <= 60"),
        ({"start": one * 58, "end": one * 61}, r"mutant 0 is \[58, 61\)"),
        ({"start": -one, "end": one}, r"mutant 0 is \[-1, 1\)"),
        ({"rows": one * 6}, "of row 6, expected .* in one of 6 rows"),
        ({"rows": -one}, "of row -1, expected .* in one of 6 rows"),
        ({"columns": columns[:, :3]}, "within 3 columns and at most 6 bp"),
        ({"columns": columns.repeat(2, 1), "end": one + 7}, "12 columns and at most 6"),
        ({"columns": columns[..., :3]}, "columns: got float32"),
        ({"columns": columns.astype(float)}, "columns: got float64"),
        ({"start": one * 1.0}, "starts: got float64"),
        ({"end": np.array([3, 4])}, "ends: got int64"),
        ({"refs": gc_reference(30)}, "references: got float32"),
        ({"refs": np.repeat(gc_reference(), 2, axis=0)}, "reference_of: got None with 2"),
        ({"reference_of": np.arange(6)}, "reference_of: row 1 has group 1, expected 0 to 0"),
    ):
        with pytest.raises(ValueError, match=message):
            score(**options)


def shifted(span, length):
    first = np.clip(span.first + 1, 0, length - span.size)
    return Span(span.place, first, span.size)


def shortened(span, length):
    return Span(span.place, span.first, max(1, span.size - 1))


@pytest.mark.parametrize("wrong", [shifted, shortened])
@pytest.mark.parametrize("where", ["source", "target"])
@pytest.mark.parametrize("how", ["reach", "targets"])
def test_a_wrong_cone_does_not_pass_the_self_check(how, where, wrong, monkeypatch):
    scorer = engine("local")

    def wrongly(plan, width, place):
        spans = cone(plan, width, place)
        if place == where:
            spans |= {i: wrong(spans[i], plan.nodes[i].shape[0]) for i in spans if i}
        return spans

    choice = choice_of(scorer, how)
    monkeypatch.setattr(windowed, "cone", wrongly)
    with pytest.raises(RuntimeError, match="cones of 6 bp mutations differ"):
        Windowed(scorer, choice)


def test_too_small_a_reach_does_not_pass_the_self_check():
    scorer = engine("local")
    right = reach_choice(scorer, WIDTH)
    for wrong in (shortened(right.reach, LENGTH), shifted(right.reach, LENGTH)):
        wrong = type(right)(WIDTH, wrong.size, wrong, 1.0)
        with pytest.raises(RuntimeError, match="differ from whole profiles"):
            Windowed(scorer, wrong)


# ---- made once, where it saves work ----------------------------------------------------


def test_made_once_and_let_go_with_the_engine():
    scorer = make_attributor(conv_net(7, pool_size=4), "gradient_input", batch_size=24)
    kept = Windowed.of(scorer, target_choice(scorer, 6, 5))
    assert Windowed.of(scorer, target_choice(scorer, 6, 5)) is kept
    assert Windowed.of(scorer, target_choice(scorer, 6, 4)) is not kept
    assert Windowed.of(scorer, reach_choice(scorer, 6)).reaches
    alive = weakref.ref(scorer)
    del scorer, kept
    gc.collect()
    assert alive() is None


def test_batches_are_whole_bundles():
    scorer = engine()
    assert Windowed(scorer, reach_choice(scorer, 1), batch_size=25).batch_size == 48


def test_widths_are_rounded_up_to_classes():
    scorer = engine()
    choice = given_targets(scorer, 7, 2, each=3)
    assert (choice.width, choice.size, choice.reach) == (20, 20, None)
    assert given_targets(scorer, 1, 41, each=3).size == LENGTH
    assert all_in_reach(scorer, 1).width == CLASSES[0] == 1
    assert all_in_reach(scorer, LENGTH).width == LENGTH


def test_cones_are_chosen_where_they_are_fewer_operations():
    scorer = make_attributor(conv_net(7, length=300, hidden=(), pool_size=4), "deeplift")
    few, many = choose(scorer, 1, ((1, 1),))[1], choose(scorer, 1, ((1, 50),))[1]
    assert few.reach is None
    assert many.reach is not None  # once all that is in reach, not 50 targets
    assert few.flops < many.flops
    assert choose(scorer, 300, ((300, 1),)) == {}
    assert choose(scorer, 300, ((300, 1),), always=True)[300].width == 300
    assert choose(scorer, 1, ((1, 1),), changes_only=True)[1].crops
    joined = make_attributor(conv_net(7, length=300, pool_size=4), "deeplift")
    few = choose(joined, 1, ((1, 2), (20, 1)))
    assert [(size, choice.size, choice.reach) for size, choice in few.items()] == [
        (1, 1, None),
        (20, 20, None),
    ]
    sizes = ((1, 2), (20, 60))
    many = choose(joined, 1, sizes, always=True)
    assert many[1] is many[20]  # what is in reach serves targets of every size
    assert many[1].reach is not None
    assert many[1].flops < sum(given_targets(joined, 1, *each).flops for each in sizes)
    heavy = make_attributor(conv_net(7, hidden=(400,), pool_size=4), "deeplift")
    assert choose(heavy, 1, ((1, 1),)) == {}  # the hidden layer is computed for every mutant
    assert choose(heavy, 1, ((1, 1),), always=True)[1].width == 1
    assert not choose(heavy, 1, ((1, 1),), changes_only=True, always=True)[1].crops


@pytest.mark.parametrize("method", ["deeplift", "gradient_input"])
def test_operations_are_those_of_a_count_by_hand(method):
    """Two convolutions of 8 channels and width 5, tiles of 4, 24 hidden units."""
    scorer = make_attributor(conv_net(7, pool_size=4), method)
    found = given_targets(scorer, 1, 1, each=2)
    # One base is seen by 5 windows of the first convolution, these by 9 of the second.
    first, second = 5 * 4 * 8, 5 * 8 * 8
    trunk = (5 * first + 9 * second) * (1 + 3)  # the mutant, its targets, the original's
    hidden, last = 13 * 8 * 24, 24
    products = 4 if method == "deeplift" else 2
    assert found.flops == 2 * (trunk + products * hidden + 2 * last)
    assert found.flops < COMPILED_FLOPS  # small networks are not compiled
