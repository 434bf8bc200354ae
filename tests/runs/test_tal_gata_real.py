"""The real K562 peaks of chr20 and chr21: the released network, and one trained on chr20.

Both are runs of the workflow with the shipped configs. Expected numbers are measured
ones, with room for other machines.
"""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dfim.io.store import read_arrays, read_json, read_table
from dfim.pairs.scores import PairScores
from dfim.sequences.examples import Examples
from helpers.workflow_runs import local_run

pytestmark = pytest.mark.realdata

FIGURES = ("fig3a", "fig3b", "sfig4", "performance_tal_gata")


@pytest.fixture(scope="module")
def released(test_data, tmp_path_factory):
    return local_run("tal_gata_released", tmp_path_factory.mktemp("released"), test_data)


@pytest.fixture(scope="module")
def trained(test_data, tmp_path_factory):
    return local_run("tal_gata_local", tmp_path_factory.mktemp("trained"), test_data)


# Eighteen epochs take 6 to 14 minutes on two cores.
@pytest.fixture(params=["released", pytest.param("trained", marks=pytest.mark.long)])
def either(request):
    return request.getfixturevalue(request.param)


def metrics(run):
    return read_json(run.results / "tal_gata/model/metrics.json")["splits"]["test"]


def test_every_figure_says_whose_data_it_shows(either):
    for figure in FIGURES:
        for kind in ("svg", "pdf", "png"):
            assert (either.results / f"figures/{figure}.{kind}").stat().st_size > 5000
        record = read_json(either.results / f"stats/{figure}.json")
        assert record["origin"] == "real chr20, chr21"
        assert "ENCODE uniform DNase peaks stand in" in record["note"]
    assert (either.results / "report.html").stat().st_size > 10**5


def test_scorecard_has_the_numbers_of_the_paper_and_the_stand_in(either):
    rows = read_table(either.results / "scorecard.tsv", text=("paper", "ours", "why"))
    mean = rows[rows["quantity"].str.contains("mean auROC|mean auPRC")].set_index("quantity")
    assert sorted(mean["paper"]) == ["0.459", "0.953"]
    assert set(mean["verdict"]) == {"not comparable"}
    assert mean["why"].str.contains("stand in for peaks called from reads").all()
    assert rows["paper"].str.contains("21,1154").sum() == 1


def test_pairs_beyond_the_reach_are_exactly_zero_and_not_tested(either):
    for analysis in ("gata_to_tal", "tal_to_gata"):
        scores = PairScores.load(either.results / "tal_gata" / analysis / "pairs.h5")
        p = read_arrays(either.results / "tal_gata" / analysis / "pairs.h5")[0]["p"]
        table = scores.table()
        far = (table["distance"] > 73).to_numpy()
        assert far.sum() > 1000
        assert (table.loc[far, "fis_max_abs"] == 0).all()
        assert np.isnan(p[far]).all()
        assert table.loc[~far, "distance"].max() > 60
        assert np.isfinite(p[table["reachable"]]).all()
        assert (table.loc[~table["reachable"], "fis_max_abs"] == 0).all()


def test_windows_are_those_of_the_real_peaks(released):
    data = Examples.load(released.results / "tal_gata/examples.h5")
    assert len(data) == 9906
    assert set(data.contigs) == {"20", "21"}
    # Positive at the summit of their own factor, or of another's that overlaps its peaks.
    positive = (data.labels == 1).sum(axis=0)
    np.testing.assert_allclose(positive, [395, 1292, 1499], atol=5)


def test_each_head_of_the_released_network_is_its_factors(released):
    data = Examples.load(released.results / "tal_gata/examples.h5")
    logits = read_arrays(released.results / "tal_gata/model/predictions.h5")[0]["logits"]
    for column, (task, expected) in enumerate(
        zip(data.tasks, (0.915, 0.913, 0.930), strict=True)
    ):
        assert metrics(released)[task]["auroc"] == pytest.approx(expected, abs=0.003)
        known = data.labels[:, column] >= 0
        areas = [roc_auc_score(data.labels[known, column], z[known]) for z in logits.T]
        assert np.argmax(areas) == column


def test_released_network_shows_the_interaction_of_fig3b(released):
    bins = read_table(released.results / "tables/fig3b.tsv")
    bins = bins[bins["what"] == "bin"].set_index("bin")
    assert bins["n_reached"]["100–200"] == 0
    assert bins["med"]["<20"] > 0
    assert bins["rank_biserial_low"]["20–50"] > 0
    assert bins["p"]["20–50"] < 1e-16


@pytest.mark.long
def test_trained_network_learns_from_one_chromosome(trained):
    data = Examples.load(trained.results / "tal_gata/examples.h5")
    test = data.splits == 2
    assert set(data.contigs[test]) == {"21"}
    assert set(data.contigs[~test]) == {"20"}
    # Windows of different parts are at least a window apart.
    held, train = (np.sort(data.starts[data.splits == k]) for k in (1, 0))
    place = np.searchsorted(train, held)
    near = np.minimum(
        np.abs(train[np.minimum(place, len(train) - 1)] - held),
        np.abs(train[np.maximum(place - 1, 0)] - held),
    )
    assert near.min() >= 2 * 1000
    # Measured 0.860, 0.851 and 0.832; on the plateau before it learns, 0.57 to 0.67.
    for task in ("GATA1", "GATA2", "TAL1"):
        assert metrics(trained)[task]["auroc_low"] > 0.7
