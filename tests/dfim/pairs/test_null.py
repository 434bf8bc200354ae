"""Shuffled copies of sequences for the null of pairs."""

import numpy as np
import pytest

from dfim.pairs.null import NullShuffles, permute_bases
from dfim.sequences.shuffle import dinucleotide_shuffle
from helpers.small_models import one_hot


def test_permutation_keeps_bases_and_is_another_for_each_copy():
    X = one_hot(np.random.default_rng(0), 4, 60)
    found = permute_bases(X, 3, np.random.default_rng(1))
    assert found.shape == (4, 3, 60, 4)
    np.testing.assert_array_equal(found.sum(axis=2), np.tile(X.sum(axis=1)[:, None], (1, 3, 1)))
    flat = found.reshape(12, -1)
    assert len(np.unique(flat, axis=0)) == 12
    # The same order for all sequences would keep two equal sequences equal.
    twice = permute_bases(np.concatenate([X[:1], X[:1]]), 1, np.random.default_rng(1))
    assert (twice[0] != twice[1]).any()


@pytest.mark.parametrize("kind", ["dinuc", "permutation"])
def test_copies_are_the_shuffles_one_after_the_other(kind):
    X = one_hot(np.random.default_rng(0), 3, 40)
    shuffle = dinucleotide_shuffle if kind == "dinuc" else permute_bases
    expected = shuffle(X, 2, np.random.default_rng(1))
    first, second = NullShuffles(kind, 2).copies(X, np.random.default_rng(1))
    np.testing.assert_array_equal(first, expected[:, 0])
    np.testing.assert_array_equal(second, expected[:, 1])


@pytest.mark.parametrize("given", [("dinucs", 1), ("dinuc", 0)])
def test_what_is_no_shuffle_is_refused(given):
    with pytest.raises(ValueError, match=r"(kind|n): got .*expected"):
        NullShuffles(*given)
