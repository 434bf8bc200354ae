"""Figures of a classifier on held-out sequences."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dfim.statistics.bootstrap import draw_groups
from dfim.statistics.metrics import evaluate_classifier, macro_average

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


def test_intervals_are_those_of_sequences_drawn_again_one_by_one(rng):
    labels, groups = rng.integers(0, 2, 90), rng.permutation(np.arange(90) // 3)
    logits = np.round(labels + rng.normal(0, 1.5, 90), 1)  # with equal ones
    found = evaluate_classifier(
        labels, logits, rng=np.random.default_rng(4), groups=groups, n_resamples=50
    )
    again, draws = np.random.default_rng(4), []
    for _ in range(50):
        rows = np.repeat(np.arange(90), draw_groups(30, again)[groups])
        y, z = labels[rows], logits[rows]
        accuracy = np.mean((z > 0) == y)
        draws.append([accuracy, roc_auc_score(y, z), average_precision_score(y, z)])
    for end, percent in (("low", 2.5), ("high", 97.5)):
        ours = [getattr(found, f"{what}_{end}") for what in ("accuracy", "auroc", "auprc")]
        np.testing.assert_allclose(ours, np.percentile(draws, percent, axis=0), rtol=1e-12)


# ---- the mean over tasks -----------------------------------------------------------


def tasks_of(rng, n, n_tasks, shared):
    """Labels, and logits whose errors are the same for all tasks or each its own."""
    labels = rng.integers(0, 2, (n, 1)).repeat(n_tasks, axis=1)
    noise = rng.normal(0, 1.5, (n, 1 if shared else n_tasks))
    return labels, labels + noise + np.zeros(n_tasks)


def test_macro_average_is_the_mean_of_the_tasks(rng):
    labels, logits = tasks_of(rng, 300, 4, shared=False)
    labels[rng.random(labels.shape) < 0.3] = -1
    labels[:5] = -1  # no task knows these
    found = macro_average(labels, logits, rng=rng)
    each = [
        evaluate_classifier(y, z, rng=rng, n_resamples=1)
        for y, z in zip(labels.T, logits.T, strict=True)
    ]
    for what in ("auroc", "auprc"):
        assert getattr(found, what) == pytest.approx(np.mean([getattr(m, what) for m in each]))
        low, high = (getattr(found, f"{what}_{end}") for end in ("low", "high"))
        assert low < getattr(found, what) < high
    shares = [m.n_positive / (m.n_positive + m.n_negative) for m in each]
    assert found.base_rate == pytest.approx(np.mean(shares))
    assert found.n_tasks == 4
    assert found.n_groups == (labels >= 0).any(axis=1).sum() < 300


def test_errors_that_tasks_have_in_common_do_not_average_out(rng):
    def width(shared):
        labels, logits = tasks_of(rng, 400, 9, shared=shared)
        found = macro_average(labels, logits, rng=rng)
        return found.auroc_high - found.auroc_low

    labels, logits = tasks_of(rng, 400, 1, shared=True)
    one = evaluate_classifier(labels[:, 0], logits[:, 0], rng=rng)
    assert width(shared=True) == pytest.approx(one.auroc_high - one.auroc_low, rel=0.3)
    assert width(shared=False) < 0.6 * width(shared=True)


def test_macro_average_draws_groups_together(rng):
    labels, logits = tasks_of(rng, 100, 2, shared=True)
    number = np.tile(np.arange(100), 9)
    alone = macro_average(labels, logits, rng=np.random.default_rng(1))
    grouped = macro_average(
        np.tile(labels, (9, 1)), np.tile(logits, (9, 1)), rng=np.random.default_rng(1),
        groups=number,
    )  # fmt: skip
    assert (grouped.n_groups, grouped.auroc) == (100, pytest.approx(alone.auroc))
    assert grouped.auroc_low == pytest.approx(alone.auroc_low)
    assert grouped.auroc_high == pytest.approx(alone.auroc_high)


def test_too_few_of_a_class_to_resample_give_no_interval(rng):
    # Each of 14 tasks has its own only positive: hardly a resample holds them all.
    labels = np.eye(20, 14, dtype=int)
    found = macro_average(labels, rng.normal(size=labels.shape), rng=rng)
    assert 0 <= found.auroc <= 1
    assert found.auroc_low is found.auroc_high is found.auprc_low is found.auprc_high is None


def test_a_task_of_one_class_has_no_part_in_a_mean(rng):
    labels = np.array([[0, 0], [1, 0], [1, -1]])
    with pytest.raises(
        ValueError, match="0 positive of 2 sequences in column 1; expected both"
    ):
        macro_average(labels, np.zeros((3, 2)), rng=rng)
