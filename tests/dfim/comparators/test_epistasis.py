"""Epistasis over all backgrounds, against its definition sequence by sequence."""

from itertools import product

import numpy as np
import pytest

from dfim.comparators.epistasis import Epistasis, epistasis
from dfim.comparators.linear_models import distill
from dfim.sequences.kmers import sequence_codes, sequence_index
from dfim.statistics.agreement import fold_positions, rank_cells


def values_of(length, seed=0):
    return np.random.default_rng(seed).normal(2, 1, 4**length)


def mutated(codes, position, base):
    codes = codes.copy()
    codes[:, position] = base
    return codes


def differences(values, s, t, a, g, b, h):
    """Double-mutant differences of all sequences with a at s and b at t."""
    length = int(np.log(len(values)) / np.log(4) + 0.5)
    codes = sequence_codes(length)
    x = codes[(codes[:, s] == a) & (codes[:, t] == b)]
    source, target = mutated(x, s, g), mutated(x, t, h)
    f = [values[sequence_index(y)] for y in (x, source, target, mutated(source, t, h))]
    return f[0] - f[1] - f[2] + f[3]


@pytest.mark.parametrize("length", [2, 3, 4])
def test_double_mutants_against_the_definition(length):
    values, found = values_of(length), epistasis(values_of(length))
    rng = np.random.default_rng(length)
    every = [c for c in product(range(length), range(length), *[range(4)] * 4) if c[0] != c[1]]
    for cell in [every[i] for i in rng.choice(len(every), 300, replace=False)]:
        e = differences(values, *cell)
        assert len(e) == 4 ** (length - 2)
        assert found.double_mean[cell] == pytest.approx(e.mean(), abs=1e-12)
        assert found.double_mean_abs[cell] == pytest.approx(np.abs(e).mean(), abs=1e-12)


@pytest.mark.parametrize("length", [2, 3, 4])
def test_uniform_reference_is_the_mean_over_the_targets_bases(length):
    values, found = values_of(length), epistasis(values_of(length))
    for s, t, a, g, b in product(range(length), range(length), *[range(4)] * 3):
        cell = s, t, a, g, b
        if s == t:
            assert np.isnan(found.mean[cell])
            continue
        if np.random.default_rng([*cell]).random() > 0.2:
            continue
        e = np.mean([differences(values, *cell, h) for h in range(4)], axis=0)
        assert found.mean[cell] == pytest.approx(e.mean(), abs=1e-12)
        assert found.mean_abs[cell] == pytest.approx(np.abs(e).mean(), abs=1e-12)


def test_mean_over_backgrounds_is_a_difference_of_pair_terms():
    values = values_of(5)
    found, pair = epistasis(values), distill(values).pair
    contrast = pair[:, :, :, None] - pair[:, :, None]
    apart = ~np.eye(5, dtype=bool)
    np.testing.assert_allclose(found.mean[apart], contrast[apart], atol=1e-12)


def test_sequences_without_three_way_terms_have_one_epistasis_in_every_background():
    models = distill(values_of(4))
    values = models.predict()
    found = epistasis(values)
    np.testing.assert_allclose(found.mean_abs, np.abs(found.mean), atol=1e-12)
    np.testing.assert_allclose(found.cells(), models.cells(), atol=1e-12)
    assert np.nanmax(epistasis(models.predict(pairs=False)).cells()) < 1e-12


def test_opposite_backgrounds_cancel_in_the_mean_only():
    sign = 1.0 - 2 * (sequence_codes(3) == 0)
    found = epistasis(sign.prod(axis=1))
    # f is -1 or 1 by the number of A: the third position turns the sign of e = 4.
    assert found.double_mean_abs[0, 1, 0, 1, 0, 1] == 4
    assert found.double_mean[0, 1, 0, 1, 0, 1] == pytest.approx(4 * (3 - 1) / 4)
    assert found.mean_abs[0, 1, 0, 1, 0] == pytest.approx(4 * 3 / 4)


def test_cells_take_the_strongest_mutant_of_the_source():
    codes = sequence_codes(4)
    # T at 1 and A at 3 bind together; C at 1 does half as well.
    values = (codes[:, 3] == 0) * np.array([0, 0.5, 0, 1.0])[codes[:, 1]]
    found = epistasis(values)
    cells = found.cells()
    summary = fold_positions(cells)
    assert cells[1, 3, 3, 0] == found.mean_abs[1, 3, 3, 0, 0] == pytest.approx(1 * 3 / 4)
    assert found.mean_abs[1, 3, 3, 1, 0] == pytest.approx(0.5 * 3 / 4)
    assert cells[1, 3, 1, 0] == pytest.approx(0.5 * 3 / 4)
    # The other way the source A at 3 is lost, and T at 1 stands out from the mean of four.
    assert cells[3, 1, 0, 3] == pytest.approx(1 - 1.5 / 4)
    expected = np.zeros((4, 4))
    expected[1, 3], expected[3, 1] = 3 / 4, 1 - 1.5 / 4
    expected[np.diag_indices(4)] = np.nan
    np.testing.assert_allclose(summary, expected, atol=1e-15)


def test_epistasis_is_kept_on_disk(tmp_path):
    found = epistasis(values_of(3))
    found.save(tmp_path / "epistasis.h5")
    again = Epistasis.load(tmp_path / "epistasis.h5")
    np.testing.assert_array_equal(again.double_mean_abs, found.double_mean_abs)
    np.testing.assert_array_equal(again.cells(), found.cells())


def test_network_that_is_constant_has_none():
    assert np.nanmax(epistasis(np.full(64, 0.3)).cells()) == 0


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match=r"got shape \(60,\), expected \(4\^L,\)"):
        epistasis(np.zeros(60))
    with pytest.raises(ValueError, match="got nan in row 3"):
        epistasis(np.array([0, 0, 0, np.nan] + [1.0] * 12))


@pytest.mark.realdata
def test_published_predictions_of_cbf1(test_data):
    with np.load(test_data / "betseq/cbf1_predicted_ddG.npz") as arrays:
        values = arrays["ddG"]
    found, pair = epistasis(values), distill(values).pair
    contrast = np.abs(pair[:, :, :, None] - pair[:, :, None])
    apart = ~np.eye(10, dtype=bool)
    np.testing.assert_allclose(np.abs(found.mean)[apart], contrast[apart], atol=1e-10)
    ranks = rank_cells(fold_positions(found.cells()))
    strongest = {(s, t) for s, t in np.argwhere(ranks <= 4).tolist()}
    assert strongest == {(3, 4), (4, 3), (5, 6), (6, 5)}  # -2 with -1, +1 with +2
