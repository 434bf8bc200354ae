"""Predicted probabilities against what is observed."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from dfim.statistics.calibration import calibration


def drawn(rng, shape, sharper=1.0):
    """Labels drawn from logits, and logits that say so, or too boldly."""
    logits = rng.normal(-1, 2, shape)
    labels = (rng.random(shape) < 1 / (1 + np.exp(-logits))).astype(np.int8)
    return labels, logits * sharper


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def column(found, what):
    return np.array([getattr(one, what) for one in found.bins])


def test_bins_are_those_of_scikit_learn_with_their_counts(rng):
    labels, logits = drawn(rng, 1003)
    found = calibration(labels, logits)
    observed, predicted = calibration_curve(
        labels, 1 / (1 + np.exp(-logits)), n_bins=10, strategy="quantile"
    )
    np.testing.assert_allclose(column(found, "observed"), observed)
    np.testing.assert_allclose(column(found, "predicted"), predicted)
    assert column(found, "n").sum() == found.n == 1003
    assert set(column(found, "n")) <= {100, 101}


def test_figures_against_counting_by_hand():
    p = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    found = calibration(labels, np.log(p / (1 - p)))
    low, high = found.bins
    assert (low.n, high.n) == (4, 4)
    assert (low.observed, high.observed) == (0.25, 1)
    assert found.ece == pytest.approx((0.15 + 0.2) / 2)
    assert found.brier == pytest.approx((3 * 0.01 + 0.81 + 4 * 0.04) / 8)
    assert found.brier_base_rate == pytest.approx(5 / 8 * 3 / 8)
    # All of four are positive: the share may still be below 1, and not above.
    assert 0.4 < high.low < 0.9
    assert high.high == 1


def test_intervals_and_chance_say_what_a_calibrated_network_shows(rng):
    covered, errors, chance = [], [], []
    for _ in range(60):
        found = calibration(*drawn(rng, 800))
        inside = column(found, "low") <= column(found, "predicted")
        covered.append(inside & (column(found, "predicted") <= column(found, "high")))
        errors.append(found.ece)
        chance.append(found.ece_chance)
    assert 0.92 < np.mean(covered) < 0.98
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)


def test_a_bold_network_has_an_error_above_chance(rng):
    labels, logits = drawn(rng, 4000, sharper=2)
    bold, right = calibration(labels, logits), calibration(labels, logits / 2)
    assert bold.ece > 3 * bold.ece_chance
    assert right.ece < 2 * right.ece_chance
    assert right.brier < bold.brier < right.brier_base_rate


def test_copies_know_no_more_than_one(rng):
    labels, logits = drawn(rng, 500)
    one = calibration(labels, logits)
    groups = np.tile(np.arange(500), 8)
    eight = calibration(np.tile(labels, 8), np.tile(logits, 8), groups=groups)
    for what in ("observed", "n_effective", "low", "high"):
        np.testing.assert_allclose(column(eight, what), column(one, what))
    assert eight.ece_chance == pytest.approx(one.ece_chance)
    assert (column(eight, "n") == 8 * column(one, "n")).all()


def test_pooled_tasks_repeat_each_other_and_have_their_own_base_rate(rng):
    labels, logits = drawn(rng, (600, 3))
    logits[:, 2] += 3
    labels[:, 2] = rng.random(600) < 1 / (1 + np.exp(-logits[:, 2]))
    labels[rng.random((600, 3)) < 0.2] = -1
    pooled = calibration(labels, logits)
    apart = [calibration(labels[:, k], logits[:, k]) for k in range(3)]
    for what in ("brier", "brier_base_rate"):
        mean = np.average([getattr(one, what) for one in apart], weights=[x.n for x in apart])
        assert getattr(pooled, what) == pytest.approx(mean)
    assert pooled.n == (labels >= 0).sum()
    assert (column(pooled, "n_effective") < column(pooled, "n")).all()


def test_masked_labels_do_not_count(rng):
    labels, logits = drawn(rng, 300)
    groups = np.arange(300) // 2
    some = calibration(
        np.append(labels, [-1, -1]),
        np.append(logits, [9, -9]),
        groups=np.append(groups, [5, 5]),
    )
    assert some == calibration(labels, logits, groups=groups)
    with pytest.raises(ValueError, match="labels: got 4, all masked"):
        calibration(np.full(4, -1), np.zeros(4))


def test_a_network_that_says_one_thing_has_one_bin():
    (one,) = calibration(np.array([0, 1, 1, 1]), np.zeros(4)).bins
    assert (one.predicted, one.observed, one.n) == (0.5, 0.75, 4)
