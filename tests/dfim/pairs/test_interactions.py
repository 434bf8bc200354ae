"""FIS of pairs and maps, on networks whose interactions are known by construction."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dfim.attribution.base import Attributor
from dfim.attribution.factory import make_attributor
from dfim.io.store import write_arrays
from dfim.maps.interaction_map import InteractionMap
from dfim.maps.maps import score_map
from dfim.motifs.features import Features
from dfim.pairs.fis import score_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import one_hot_encode
from helpers.pairs import features_of
from helpers.small_models import additive_net, conv_net, one_hot

LENGTH = 40
METHODS = ("deeplift", "deeplift_rescale", "gradient_input")
KINDS = ("gc", "zeros", "dinuc", "random")
# ACGT at 4 and GGCA at 20 are what the AND network looks for; TATA at 30 is not.
BASES = "TTTTACGTTTTTTTTTTTTTGGCATTTTTTTATATTTTTT"
MOTIFS = [(0, 4, 8, "A"), (0, 20, 24, "B"), (0, 30, 34, "C")]


def and_net() -> keras.Model:
    """ReLU(number of ACGT + number of GGCA - 1): each counts only beside the other."""
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(2, 4, activation="relu")(inputs)
    x = layers.Dense(1, activation="relu")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    kernel = np.stack([one_hot_encode([motif])[0] for motif in ("ACGT", "GGCA")], axis=-1)
    hidden = np.ones((2 * (LENGTH - 3), 1))
    model.set_weights(
        [
            kernel.astype(float),
            np.full(2, -3.0),
            hidden,
            -np.ones(1),
            np.ones((1, 1)),
            np.zeros(1),
        ]
    )
    return model


@pytest.fixture(scope="module")
def attributors():
    """Attributors by network and method, made once."""
    nets = {"additive": additive_net(), "and": and_net(), "conv": conv_net(1, length=LENGTH)}
    made = {}

    def get(net, method="deeplift", **options):
        key = (net, method, *sorted(options.items()))
        if key not in made:
            made[key] = make_attributor(nets[net], method, **options)
        return made[key]

    return get


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def random_inputs(seed, n=6):
    """Random sequences with four features each, two of one name."""
    rng = np.random.default_rng(seed)
    rows = [
        (sequence, start, start + int(rng.integers(1, 6)), name)
        for sequence in range(n)
        for start, name in zip((1, 9, 18, 30), "ABAC", strict=True)
    ]
    return one_hot(rng, n, LENGTH), features_of(rows)


def by_name(scores: PairScores) -> dict[tuple[str, str], float]:
    names = scores.features.name
    return {
        (str(names[s]), str(names[t])): float(fis)
        for s, t, fis in zip(scores.source, scores.target, scores.fis, strict=True)
    }


# ---- known interactions --------------------------------------------------------


@pytest.mark.parametrize("references", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_additive_network_has_no_interaction_at_all(attributors, rng, method, references):
    X, features = random_inputs(0)
    settings = ScoringSettings(references=references, n_refs=3)
    attributor = attributors("additive", method)
    scores = score_pairs(attributor, X, features, settings=settings, rng=rng)
    assert len(scores) == 6 * 10  # not A with A
    assert (scores.fis == 0).all()
    assert (scores.fis_max_abs == 0).all()
    assert not scores.reachable.any()
    assert np.isnan(scores.effect).all()  # nothing is mutated for what cannot be
    found = score_map(attributor, X[0], 5, 15, settings=settings, rng=rng)
    away = ~np.eye(10, dtype=bool)
    assert (found.fis.transpose(0, 2, 1)[away] == 0).all()
    assert np.isnan(found.fis.transpose(0, 2, 1)[~away]).all()
    assert (np.abs(found.effect) > 1e-3).any()


@pytest.mark.parametrize(
    ("method", "expected"),
    # Gradient: all four bases of the other motif go from 1 to 0. RevealCancel: each
    # motif gets half of the output 1, and nothing without the other. Rescale: the hidden
    # unit's multiplier is 1/2 (1 - 0 over 1 - -1) with both, 0 (0 - 0 over 0 - -1) with one.
    [("gradient_input", 4.0), ("deeplift", 0.5), ("deeplift_rescale", 0.5)],
)
def test_and_network_has_exactly_the_interaction_built_in(attributors, rng, method, expected):
    X = one_hot_encode([BASES])
    settings = ScoringSettings(references="gc")
    found = by_name(
        score_pairs(
            attributors("and", method), X, features_of(MOTIFS), settings=settings, rng=rng
        )
    )
    assert found.keys() == {(a, b) for a in "ABC" for b in "ABC" if a != b}
    for pair, fis in found.items():
        assert fis == pytest.approx(expected if set(pair) == {"A", "B"} else 0, abs=1e-5), pair


def test_effect_is_the_change_of_the_logit(attributors, rng):
    X = one_hot_encode([BASES, BASES.replace("GGCA", "TTTT")])
    features = features_of([*MOTIFS, *((1, *motif[1:]) for motif in MOTIFS)])
    scores = score_pairs(attributors("and"), X, features, rng=rng)
    np.testing.assert_allclose(scores.effect, [1, 1, 0, 0, 0, 0], atol=1e-6)


def test_source_without_a_pair_has_no_effect(attributors, rng):
    features = features_of([(0, 4, 8, "A"), (0, 20, 24, "B"), (1, 4, 8, "A")])
    scores = score_pairs(attributors("and"), one_hot_encode([BASES] * 2), features, rng=rng)
    assert np.isfinite(scores.effect).tolist() == [True, True, False]
    assert np.isfinite(scores.convergence_delta).tolist() == [True, True, False]


# ---- what a score is made of ---------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_motif_score_is_the_sum_of_its_nucleotides(attributors, rng, method):
    X, _ = random_inputs(1, n=1)
    target = (0, 22, 29, "B")
    nucleotides = [(0, at, at + 1, f"n{at}") for at in range(22, 29)]
    settings = ScoringSettings(references="gc")
    whole, parts = (
        score_pairs(
            attributors("conv", method),
            X,
            features_of([(0, 3, 9, "A"), *targets]),
            settings=settings,
            rng=rng,
        )
        for targets in ([target], nucleotides)
    )
    columns = parts.fis[parts.source == 0]
    assert len(columns) == 7
    assert (np.abs(columns) > 1e-4).sum() > 3
    motif = whole.fis[whole.source == 0]
    np.testing.assert_allclose(motif, [columns.sum()], rtol=1e-5, atol=1e-6)
    assert whole.fis_max_abs[whole.source == 0] == np.abs(columns).max()
    np.testing.assert_array_equal(parts.fis_max_abs[parts.source == 0], np.abs(columns))


def test_score_is_importance_before_minus_after(attributors, rng):
    X, features = random_inputs(2, n=1)
    attributor = attributors("conv", "gradient_input")
    scores = score_pairs(attributor, X, features, rng=rng, same_name=True)
    assert len(scores) == 12
    for s, t, fis in zip(scores.source, scores.target, scores.fis, strict=True):
        mutant = X.astype(np.float32)
        mutant[0, features.start[s] : features.end[s]] = [0.27, 0.23, 0.23, 0.27]
        before, after = attributor.profiles(np.concatenate([X, mutant])).scores
        inside = slice(features.start[t], features.end[t])
        assert fis == pytest.approx(float((before - after)[inside].sum()), abs=1e-6)


def test_which_features_are_paired(attributors, rng):
    X = one_hot_encode([BASES])
    features = features_of(
        [(0, 4, 8, "A"), (0, 6, 10, "B"), (0, 20, 24, "A"), (0, 21, 22, "B")]
    )
    attributor = attributors("and", "gradient_input")
    scores = score_pairs(attributor, X, features, rng=rng)
    # Neither A with A, nor a B inside or across an A.
    assert sorted(zip(scores.source.tolist(), scores.target.tolist(), strict=True)) == [
        (0, 3), (1, 2), (2, 1), (3, 0),
    ]  # fmt: skip
    both = score_pairs(attributor, X, features, rng=rng, same_name=True)
    pairs = set(zip(both.source.tolist(), both.target.tolist(), strict=True))
    assert pairs == {(0, 3), (1, 2), (2, 1), (3, 0), (0, 2), (2, 0), (1, 3), (3, 1)}


@pytest.mark.parametrize("how", ["zeros", "shuffle"])
def test_mutation_of_the_settings_is_used(attributors, how):
    X, features = random_inputs(3)
    attributor = attributors("conv", "gradient_input")
    default, other = (
        score_pairs(
            attributor,
            X,
            features,
            settings=ScoringSettings(motif_mutation=kind),
            rng=np.random.default_rng(0),
        )
        for kind in ("gc", how)
    )
    assert np.abs(default.fis - other.fis).max() > 1e-3


# ---- references ----------------------------------------------------------------


def score_random(attributor, seed=0, **choices):
    X, features = random_inputs(5)
    settings = ScoringSettings(**{"references": "dinuc", "n_refs": 2} | choices)
    return score_pairs(
        attributor, X, features, settings=settings, rng=np.random.default_rng(seed)
    )


def test_shared_references_carry_no_noise_and_own_ones_do(attributors):
    # An additive network has FIS 0, so all that is left is the noise of references.
    assert (score_random(attributors("additive")).fis == 0).all()
    noisy = score_random(attributors("additive"), refs_from="mutant").fis
    assert (np.abs(noisy) > 1e-3).mean() > 0.5


@pytest.mark.parametrize("method", ["gradient_input", "mutagenesis"])
def test_methods_without_references_have_no_noise_of_references(attributors, method):
    scores = score_random(attributors("additive", method), refs_from="mutant")
    assert not scores.reachable.any()
    assert (scores.fis == 0).all()


def test_references_matter_to_deeplift_and_not_to_gradients(attributors):
    def change(method, **choices):
        attributor = attributors("conv", method)
        reference = score_random(attributor).fis
        return np.abs(score_random(attributor, **choices).fis - reference).max()

    for choices in ({"seed": 1}, {"references": "gc"}, {"refs_from": "mutant"}):
        assert change("gradient_input", **choices) == 0, choices
        assert change("deeplift", **choices) > 1e-4, choices
    assert change("deeplift") == 0  # the same seed


def test_score_is_the_mean_over_references(attributors):
    X, features = random_inputs(5, n=2)
    attributor = attributors("conv")
    settings = ScoringSettings(references="random", n_refs=4)
    scores = score_pairs(
        attributor, X, features, settings=settings, rng=np.random.default_rng(3)
    )

    class One(Attributor):
        """The attributor with one of the references."""

        predict_logit = _blocks = None
        method, length, batch_size = attributor.method, attributor.length, 24
        reachable = attributor.reachable

        def __init__(self, which):
            self.which = which

        def profiles(self, X, references, **options):
            return attributor.profiles(X, references[:, self.which : self.which + 1], **options)

    singles = [
        score_pairs(One(i), X, features, settings=settings, rng=np.random.default_rng(3)).fis
        for i in range(settings.n_refs)
    ]
    assert np.std(singles, axis=0).max() > 1e-3
    np.testing.assert_allclose(scores.fis, np.mean(singles, axis=0), atol=1e-6)


# ---- invariance ----------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_a_sequence_do_not_depend_on_the_others(attributors, method):
    X, features = random_inputs(6, n=12)
    settings = ScoringSettings(references="gc")
    attributor = attributors("conv", method, batch_size=16)

    def score(rows):
        rng = np.random.default_rng(0)
        chosen = features.of_sequences(rows)
        scores = score_pairs(attributor, X[rows], chosen, settings=settings, rng=rng)
        return scores.of_rows(rows).table().sort_values(["sequence", "source_start", "target"])

    whole = score(np.arange(12)).to_numpy()
    backwards = score(np.arange(12)[::-1]).to_numpy()
    blocks = np.concatenate([score(rows).to_numpy() for rows in np.split(np.arange(12), 4)])
    assert len(whole) == 12 * 10
    np.testing.assert_array_equal(backwards, whole)
    np.testing.assert_array_equal(blocks, whole)


def test_sequences_without_features_are_no_trouble(attributors, rng):
    X, features = random_inputs(7)
    none = features.select(np.zeros(len(features), bool))
    scores = score_pairs(attributors("conv"), X, none, rng=rng)
    assert (len(scores), len(scores.features)) == (0, 0)
    one = features.select(features.sequence == 3)
    assert set(score_pairs(attributors("conv"), X, one, rng=rng).table()["sequence"]) == {3}


def test_n_bases_are_scored_as_nothing(attributors, rng):
    X = one_hot_encode([BASES[:30] + "NNNN" + BASES[34:]])
    settings = ScoringSettings(references="gc")
    scores = score_pairs(
        attributors("conv"), X, features_of(MOTIFS), settings=settings, rng=rng
    )
    found = by_name(scores)
    assert found["A", "C"] == found["B", "C"] == 0  # no observed base, no importance
    assert abs(found["A", "B"]) > 0


# ---- the record of pair scores -------------------------------------------------


@pytest.fixture(scope="module")
def scored(attributors):
    X, features = random_inputs(8)
    return score_pairs(attributors("conv"), X, features, rng=np.random.default_rng(0))


def assert_equal(a: PairScores, b: PairScores):
    arrays, others = a.arrays(), b.arrays()
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype.kind == others[name].dtype.kind, name
        np.testing.assert_array_equal(array, others[name], err_msg=name)


def test_pair_scores_come_back(tmp_path, scored):
    scored.save(tmp_path / "s.h5", {"kind": "real"})
    assert_equal(PairScores.load(tmp_path / "s.h5"), scored)
    PairScores.empty().save(tmp_path / "e.h5")
    assert_equal(PairScores.load(tmp_path / "e.h5"), PairScores.empty())


@pytest.mark.parametrize("missing", ["fis", "target", "convergence_delta", "feature_end"])
def test_incomplete_pair_scores_are_named(tmp_path, scored, missing):
    arrays = {name: array for name, array in scored.arrays().items() if name != missing}
    write_arrays(tmp_path / "s.h5", arrays)
    with pytest.raises(ValueError, match=rf"s\.h5: array '{missing}' is missing"):
        PairScores.load(tmp_path / "s.h5")


def test_parts_join_to_the_whole(scored):
    def part(rows):
        features = scored.features.of_sequences(rows)
        index = np.flatnonzero(np.isin(scored.features.sequence, rows))
        mine = np.isin(scored.source, index)
        return PairScores(
            features,
            np.searchsorted(index, scored.source[mine]),
            np.searchsorted(index, scored.target[mine]),
            scored.fis[mine],
            scored.fis_max_abs[mine],
            scored.effect[index],
            scored.convergence_delta[index],
            scored.reachable[mine],
            info=scored.info,
        ).of_rows(rows)

    parts = [PairScores.empty(), part(np.arange(2)), PairScores.empty(), part(np.arange(2, 6))]
    assert_equal(PairScores.concatenate(parts), scored)


def test_table_has_a_row_a_pair(scored):
    ids = np.array([f"s{i}" for i in range(6)])
    table = scored.table(ids)
    assert len(table) == len(scored)
    features = scored.features
    for i in (0, len(scored) - 1):
        row, s, t = table.iloc[i], scored.source[i], scored.target[i]
        assert row["sequence"] == ids[features.sequence[s]] == ids[features.sequence[t]]
        assert (row["source"], row["target"]) == (features.name[s], features.name[t])
        assert (row["source_start"], row["target_end"]) == (features.start[s], features.end[t])
        centres = [(features.start[j] + features.end[j]) / 2 for j in (s, t)]
        assert row["distance"] == abs(centres[0] - centres[1])
        assert row["fis"] == scored.fis[i]
        assert row["source_effect"] == scored.effect[s]


# ---- maps ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def a_map(attributors):
    X, _ = random_inputs(9, n=1)
    found = score_map(
        attributors("conv"),
        X[0],
        8,
        20,
        settings=ScoringSettings(references="gc"),
        rng=np.random.default_rng(0),
    )
    return X, found


def test_map_entries_are_profiles_of_single_mutants(attributors, a_map):
    X, found = a_map
    assert found.fis.shape == (12, 3, 12)
    reference = np.tile(np.float32([0.27, 0.23, 0.23, 0.27]), (1, 1, LENGTH, 1))
    for position, k in ((0, 0), (5, 2), (11, 1)):
        mutant = X.copy()
        base = found.mutant_base[position, k]
        assert X[0, 8 + position, base] == 0
        mutant[0, 8 + position] = np.eye(4)[base]
        scored = attributors("conv").profiles(np.concatenate([X, mutant]), reference)
        delta = (scored.scores[0] - scored.scores[1])[8:20]
        delta[position] = np.nan
        np.testing.assert_allclose(found.fis[position, k], delta, atol=1e-6)
        effect = scored.target[0] - scored.target[1]
        assert found.effect[position, k] == pytest.approx(effect, abs=1e-6)
    np.testing.assert_array_equal(found.one_hot, X[0, 8:20])


def test_map_maximum_over_the_three_mutants(a_map):
    fis = a_map[1].fis
    largest, signed = a_map[1].max_abs(), a_map[1].max_signed()
    for i in range(12):
        for j in range(12):
            if i == j:
                assert np.isnan(largest[i, j])
                assert np.isnan(signed[i, j])
            else:
                three = fis[i, :, j].tolist()
                assert largest[i, j] == max(abs(value) for value in three)
                assert signed[i, j] == max(three, key=abs)
    assert (signed < 0).any()


def test_map_of_an_and_network_shows_its_two_motifs_only(attributors, rng):
    x = one_hot_encode([BASES])[0]
    found = score_map(attributors("and", "gradient_input"), x, 0, LENGTH, rng=rng)
    rows, columns = np.nonzero(np.nan_to_num(found.max_abs()) > 1e-6)
    motif = set(range(4, 8)) | set(range(20, 24))
    assert set(rows.tolist()) == set(columns.tolist()) == motif
    # Any change of one base of either motif turns the hidden unit off: all is lost.
    other = found.max_abs()[4:8, 20:24]
    np.testing.assert_allclose(other, np.ones((4, 4)), atol=1e-6)


def test_map_comes_back(tmp_path, a_map):
    a_map[1].save(tmp_path / "m.h5", {"settings": {}})
    found = InteractionMap.load(tmp_path / "m.h5")
    for name, value in vars(a_map[1]).items():
        np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
    assert isinstance(found.start, int)
    write_arrays(tmp_path / "m.h5", {"start": np.array(1)})
    with pytest.raises(ValueError, match="array 'one_hot' is missing"):
        InteractionMap.load(tmp_path / "m.h5")


@pytest.mark.parametrize(("start", "end"), [(-1, 4), (4, 4), (30, 41)])
def test_window_outside_the_sequence_is_refused(attributors, rng, start, end):
    with pytest.raises(ValueError, match=rf"region: got \[{start}, {end}\).*<= 40 bp"):
        score_map(
            attributors("conv"), one_hot_encode([BASES])[0], start, end, rng=rng,
            settings=replace(ScoringSettings(), references="gc"),
        )  # fmt: skip


def test_settings_are_chosen_from_a_larger_mapping():
    chosen = ScoringSettings.choose(
        {"references": "zeros", "n_refs": 4, "refs_from": "mutant", "gc": 0.5,
         "motif_mutation": "zeros", "chunks": 3}
    )  # fmt: skip
    assert chosen == ScoringSettings("zeros", 4, "mutant", 0.5, "zeros")


def test_features_are_not_changed(scored):
    assert isinstance(scored.features, Features)
    before = scored.features.sequence.copy()
    scored.of_rows(np.arange(6) + 100)
    np.testing.assert_array_equal(scored.features.sequence, before)


def test_overlapping_pairs_are_left_out_and_counted(attributors, caplog):
    X, _ = random_inputs(8, n=1)
    text = np.array(["A", "B", "C"])
    features = Features(
        np.zeros(3, np.int64), np.array([2, 5, 12]), np.array([7, 9, 16]), text,
        np.full(3, "+"),
    )  # fmt: skip
    with caplog.at_level("INFO", logger="dfim.pairs.fis"):
        scores = score_pairs(attributors("conv"), X, features, rng=np.random.default_rng(0))
    assert len(scores) == 4  # A and B overlap, both ways
    assert "2 pairs left out" in caplog.text
