"""The synthetic BET-seq experiment: a linear fit finds its truth, its noise is as asked."""

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_arrays, read_table
from dfim.sequences.kmers import sequence_codes
from flow.flanks import positions
from flow.flanks.betseq import read_replicates
from synthetic.cbf1 import (
    LENGTH,
    N_FLANKS,
    POSITIONS,
    RT,
    planted_pairs,
    simulate,
    write_replicate,
    write_terms,
    write_true_ddg,
)


def simulated(*, flanks=20_000, replicates=2, seed=1, **settings):
    return simulate(flanks, replicates, rng=np.random.default_rng(seed), **settings)


def pair_features(pairs, codes):
    """(N, pairs) products of centred indicators."""
    columns = []
    for pair in pairs.itertuples():
        ends = ((pair.position, pair.base), (pair.position2, pair.base2))
        first, second = (codes[:, POSITIONS.index(p)] == "ACGT".index(b) for p, b in ends)
        columns.append((first - 0.25) * (second - 0.25))
    return np.stack(columns, axis=1)


def test_positions_are_those_that_flanks_are_read_by():
    assert POSITIONS == positions.POSITIONS


def test_linear_fit_finds_the_planted_terms():
    made = simulated()
    rows = np.random.default_rng(2).choice(N_FLANKS, 5000, replace=False)
    codes = sequence_codes(LENGTH, rows)
    mono = np.eye(4)[codes].reshape(len(rows), -1)
    features = np.hstack([mono, pair_features(made.pairs, codes)])
    found, *_ = np.linalg.lstsq(features, made.ddg[rows], rcond=None)
    found_mono = found[:40].reshape(10, 4)
    found_mono -= found_mono.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found_mono, made.mono, atol=1e-6)
    np.testing.assert_allclose(found[40:], made.pairs["energy_kcal_mol"], atol=1e-6)


@pytest.mark.parametrize("share", [0, 0.45, 1])
def test_share_of_pairs_and_spread(share):
    made = simulated(pair_share=share)
    assert made.ddg.mean() == pytest.approx(0, abs=1e-6)
    assert made.ddg.std(dtype=np.float64) == pytest.approx(0.13, rel=1e-5)
    of_position = [
        made.ddg.reshape((4,) * LENGTH)
        .mean(axis=tuple(axis for axis in range(LENGTH) if axis != position), dtype=np.float64)
        .var()
        for position in range(LENGTH)
    ]
    assert 1 - sum(of_position) / made.ddg.var(dtype=np.float64) == pytest.approx(
        share, abs=1e-4
    )


def test_terms_are_the_published_pairs_and_four_more():
    made = simulated(flanks=1000)
    pairs = made.pairs
    assert pairs.iloc[0, :4].tolist() == [-1, "T", 1, "A"]
    assert pairs.iloc[1, :4].tolist() == [-1, "T", 2, "T"]
    weight = pairs["energy_kcal_mol"] / pairs["energy_kcal_mol"][0]
    np.testing.assert_allclose(weight, [1, 0.8, 0.6, 0.6, 0.5, 0.4])
    assert (pairs["energy_kcal_mol"] < 0).all()
    assert pairs[["position", "position2"]].abs().max().max() <= 3
    planted = planted_pairs(pairs)
    assert planted.sum() == 12  # six pairs of positions, none twice, in both orders
    assert np.array_equal(planted, planted.T)
    assert planted[4, 5]
    assert planted[4, 6]
    assert not planted.diagonal().any()
    spread = made.mono.std(axis=1)
    assert (np.diff(spread[:5]) > 0).all()
    np.testing.assert_allclose(spread, spread[::-1])


@pytest.mark.parametrize("noise", [0.1, 0.35, 0.45])
def test_noise_is_as_asked(noise):
    made = simulated(noise=noise, flanks=50_000)
    errors = made.measured - made.ddg[made.index, None]
    sd = np.std(errors, axis=0, where=np.isfinite(errors), dtype=np.float64)
    np.testing.assert_allclose(sd, noise, rtol=0.02)
    one, two = (column - made.ddg[made.index] for column in made.measured.T)
    both = np.isfinite(one) & np.isfinite(two)
    assert abs(np.corrcoef(one[both], two[both])[0, 1]) < 0.05  # replicates err on their own
    slope = np.polyfit(made.ddg[made.index][both], made.measured[both, 0], 1)[0]
    assert 0.95 < slope < 1.2


def test_counts_and_ddg_agree():
    made = simulated(flanks=5000)
    bound, given = made.bound_count[:, 1], made.input_count[:, 1]
    there = (bound > 0) & (given > 0)
    assert 0.98 < there.mean() < 1  # a few are missed, as in an experiment
    ratio = (bound / bound.sum())[there] / (given / given.sum())[there]
    np.testing.assert_allclose(made.measured[there, 1], -RT * np.log(ratio), atol=1e-6)
    assert not np.isfinite(made.measured[~there, 1]).any()


def test_files_read_back(tmp_path):
    made = simulated(flanks=3000)
    names = ("cbf1_rep1_counts.txt", "cbf1_rep2_counts.txt.gz")
    for replicate, name in enumerate(names):
        write_replicate(tmp_path / name, made, replicate)
    header = (tmp_path / names[0]).read_text().partition("\n")[0]
    assert header.split("\t") == ["sequence", "input_count", "bound_count", "ddG"]
    found = read_replicates([tmp_path / name for name in names])
    finite = np.where(np.isfinite(made.measured), made.measured, np.nan)
    kept = np.isfinite(finite).any(axis=1)
    assert np.array_equal(found.index, made.index[kept])
    np.testing.assert_array_equal(found.ddg, finite[kept])


def test_truth_reads_back(tmp_path):
    made = simulated(flanks=1000)
    write_terms(tmp_path / "terms.tsv", made)
    write_true_ddg(tmp_path / "ddg.h5", made)
    terms = read_table(tmp_path / "terms.tsv", text=("base", "base2"))
    mono, pairs = (terms[terms["kind"] == kind] for kind in ("mono", "pair"))
    assert mono["energy_kcal_mol"].tolist() == made.mono.ravel().tolist()
    assert mono["base"].str.cat() == "ACGT" * 10
    assert mono["position"].unique().tolist() == list(POSITIONS)
    assert mono["position2"].isna().all()
    pd.testing.assert_frame_equal(
        pairs.drop(columns="kind").reset_index(drop=True), made.pairs, check_dtype=False
    )
    assert np.array_equal(planted_pairs(terms), planted_pairs(made.pairs))
    arrays, attributes = read_arrays(tmp_path / "ddg.h5")
    assert np.array_equal(arrays["ddg"], made.ddg)
    assert attributes == {"unit": "kcal/mol"}


def test_one_seed_gives_one_data_set(tmp_path):
    for name, seed in (("a.gz", 1), ("b.gz", 1), ("c.gz", 2)):
        write_replicate(tmp_path / name, simulated(flanks=1000, seed=seed), 0)
    first, same, other = ((tmp_path / f"{name}.gz").read_bytes() for name in "abc")
    assert first == same
    assert first != other


def test_whole_library():
    made = simulated(flanks=N_FLANKS, replicates=1)
    assert np.array_equal(made.index, np.arange(N_FLANKS))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"flanks": 4**10 + 1}, "flanks: got 1048577, expected 100 to 1048576"),
        ({"flanks": 10}, "flanks: got 10"),
        ({"replicates": 0}, "replicates: got 0"),
        ({"noise": 0}, "noise: got 0, expected 0.005 to 0.45"),
        ({"noise": 0.5}, "noise: got 0.5"),
        ({"pair_share": 1.1}, "pair_share: got 1.1, expected 0 to 1"),
        ({"ddg_sd": float("nan")}, "ddg_sd: got nan"),
    ],
)
def test_bad_settings(settings, fault):
    with pytest.raises(ValueError, match=r".") as error:
        simulated(**settings)
    assert str(error.value).startswith(fault)
