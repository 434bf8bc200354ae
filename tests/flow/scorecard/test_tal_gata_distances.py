"""FIS against distance: bins, tests that know the reach, and what was planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import write_arrays, write_table
from dfim.pairs.distances import (
    DistanceBins,
    bin_table,
    matched_auroc,
    pair_distance,
    rank_biserial_by_group,
    step_table,
)
from dfim.sequences.examples import Examples
from dfim.statistics.effect_sizes import mann_whitney
from flow.scorecard.truth import SyntheticFiles, pair_roles, recovery
from helpers.pairs import scores_at

BINS = DistanceBins((0, 20, 50, 100))


def test_distance_is_from_centre_to_centre():
    assert pair_distance(scores_at([7, 30, -12], [1, 1, 1])).tolist() == [7, 30, 12]


def test_bins_hold_their_lower_edge_and_the_last_its_upper():
    found = BINS.of(np.array([0, 19.5, 20, 49, 50, 99, 100, 100.5, -1]))
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 2, -1, -1]
    assert [BINS.label(k) for k in range(len(BINS))] == ["<20", "20–50", "50–100"]


@pytest.mark.parametrize("edges", [(0,), (0, 20, 20), (5, 1)])
def test_edges_must_ascend(edges):
    with pytest.raises(ValueError, match="bins: got edges"):
        DistanceBins(edges)


def test_rank_biserial_equals_mann_whitney_and_its_interval_covers_it():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 300) + 1.0, rng.integers(0, 9, 200) * 1.0  # with ties
    found = rank_biserial_by_group(
        x, y, np.arange(300) // 3, np.arange(200) // 2, rng=rng, n_resamples=300
    )
    assert found.estimate == pytest.approx(mann_whitney(x, y).rank_biserial)
    assert found.low < found.estimate < found.high
    assert found.high - found.low < 0.5
    assert found.n_groups == 100


def test_interval_is_wider_where_a_sequence_repeats_its_value():
    rng = np.random.default_rng(1)
    x, y = np.repeat(rng.normal(size=20), 50), np.repeat(rng.normal(size=20), 50)
    alone = np.arange(1000)
    wide, narrow = (
        rank_biserial_by_group(x, y, g, g + 10**6, rng=rng, n_resamples=200)
        for g in (alone // 50, alone)
    )
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_zeros_beyond_reach_are_counted_and_not_tested():
    rng = np.random.default_rng(2)
    near = rng.normal(1, 0.1, 40)
    middle = np.concatenate([rng.normal(0, 0.1, 20), np.zeros(10)])
    far = np.zeros(30)
    distances = np.repeat([10, 30, 80], [40, 30, 30])
    table = bin_table(scores_at(distances, np.concatenate([near, middle, far])), BINS, rng=rng)
    assert table["n_pairs"].tolist() == [40, 30, 30]
    assert table["n_reached"].tolist() == [40, 20, 0]
    assert table["rank_biserial"][1] == pytest.approx(1)
    assert table["p"][1] < 1e-6
    assert np.isnan(table["p"][2])
    assert table["p_all"][2] < 1e-6  # what a test that knows no reach would say
    assert np.isnan(table["med"][2])
    assert table["med"][0] == pytest.approx(1, abs=0.1)


def test_steps_show_the_farthest_strong_pair():
    table = step_table(scores_at([5, 12, 14, 71], [0.1, -0.5, 0.2, 2.0]), BINS)
    assert len(table) == 10
    assert table["n_pairs"].tolist() == [1, 2, 0, 0, 0, 0, 0, 1, 0, 0]
    assert table["max_abs"][1] == pytest.approx(0.5)
    assert table["max_abs"][7] == pytest.approx(2)
    assert np.isnan(table["med"][2])
    unreached = replace(scores_at([5, 15], [0.1, 0.0]), reachable=np.array([True, False]))
    table = step_table(unreached, BINS)
    assert table["n_pairs"].tolist()[:2] == [1, 1]
    assert table["n_reached"].tolist()[:2] == [1, 0]
    assert np.isnan(table["med"][1])


def test_matched_auroc_is_not_fooled_by_distance():
    rng = np.random.default_rng(3)
    # Scores fall with distance, planted pairs are near: unmatched they look alike.
    near, far = rng.uniform(0, 20, 500), rng.uniform(0, 70, 500)
    score = {"near": -near + rng.normal(size=500), "far": -far + rng.normal(size=500)}
    found, n = matched_auroc(score["near"], score["far"], near, far, tuple(range(0, 71, 2)))
    assert found == pytest.approx(0.5, abs=0.06)
    assert n > 400
    plain = mann_whitney(score["near"], score["far"])
    assert plain.u / (500 * 500) > 0.8
    assert np.isnan(matched_auroc(near, far[:0], near, far[:0], (0, 70))[0])


def test_planted_and_chance_pairs_are_told_by_their_place(tmp_path):
    scores = scores_at([10, 10, 10], [1, 0.5, 0.1])
    examples = Examples(
        ids=np.array(["a", "b", "c"]),
        codes=np.zeros((3, 1000), np.uint8),
        groups=np.full(3, ""),
        labels=np.zeros((3, 1), np.int8),
        tasks=("t",),
        splits=np.zeros(3, np.uint8),
        contigs=np.array(["chr8", "chr8", "chr9"]),
        starts=np.array([0, 5000, 0]),
    )
    f = scores.features
    place = pd.DataFrame(
        {"contig": examples.contigs[f.sequence], "start": f.start + examples.starts[f.sequence]}
    ).assign(end=lambda t: t["start"] + (f.end - f.start))
    # The first pair is one composite; of the second only the source belongs to one.
    truth = place.iloc[[0, 1, 2]].assign(pair=[4, 4, 5])
    write_table(tmp_path / "sites.tsv", truth)
    roles = pair_roles(scores, examples, str(tmp_path / "sites.tsv"))
    assert roles.planted.tolist() == [True, False, False]
    assert roles.chance.tolist() == [False, False, True]
    found = recovery(
        scores,
        np.array([0.01, 0.01, 0.5]),
        roles,
        0.05,
        groups=None,
        rng=np.random.default_rng(1),
    )
    assert (found["auroc"], found["precision"], found["recall"]) == (1, 1, 1)
    assert found["median_planted"] == 1


def test_exact_interactions_are_compared_on_the_same_pairs(tmp_path):
    # Half of the pairs are planted; FIS tells none of them, exact interactions all of them.
    n = 40
    fis = np.where(np.arange(n) == 0, 0, 1 + np.arange(n) / 100)  # the first: out of reach
    scores = scores_at(np.full(n, 10), fis)
    planted = np.arange(n) % 2 == 0
    examples = Examples(
        ids=np.arange(n).astype(str),
        codes=np.zeros((n, 1000), np.uint8),
        groups=np.full(n, ""),
        labels=np.zeros((n, 1), np.int8),
        tasks=("t",),
        splits=np.zeros(n, np.uint8),
        contigs=np.full(n, "chr8"),
        starts=np.arange(n) * 5000,
    )
    f = scores.features
    sites = pd.DataFrame({"contig": "chr8", "start": f.start + examples.starts[f.sequence]})
    sites = sites.assign(
        end=sites["start"] + (f.end - f.start),
        pair=np.where(planted, np.arange(n), -1)[f.sequence],
    )
    exact = np.where(planted, -2, 0.5) - np.arange(n) / 1000
    exact[0] = 0
    files = {name: str(tmp_path / name) for name in ("pairs", "examples", "sites", "exact")}
    scores.save(files["pairs"])
    examples.save(files["examples"], {})
    write_table(files["sites"], sites)
    write_arrays(files["exact"], {"interaction": exact})
    here = SyntheticFiles(files["pairs"], files["examples"], files["sites"], "", "")
    found = here.recovered_exactly(files["exact"], np.random.default_rng(1))
    assert found["auroc"] == pytest.approx(19 / 20)  # of 20 planted pairs one has none
    assert (found["n_planted_compared"], found["n_chance"]) == (20, 20)
    assert found["median_planted"] == pytest.approx(2.02)
    assert found["median_chance"] == pytest.approx(0.48)
    assert found["auroc_low"] <= found["auroc"] <= found["auroc_high"]
    assert found["spearman"] == pytest.approx(1)


def test_truth_needs_a_place_in_the_genome(tmp_path):
    bare = Examples(np.array(["a"]), np.zeros((1, 10), np.uint8), np.array([""]),
                    np.zeros((1, 0), np.int8), (), np.zeros(1, np.uint8))  # fmt: skip
    with pytest.raises(ValueError, match="no place in a genome"):
        pair_roles(scores_at([10], [1]), bare, str(tmp_path / "sites.tsv"))
