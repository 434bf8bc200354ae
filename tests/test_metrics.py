"""Figures of a classifier on held-out sequences."""

import numpy as np
import pytest

from dfim.metrics import evaluate_classifier

LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 1])
LOGITS = np.array([2.0, 1.0, -1.0, -2.0, 0.5, -0.5, -3.0, 0.5])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_figures_against_counting_by_hand(rng):
    found = evaluate_classifier(LABELS, LOGITS, rng=rng)
    assert (found.n_positive, found.n_negative) == (4, 4)
    assert found.accuracy == 6 / 8
    wins = [(a > b) + (a == b) / 2 for a in LOGITS[LABELS == 1] for b in LOGITS[LABELS == 0]]
    assert found.auroc == np.mean(wins)
    # Precision at each rank that holds a positive: 1/1, 2/2, then two at the tie of 0.5
    # (3 of 4, counted once), then 4 of 6.
    assert found.auprc == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 4)


def test_a_perfect_network_has_perfect_figures(rng):
    found = evaluate_classifier(LABELS, LABELS * 2.0 - 1, rng=rng)
    for what in ("accuracy", "auroc", "auprc"):
        assert getattr(found, what) == 1
        assert getattr(found, f"{what}_low") == getattr(found, f"{what}_high") == 1


def test_masked_sequences_are_left_out(rng):
    masked = np.concatenate([LABELS, [-1, -1]])
    logits = np.concatenate([LOGITS, [9, -9]])
    found = evaluate_classifier(masked, logits, rng=np.random.default_rng(0))
    assert found == evaluate_classifier(LABELS, LOGITS, rng=rng)


def test_interval_covers_the_truth_as_often_as_it_says():
    # P(z > 0 | positive) = 0.8413 for a unit shift of a Gaussian: so is the accuracy.
    covered = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 60)
        logits = rng.normal(np.where(labels, 1, -1))
        found = evaluate_classifier(labels, logits, rng=rng, n_resamples=60)
        covered.append(found.accuracy_low <= 0.8413 <= found.accuracy_high)
        assert found.accuracy_low < found.accuracy < found.accuracy_high
    assert 0.8 < np.mean(covered) < 1


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, -1]])
def test_one_class_alone_is_an_error(rng, labels):
    with pytest.raises(ValueError, match="expected both classes: check the labels"):
        evaluate_classifier(np.array(labels), np.zeros(3), rng=rng)


def test_sequences_of_one_group_are_drawn_together(rng):
    labels = rng.integers(0, 2, 100)
    logits = labels + rng.normal(0, 1.5, 100)
    alone = evaluate_classifier(labels, logits, rng=np.random.default_rng(1))
    copies, number = np.tile(labels, 9), np.tile(np.arange(100), 9)
    copied = evaluate_classifier(copies, np.tile(logits, 9), rng=np.random.default_rng(1))
    grouped = evaluate_classifier(
        copies, np.tile(logits, 9), rng=np.random.default_rng(1), groups=number
    )
    assert grouped.auroc == pytest.approx(alone.auroc)
    alone, copied, grouped = (m.auroc_high - m.auroc_low for m in (alone, copied, grouped))
    # Nine copies know no more than one.
    assert grouped == pytest.approx(alone, rel=0.3)
    assert copied < 0.5 * alone
