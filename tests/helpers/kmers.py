"""Scores of every sequence of a few bases, drawn at random."""

import numpy as np

from dfim.maps.every_kmer import Factorial


def random_factorial(length, seed=0):
    rng = np.random.default_rng(seed)
    n = 4**length
    return Factorial(
        rng.normal(size=(n, length)).astype(np.float32),
        rng.normal(size=n).astype(np.float32),
        np.zeros(n, np.float32),
    )
