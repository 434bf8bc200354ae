"""Agreement of measures of pairs, and recovery of planted ones."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from dfim.statistics.agreement import TopOverlap, agreement, fold_positions, rank_cells, recover

NAN = np.nan


def test_a_measure_agrees_with_itself_whatever_its_scale():
    scores = np.random.default_rng(0).random((6, 6))
    found = agreement(scores, np.exp(scores), top=(3, 36))
    assert found.spearman == pytest.approx(1)
    assert [t.shared for t in found.top] == [3, 36]
    turned = agreement(scores, -scores, top=(3,))
    assert (turned.spearman, turned.top[0].shared) == (pytest.approx(-1), 0)


def test_blank_cells_are_left_out_and_counted():
    first = np.array([[NAN, 1.0, 2.0, 3.0], [4.0, NAN, 5.0, 0.0]])
    second = np.array([[NAN, 1.0, 2.0, 2.0], [NAN, 9.0, 9.0, NAN]])
    found = agreement(first, second, top=(1, 2))
    assert (found.n, found.n_only_first, found.n_only_second) == (3 + 1, 2, 1)
    assert found.spearman == stats.spearmanr([1, 2, 3, 5], [1, 2, 2, 9]).statistic
    assert found.top[0] == TopOverlap(1, 1, 1 / 4)


def test_ties_for_the_last_places_share_them():
    first = np.array([5.0, 1, 1, 1, 1])
    second = np.array([5.0, 3, 2, 1, 0])
    # One of four equal cells is the second of `first`; that of `second` is one of them.
    assert agreement(first, second, top=(2,)).top[0].shared == pytest.approx(1 + 1 / 4)
    flat = agreement(np.zeros(5), second, top=(2,))
    assert flat.top[0].shared == pytest.approx(flat.top[0].by_chance) == pytest.approx(4 / 5)


def test_overlap_of_unrelated_measures_is_what_chance_gives():
    rng = np.random.default_rng(0)
    tops = [agreement(*rng.random((2, 40)), top=(10,)).top[0] for _ in range(400)]
    assert tops[0].by_chance == 2.5
    assert np.mean([t.shared for t in tops]) == pytest.approx(2.5, abs=0.25)


def test_rank_correlation_with_a_constant_is_not_defined(recwarn):
    found = agreement(np.zeros((3, 3)), np.arange(9.0).reshape(3, 3), top=(2,))
    assert found.spearman is None
    json.dumps(asdict(found), allow_nan=False)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("first", "second", "top", "fault"),
    [
        (np.zeros(3), np.zeros(4), (1,), r"got shapes \(3,\) and \(4,\), expected one shape"),
        (np.full(3, NAN), np.zeros(3), (1,), r"got 0 cells known in both \(0 in first, 3 in"),
        ([1.0, NAN], [1.0, 2.0], (1,), "got 1 cells known in both"),
        ([1.0, np.inf], [1.0, 2.0], (1,), r"first: got inf in cell \(1,\), expected numbers"),
        ([1.0, 2.0], [[1.0, -np.inf]], (1,), r"second: got -inf in cell \(0, 1\)"),
        ([1.0, 2.0, NAN], [1.0, 2.0, 3.0], (1, 3), "top: got 3, expected 1 to 2, the cells"),
        ([1.0, 2.0], [1.0, 2.0], (0,), "top: got 0, expected 1 to 2"),
    ],
)
def test_measures_that_cannot_be_compared(first, second, top, fault):
    with pytest.raises(ValueError, match=fault) as error:
        agreement(np.asarray(first), np.asarray(second), top=top)
    assert "\n" not in str(error.value)


def test_recovery_against_counting():
    scores = np.array([[NAN, 9.0, 1.0], [3.0, NAN, 3.0], [7.0, 2.0, NAN]])
    planted = np.zeros((3, 3), bool)
    planted[0, 1] = planted[1, 0] = planted[2, 2] = True
    found = recover(scores, planted)
    assert (found.n, found.n_planted, found.n_blank) == (6, 2, 1)
    assert found.ranks == (1, 3.5)  # 3 is there twice
    known = ~np.isnan(scores)
    assert found.auroc == pytest.approx(roc_auc_score(planted[known], scores[known]))
    assert found.auroc == (4 + 2.5) / 8
    json.dumps(asdict(found), allow_nan=False)


def test_planted_pairs_on_top_and_at_the_bottom():
    scores, planted = np.arange(90.0), np.arange(90) >= 78
    found = recover(scores, planted)
    assert (found.auroc, found.ranks) == (1, tuple(range(1, 13)))
    assert recover(-scores, planted).auroc == 0
    assert recover(np.zeros(90), planted).auroc == 0.5


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        (np.zeros(3, bool), "got 0 planted and 2 other cells with a score"),
        (np.ones(3, bool), "got 2 planted and 0 other cells"),
        (np.array([True, False, False]), "got 0 planted and 2 other"),
        (np.array([0, 1, 0]), r"planted: got int64 of shape \(3,\), expected bool"),
        (np.zeros((1, 3), bool), r"got bool of shape \(1, 3\), expected bool of shape \(3,\)"),
    ],
)
def test_nothing_to_recover(planted, fault):
    with pytest.raises(ValueError, match=fault):
        recover(np.array([NAN, 1.0, 2.0]), planted)


def test_ranks_keep_shape_and_blanks():
    ranks = rank_cells(np.array([[NAN, 4.0], [4.0, 5.0]]))
    np.testing.assert_array_equal(ranks, [[NAN, 2.5], [2.5, 1]])
    assert np.isnan(rank_cells(np.full((2, 2), NAN))).all()


def test_cells_fold_to_ordered_pairs_of_positions(recwarn):
    cells = np.random.default_rng(0).random((3, 3, 4, 4))
    cells[0, 1, 2] = NAN
    cells[2, 0] = NAN
    given = cells.copy()
    largest = fold_positions(cells)
    assert largest[0, 1] == cells[0, 1, [0, 1, 3]].max()
    assert (largest[1, 2], largest[2, 1]) == (cells[1, 2].max(), cells[2, 1].max())
    blank = np.eye(3, dtype=bool)
    blank[2, 0] = True
    np.testing.assert_array_equal(np.isnan(largest), blank)
    np.testing.assert_array_equal(cells, given)
    assert not recwarn.list


def test_what_does_not_fold():
    with pytest.raises(ValueError, match=r"got shape \(3, 4, 3, 4\), expected \(L, L, 4, 4\)"):
        fold_positions(np.zeros((3, 4, 3, 4)))
    with pytest.raises(ValueError, match=r"got shape \(\), expected \(L, L, 4, 4\)"):
        fold_positions(np.float64(1))
