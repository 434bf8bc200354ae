"""Mean FIS at fixed bases: against sums by hand, blanks, ranks, and streaming."""

import numpy as np
import pytest

from dfim.maps import every_kmer as factorial_module
from dfim.maps.base_pair_maps import BasePairMaps, BasePairSums
from dfim.sequences.kmers import sequence_codes
from dfim.sequences.mutations import OTHER_BASES
from helpers.kmers import random_factorial

LENGTH = 3


def by_hand(factorial, index):
    """Lists of FIS by cell, one sequence and mutant after the other."""
    length = factorial.length
    values = {}
    for i in index:
        codes = sequence_codes(length, np.array([i]))[0]
        fis = factorial.map_of(i).fis
        for s, k, t in np.ndindex(length, 3, length):
            if s != t:
                values.setdefault((s, codes[s], k, t, codes[t]), []).append(fis[s, k, t])
    return values


@pytest.mark.parametrize("some", [None, np.array([0, 5, 9, 33, 34, 63])])
def test_means_equal_those_by_hand(some):
    factorial = random_factorial(LENGTH)
    found = factorial.base_pair_maps(some)
    expected = by_hand(factorial, range(4**LENGTH) if some is None else some)
    filled = np.isfinite(found.fis)
    assert filled.sum() == len(expected)
    for cell, values in expected.items():
        s, a, _, t, b = cell
        assert found.n[s, a, t, b] == len(values)
        np.testing.assert_allclose(found.fis[cell], np.mean(values), atol=1e-6)
        np.testing.assert_allclose(found.abs_fis[cell], np.mean(np.abs(values)), atol=1e-6)
    assert found.n_sequences == (64 if some is None else 6)


def test_over_all_sequences_every_background_counts_once():
    found = random_factorial(LENGTH).base_pair_maps()
    apart = ~np.eye(LENGTH, dtype=bool)
    assert (found.n.transpose(0, 2, 1, 3)[apart] == 4 ** (LENGTH - 2)).all()
    np.testing.assert_allclose(found.base_shares(), 0.25)


def test_blocks_do_not_matter(monkeypatch):
    factorial = random_factorial(LENGTH, seed=4)
    whole = factorial.base_pair_maps()
    monkeypatch.setattr(factorial_module, "_BLOCK", 7)
    blocks = factorial.base_pair_maps()
    np.testing.assert_allclose(blocks.fis, whole.fis, atol=1e-7)
    np.testing.assert_array_equal(blocks.n, whole.n)


def test_sums_take_sequences_in_parts():
    factorial, codes = random_factorial(LENGTH), sequence_codes(LENGTH)
    sums = BasePairSums(LENGTH)
    for part in np.array_split(np.arange(64), 5):
        sums.add(codes[part], factorial.fis(part))
    np.testing.assert_allclose(
        sums.means().abs_fis, factorial.base_pair_maps().abs_fis, atol=1e-7
    )


def test_source_and_target_of_one_position_are_blank():
    found = random_factorial(LENGTH).base_pair_maps()
    same = np.arange(LENGTH)
    assert np.isnan(found.fis[same, :, :, same]).all()
    assert (found.n[same, :, same] == 0).all()
    assert np.isnan(found.marginal().values[same, :, same]).all()


def test_marginal_is_the_largest_mutant():
    found = random_factorial(LENGTH).base_pair_maps()
    marginal = found.marginal()
    values = found.abs_fis[0, 2, :, 1, 3]
    assert marginal.values[0, 2, 1, 3] == values.max()
    assert marginal.mutant[0, 2, 1, 3] == OTHER_BASES[2][values.argmax()]
    signed = found.marginal(absolute=False)
    means = found.fis[0, 2, :, 1, 3]
    assert signed.values[0, 2, 1, 3] == means[np.abs(means).argmax()]


def test_map_of_a_base_has_its_own_rows_blank():
    found = random_factorial(LENGTH).base_pair_maps()
    of_g = found.of_base(2)
    assert np.isnan(of_g[:, 2]).all()
    np.testing.assert_array_equal(of_g[:, [0, 1, 3]], found.abs_fis[:, 2])
    np.testing.assert_array_equal(
        np.nanmax([found.of_base(2)[0, m, 1, 3] for m in (0, 1, 3)]),
        found.marginal().values[0, 2, 1, 3],
    )


def test_cells_of_few_sequences_are_blank():
    factorial = random_factorial(LENGTH)
    found = factorial.base_pair_maps(np.array([0, 1, 2, 3, 4, 20]))
    marginal = found.marginal(min_n=2)
    few = found.n < 2
    assert few.any()
    assert np.isnan(marginal.values[few]).all()
    assert (marginal.mutant[few] == -1).all()
    assert np.isfinite(marginal.values).any()
    rank, n = marginal.rank_of((0, 1), (1, 1))  # one sequence only (20)
    assert rank is None
    assert n == np.isfinite(marginal.values).sum()


def test_ranks_count_from_the_largest():
    marginal = random_factorial(LENGTH).base_pair_maps().marginal()
    s, a, t, b = np.unravel_index(np.nanargmax(marginal.values), marginal.values.shape)
    assert marginal.rank_of((s, a), (t, b))[0] == 1


def test_shares_are_those_of_the_sequences():
    index = np.array([0, 1, 21, 63])  # AAA, AAC, CCC, TTT
    shares = random_factorial(LENGTH).base_pair_maps(index).base_shares()
    np.testing.assert_allclose(shares[0], [0.5, 0.25, 0, 0.25])
    np.testing.assert_allclose(shares[2], [0.25, 0.5, 0, 0.25])


def test_table_has_every_cell_and_reads_as_the_arrays():
    found = random_factorial(LENGTH).base_pair_maps()
    table = found.table(["one", "two", "three"])
    assert len(table) == 48 * LENGTH * (LENGTH - 1)
    row = table[
        (table.source_position == "two")
        & (table.source_base == "G")
        & (table.mutant_base == "T")
        & (table.target_position == "three")
        & (table.target_base == "A")
    ].iloc[0]
    assert row.mean_fis == found.fis[1, 2, 2, 2, 0]
    assert row.n == 4


@pytest.mark.parametrize("index", [[], [3, 3]])
def test_sequences_are_checked(index):
    with pytest.raises(ValueError, match=f"index: got {len(index)} sequences"):
        random_factorial(LENGTH).base_pair_maps(np.array(index, int))


def test_saved_and_loaded(tmp_path):
    found = random_factorial(LENGTH).base_pair_maps()
    found.save(tmp_path / "maps.h5")
    back = BasePairMaps.load(tmp_path / "maps.h5")
    np.testing.assert_array_equal(back.fis, found.fis)
    assert back.n_sequences == 64
