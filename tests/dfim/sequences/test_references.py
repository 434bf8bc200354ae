"""References of every kind."""

import numpy as np
import pytest

from dfim.sequences import references
from dfim.sequences.encoding import background, base_codes, one_hot_encode
from dfim.sequences.references import make_references
from dfim.sequences.shuffle import dinucleotide_shuffle


@pytest.fixture(name="X")
def originals():
    rng = np.random.default_rng(0)
    return one_hot_encode(["".join(row) for row in rng.choice(list("ACGTN"), (30, 40))])


def test_gc_reference_is_the_background_everywhere(X):
    made = make_references(X, "gc", gc=0.3)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, np.broadcast_to(background(0.3), (1, 1, 40, 4)))


def test_zero_reference_is_zero(X):
    made = make_references(X, "zeros")
    assert made.shape == (1, 1, 40, 4)
    assert not made.any()


def test_dinuc_references_are_the_shuffles(X):
    made = make_references(X, "dinuc", n=3, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(made, dinucleotide_shuffle(X, 3, np.random.default_rng(7)))


def test_random_references_have_independent_bases_of_the_background(X):
    made = make_references(X, "random", n=100, gc=0.46, rng=np.random.default_rng(7))
    assert made.shape == (30, 100, 40, 4)
    assert made.dtype == np.uint8
    codes = base_codes(made.reshape(-1, 40, 4))
    assert codes.max() == 3
    sd = np.sqrt(0.25 / codes.size)
    np.testing.assert_allclose(
        np.bincount(codes.ravel()) / codes.size, background(0.46), atol=4 * sd
    )
    neighbours = np.bincount((codes[:, :-1] * 4 + codes[:, 1:]).ravel()) / codes[:, 1:].size
    expected = np.outer(background(0.46), background(0.46)).ravel()
    np.testing.assert_allclose(neighbours, expected, atol=4 * sd)


@pytest.mark.parametrize(("gc", "absent"), [(0.0, [1, 2]), (1.0, [0, 3])])
def test_random_references_of_extreme_gc_lack_the_other_bases(X, gc, absent):
    made = make_references(X, "random", n=5, gc=gc, rng=np.random.default_rng(7))
    assert not made[..., absent].any()
    np.testing.assert_array_equal(made.sum(axis=-1), 1)


def test_random_references_do_not_depend_on_the_block(X, monkeypatch):
    whole = make_references(X, "random", n=5, rng=np.random.default_rng(7))
    monkeypatch.setattr(references, "_BLOCK_COLUMNS", 130)
    blocks = make_references(X, "random", n=5, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(whole, blocks)


@pytest.mark.parametrize("kind", ["dinuc", "random"])
def test_unusable_arguments_are_refused(X, kind):
    with pytest.raises(ValueError, match="rng: got None"):
        make_references(X, kind)
    with pytest.raises(ValueError, match="n: got 0"):
        make_references(X, kind, n=0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="kind: got 'shuffled'"):
        make_references(X, "shuffled")
