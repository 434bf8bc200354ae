"""Linear models of all sequences of a length: marginal means are the least-squares fit."""

from itertools import combinations

import numpy as np
import pytest

from dfim.comparators.linear_models import LinearModels, distill
from dfim.io.store import write_table
from dfim.sequences.kmers import sequence_codes, sequence_index


def values_of(length, seed=0):
    return np.random.default_rng(seed).normal(2, 1, 4**length)


def design(length, pairs):
    """Indicators of every base at a position, and of every two at two."""
    codes = sequence_codes(length)
    single = np.eye(4)[codes]
    columns = [np.ones((len(codes), 1)), single.reshape(len(codes), -1)]
    for s, t in combinations(range(length), 2) if pairs else ():
        columns.append((single[:, s, :, None] * single[:, t, None]).reshape(len(codes), -1))
    return np.hstack(columns)


def planted(length=10):
    """Bases at 3 and 7 bind together, and T at 0 alone."""
    codes = sequence_codes(length)
    return 0.5 * (codes[:, 0] == 3) - 2.0 * ((codes[:, 3] == 1) & (codes[:, 7] == 2))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("length", [2, 4])
def test_terms_are_those_of_a_least_squares_fit(length, pairs):
    values, models = values_of(length), distill(values_of(length))
    columns = design(length, pairs)
    fitted = columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    np.testing.assert_allclose(models.predict(pairs=pairs), fitted, atol=1e-12)
    r2 = 1 - np.sum((values - fitted) ** 2) / np.sum((values - values.mean()) ** 2)
    assert (models.r2_pair if pairs else models.r2_single) == pytest.approx(r2, abs=1e-12)


def test_terms_sum_to_zero_and_pairs_are_symmetric():
    models = distill(values_of(5))
    assert np.abs(models.single.sum(axis=1)).max() < 1e-12
    assert np.abs(models.pair.sum(axis=2)).max() < 1e-12
    assert np.abs(models.pair.sum(axis=3)).max() < 1e-12
    np.testing.assert_array_equal(models.pair, models.pair.transpose(1, 0, 3, 2))
    assert not models.pair[np.arange(5), np.arange(5)].any()
    assert np.abs(models.pair[0, 4]).min() > 0  # pairs that are not adjacent too


def test_planted_terms_come_back():
    models = distill(planted())
    assert models.mean == pytest.approx(0.5 / 4 - 2 / 16)
    # Centred along each axis, an indicator of one cell in four is 3/4 there.
    assert models.single[0, 3] == pytest.approx(0.5 * 3 / 4)
    assert models.single[3, 1] == pytest.approx(-2 / 4 * 3 / 4)
    assert models.pair[3, 7, 1, 2] == models.pair[7, 3, 2, 1] == pytest.approx(-2 * 9 / 16)
    assert models.pair[3, 7, 1, 0] == pytest.approx(2 * 3 / 16)
    assert models.r2_pair == pytest.approx(1)
    of_pair = 4 * (3 / 16) ** 2
    of_singles = 0.25 * 3 / 16 + 2 * (2 / 4) ** 2 * 3 / 16
    assert models.r2_single == pytest.approx(of_singles / (of_singles + of_pair))


def test_values_without_pairs_need_none():
    codes = sequence_codes(4)
    values = np.random.default_rng(1).normal(size=(4, 4))[np.arange(4), codes].sum(axis=1)
    models = distill(values.astype(np.float32))
    assert models.r2_single == pytest.approx(1, abs=1e-6)
    assert np.abs(models.pair).max() < 1e-6


def test_three_way_terms_are_left_over():
    sign = 1.0 - 2 * (sequence_codes(3) % 2)
    models = distill(sign.prod(axis=1))
    assert models.r2_pair == pytest.approx(0, abs=1e-15)


def test_predictions_are_in_order_of_index():
    models = distill(values_of(3))
    codes = np.array([[2, 0, 3]], np.uint8)
    expected = models.mean + models.single[[0, 1, 2], codes[0]].sum()
    index = sequence_index(codes)
    assert models.predict(pairs=False)[index] == pytest.approx(expected)
    expected += models.pair[0, 1, 2, 0] + models.pair[0, 2, 2, 3] + models.pair[1, 2, 0, 3]
    assert models.predict()[index] == pytest.approx(expected)


def test_table_ranks_each_kind_by_size(tmp_path):
    table = distill(planted()).table()
    assert table["kind"].value_counts().to_dict() == {"mono": 40, "pair": 45 * 16}
    mono, pair = (table[table["kind"] == kind] for kind in ("mono", "pair"))
    top = pair[["position", "base", "position2", "base2", "rank"]].iloc[0]
    assert top.tolist() == [3, "C", 7, "G", 1]
    assert pair["term"].iloc[0] == pytest.approx(-2 * 9 / 16)
    assert pair["term"].abs().is_monotonic_decreasing
    assert mono["term"].abs().is_monotonic_decreasing
    assert mono["position2"].isna().all()
    assert mono["base2"].isna().all()
    assert sorted(mono["rank"]) == list(range(1, 41))
    write_table(tmp_path / "terms.tsv", table)
    assert "\tNA\tNA\t" in (tmp_path / "terms.tsv").read_text().splitlines()[1]


def test_cells_are_the_largest_change_by_a_mutant():
    models = distill(values_of(3))
    cells = models.cells()
    by_hand = [abs(models.pair[2, 0, 1, 3] - models.pair[2, 0, g, 3]) for g in range(4)]
    assert cells[2, 0, 1, 3] == max(by_hand)
    blank = np.isnan(cells).all(axis=(2, 3))
    np.testing.assert_array_equal(blank, np.eye(3, dtype=bool))
    assert np.isnan(cells).sum() == 3 * 16
    assert not np.isnan(models.pair).any()


def test_models_are_kept_on_disk(tmp_path):
    models = distill(values_of(3))
    models.save(tmp_path / "models.h5")
    again = LinearModels.load(tmp_path / "models.h5")
    assert (again.mean, again.r2_pair) == (models.mean, models.r2_pair)
    np.testing.assert_array_equal(again.pair, models.pair)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (np.zeros(4), r"got shape \(4,\), expected \(4\^L,\) for L from 2 to 12"),
        (np.zeros(32), r"got shape \(32,\), expected"),
        (np.zeros((4, 4)), r"got shape \(4, 4\), expected"),
        (np.zeros(0), r"got shape \(0,\), expected"),
        (np.array([0.0] * 9 + [np.nan] * 7), r"got nan in row 9 \(7 rows are not finite\)"),
        (np.array([np.inf] + [0.0] * 15), r"got inf in row 0 \(1 rows"),
        (np.full(16, 0.1), r"got 0\.1 for every sequence, expected values that differ"),
    ],
)
def test_bad_values_are_told_in_a_line(values, fault):
    with pytest.raises(ValueError, match=fault) as error:
        distill(values)
    assert "\n" not in str(error.value)


@pytest.mark.realdata
def test_published_predictions_of_cbf1(test_data):
    with np.load(test_data / "betseq/cbf1_predicted_ddG.npz") as arrays:
        models = distill(arrays["ddG"])
    assert models.r2_single == pytest.approx(0.705, abs=1e-3)
    assert models.r2_pair == pytest.approx(0.988, abs=1e-3)
    table = models.table()
    top = table[(table["kind"] == "pair") & (table["rank"] <= 2)]
    names = top[["position", "base", "position2", "base2"]].to_numpy().tolist()
    assert names == [[3, "G", 4, "T"], [5, "A", 6, "A"]]  # G-2/T-1 and A+1/A+2
