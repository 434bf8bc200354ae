"""Mutated motifs and nucleotides."""

import numpy as np
import pytest

from dfim.sequences.encoding import background, decode, one_hot_encode
from dfim.sequences.mutations import mutate_intervals, mutate_nucleotides

SEQUENCES = ["ACGTACGTAC", "TTGACNNGCA", "GGATCCTTAG"]


@pytest.fixture(name="X")
def originals():
    return one_hot_encode(SEQUENCES)


INTERVALS = {"rows": [0, 2, 2, 1], "starts": [0, 3, 9, 0], "ends": [4, 7, 10, 10]}


@pytest.mark.parametrize(("how", "column"), [("gc", background(0.3)), ("zeros", np.zeros(4))])
def test_interval_is_replaced_and_nothing_else(X, how, column):
    mutants = mutate_intervals(X, **INTERVALS, how=how, gc=0.3)
    assert mutants.dtype == np.float32
    assert mutants.shape == (4, 10, 4)
    for mutant, row, start, end in zip(mutants, *INTERVALS.values(), strict=True):
        expected = X[row].astype(np.float32)
        expected[start:end] = column
        np.testing.assert_array_equal(mutant, expected)


def test_fractional_columns_outside_the_interval_survive(X):
    once = mutate_intervals(X, [0], [0], [3])
    twice = mutate_intervals(once, [0], [5], [7])
    np.testing.assert_array_equal(twice[0, :3], np.tile(background(0.46), (3, 1)))
    np.testing.assert_array_equal(twice[0, 3:5], X[0, 3:5])


def test_originals_are_not_changed(X):
    before = X.copy()
    mutate_intervals(X, **INTERVALS)
    mutate_nucleotides(X, [0], [0])
    np.testing.assert_array_equal(X, before)


def test_shuffle_keeps_composition_and_the_rest(X):
    mutants = decode(
        mutate_intervals(X, **INTERVALS, how="shuffle", rng=np.random.default_rng(0))
    )
    for mutant, row, start, end in zip(mutants, *INTERVALS.values(), strict=True):
        original = SEQUENCES[row]
        assert sorted(mutant[start:end]) == sorted(original[start:end])
        assert mutant[:start] + mutant[end:] == original[:start] + original[end:]


def test_shuffle_is_uniform_over_orders():
    n = 24_000
    X = one_hot_encode(["NACGTN"])
    zero = np.zeros(n, np.int64)
    mutants = mutate_intervals(
        X, zero, zero + 1, zero + 5, how="shuffle", rng=np.random.default_rng(1)
    )
    words, counts = np.unique(decode(mutants), return_counts=True)
    assert len(words) == 24
    assert ((counts - n / 24) ** 2 / (n / 24)).sum() < 60  # 23 degrees of freedom: p = 4e-5


def test_shuffle_repeats_with_the_generator(X):
    first, again, other = (
        mutate_intervals(X, **INTERVALS, how="shuffle", rng=np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("start", "end"), [(-1, 3), (3, 3), (5, 4), (8, 11), (10, 11)], ids=lambda value: str(value)
)
def test_interval_out_of_range_is_named(X, start, end):
    with pytest.raises(ValueError, match=rf"interval 1 \(row 2 of X\) is {start}-{end}"):
        mutate_intervals(X, [0, 2], [0, start], [4, end])


@pytest.mark.parametrize("row", [-1, 3])
def test_row_out_of_range_is_named(X, row):
    with pytest.raises(ValueError, match=f"rows: entry 1 is {row}, expected 0 <= row < 3"):
        mutate_intervals(X, [0, row], [0, 0], [4, 4])
    with pytest.raises(ValueError, match=f"rows: entry 1 is {row}, expected 0 <= row < 3"):
        mutate_nucleotides(X, [0, row], [0, 0])


def test_unusable_arguments_are_refused(X):
    with pytest.raises(ValueError, match="how: got 'N'"):
        mutate_intervals(X, [0], [0], [4], how="N")
    with pytest.raises(ValueError, match="rng: got None"):
        mutate_intervals(X, [0], [0], [4], how="shuffle")
    with pytest.raises(ValueError, match=r"ends: got shape \(2,\), expected \(1,\)"):
        mutate_intervals(X, [0], [0], [4, 5])
    with pytest.raises(ValueError, match="starts: got values of type float64"):
        mutate_intervals(X, [0], [0.5], [4])
    with pytest.raises(ValueError, match="gc: got 46"):
        mutate_intervals(X, [0], [0], [4], gc=46)


def test_no_intervals_make_no_mutants(X):
    assert mutate_intervals(X, [], [], []).shape == (0, 10, 4)
    mutants, bases = mutate_nucleotides(X, [], [])
    assert mutants.shape == (0, 3, 10, 4)
    assert bases.shape == (0, 3)


def test_each_base_becomes_the_three_others(X):
    rows, positions = np.nonzero(X.any(axis=2))
    mutants, bases = mutate_nucleotides(X, rows, positions)
    assert mutants.dtype == np.float32
    assert bases.dtype == np.int8
    for entry, (row, position) in enumerate(zip(rows, positions, strict=True)):
        original = SEQUENCES[row]
        others = "ACGT".replace(original[position], "")
        assert ["ACGT"[base] for base in bases[entry]] == list(others)
        assert decode(mutants[entry]) == [
            original[:position] + base + original[position + 1 :] for base in others
        ]


def test_unknown_or_fractional_base_has_no_mutants(X):
    with pytest.raises(ValueError, match=r"entry 1 \(row 1 of X, position 5\) holds N"):
        mutate_nucleotides(X, [0, 1], [0, 5])
    mutated = mutate_intervals(X, [0], [2], [3])
    with pytest.raises(ValueError, match=r"entry 0 .* holds a fractional column"):
        mutate_nucleotides(mutated, [0], [2])


@pytest.mark.parametrize("position", [-1, 10])
def test_position_out_of_range_is_named(X, position):
    with pytest.raises(ValueError, match=f"entry 0 .row 1 of X. is {position}"):
        mutate_nucleotides(X, [1], [position])
