"""FIS of variants and their null, against plain loops over explicit mutants."""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.attribution.logits import predict_logits
from dfim.attribution.results import Head
from dfim.io.store import write_arrays
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import decode, one_hot_encode
from dfim.statistics.significance import fit_gaussian, p_empirical, p_gaussian
from dfim.variants import fis as variant_interactions
from dfim.variants.alleles import distinct_sequences, shuffle_around, variant_deltas
from dfim.variants.fis import score_variants
from dfim.variants.null import DISTANCE_BINS, VariantNull, score_variant_null
from dfim.variants.scores import VariantScores
from helpers.small_models import LENGTH, additive_net, conv_net, one_hot, two_heads

GC = ScoringSettings(references="gc")
DINUC = ScoringSettings(n_refs=2)
RECORD = (
    "importance",
    "mutant_importance",
    "bases",
    "alt",
    "delta",
    "convergence_delta",
    "reachable",
)
MIDDLE = LENGTH // 2


def made(net, method="deeplift", batch_size=8):
    return make_attributor(net, method, batch_size=batch_size)


@pytest.fixture(scope="module")
def attributor():
    """Every position reaches every other one, through a hidden dense layer."""
    return made(conv_net(1))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def X():  # noqa: N802 (an array, as everywhere)
    """Eight windows; 3 and 6 are one window (two ALTs at one place)."""
    windows = one_hot(np.random.default_rng(2), 8)
    windows[6] = windows[3]
    return windows


def others(x, position=MIDDLE):
    return [base for base in "ACGT" if base != decode(x[None])[0][position]]


def same(a, b, rows=slice(None)):
    for name in RECORD:
        expected = getattr(b, name)
        expected = expected if name == "reachable" else expected[rows]
        np.testing.assert_array_equal(getattr(a, name), expected, err_msg=name)


# ---- what a score is -----------------------------------------------------------


@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale", "gradient_input"])
@pytest.mark.parametrize("position", [None, 0, LENGTH - 1])
def test_scores_are_importance_before_minus_after(X, rng, method, position):
    attributor = made(conv_net(1), method)
    scores = score_variants(attributor, X, position=position, settings=GC, rng=rng)
    at = MIDDLE if position is None else position
    assert scores.position == at
    reference = np.tile(np.float32([0.27, 0.23, 0.23, 0.27]), (1, 1, LENGTH, 1))
    for row, text in enumerate(decode(X)):
        bases = [base for base in "ACGT" if base != text[at]]
        mutants = one_hot_encode([text, *(text[:at] + b + text[at + 1 :] for b in bases)])
        found = attributor.profiles(mutants, reference)
        assert "".join("ACGT"[b] for b in scores.bases[row]) == "".join(bases)
        expected = found.scores[0] - found.scores[1:]
        expected[:, at] = np.nan
        np.testing.assert_allclose(scores.fis[row], expected, atol=1e-6)
        np.testing.assert_allclose(
            scores.delta[row], found.target[1:] - found.target[0], atol=1e-6
        )
        np.testing.assert_allclose(scores.importance[row], found.scores[0], atol=1e-6)
        np.testing.assert_allclose(
            scores.convergence_delta[row], found.convergence_delta, atol=1e-5
        )
    assert np.abs(np.nan_to_num(scores.fis)).max() > 1e-3
    assert (np.isnan(scores.fis).sum(axis=2) == 1).all()


@pytest.mark.parametrize("settings", [GC, DINUC, replace(DINUC, refs_from="mutant")])
def test_delta_is_the_logit_of_the_mutant_minus_that_of_the_reference(X, rng, settings):
    model = conv_net(1)
    scores = score_variants(made(model), X, settings=settings, rng=rng)
    before = predict_logits(model, X, [Head(0, 0)])[:, 0]
    for k in range(3):
        text = [
            t[:MIDDLE] + others(x)[k] + t[MIDDLE + 1 :]
            for t, x in zip(decode(X), X, strict=True)
        ]
        after = predict_logits(model, one_hot_encode(text), [Head(0, 0)])[:, 0]
        np.testing.assert_allclose(scores.delta[:, k], after - before, atol=1e-5)
    assert np.abs(scores.delta).min() > 1e-4


@pytest.mark.parametrize("references", ["gc", "zeros", "dinuc", "random"])
def test_additive_network_has_no_interaction(rng, references):
    X = one_hot(rng, 5, 40)
    settings = ScoringSettings(references=references, n_refs=2)
    scores = score_variants(
        made(additive_net()),
        X,
        settings=settings,
        rng=rng,
        alleles=[others(x, 20)[1] for x in X],
    )
    away = np.arange(40) != 20
    assert (scores.fis[:, :, away] == 0).all()
    assert (np.abs(scores.delta) > 1e-3).all()
    assert (scores.max_abs_fis() == 0).all()
    assert (scores.peak().position == -1).all()
    assert not scores.reachable[away].any()


def test_own_references_carry_noise_and_reach_everywhere(rng):
    X = one_hot(rng, 5, 40)
    settings = ScoringSettings(n_refs=2, refs_from="mutant")
    scores = score_variants(made(additive_net()), X, settings=settings, rng=rng)
    assert (scores.max_abs_fis() > 1e-3).any()
    assert scores.reachable.all()


def test_alt_is_the_one_given(attributor, X, rng):
    alleles = [others(x)[row % 3] for row, x in enumerate(X)]
    scores = score_variants(attributor, X, alleles=alleles, settings=GC, rng=rng)
    assert scores.alt.tolist() == [row % 3 for row in range(8)]
    assert ["ACGT"[base] for base in scores.alt_base] == alleles
    np.testing.assert_array_equal(scores.of_alt()[4], scores.fis[4, 1])
    np.testing.assert_array_equal(scores.of_alt(scores.delta)[2], scores.delta[2, 2])
    none = score_variants(attributor, X, settings=GC, rng=rng)
    assert (none.alt == -1).all()
    assert (none.alt_base == -1).all()
    assert np.isnan(none.of_alt()).all()
    assert np.isnan(none.max_abs_fis(over="alt")).all()
    assert np.isfinite(none.max_abs_fis()).all()


# ---- the same bits whatever else is scored -------------------------------------


@pytest.mark.parametrize("refs_from", ["original", "mutant"])
@pytest.mark.parametrize("references", ["gc", "dinuc", "random"])
def test_scores_do_not_depend_on_blocks_order_or_selection(
    attributor, X, monkeypatch, references, refs_from
):
    settings = ScoringSettings(references=references, n_refs=2, refs_from=refs_from)

    def score(rows):
        alleles = [others(x)[0] for x in X[rows]]
        key = np.random.default_rng(3)
        return score_variants(attributor, X[rows], alleles=alleles, settings=settings, rng=key)

    whole = score(np.arange(8))
    same(score(np.arange(8)[::-1]), whole, np.arange(8)[::-1])
    same(score(np.array([6])), whole, [3])  # alone, and as the twin of another
    monkeypatch.setattr(variant_interactions, "sequences_per_block", lambda _: 3)
    same(score(np.arange(8)), whole)  # blocks of 3, 3 and 1 distinct windows
    parts = VariantScores.concatenate([score(np.arange(5)), score(np.arange(5, 8))])
    same(parts, whole)
    if references != "gc":
        key = np.random.default_rng(4)
        other = score_variants(attributor, X, settings=settings, rng=key)
        assert (other.importance != whole.importance).any()


def test_a_lone_window_has_the_bits_that_it_has_among_others(attributor, X):
    def score(rows):
        key = np.random.default_rng(4)
        return score_variants(attributor, X[rows], settings=DINUC, rng=key)

    same(score([2]), score(np.arange(8)), [2])


@pytest.mark.parametrize(("windowed", "inputs"), [(False, 4 * 7), (True, 3 * 7)])
def test_a_window_is_scored_once(attributor, X, rng, windowed, inputs):
    counts = []
    options = {"settings": GC, "rng": rng, "progress": counts.append}
    score_variants(attributor, X, windowed=windowed, **options)
    assert sum(counts) == inputs


def test_no_variants(attributor, X, rng):
    scores = score_variants(attributor, X[:0], alleles=[], rng=rng)
    assert len(scores) == 0
    assert scores.fis.shape == (0, 3, LENGTH)
    assert scores.max_abs_fis().shape == (0,)


def test_round_trip(attributor, X, rng, tmp_path):
    scores = score_variants(attributor, X, settings=GC, rng=rng)
    scores.save(tmp_path / "v.h5", {"n": 1})
    found = VariantScores.load(tmp_path / "v.h5")
    assert found.position == scores.position
    same(found, scores)
    same(found.select(np.arange(8) > 4), scores, slice(5, 8))


def test_scores_of_an_earlier_version_are_refused_in_one_line(attributor, X, rng, tmp_path):
    scores = score_variants(attributor, X, settings=GC, rng=rng)
    arrays = {("effect" if n == "delta" else n): a for n, a in scores.arrays().items()}
    write_arrays(tmp_path / "old.h5", arrays)
    with pytest.raises(
        ValueError, match=r"old\.h5: holds 'effect' .* expected 'delta'"
    ) as error:
        VariantScores.load(tmp_path / "old.h5")
    assert "\n" not in str(error.value)


def test_record_says_how_scores_were_made(attributor, X, rng, tmp_path):
    scores = score_variants(attributor, X, settings=GC, rng=rng)
    assert (scores.info.method, scores.info.sign) == ("deeplift", "original - mutant")
    assert scores.info.model == attributor.model_digest != ""
    assert scores.info.settings["references"] == "gc"
    assert "8 variants at index 30 of 60 bp" in repr(scores)
    null = score_variant_null(attributor, X, scores, n=2, settings=GC, rng=rng)
    assert null.info == scores.info
    null.save(tmp_path / "n.h5")
    assert VariantNull.load(tmp_path / "n.h5").info == null.info
    with pytest.raises(ValueError, match="cannot test scores that differ in settings"):
        score_variant_null(attributor, X, scores, n=2, settings=DINUC, rng=rng)
    other = made(conv_net(2))
    with pytest.raises(ValueError, match="cannot test scores that differ in model"):
        score_variant_null(other, X, scores, n=2, settings=GC, rng=rng)
    other_rule = make_attributor(conv_net(1), "deeplift", maxpool_rule="winner")
    with pytest.raises(ValueError, match=r"differ in importance \(maxpool_rule\)"):
        score_variant_null(other_rule, X, scores, n=2, settings=GC, rng=rng)
    with pytest.raises(ValueError, match="cannot join scores that differ in model"):
        VariantScores.concatenate([scores, score_variants(other, X, settings=GC, rng=rng)])


# ---- peaks ---------------------------------------------------------------------


@pytest.mark.parametrize("half_width", [None, 1, 4, 15])
@pytest.mark.parametrize("over", ["all", "alt"])
@pytest.mark.parametrize("position", [2, MIDDLE])
def test_peak_is_the_largest_found_by_looking(attributor, X, rng, half_width, over, position):
    alleles = [others(x, position)[2] for x in X]
    scores = score_variants(
        attributor, X, position=position, alleles=alleles, settings=GC, rng=rng
    )
    peak = scores.peak(half_width, over)
    for row in range(len(X)):
        best = (0.0, -1, 0.0)
        for place in range(LENGTH):
            if place == position or abs(place - position) > (half_width or LENGTH):
                continue
            for mutant in range(3) if over == "all" else [2]:
                value = float(scores.fis[row, mutant, place])
                best = max(best, (abs(value), place, value), key=lambda found: found[0])
        assert (peak.position[row], peak.value[row]) == (best[1], np.float32(best[2]))
        assert scores.max_abs_fis(half_width, over)[row] == np.float32(best[0])


# ---- other heads ---------------------------------------------------------------


def test_delta_of_every_head_is_alt_minus_ref(X, rng):
    model, heads = two_heads(3), [Head("classes", 1), Head("value", 0)]
    alleles = [others(x)[0] for x in X]
    found = variant_deltas(model, X, alleles, heads)
    text = [t[:MIDDLE] + a + t[MIDDLE + 1 :] for t, a in zip(decode(X), alleles, strict=True)]
    expected = predict_logits(model, one_hot_encode(text), heads)
    expected -= predict_logits(model, X, heads)
    np.testing.assert_array_equal(found, expected)
    attributor = make_attributor(model, "gradient_input", output="classes", unit=1)
    scores = score_variants(attributor, X, alleles=alleles, rng=rng)
    np.testing.assert_allclose(found[:, 0], scores.of_alt(scores.delta), atol=1e-5)


def test_null_is_of_an_output_that_was_scored(X, rng):
    model = two_heads(3)
    units = [make_attributor(model, "gradient_input", unit=unit) for unit in range(2)]
    scores = score_variants(units[0], X, settings=GC, rng=rng)
    message = r"output and unit \[\[0, 1\]\], expected those of the scores, \[\[0, 0\]\]"
    with pytest.raises(ValueError, match=message):
        score_variant_null(units[1], X, scores, n=2, settings=GC, rng=rng)
    importance = {**scores.info.importance, "heads": [[0, 0], [0, 1]]}
    of_both = replace(scores, info=replace(scores.info, importance=importance))
    null = score_variant_null(units[1], X, of_both, n=2, settings=GC, rng=rng)
    assert null.info.importance["heads"] == [[0, 1]]


# ---- the null ------------------------------------------------------------------


def dinucleotides(text):
    return sorted(itertools.pairwise(text))


@pytest.mark.parametrize("position", [0, 7, MIDDLE, LENGTH - 1])
def test_shuffles_hold_the_base_and_all_dinucleotides(X, rng, position):
    shuffles = shuffle_around(X, position, 4, rng)
    assert shuffles.shape == (8, 4, LENGTH, 4)
    for text, own in zip(decode(X), shuffles, strict=True):
        found = decode(own)
        assert len(set(found)) == 4
        for shuffle in found:
            for side in (slice(0, position + 1), slice(position, LENGTH)):
                assert dinucleotides(shuffle[side]) == dinucleotides(text[side])
            assert shuffle[position] == text[position]


@pytest.mark.parametrize("model", ["gaussian", "empirical"])
@pytest.mark.parametrize("half_width", [None, 10])
def test_null_is_that_of_the_same_mutation_in_shuffles(attributor, X, model, half_width):
    key = np.random.default_rng(0)
    scores = score_variants(attributor, X, settings=GC, rng=key)
    null = score_variant_null(
        attributor, X, scores, n=3, half_width=half_width, model=model, settings=GC,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    near = np.abs(np.arange(LENGTH) - MIDDLE) <= (half_width or LENGTH)
    near[MIDDLE] = False
    assert np.isnan(null.p[:, :, ~near]).all()
    away = np.abs(np.arange(LENGTH) - MIDDLE)
    ranges = [
        near & (away > low) & (away <= high)
        for low, high in zip(DISTANCE_BINS, [*DISTANCE_BINS[1:], LENGTH], strict=True)
    ]
    assert null.n.tolist() == [3 * here.sum() for here in ranges]
    assert null.n.sum() == 3 * near.sum()
    # The same shuffles, by the documented keys.
    shuffling = int(np.random.default_rng(1).integers(2**63, size=2)[0])
    for row, name in enumerate(distinct_sequences(X)[2][:3]):
        shuffles = shuffle_around(X[[row]], MIDDLE, 3, np.random.default_rng((shuffling, name)))
        again = score_variants(attributor, shuffles[0], settings=GC, rng=key)
        assert (again.bases == scores.bases[row]).all()  # the same mutation
        for mutant, (number, here) in itertools.product(range(3), enumerate(ranges)):
            if not here.any():
                continue
            values = again.fis[:, mutant, here]
            fitted = fit_gaussian(values)
            x = scores.fis[row, mutant, here]
            expected = {
                "gaussian": p_gaussian(x, fitted),
                "empirical": p_empirical(x, values, absolute=True),
            }[model]
            np.testing.assert_allclose(null.p[row, mutant, here], expected, rtol=1e-4)
            assert null.mean[row, mutant, number] == pytest.approx(fitted.mean, abs=1e-7)
            assert null.sd[row, mutant, number] == pytest.approx(fitted.sd, rel=1e-5)
    known = null.realised[:, :, null.n > 0]
    assert ((known >= 0) & (known < 0.2)).all()
    assert np.isnan(null.realised[:, :, null.n == 0]).all()


def test_null_near_the_variant_is_not_narrowed_by_what_is_far(attributor, X):
    scores = score_variants(attributor, X, settings=GC, rng=np.random.default_rng(0))

    def test(half_width):
        key = np.random.default_rng(1)
        return score_variant_null(
            attributor, X, scores, n=6, half_width=half_width, settings=GC, rng=key
        )

    near, far = test(5), test(None)
    place = slice(MIDDLE - 5, MIDDLE + 6)
    np.testing.assert_array_equal(near.p[:, :, place], far.p[:, :, place])
    # Where it was tested, at most a normal share of the null itself is called.
    assert np.nanmean(far.realised[:, :, 0]) < 0.1


def test_null_of_a_variant_does_not_depend_on_the_others(attributor, X, monkeypatch):
    def test(rows):
        scores = score_variants(
            attributor, X[rows], settings=DINUC, rng=np.random.default_rng(0)
        )
        key = np.random.default_rng(1)
        return score_variant_null(attributor, X[rows], scores, n=3, settings=DINUC, rng=key)

    whole = test(np.arange(8))
    np.testing.assert_array_equal(whole.p[3], whole.p[6])
    alone = test(np.array([6]))
    monkeypatch.setattr(variant_interactions, "sequences_per_block", lambda _: 2)
    monkeypatch.setattr("dfim.variants.null.sequences_per_block", lambda _: 6)  # 2 windows
    blocks = test(np.arange(8))
    for name in ("p", "mean", "sd", "realised"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(whole, name)[6])
        np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))


def test_null_without_any_difference_gives_no_p_values(rng, caplog):
    X = one_hot(rng, 2, 40)
    attributor = made(additive_net())
    scores = score_variants(attributor, X, settings=GC, rng=rng)
    with pytest.raises(ValueError, match=r"half_width: got 50, within which no position"):
        score_variant_null(attributor, X, scores, settings=GC, rng=rng)
    scores = replace(scores, reachable=np.ones(40, bool))
    null = score_variant_null(attributor, X, scores, n=2, settings=GC, rng=rng)
    assert np.isnan(null.p).all()
    assert "18 of 18 nulls have equal scores" in caplog.text


def test_q_values_and_round_trip(tmp_path, rng):
    p = rng.random((2, 3, 9))
    p[:, :, 4] = np.nan
    n, bins = np.array([40, 0, 0, 0, 0, 0]), (2, 3, len(DISTANCE_BINS))
    null = VariantNull(p, np.zeros(bins), np.ones(bins), n, np.zeros(bins))
    assert np.isnan(null.q_values()[:, :, 4]).all()
    track = null.q_values(per_track=True)
    lone = VariantNull(
        p[1:, 2:], np.zeros((1, 1, 6)), np.ones((1, 1, 6)), n, np.zeros((1, 1, 6))
    )
    np.testing.assert_allclose(track[1, 2], lone.q_values()[0, 0])
    null.save(tmp_path / "n.h5")
    found = VariantNull.load(tmp_path / "n.h5")
    assert found.n.tolist() == n.tolist()
    np.testing.assert_array_equal(found.p, p)


# ---- refusals ------------------------------------------------------------------


def test_wrong_input_gets_one_line(attributor, X, rng):
    unknown = X.copy()
    unknown[5, MIDDLE] = 0
    own = [decode(x[None])[0][MIDDLE] for x in X]
    cases = [
        ({"X": unknown}, r"X: row 5 has no base at the variant \(index 30\)"),
        ({"X": X.astype(np.float32)}, r"X: got float32, expected uint8"),
        ({"position": LENGTH}, r"position: got 60, expected 0 to 59"),
        ({"alleles": ["A"]}, r"alleles: got 1, expected one for each of 8"),
        ({"alleles": own}, r"alleles: entry 0 is '.', expected .* not the sequence's own base"),
        ({"alleles": ["AT"] * 8}, r"alleles: entry 0 is 'AT'"),
    ]
    for change, message in cases:
        arguments = {"X": X} | change
        with pytest.raises(ValueError, match=message):
            score_variants(attributor, arguments.pop("X"), **arguments, rng=rng)
    scores = score_variants(attributor, X, settings=GC, rng=rng)
    null = partial(score_variant_null, attributor, scores=scores, rng=rng)
    for call, message in [
        (lambda: scores.peak(over="both"), r"over: got 'both'"),
        (lambda: scores.peak(0), r"half_width: got 0"),
        (lambda: null(X[:2]), r"X: got 2 sequences"),
        (lambda: null(X, n=0), r"n: got 0"),
        (lambda: null(X, model="t"), r"model: got 't'"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
