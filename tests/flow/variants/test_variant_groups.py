"""Significant variants against controls: areas, intervals by locus, shuffles, classes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from dfim.io.store import write_table
from dfim.statistics.bootstrap import auroc_by_group
from dfim.statistics.effect_sizes import auroc
from flow.variants.classes import class_table
from flow.variants.groups import (
    OF_ALL,
    OF_ALT,
    ScoredVariants,
    areas,
    group_table,
    load_variants,
    shuffled_u,
)


def scored(significant, locus, *scores, sets=None, **more) -> ScoredVariants:
    """Variants with the scores of FIS, then of |Δlogit| by ALT and by all bases."""
    n = len(locus)
    columns = {
        "set": np.repeat("JUND", n) if sets is None else sets,
        "group": np.where(significant, "significant", "control"),
        "chrom": "chr8",
        "pos": np.arange(n) + 1,
        "ref": "A",
        "alt": "C",
        "locus": locus,
        "motif": "AP1",
    }
    every = [*scores, *[scores[-1]] * (3 - len(scores))]
    return ScoredVariants(
        pd.DataFrame({**columns, **more}), ("FIS", OF_ALT, OF_ALL), np.array(every, np.float64)
    )


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_areas_of_resamples_are_those_of_repeated_rows(rng):
    scores, positive = rng.integers(0, 6, 40) * 1.0, rng.random(40) < 0.4  # with ties
    times = rng.integers(0, 3, (25, 40))
    found = areas(scores, positive, times)
    for row, value in zip(times, found, strict=True):
        high, low = (np.repeat(scores[which], row[which]) for which in (positive, ~positive))
        assert value == pytest.approx(auroc(high, low))
    assert np.isnan(areas(scores, positive, np.where(positive, 0, times))).all()


def test_table_agrees_with_scipy_and_with_intervals_by_group(rng):
    high = np.arange(150) < 60
    values, locus = rng.normal(0.8 * high, 1), np.arange(150) // 2
    table, _ = group_table(scored(high, locus, values, -values), rng=rng)
    row = table.iloc[0]
    other = mannwhitneyu(values[high], values[~high], alternative="greater")
    assert (row["u"], row["p"]) == pytest.approx((other.statistic, other.pvalue))
    assert row["rank_biserial"] == pytest.approx(2 * row["auroc"] - 1)
    expected = auroc_by_group(values, high, locus, rng=rng, n_resamples=1000)
    assert row["auroc"] == pytest.approx(expected.estimate)
    assert row["auroc_low"] == pytest.approx(expected.low, abs=0.015)
    assert row["auroc_high"] == pytest.approx(expected.high, abs=0.015)
    assert row["difference"] == 0
    # The other scores are the first turned round.
    assert table["auroc"].tolist()[1:] == pytest.approx([1 - row["auroc"]] * 2)
    assert table["difference_low"][1] > 0


def test_differences_are_paired(rng):
    high = np.arange(400) < 200
    values = rng.normal(0.3 * high, 1)
    close = values + rng.normal(0, 0.05, 400)  # nearly the same ranks
    table, summary = group_table(scored(high, np.arange(400), values, close), rng=rng)
    wide = table["auroc_high"][0] - table["auroc_low"][0]
    assert table["difference_high"][1] - table["difference_low"][1] < wide / 5
    assert summary["difference"].tolist() == table["difference"].tolist()


def test_best_score_is_counted_by_set_and_a_set_of_one_group_is_not(rng):
    sets = np.repeat(["JUND", "NFKB", "SPI1"], [40, 40, 10])
    high = np.tile([True, False], 45)
    high[80:] = True
    random, right = rng.normal(size=90), high + rng.normal(0, 0.1, 90)
    fis = np.where(sets == "NFKB", right, random)
    delta = np.where(sets == "JUND", right, random)
    table, summary = group_table(
        scored(high, np.arange(90), fis, delta, random, sets=sets), rng=rng, n_resamples=50
    )
    assert summary.set_index("method")["n_best"].to_dict() == {"FIS": 1, OF_ALT: 1, OF_ALL: 0}
    assert summary["n_sets"].tolist() == [2, 2, 2]
    alone = table[table["set"] == "SPI1"]
    assert alone["n_significant"].tolist() == [10] * 3
    assert alone["auroc"].isna().all()


def test_interval_is_wider_where_a_locus_repeats_its_value(rng):
    high = np.arange(200) < 100
    values = np.repeat(rng.normal(size=20), 10)
    widths = []
    for locus in (np.arange(200) // 10, np.arange(200)):
        table, _ = group_table(scored(high, locus, values), rng=rng)
        widths.append(table["auroc_high"][0] - table["auroc_low"][0])
    assert widths[0] > 2 * widths[1]


def test_shuffles_of_independent_variants_are_called_at_the_level(rng):
    high, values = np.arange(120) < 60, rng.lognormal(size=120)
    u, p = shuffled_u(values, high, np.arange(120), n=2000, rng=rng)
    assert u.mean() == pytest.approx(60 * 60 / 2, rel=0.02)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_shuffled_p_is_scipys_with_ties(rng):
    values, high = rng.integers(0, 4, 50) * 1.0, np.arange(50) < 20
    everyone = np.zeros(50, int)  # one locus: its labels never leave it
    u, p = shuffled_u(values, high, everyone, n=2, rng=rng)
    other = mannwhitneyu(values[high], values[~high], alternative="greater")
    assert u.tolist() == [other.statistic] * 2
    assert p.tolist() == pytest.approx([other.pvalue] * 2)
    assert shuffled_u(np.ones(50), high, everyone, n=2, rng=rng)[1].tolist() == [1, 1]


def test_test_that_ignores_loci_calls_shuffles_too_often(rng):
    # Ten variants a locus with one value and one label: ten are worth one.
    high = np.repeat(np.arange(40) < 20, 10)
    values = np.repeat(rng.normal(np.arange(40) < 20, 1.5), 10)
    table, _ = group_table(scored(high, np.arange(400) // 10, values), rng=rng)
    assert table["error_rate"][0] > 0.15
    assert table["p_loci"][0] > 100 * table["p"][0]


# ---- reading -------------------------------------------------------------------


def results_table(**more) -> pd.DataFrame:
    table = {
        "set": ["JUND"] * 4, "group": ["significant", "control", "listed", "control"],
        "chrom": "8", "pos": [5, 6, 7, 8], "ref": "A", "alt": "C", "locus": [0, 1, 2, 3],
        "motif": ["AP1", None, None, None], "max_abs_fis": [3.0, 1, np.nan, 2],
        "abs_delta": [1.0, 2, np.nan, 3], "max_abs_delta": [4.0, 5, np.nan, 6],
    }  # fmt: skip
    return pd.DataFrame(table | more)


@pytest.fixture
def write(tmp_path):
    def write(name="results.tsv.gz", **more):
        write_table(tmp_path / name, results_table(**more))
        return str(tmp_path / name)

    return write


def test_load_keeps_significant_and_control_rows(write):
    other = write("other.tsv.gz", max_abs_fis=[9.0, 8, 7, 6])
    found = load_variants([write(), other], ["a", "b"])
    assert found.methods == ("a", "b", OF_ALT, OF_ALL)
    assert found.scores.tolist() == [[3, 1, 2], [9, 8, 6], [1, 2, 3], [4, 5, 6]]
    assert found.significant.tolist() == [True, False, False]
    assert found.table["motif"].tolist() == ["AP1", "NA", "NA"]
    assert found.table["chrom"].tolist() == ["8"] * 3


def test_load_refuses_what_cannot_be_compared(write):
    with pytest.raises(ValueError, match="its variants are not those of"):
        load_variants([write(), write("other.tsv.gz", pos=[5, 6, 7, 9])], ["a", "b"])
    with pytest.raises(ValueError, match="no set has both significant and control"):
        load_variants([write(group=["listed", "control", "", "control"])], ["a"])
    with pytest.raises(ValueError, match="8:8 A>C has no abs_delta; expected a score"):
        load_variants([write(abs_delta=[1.0, 2, 3, np.nan])], ["a"])


# ---- classes of planted variants -------------------------------------------------


@pytest.fixture
def truth(tmp_path):
    """60 variants: 10 of each class, 30 controls; the core's motif is AP1, named NF-kB's."""

    def write(**more):
        kinds = np.repeat(["core", "flank", "partner", "control"], [10, 10, 10, 30])
        table = {
            "factor": "JUND", "contig": "chr8", "position": np.arange(60), "alt": "C",
            "kind": kinds, "affected_name": np.repeat(["AP1", "ETS", ""], [20, 10, 30]),
        }  # fmt: skip
        write_table(tmp_path / "truth.tsv.gz", pd.DataFrame(table | more))
        return str(tmp_path / "truth.tsv.gz")

    return write


def test_classes_are_compared_with_all_controls_and_named(truth, rng):
    high = np.arange(60) < 30
    fis = np.concatenate([np.full(10, 5.0), np.full(10, 1.0), np.full(10, -1.0), np.ones(30)])
    motif = np.repeat(["AP1", "NA", "ETS", "NA"], [10, 10, 10, 30])
    motif[29] = "AP1"
    variants = scored(high, np.arange(60), fis, -fis, motif=motif)
    table = class_table(variants, truth(), rng=rng).set_index("kind")
    assert table["n"].tolist() == [10, 10, 10]
    assert table["n_control"].tolist() == [30] * 3
    assert table["fis_auroc"].tolist() == [1, 0.5, 0]
    assert table["delta_auroc"].tolist() == [0, 0.5, 1]
    assert table["n_named"].tolist() == [10, 0, 9]
    # Two thirds of the set's true names are AP1, a third ETS.
    assert table["named_chance"].tolist() == pytest.approx([2 / 3, 0, 0.9 / 3 + 0.1 * 2 / 3])
    assert table["n_unmatched"].tolist() == [0] * 3


def test_chance_of_naming_is_that_of_names_permuted_in_a_set(truth, rng):
    motif = rng.choice(["AP1", "ETS", "NA"], 60)
    variants = scored(np.arange(60) < 30, np.arange(60), rng.random(60), motif=motif)
    table = class_table(variants, truth(), rng=rng)
    names = np.repeat(["AP1", "ETS"], [20, 10])
    permuted = [(rng.permutation(names) == motif[:30]) for _ in range(4000)]
    expected = np.mean(permuted, axis=0).reshape(3, 10).mean(axis=1)
    assert table["named_chance"].tolist() == pytest.approx(expected, abs=0.02)


def test_variants_without_truth_are_counted_and_none_is_an_error(truth, rng):
    variants = scored(np.arange(60) < 30, np.arange(60), rng.random(60))
    some = truth(position=np.where(np.arange(60) == 3, 10**6, np.arange(60)))
    table = class_table(variants, some, rng=rng)
    assert table["n_unmatched"].tolist() == [1] * 3
    assert table["n"].tolist() == [9, 10, 10]
    with pytest.raises(ValueError, match="has none of the scored variants"):
        class_table(variants, truth(alt="G"), rng=rng)
