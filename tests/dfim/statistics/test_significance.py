"""P-values, false discovery, rank tests and bootstrap."""

import logging
from itertools import product

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats
from scipy import stats

from dfim.statistics.bootstrap import auroc_by_group, bootstrap_by_group
from dfim.statistics.effect_sizes import auroc, box_statistics, mann_whitney
from dfim.statistics.significance import (
    GaussianNull,
    benjamini_hochberg,
    fit_gaussian,
    p_empirical,
    p_gaussian,
)

TAILS = ("two_sided", "upper", "min_tail")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------ Gaussian null


def test_fit_is_maximum_likelihood_over_finite_scores():
    scores = np.arange(200, dtype=np.float32).reshape(10, 20)
    scores[3, 3] = np.nan
    known = np.delete(np.arange(200.0), 63)
    null = fit_gaussian(scores)
    assert null.n == 199
    assert null.mean == pytest.approx(known.mean())
    assert null.sd == pytest.approx(np.sqrt(((known - known.mean()) ** 2).mean()))


def test_small_null_is_fitted_with_a_warning(rng, caplog):
    with caplog.at_level(logging.WARNING, logger="dfim.statistics.significance"):
        fit_gaussian(rng.normal(size=100))
        assert not caplog.records
        fit_gaussian(rng.normal(size=99))
    assert "99 scores" in caplog.text


@pytest.mark.parametrize(
    "null", [[], [1.0], [np.nan, 1.0], [0.1] * 50, np.full(7, 0.1, np.float32)]
)
def test_null_without_spread_is_refused(null):
    with pytest.raises(ValueError, match=r"null: got .* pool more"):
        fit_gaussian(null)


def test_infinite_null_score_is_refused():
    with pytest.raises(ValueError, match="null: got an infinite value"):
        fit_gaussian([1.0, 2.0, np.inf])


@pytest.mark.parametrize("tail", ["two_sided", "upper"])
def test_p_is_uniform_under_the_null(rng, tail):
    null = fit_gaussian(rng.normal(-0.001, 0.027, 200_000))
    p = p_gaussian(rng.normal(-0.001, 0.027, 20_000), null, tail)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_smaller_tail_rejects_one_true_null_in_ten(rng):
    null = GaussianNull(mean=2.0, sd=3.0, n=1000)
    x = rng.normal(2, 3, 100_000)
    p = p_gaussian(x, null, "min_tail")
    assert p.max() <= 0.5
    assert np.mean(p < 0.05) == pytest.approx(0.10, abs=0.004)
    np.testing.assert_allclose(p_gaussian(x, null), 2 * p)


def test_upper_tail_counts_only_large_scores():
    null = GaussianNull(mean=1.0, sd=2.0, n=1000)
    x = np.array([[1 - 2 * 1.959964, 1.0], [1 + 2 * 1.959964, 1 + 2 * 1.644854]])
    np.testing.assert_allclose(
        p_gaussian(x, null, "upper"), [[0.975, 0.5], [0.025, 0.05]], rtol=1e-5
    )
    np.testing.assert_allclose(p_gaussian(x, null), [[0.05, 1], [0.05, 0.1]], rtol=1e-5)


@pytest.mark.parametrize("tail", TAILS)
def test_p_is_nan_where_the_score_is_and_only_there(tail):
    x = np.array([np.nan, np.inf, -np.inf, 0, 1e300, -1e300], np.float64)
    p = p_gaussian(x, GaussianNull(0.0, 1e-3, 100), tail)
    np.testing.assert_array_equal(np.isnan(p), np.isnan(x))
    assert p[1] == 0


def test_small_p_does_not_round_to_zero():
    assert 0 < p_gaussian(np.float32(37), GaussianNull(0.0, 1.0, 100), "upper") < 1e-290


def test_unknown_tail_is_refused():
    with pytest.raises(ValueError, match="tail: got 'lower'"):
        p_gaussian([0.0], GaussianNull(0.0, 1.0, 100), "lower")


# ------------------------------------------------------------ empirical p


def test_empirical_p_counts_null_scores_at_least_as_large():
    null = [-3.0, 1.0, np.nan, 2.0, 2.0]
    x = np.array([[-4, 1, 1.5], [2, 2.5, np.nan]])
    np.testing.assert_allclose(
        p_empirical(x, null, absolute=False),
        np.array([[5, 4, 3], [3, 1, np.nan]]) / 5,
    )
    np.testing.assert_allclose(
        p_empirical(x, null, absolute=True), np.array([[1, 5, 4], [4, 2, np.nan]]) / 5
    )


def test_empirical_p_is_valid_under_the_null(rng):
    """With n = 19 null scores, p < 0.05 + 1e-9 has a chance of exactly 0.05."""
    draws = rng.normal(size=(20_000, 20))
    p = np.array([p_empirical(row[0], row[1:], absolute=False) for row in draws])
    assert np.mean(p < 0.0501) == pytest.approx(0.05, abs=0.006)


def test_empirical_p_needs_null_scores():
    with pytest.raises(ValueError, match="null: got no scores"):
        p_empirical([1.0], [np.nan], absolute=False)


# ------------------------------------------------------------ q values


def brute_force_q(p):
    rate = {level: level * len(p) / sum(other <= level for other in p) for level in p}
    return [min(min(1.0, rate[level]) for level in p if level >= one) for one in p]


def test_q_values_match_their_definition(rng):
    p = rng.random(30) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), brute_force_q(p))
    p[5:8] = p[4]  # ties
    np.testing.assert_allclose(benjamini_hochberg(p), brute_force_q(p))


def test_missing_tests_stay_missing_and_do_not_count(rng):
    p = rng.random((4, 5)) ** 2
    p[1, 2] = p[3, 0] = np.nan
    q = benjamini_hochberg(p)
    assert q.shape == p.shape
    np.testing.assert_array_equal(np.isnan(q), np.isnan(p))
    np.testing.assert_allclose(q[~np.isnan(p)], brute_force_q(p[~np.isnan(p)]))
    assert np.isnan(benjamini_hochberg([np.nan, np.nan])).all()
    assert benjamini_hochberg([]).shape == (0,)


def test_groups_are_adjusted_on_their_own(rng):
    p, groups = rng.random(60) ** 2, rng.choice(["AP1-ELF1", "ELF1-SIX5", "TAL1-SIX5"], 60)
    p[::9] = np.nan
    q = benjamini_hochberg(p, groups)
    for group in np.unique(groups):
        np.testing.assert_allclose(q[groups == group], benjamini_hochberg(p[groups == group]))
    assert not np.allclose(q, benjamini_hochberg(p), equal_nan=True)


def test_false_discovery_rate_is_controlled(rng):
    """Independent tests, 80 % true nulls: the expected rate is 0.8 * 0.05."""
    proportions = []
    for _ in range(400):
        z = rng.normal(size=1000)
        z[:200] += 3
        found = benjamini_hochberg(stats.norm.sf(z)) < 0.05
        proportions.append(found[200:].sum() / max(1, found.sum()))
    assert np.mean(proportions) == pytest.approx(0.04, abs=0.004)


def test_unusable_p_values_are_refused():
    with pytest.raises(ValueError, match=r"p: got 1\.5"):
        benjamini_hochberg([0.1, 1.5])
    with pytest.raises(ValueError, match="groups: got shape"):
        benjamini_hochberg([0.1, 0.5], [1])


# ------------------------------------------------------------ rank tests


def test_auroc_matches_the_count_of_pairs(rng):
    positive, negative = rng.integers(0, 8, 40) + 1.0, rng.integers(0, 8, 60).astype(float)
    won = [(p > n) + (p == n) / 2 for p, n in product(positive, negative)]
    assert auroc(positive, negative) == pytest.approx(np.mean(won))


@pytest.mark.filterwarnings("error")
def test_auroc_of_extreme_samples():
    assert auroc([2.0, 3.0], [1.0]) == 1
    assert auroc([0.0], [1.0, 2.0]) == 0
    assert auroc(np.ones(30), np.ones(20)) == 0.5
    assert auroc([np.inf], [1.0]) == 1


def test_auroc_refuses_what_it_cannot_rank():
    with pytest.raises(ValueError, match="got NaN"):
        auroc([1.0, np.nan], [1.0])
    with pytest.raises(ValueError, match="got 0 and 1 values"):
        auroc([], [1.0])


def test_mann_whitney_record(rng):
    x, y = rng.normal(1, 1, 50), rng.normal(0, 1, 70)
    test = mann_whitney(np.append(x, np.nan), y, "greater")
    assert (test.n_x, test.n_y) == (50, 70)
    assert test.u == sum(a > b for a, b in product(x, y))
    assert test.rank_biserial == pytest.approx(
        np.mean([np.sign(a - b) for a, b in product(x, y)])
    )
    assert test.p < 1e-4 < 0.9 < mann_whitney(x, y, "less").p
    # Exact for small samples: one of the 10 choices of 2 in 5 is as extreme.
    assert mann_whitney([4.0, 5.0], [1.0, 2.0, 3.0], "greater").p == pytest.approx(0.1)
    with pytest.raises(ValueError, match="alternative: got 'two_sided'"):
        mann_whitney(x, y, "two_sided")


# ------------------------------------------------------------ bootstrap


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_bootstrap_equals_a_plain_one(statistic):
    """Written out: copy the values of each drawn group, take the statistic."""
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 12, 101)
    values = rng.normal(size=101).round(1)
    labels = np.array([f"sequence {group:02d}" for group in groups])
    members = [values[labels == label] for label in np.unique(labels)]
    made = bootstrap_by_group(
        values, labels, rng=np.random.default_rng(2), statistic=statistic, n_resamples=50
    )
    plain = np.random.default_rng(2)
    function = getattr(np, statistic)
    resampled = [
        function(np.concatenate([members[i] for i in plain.integers(12, size=12)]))
        for _ in range(50)
    ]
    assert made.estimate == pytest.approx(function(values))
    assert (made.low, made.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])))
    assert (made.n_values, made.n_groups) == (101, 12)


def test_bootstrap_by_sequence_covers_where_one_by_row_does_not(rng):
    """40 groups that share an effect: rows are far from independent."""
    groups = np.repeat(np.arange(40), 10)
    covered = {"group": 0, "row": 0}
    for _ in range(150):
        values = rng.normal(size=40)[groups] + 0.3 * rng.normal(size=400)
        for name, labels in (("group", groups), ("row", np.arange(400))):
            made = bootstrap_by_group(
                values, labels, rng=rng, statistic="mean", n_resamples=200
            )
            covered[name] += made.low <= 0 <= made.high
    assert covered["group"] >= 0.87 * 150
    assert covered["row"] < 0.6 * 150


def test_bootstrap_repeats_with_the_generator_and_leaves_out_nan(rng):
    values, groups = rng.normal(size=60), np.repeat(np.arange(20), 3)
    values[groups == 4] = np.nan
    first, again = (
        bootstrap_by_group(values, groups, rng=np.random.default_rng(3)) for _ in range(2)
    )
    assert first == again
    assert (first.n_values, first.n_groups) == (57, 19)
    assert first.low < first.estimate < first.high
    wide = bootstrap_by_group(values, groups, rng=np.random.default_rng(3), confidence=0.99)
    assert wide.low <= first.low < first.high <= wide.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": [0, 0, 0]}, "groups: got 1 with a value"),
        ({"groups": [0, 1]}, "values, groups: got shapes"),
        ({"statistic": "mode"}, "statistic: got 'mode'"),
        ({"n_resamples": 0}, "n_resamples, confidence: got 0"),
        ({"confidence": 95}, "n_resamples, confidence: got 1000 and 95"),
        ({"values": [1.0, np.inf, 2.0]}, "values: got an infinite value"),
    ],
)
def test_unusable_bootstrap_arguments_are_refused(rng, change, message):
    arguments = {"values": [1.0, 2.0, 3.0], "groups": [0, 1, 2], "rng": rng} | change
    with pytest.raises(ValueError, match=message):
        bootstrap_by_group(**arguments)


# ------------------------------------------------------------ AUROC by group


def test_auroc_by_group_is_the_auroc_and_its_interval_resamples_groups(rng):
    positive = rng.random(600) < 0.4
    values = np.round(rng.normal(positive, 1), 1)  # with ties
    groups = np.arange(600) // 3
    found = auroc_by_group(values, positive, groups, rng=rng)
    assert found.estimate == pytest.approx(
        auroc(values[positive], values[~positive]), abs=1e-12
    )
    assert found.low < found.estimate < found.high
    assert (found.n_values, found.n_groups) == (600, 200)
    # Every value thrice in one group: as many groups, so an interval as wide as without copies.
    copies = auroc_by_group(
        np.repeat(values, 3), np.repeat(positive, 3), np.repeat(groups, 3), rng=rng
    )
    assert copies.high - copies.low == pytest.approx(found.high - found.low, rel=0.3)


# ------------------------------------------------------------ boxes


def test_box_statistics_are_those_of_matplotlib(rng):
    values = np.append(rng.standard_t(2, 200), [50.0, -40.0])
    (expected,) = boxplot_stats(values)
    found = box_statistics(np.append(values, [np.nan, np.inf]))
    assert found == {key: pytest.approx(expected[key]) for key in found}
    assert set(found) == {"med", "q1", "q3", "whislo", "whishi"}


def test_a_box_needs_a_value():
    with pytest.raises(ValueError, match="values: got no finite value"):
        box_statistics(np.array([np.nan]))
