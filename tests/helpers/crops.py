"""Small networks, sequences and mutations on which crops are checked."""

from functools import cache

import numpy as np

from dfim.attribution.factory import make_attributor
from helpers.small_models import LENGTH, conv_net, one_hot

TOLERANCE = 1e-6  # of the largest score of a sequence
NETS = {
    "plain": {"pool_size": 4},
    "deep": {"depth": 4, "pool_size": 3, "units": 3},
    "shallow": {"depth": 1, "pool_size": 7},
    "norm before": {"norm": "before", "pool_size": 5},
    "norm after": {"norm": "after", "pool_size": 5, "norm_pooled": True},
    "no pooling to speak of": {"depth": 1, "pool_size": 1},
}
N = 10


@cache
def engine(net="plain", method="deeplift", rule="winner", observed=True):
    model = conv_net(7, **{"hidden": ()} | NETS[net])
    return make_attributor(model, method, maxpool_rule=rule, observed=observed, batch_size=48)


def sequences(rng):
    """Random ones, with N, with a run of one base and with a repeat (ties of the pooling)."""
    X = one_hot(rng, N)
    X[0, 20:26] = 0
    X[1, 10:40] = np.eye(4, dtype=np.uint8)[0]
    X[2, 10:40] = np.tile(np.eye(4, dtype=np.uint8)[[1, 3]], (15, 1))
    return X


def mutations(rng, *, widest=6, n=30):
    """Intervals of all widths: at the ends, in the special sequences, twice the same crop."""
    rows = np.append(np.repeat([0, 1, 2], 4), rng.integers(0, N, n - 12))
    width = rng.integers(1, widest + 1, n)
    start = rng.integers(0, LENGTH + 1 - width)
    start[:2], width[2] = 0, widest
    start[3] = LENGTH - width[3]
    start[4:8] = 15, 17, 24, 30
    start[-1], rows[-1] = start[-2], rows[-2]
    width[-1] = width[-2]
    return rows, start, start + width
