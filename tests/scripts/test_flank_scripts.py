"""Steps of a study of flanks: parts, extremes, what a network's metrics say, cells' rows."""

import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from dfim.io.store import read_arrays, write_arrays
from dfim.maps.every_kmer import Factorial
from flow.flanks.betseq import Measurements
from flow.flanks.metrics import flank_metrics, squared_correlation
from flow.flanks.positions import LENGTH, N_FLANKS, flank_strings
from flow.scorecard.cells import cell_rows, ranked_cells, weakness_row
from helpers.figures import made_context
from scripts.choose_flanks import main as choose
from scripts.collect_flanks import main as collect

CONTEXT = made_context(
    label="Fig 8C", origin="real", method="DeepLIFT", printed={"strength": "strong"}
)


def write_counts(path, index, seed=0):
    rng = np.random.default_rng(seed)
    words = flank_strings(np.asarray(index))
    lines = [f"{word}\t10\t20\t{value:.4f}" for word, value in
             zip(words, rng.normal(size=len(words)), strict=True)]  # fmt: skip
    path.write_text("\n".join(["sequence\tinput_count\tbound_count\tddG", *lines, ""]))
    return str(path)


def layout(**changes):
    return {"kind": "replicates", "members": [], "parts": [], "split_members": []} | changes


# ---- collecting ----------------------------------------------------------------


def test_fractions_split_flanks(tmp_path):
    files = [write_counts(tmp_path / f"r{k}.txt", range(100), k) for k in (1, 2)]
    out = tmp_path / "m.h5"
    collect(files, [], str(out), layout(), {"validation": 0.2, "test": 0.3}, seed=4)
    found = Measurements.load(out)
    split = read_arrays(out, ("split",))[0]["split"]
    assert found.ddg.shape == (100, 2)
    assert np.bincount(split).tolist() == [50, 20, 30]
    again = tmp_path / "n.h5"
    collect(files, [], str(again), layout(), {"validation": 0.2, "test": 0.3}, seed=4)
    assert again.read_bytes() == out.read_bytes()


def test_lists_split_flanks_within_an_archive(tmp_path):
    write_counts(tmp_path / "r1.txt", range(10))
    words = flank_strings(np.arange(10))
    for name, part in (("t", words[:6]), ("v", words[6:8]), ("e", words[8:9])):
        (tmp_path / f"{name}.txt").write_text("\n".join(part) + "\n")
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("r1", "t", "v", "e"):
            tar.add(tmp_path / f"{name}.txt", f"data/{name}.txt")
    out = tmp_path / "m.h5"
    described = layout(
        members=["r1.txt"], parts=["train", "validation", "test"],
        split_members=["t.txt", "v.txt", "e.txt"],
    )  # fmt: skip
    collect([str(archive)], [], str(out), described, None, seed=0)
    split = read_arrays(out, ("split",))[0]["split"]
    assert split.tolist() == [0] * 6 + [1] * 2 + [2, -1]


def test_without_a_split_all_is_test(tmp_path):
    out = tmp_path / "m.h5"
    collect([write_counts(tmp_path / "r.txt", range(5))], [], str(out), layout(), None, seed=0)
    assert read_arrays(out)[0]["split"].tolist() == [2] * 5


def test_list_without_measured_flanks_is_refused(tmp_path):
    files = [write_counts(tmp_path / "r.txt", range(5))]
    lists = []
    for name, index in (("t", [0, 1]), ("v", [2]), ("e", [900])):
        lists.append(str(tmp_path / name))
        (tmp_path / name).write_text("\n".join(flank_strings(np.array(index))) + "\n")
    described = layout(parts=["train", "validation", "test"])
    with pytest.raises(ValueError, match="split: no measured flank is in part test"):
        collect(files, lists, str(tmp_path / "m.h5"), described, None, seed=0)
    assert not (tmp_path / "m.h5").exists()


# ---- choosing ------------------------------------------------------------------


def test_extremes_by_prediction(tmp_path):
    ddg = np.random.default_rng(0).normal(size=N_FLANKS).astype(np.float32)
    write_arrays(tmp_path / "p.h5", {"ddg": ddg})
    choose(str(tmp_path / "p.h5"), [], str(tmp_path / "c.h5"), "predicted", 7)
    found, attributes = read_arrays(tmp_path / "c.h5")
    order = np.argsort(ddg)
    assert set(found["strongest"]) == set(order[:7])
    assert set(found["weakest"]) == set(order[-7:])
    assert attributes == {"rank_by": "predicted"}


def test_extremes_must_not_meet(tmp_path):
    out = tmp_path / "m.h5"
    collect([write_counts(tmp_path / "r.txt", range(9))], [], str(out), layout(), None, seed=0)
    with pytest.raises(ValueError, match="extremes: got 5, but 9 flanks are measured"):
        choose("", [str(out)], str(tmp_path / "c.h5"), "measured", 5)


# ---- metrics -------------------------------------------------------------------


@pytest.fixture(scope="module")
def truth_and_measurements():
    """The truth of all flanks, sd 1; three replicates of 4,000 of them, noise 0.5."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=N_FLANKS)
    index = np.sort(rng.choice(N_FLANKS, 4000, replace=False))
    ddg = truth[index][:, None] + 3 + rng.normal(0, 0.5, (4000, 3))
    ddg[::10, 1] = np.nan
    return truth, Measurements(index, ddg.astype(np.float32), np.array(["a", "b", "c"]))


def test_a_perfect_network_reaches_noise_and_ceiling(truth_and_measurements):
    truth, measured = truth_and_measurements
    found = flank_metrics(truth, measured, np.ones(4000, bool))
    assert (found.n_flanks, found.n_values) == (4000, 11600)
    assert found.noise == pytest.approx(0.5, rel=0.03)
    assert found.rmse == pytest.approx(0.5, rel=0.03)
    assert found.r2 == pytest.approx(found.r2_ceiling, abs=0.01)
    assert found.r2_ceiling == pytest.approx(1 / (1 + 0.25 / 3), abs=0.01)


def test_a_network_that_knows_nothing(truth_and_measurements):
    _, measured = truth_and_measurements
    found = flank_metrics(np.zeros(N_FLANKS), measured, np.arange(4000) < 500)
    assert found.n_flanks == 500
    assert found.rmse == pytest.approx(np.sqrt(1.25), rel=0.1)
    assert found.r2 is None


def test_one_replicate_says_nothing_of_noise(truth_and_measurements):
    truth, measured = truth_and_measurements
    one = Measurements(measured.index, measured.ddg[:, :1], np.array(["a"]))
    found = flank_metrics(truth, one, np.ones(4000, bool))
    assert found.noise is None
    assert found.r2_ceiling is None


def test_too_few_flanks_are_refused(truth_and_measurements):
    truth, measured = truth_and_measurements
    with pytest.raises(ValueError, match="flanks: got 2 to measure a network on"):
        flank_metrics(truth, measured, np.arange(4000) < 2)


def test_squared_correlation_ignores_scale_and_sign():
    values = np.array([1.0, 2.0, 4.0])
    assert squared_correlation(values, -3 * values + 1) == pytest.approx(1)


# ---- cells ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def maps():
    """FIS of T-1 on A+1 is 1 (mutant G: 2), of all else about 0; among 3,000 flanks."""
    rng = np.random.default_rng(0)
    importance = rng.normal(0, 1e-3, (N_FLANKS, LENGTH)).astype(np.float32)
    bases = np.arange(N_FLANKS)[:, None] >> (2 * np.arange(9, -1, -1)) & 3
    target = bases[:, 5] == 0
    importance[target & (bases[:, 4] == 3), 5] += 1
    importance[target & (bases[:, 4] == 2), 5] -= 1
    n = np.zeros(N_FLANKS, np.float32)
    chosen = np.flatnonzero(target & (bases[:, 4] == 3))[:3000]
    return Factorial(importance, n, n).base_pair_maps(chosen)


def test_cells_are_ranked(maps):
    first, blank = ranked_cells(maps.marginal(min_n=10), [["T-1", "A+1"], ["G-1", "A+1"]])
    assert (first.name, first.rank, first.mutant, first.n) == ("T−1→A+1", 1, "G", 3000)
    assert first.mean_abs_fis == pytest.approx(2, abs=0.01)
    assert (blank.rank, blank.mutant, blank.n) == (None, "", 0)
    assert blank.n_cells == first.n_cells
    json.dumps([first.rank, first.n])  # plain numbers


@pytest.mark.parametrize(
    ("apart", "expected"), [("", "agrees"), ("synthetic inputs", "not comparable")]
)
def test_rows_of_cells(maps, apart, expected):
    ranked = ranked_cells(maps.marginal(min_n=10), [["T-1", "A+1"], ["G-1", "A+1"]])
    rows = cell_rows(ranked, 10, replace(CONTEXT, not_comparable=apart))
    assert [row.verdict for row in rows] == [expected, "not comparable" if apart else "differs"]
    assert "rank 1 of" in rows[0].ours
    assert rows[1].ours == "blank: 0 flanks"
    assert rows[0].paper == "strong"
    blank = "only 0 flanks have both bases, fewer than 10"
    assert rows[1].reason == (apart or blank)
    assert (rows[0].reason == apart) == bool(apart)


def test_row_of_weakness(maps):
    found = maps.marginal()
    row = weakness_row(found, found, "bases", CONTEXT)
    assert row.verdict == "differs"
    assert "(1.00 times)" in row.ours
