"""In-silico mutagenesis: against single substitutions one by one, and known pair effects."""

import keras
import numpy as np
import pytest

from dfim.attribution.base import Attributor
from dfim.attribution.checks import check_one_hot
from dfim.attribution.factory import make_attributor
from dfim.attribution.methods.mutagenesis import Mutagenesis, mutagenesis
from dfim.maps.maps import score_map
from helpers.small_models import conv_net, mutants, one_hot

LENGTH = 12


class Energies(Attributor):
    """A logit that is a sum over bases and over pairs of bases: every answer is known."""

    method, length, batch_size = "known", LENGTH, 16
    needs_references = False

    def __init__(self, seed, *, pairs):
        rng = np.random.default_rng(seed)
        self.single = rng.normal(size=(LENGTH, 4))
        pair = rng.normal(size=(LENGTH, 4, LENGTH, 4)) if pairs else np.zeros((LENGTH, 4) * 2)
        self.pair = pair + pair.transpose(2, 3, 0, 1)
        self.pair[np.arange(LENGTH), :, np.arange(LENGTH)] = 0
        self.rows = []

    def predict_logit(self, X):
        n = check_one_hot("X", X, (None, self.length, 4))
        self.rows.append(n)
        X = X.astype(float)
        joint = np.einsum("nia,iajb,njb->n", X, self.pair, X) / 2
        return (np.einsum("nia,ia->n", X, self.single) + joint).astype(np.float32)

    def _blocks(self, X, references, wanted):
        raise NotImplementedError


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def net():
    return conv_net(3, length=24)


def one_by_one(attributor, x):
    """Changes (L, 4) by one prediction each."""
    target = attributor.predict_logit(x[None])[0]
    found = np.zeros(x.shape)
    for i in range(len(x)):
        for b in range(4):
            mutant = x.copy()
            mutant[i] = np.eye(4)[b]
            found[i, b] = attributor.predict_logit(mutant[None])[0] - target
    return found


def test_changes_are_those_of_single_mutants(net, rng):
    attributor = make_attributor(net, "deeplift")
    for X in (one_hot(rng, 3, 24), mutants(rng, 3, 24)):
        found = mutagenesis(attributor, X)
        for x, change in zip(X, found, strict=True):
            np.testing.assert_array_equal(change, one_by_one(attributor, x).astype(np.float32))
        assert (found[X == 1] == 0).all()
        assert (found[:, 10:12] != 0).all() == (X.dtype == np.float32)  # N: four substitutions


def test_sums_of_bases_change_by_their_difference(rng):
    known, X = Energies(1, pairs=False), one_hot(rng, 20, LENGTH)
    observed = (known.single * X).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(mutagenesis(known, X), known.single - observed, atol=5e-6)
    contributions = Mutagenesis(known).contributions(X)
    expected = X * (known.single - known.single.mean(axis=1, keepdims=True)) * 4 / 3
    np.testing.assert_allclose(contributions, expected, atol=5e-6)


def test_importance_is_the_mean_loss_over_the_three_others(net, rng):
    scorer = make_attributor(net, "mutagenesis")
    X = one_hot(rng, 5, 24)
    found = scorer.profiles(X)
    np.testing.assert_allclose(
        found.scores, -mutagenesis(scorer, X).sum(axis=2) / 3, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(found.target, scorer.predict_logit(X))
    assert np.isnan(found.convergence_delta).all()


def test_a_base_counts_by_its_fraction_and_n_not_at_all(rng):
    known = Energies(2, pairs=False)
    X = one_hot(rng, 4, LENGTH).astype(np.float32)
    X[:, 3] = [0.25, 0.75, 0, 0]
    X[:, 5] = 0
    found = Mutagenesis(known, observed=False).profiles(X).scores
    beyond = (known.single - known.single.mean(axis=1, keepdims=True)) * 4 / 3
    np.testing.assert_allclose(
        found[:, 3], 0.25 * beyond[3, 0] + 0.75 * beyond[3, 1], rtol=1e-4
    )
    assert (found[:, 5] == 0).all()
    masked = Mutagenesis(known).profiles(X).scores
    np.testing.assert_allclose(
        masked[:, 3], 0.25**2 * beyond[3, 0] + 0.75**2 * beyond[3, 1], rtol=1e-4
    )


def test_hypothetical_is_what_the_base_would_do_in_its_place(rng):
    known, X = Energies(3, pairs=True), one_hot(rng, 6, LENGTH)
    scorer = Mutagenesis(known)
    found = scorer.hypothetical(X)
    np.testing.assert_allclose(
        (found * X).sum(axis=2), scorer.contributions(X).sum(axis=2), atol=1e-5
    )
    other = X.copy()
    other[:, 4] = np.eye(4)[2]
    np.testing.assert_allclose(found[:, 4, 2], scorer.contributions(other)[:, 4, 2], atol=2e-5)


def test_map_is_the_pairwise_mutagenesis(rng):
    known, x = Energies(5, pairs=True), one_hot(rng, 1, LENGTH)[0]
    found = score_map(Mutagenesis(known), x, 2, 9, rng=rng)
    base = x.argmax(axis=1)
    for i in range(2, 9):
        for m, b in enumerate(found.mutant_base[i - 2]):
            for j in range(2, 9):
                if i == j:
                    continue
                # Second difference of the pair energies, a mean over the bases at j.
                e = known.pair[i, base[i], j] - known.pair[i, b, j]
                expected = e[base[j]] - np.delete(e, base[j]).mean()
                np.testing.assert_allclose(found.fis[i - 2, m, j - 2], expected, atol=1e-4)


def test_effects_that_add_up_have_no_fis(rng):
    x = one_hot(rng, 1, LENGTH)[0]
    found = score_map(Mutagenesis(Energies(6, pairs=False)), x, 0, LENGTH, rng=rng)
    off = ~np.eye(LENGTH, dtype=bool)
    assert np.abs(found.fis.swapaxes(0, 1)[:, off]).max() < 1e-5
    assert np.abs(found.effect).max() > 0.5


def test_cost_is_three_passes_a_base_and_one(rng):
    known = Energies(7, pairs=False)
    mutagenesis(known, one_hot(rng, 5, LENGTH))
    assert sum(known.rows) == 5 * (3 * LENGTH + 1)
    assert max(known.rows) == known.batch_size


def test_rows_do_not_depend_on_order_or_neighbours(net, rng):
    scorer = make_attributor(net, "mutagenesis", batch_size=16)
    X, order = mutants(rng, 40, 24), rng.permutation(40)
    a, b, c = (scorer.profiles(x) for x in (X, X[order], X[:7]))
    np.testing.assert_array_equal(a.scores[order], b.scores)
    np.testing.assert_array_equal(a.scores[:7], c.scores)
    bytes_ = one_hot(rng, 6, 24)
    np.testing.assert_array_equal(
        scorer.profiles(bytes_).scores, scorer.profiles(bytes_.astype(np.float32)).scores
    )


def test_input_is_left_alone_and_progress_told(net, rng):
    scorer = make_attributor(net, "mutagenesis", batch_size=8)
    X, done = one_hot(rng, 20, 24), []
    before = X.copy()
    scorer.profiles(X, progress=done.append)
    np.testing.assert_array_equal(X, before)
    assert sum(done) == 20
    assert scorer.profiles(X[:0]).scores.shape == (0, 24)


def test_pairs_out_of_reach_have_no_fis_but_for_rounding(rng):
    net = conv_net(2, hidden=(), depth=1, length=40)
    scorer = make_attributor(net, "mutagenesis")
    x = one_hot(rng, 1, 40)[0]
    i, j = np.divmod(np.arange(40 * 40), 40)
    near = scorer.reachable(i, i + 1, j, j + 1).reshape(40, 40)
    fis = np.abs(score_map(scorer, x, 0, 40, rng=rng).fis).max(axis=1)
    off = ~np.eye(40, dtype=bool)
    assert 0 < near.mean() < 1
    assert fis[~near].max() < 1e-5 < fis[near & off].max() / 100


def test_wrong_arrays_are_refused(net, rng):
    scorer = make_attributor(net, "mutagenesis")
    with pytest.raises(ValueError, match=r"X: got uint8 \(2, 23, 4\), expected"):
        mutagenesis(scorer, one_hot(rng, 2, 23))
    with pytest.raises(ValueError, match="X: got float64"):
        scorer.profiles(one_hot(rng, 2, 24).astype(float))


def test_any_layer_will_do(rng):
    inputs = keras.Input((LENGTH, 4))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GRU(4)(inputs)))
    X = one_hot(rng, 2, LENGTH)
    scorer = make_attributor(model, "mutagenesis", batch_size=8)
    found = mutagenesis(scorer, X)
    mutant = X.copy()
    mutant[:, 3] = np.eye(4)[1]
    expected = (model.predict(mutant, verbose=0) - model.predict(X, verbose=0))[:, 0]
    np.testing.assert_allclose(found[:, 3, 1], expected, atol=1e-6)
    i = np.array([0])
    assert scorer.reachable(i, i + 1, i + 11, i + 12).all()
