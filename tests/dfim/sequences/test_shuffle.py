"""Shuffles are checked against every valid sequence, found by brute force."""

import logging
from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from dfim.sequences import shuffle
from dfim.sequences.encoding import background, base_codes, decode, one_hot_encode
from dfim.sequences.shuffle import dinucleotide_shuffle


def by_permutation(sequence):
    """Return all sequences with the same ends and dinucleotides."""
    wanted = Counter(pairwise(sequence))
    inner = {"".join(order) for order in permutations(sequence[1:-1])}
    candidates = (sequence[0] + middle + sequence[-1] for middle in inner)
    return {candidate for candidate in candidates if Counter(pairwise(candidate)) == wanted}


def by_extension(sequence):
    """Return the same set, base by base: for sequences too long to permute."""

    def extend(start, left):
        if not left:
            return [start]
        return [
            whole
            for pair in left
            if pair[0] == start[-1]
            for whole in extend(start + pair[1], left - Counter([pair]))
        ]

    return set(extend(sequence[0], Counter(pairwise(sequence))))


# x and y stand for two fractional columns, as mutated motifs leave them.
COLUMNS = dict(zip("ACGTN", one_hot_encode(["ACGTN"])[0].astype(np.float32), strict=True))
COLUMNS |= {"x": background(0.46), "y": background(0.2)}


def encode(text):
    return np.stack([COLUMNS[letter] for letter in text])[np.newaxis]


def spell(X):
    letters = np.full(X.shape[:2], "?")
    for letter, column in COLUMNS.items():
        letters[np.equal(X, column).all(axis=2)] = letter
    return ["".join(row) for row in letters]


# Three with as many shuffles as engine.md names for samplers that miss some,
# then: N inside, N at an end, first base equal to last, few bases, long runs,
# two fractional columns, all six symbols.
CASES = {
    "ATTAGTAAT": 27,
    "TTGCTATCGT": 72,
    "AGATCTGCAACC": 324,
    "ANCANGNCA": None,
    "NACNAGACN": None,
    "ACATAGAA": None,
    "AACACCAC": None,
    "AAAACAAT": None,
    "GCACGATG": None,
    "ACAGAC": None,
    "ACxyCxAyCA": None,
    "xAxCNGTNCxG": None,
    "GANxTCxNAGCT": None,
}


def test_both_brute_force_lists_agree():
    for sequence in CASES:
        if len(sequence) <= 9:
            assert by_extension(sequence) == by_permutation(sequence)


@pytest.mark.parametrize(("sequence", "expected"), CASES.items(), ids=CASES)
def test_shuffles_are_uniform_over_all_valid_ones(sequence, expected):
    valid = by_extension(sequence)
    assert len(valid) > 1
    assert expected in (None, len(valid))
    n = 5_000 + 100 * len(valid)
    made = dinucleotide_shuffle(encode(sequence), n, np.random.default_rng(1))
    seen = Counter(spell(made[0]))
    assert set(seen) == valid
    assert chisquare(list(seen.values())).pvalue > 1e-4


def test_uniformity_over_many_sequences_at_once():
    rng = np.random.default_rng(3)
    drawn = rng.choice(list("ACGT"), (60, 9), p=[0.4, 0.3, 0.2, 0.1])
    sequences = ["".join(row) for row in drawn]
    made = dinucleotide_shuffle(one_hot_encode(sequences), 2_000, rng)
    p_values = []
    for sequence, shuffles in zip(sequences, made, strict=True):
        valid = by_permutation(sequence)
        seen = Counter(decode(shuffles))
        assert set(seen) <= valid
        if len(valid) > 1:
            p_values.append(chisquare([seen[one] for one in valid]).pvalue)
    assert len(p_values) > 30
    assert min(p_values) > 1e-4 / len(p_values)
    assert 0.3 < np.mean(p_values) < 0.7


@pytest.fixture(scope="module")
def mixed():
    """Random sequences with N and with the background columns of a mutated motif."""
    rng = np.random.default_rng(5)
    drawn = rng.choice(list("ACGTN"), (80, 120), p=[0.3, 0.2, 0.2, 0.2, 0.1])
    X = one_hot_encode(["".join(row) for row in drawn]).astype(np.float32)
    X[::2, 20:32] = background(0.46)
    X[::4, -1] = background(0.46)
    return X


def pair_counts(X):
    """Return the counts of each pair of symbols (base, N, other) of each sequence."""
    codes = base_codes(X).astype(int)
    return [Counter(pairwise(row)) for row in codes.tolist()]


def test_pairs_and_ends_are_kept_with_n_and_fractional_columns(mixed):
    made = dinucleotide_shuffle(mixed, 3, np.random.default_rng(6))
    assert made.shape == (80, 3, 120, 4)
    assert made.dtype == np.float32
    wanted = pair_counts(mixed)
    for copy in range(3):
        assert pair_counts(made[:, copy]) == wanted
        np.testing.assert_array_equal(made[:, copy, 0], mixed[:, 0])
        np.testing.assert_array_equal(made[:, copy, -1], mixed[:, -1])
    for original, copies in zip(mixed, made, strict=True):
        columns = Counter(map(tuple, original.tolist()))
        assert all(Counter(map(tuple, copy.tolist())) == columns for copy in copies)
    assert (made[:, 0] != made[:, 1]).any(axis=(1, 2)).all()


def test_result_depends_on_the_generator_alone(mixed, monkeypatch):
    whole = dinucleotide_shuffle(mixed, 3, np.random.default_rng(9))
    again = dinucleotide_shuffle(mixed, 3, np.random.default_rng(9))
    np.testing.assert_array_equal(whole, again)
    assert (whole != dinucleotide_shuffle(mixed, 3, np.random.default_rng(10))).any()
    monkeypatch.setattr(shuffle, "_BLOCK_COLUMNS", 1000)  # 2 sequences a block
    np.testing.assert_array_equal(
        whole, dinucleotide_shuffle(mixed, 3, np.random.default_rng(9))
    )


def test_sequences_with_fewer_symbols_do_not_depend_on_their_neighbours(mixed):
    """Six symbols in a later row lengthen the list of trees for all rows."""
    plain = one_hot_encode(["ACGTGCATCGACTGATTCAGCTAC" * 5] * 20).astype(np.float32)
    alone = dinucleotide_shuffle(plain, 2, np.random.default_rng(11))
    together = dinucleotide_shuffle(np.vstack([plain, mixed]), 2, np.random.default_rng(11))
    np.testing.assert_array_equal(alone, together[:20])


def test_single_shuffles_are_counted_in_one_warning(caplog):
    X = one_hot_encode(["AAAAAA", "ACGTAA", "ACGTAC", "AACCGG"])
    assert [len(by_permutation(one)) for one in decode(X)] == [1, 2, 1, 1]
    with caplog.at_level(logging.WARNING, logger="dfim.sequences.shuffle"):
        made = dinucleotide_shuffle(X, 2, np.random.default_rng(0))
    assert [record.getMessage()[:17] for record in caplog.records] == ["3 of 4 sequences "]
    np.testing.assert_array_equal(made[0], X[[0, 0]])


def test_ordinary_sequences_raise_no_warning(mixed, caplog):
    dinucleotide_shuffle(mixed, 1, np.random.default_rng(0))
    assert not caplog.records


@pytest.mark.parametrize("length", [1, 2])
def test_shortest_sequences_are_their_own_shuffle(length):
    X = one_hot_encode(["ACG"[:length], "NNN"[:length]])
    np.testing.assert_array_equal(
        dinucleotide_shuffle(X, 2, np.random.default_rng(0)), np.stack([X, X], axis=1)
    )


def test_no_sequences_give_no_shuffles():
    X = np.zeros((0, 10, 4), np.uint8)
    assert dinucleotide_shuffle(X, 2, np.random.default_rng(0)).shape == (0, 2, 10, 4)


def test_unusable_arguments_are_refused():
    rng = np.random.default_rng(0)
    X = one_hot_encode(["ACGTACGTAC"] * 3).astype(np.float32)
    with pytest.raises(ValueError, match="n: got 0"):
        dinucleotide_shuffle(X, 0, rng)
    many = X.copy()
    many[2, :3] = np.stack([background(gc) for gc in (0.2, 0.3, 0.4)])
    with pytest.raises(ValueError, match="row 2 has 7 distinct columns"):
        dinucleotide_shuffle(many, 1, rng)
    X[1, 4] = np.nan
    with pytest.raises(ValueError, match=r"row 1 .* not finite at position 4"):
        dinucleotide_shuffle(X, 1, rng)


def test_a_generator_a_sequence_makes_each_independent_of_the_others(monkeypatch):
    X = np.eye(4, dtype=np.uint8)[np.random.default_rng(0).integers(0, 4, (5, 30))]
    monkeypatch.setattr(shuffle, "_BLOCK_COLUMNS", 2 * 3 * 30)  # two sequences a block
    together = dinucleotide_shuffle(X, 3, [np.random.default_rng(key) for key in range(5)])
    for key in range(5):
        alone = dinucleotide_shuffle(X[key : key + 1], 3, np.random.default_rng(key))
        np.testing.assert_array_equal(together[key], alone[0])
