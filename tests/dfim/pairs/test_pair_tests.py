"""Tests of pair scores: on simulated scores, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dfim.pairs.calls import COMBINATIONS, call_table
from dfim.pairs.p_values import (
    pair_classes,
    pair_p_values,
    realised_null_rate,
)
from dfim.pairs.scores import PairScores
from dfim.scoring.provenance import ScoreInfo
from dfim.statistics.significance import (
    benjamini_hochberg,
    fit_gaussian,
    p_empirical,
    p_gaussian,
)
from helpers.pairs import PER_SEQUENCE, simulated


def with_fis(scores: PairScores, fis) -> PairScores:
    fis = np.asarray(fis, np.float32)
    return replace(scores, fis=fis, fis_max_abs=np.abs(fis))


def unreached(scores: PairScores, where) -> PairScores:
    """The same scores, with some pairs that no path of the network joins."""
    zero = replace(scores, reachable=~np.asarray(where))
    return with_fis(zero, np.where(where, 0, scores.fis))


@pytest.fixture
def rng():
    return np.random.default_rng(11)


# ---- classes -------------------------------------------------------------------


def test_classes_join_both_directions(rng):
    scores = simulated(rng, 2)
    classes = pair_classes(scores)
    assert classes.names == (("A", "B"), ("A", "C"), ("B", "C"))
    names = scores.features.name
    for pair, s, t in zip(classes.of_pair, scores.source, scores.target, strict=True):
        assert classes.names[pair] == tuple(sorted((str(names[s]), str(names[t]))))
    assert classes.index_of(["C", "A"]) == 1
    assert classes.label(1) == "A–C"
    with pytest.raises(ValueError, match="no pair has it"):
        classes.index_of(("A", "D"))


# ---- p-values ------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["two_sided", "upper", "empirical"])
def test_p_values_of_the_null_are_uniform(rng, tail):
    real, null = simulated(rng, 2000), simulated(rng, 2000)
    p = pair_p_values(real, null, tail=tail)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    # A null narrower by a tenth is seen, so the line above can fail.
    wider = pair_p_values(simulated(rng, 2000, sd=1.1), null, tail=tail)
    assert stats.kstest(wider, "uniform").pvalue < 1e-3


@pytest.mark.parametrize(
    ("tail", "rate"), [("two_sided", 0.05), ("upper", 0.05), ("empirical", 0.05),
                       ("min_tail", 0.10)]
)  # fmt: skip
def test_realised_rate_is_the_level_except_where_the_tail_is_not_doubled(rng, tail, rate):
    null = simulated(rng, 3000)
    called = realised_null_rate(null, reduce="sum", tail=tail, alpha=0.05)
    error = np.sqrt(rate * (1 - rate) / len(null))
    assert called.mean() == pytest.approx(rate, abs=4 * error)
    wide = realised_null_rate(
        with_fis(null, rng.standard_t(2, len(null))), reduce="sum", tail=tail, alpha=0.05
    )
    # A heavy tail spoils every Gaussian, and not the empirical test.
    assert (abs(wide.mean() - rate) > 8 * error) == (tail != "empirical")


@pytest.mark.parametrize("reduce", ["sum", "max_abs"])
def test_p_values_are_those_of_the_chosen_score(rng, reduce):
    real, null = simulated(rng, 30), simulated(rng, 30)
    x, z = ((s.fis if reduce == "sum" else s.fis_max_abs) for s in (real, null))
    expected = p_empirical(x.astype(float), z.astype(float), absolute=True)
    np.testing.assert_array_equal(
        pair_p_values(real, null, reduce=reduce, tail="empirical"), expected
    )
    expected = p_gaussian(x, fit_gaussian(z), "upper")
    np.testing.assert_allclose(
        pair_p_values(real, null, reduce=reduce, tail="upper"), expected, rtol=1e-12
    )


def test_two_sided_test_of_an_absolute_value_is_refused(rng):
    scores = simulated(rng, 5)
    with pytest.raises(ValueError, match="'two_sided' with reduce='max_abs'"):
        pair_p_values(scores, scores, reduce="max_abs", tail="two_sided")
    assert ("max_abs", "two_sided") not in COMBINATIONS


# ---- pairs with no path between them -------------------------------------------


@pytest.mark.parametrize("tail", ["two_sided", "empirical"])
@pytest.mark.parametrize("pool", ["per_task", "per_map"])
def test_unreachable_pairs_are_neither_tested_nor_part_of_the_null(rng, tail, pool):
    real, null = simulated(rng, 20), simulated(rng, 20)
    zero = np.arange(len(real)) % PER_SEQUENCE == 1
    p = pair_p_values(
        unreached(real, zero),
        unreached(null, zero),
        tail=tail,
        pool=pool,
    )
    assert np.isnan(p[zero]).all()
    keep = np.flatnonzero(~zero)

    def kept(scores):
        names = ("source", "target", "fis", "fis_max_abs", "reachable")
        return replace(with_fis(scores, scores.fis), **{
            name: getattr(with_fis(scores, scores.fis), name)[keep] for name in names
        })  # fmt: skip

    without = pair_p_values(kept(real), kept(null), tail=tail, pool=pool)
    np.testing.assert_array_equal(p[keep], without)


def test_a_score_of_exactly_zero_is_tested_where_a_path_exists(rng):
    """A piecewise linear network has many such zeros; leaving them out would flatter it."""
    real, null = simulated(rng, 20), simulated(rng, 20)
    fis = real.fis.copy()
    fis[3] = 0
    assert pair_p_values(with_fis(real, fis), null)[3] > 0.8


# ---- which null ----------------------------------------------------------------


@pytest.fixture
def many_widths(rng):
    """Sequences whose scores differ in width, with 40 null shuffles of each."""
    sd = np.geomspace(0.1, 10, 30)
    rows = rng.permutation(30) * 3 + 1  # neither sorted nor dense
    null = PairScores.concatenate(
        [simulated(rng, 30, sd=sd, sequences=rows) for _ in range(40)]
    )
    return simulated(rng, 30, sd=sd, sequences=rows), null


@pytest.mark.parametrize("tail", ["two_sided", "empirical"])
def test_null_per_map_uses_each_sequence_own_null(many_widths, tail):
    real, null = many_widths
    p = pair_p_values(real, null, pool="per_map", tail=tail)
    owner, null_owner = (s.features.sequence[s.source] for s in (real, null))
    for row in np.unique(owner):
        x, z = real.fis[owner == row].astype(float), null.fis[null_owner == row].astype(float)
        expected = (
            p_gaussian(x, fit_gaussian(z))
            if tail == "two_sided"
            else p_empirical(x, z, absolute=True)
        )
        np.testing.assert_allclose(p[owner == row], expected, rtol=1e-12)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_sequence_whose_own_null_has_no_width_is_not_tested(many_widths):
    real, null = many_widths
    flat = null.features.sequence[null.source] == 4  # a network that is off, say
    null = with_fis(null, np.where(flat, 0, null.fis))
    mine = real.features.sequence[real.source] == 4
    p = pair_p_values(real, null, pool="per_map")
    assert np.isnan(p[mine]).all()
    assert np.isfinite(p[~mine]).all()
    counted = pair_p_values(real, null, pool="per_map", tail="empirical")
    assert counted[mine] == pytest.approx(1 / 241)  # 40 shuffles, 6 pairs


def test_pooled_null_is_one_for_all(many_widths):
    real, null = many_widths
    pooled = pair_p_values(real, null, pool="per_task")
    np.testing.assert_array_equal(pooled, pair_p_values(real, null, pool="global"))
    np.testing.assert_allclose(pooled, p_gaussian(real.fis, fit_gaussian(null.fis)), rtol=1e-6)
    assert stats.kstest(pooled, "uniform").pvalue < 1e-3


# ---- realised rate -------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 10])
def test_halves_do_not_depend_on_row_numbers(rng, step):
    # Rows of an analysis may all be even, such as every other sequence of a file.
    null = simulated(rng, 50)
    spread = null.of_rows(np.arange(50) * step)
    np.testing.assert_array_equal(
        realised_null_rate(spread, reduce="sum", tail="two_sided", alpha=0.05),
        realised_null_rate(null, reduce="sum", tail="two_sided", alpha=0.05),
    )


def test_no_pair_is_judged_by_its_own_sequence(rng):
    # One wild sequence: called by the other half's null, however wide its own is.
    null = simulated(rng, 40)
    wild = null.features.sequence[null.source] == 7
    called = realised_null_rate(
        with_fis(null, np.where(wild, 1000 * null.fis, null.fis)),
        reduce="sum", tail="two_sided", alpha=0.05,
    )  # fmt: skip
    assert called[wild].mean() == 1


def test_one_sequence_has_no_realised_rate(rng):
    called = realised_null_rate(simulated(rng, 1), reduce="sum", tail="two_sided", alpha=0.05)
    assert np.isnan(called).all()


# ---- Benjamini-Hochberg --------------------------------------------------------


def test_false_discoveries_stay_at_their_level():
    level, found, false = 0.1, 0, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        real, null = simulated(rng, 60, shift=4.0), simulated(rng, 200)
        q = benjamini_hochberg(pair_p_values(real, null))
        planted = pair_classes(real).of_pair == 0
        called = q < level
        found += (called & planted).sum() / planted.sum() / 40
        false.append((called & ~planted).sum() / max(called.sum(), 1))
    assert found > 0.8
    # BH holds level * (share of true nulls) = 0.1 * 2/3.
    assert np.mean(false) == pytest.approx(level * 2 / 3, abs=0.025)


# ---- the table of calls --------------------------------------------------------

COLUMNS = [
    "reduce", "tail", "fdr", "name_a", "name_b", "n", "n_untested", "median_p", "fraction_p",
    "median_q", "fraction_q", "n_null", "null_fraction_p",
]  # fmt: skip


def test_null_of_another_method_is_refused(rng):
    real, null = simulated(rng, 4), simulated(rng, 4)
    other = replace(null, info=ScoreInfo("gradient_input"))
    with pytest.raises(ValueError, match="cannot compare scores that differ in method"):
        pair_p_values(real, other)


def test_null_without_any_path_is_refused(rng):
    real = simulated(rng, 4)
    null = unreached(simulated(rng, 4), np.ones(len(real), bool))
    with pytest.raises(ValueError, match=r"null: no path of the network joins any of its \d+"):
        pair_p_values(real, null)
    assert np.isnan(pair_p_values(real, null, pool="per_map")).all()


def test_call_table_has_every_way_of_testing_each_class(rng):
    real, null = simulated(rng, 200, shift=5.0), simulated(rng, 200)
    zero = np.arange(len(real)) % (4 * PER_SEQUENCE) == 1  # A with C, 50 of them
    assert pair_classes(real).of_pair[zero].tolist() == [2] * 50
    real = unreached(real, zero)
    table = call_table(real, null, alpha=0.2)
    assert list(table.columns) == COLUMNS
    keys = table[["reduce", "tail", "fdr", "name_a", "name_b"]].drop_duplicates()
    assert len(table) == len(keys) == len(COMBINATIONS) * 2 * 3
    classes = pair_classes(real)
    for _, row in table.iterrows():
        mine = classes.of_pair == classes.index_of((row["name_a"], row["name_b"]))
        p = pair_p_values(real, null, reduce=row["reduce"], tail=row["tail"])
        q = benjamini_hochberg(p, None if row["fdr"] == "joint" else classes.of_pair)
        tested = np.isfinite(p) & mine
        assert (row["n"], row["n_untested"]) == (tested.sum(), (mine & zero).sum())
        assert row["fraction_p"] == (p[tested] < 0.2).mean()
        assert row["fraction_q"] == (q[tested] < 0.2).mean()
        assert row["median_q"] == np.median(q[tested])
        assert row["n_null"] == 400
    planted = table[(table["name_a"] == "A") & (table["name_b"] == "B")]
    assert (planted.loc[planted["reduce"] == "sum", "fraction_p"] > 0.95).all()
    assert table["null_fraction_p"].between(0.1, 0.5).all()


def test_class_that_is_never_reached_is_reported_and_not_fatal(rng):
    real, null = simulated(rng, 20), simulated(rng, 20)
    never = pair_classes(real).of_pair == 1
    with np.errstate(all="raise"):
        table = call_table(unreached(real, never), unreached(null, never))
    row = table[(table["name_a"] == "A") & (table["name_b"] == "C")].iloc[0]
    assert (row["n"], row["n_untested"], row["n_null"]) == (0, 40, 0)
    assert row[["median_p", "fraction_p", "median_q", "fraction_q"]].isna().all()
