"""Inputs of the benchmark: random sequences, and sites in them whose pairs can interact."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfim.motifs.features import Features
from dfim.motifs.pairing import ordered_pairs
from dfim.pairs.fis import score_pairs
from dfim.scoring.settings import ScoringSettings

if TYPE_CHECKING:
    from dfim.attribution.base import Attributor

MOTIF = 12  # bp of a site
SPACING = 20  # bp from start to start of sites that stand close together
_CHECKED = 8  # sequences whose pairs are scored to see that FIS are not zero
_LEAST = 0.4  # share of the pairs that must be reachable, and share of these with a FIS


def random_sequences(n: int, length: int) -> NDArray[np.uint8]:
    """Draw one-hot sequences (n, length, 4); the same for the same n."""
    return np.eye(4, dtype=np.uint8)[np.random.default_rng(n).integers(0, 4, (n, length))]


def spread_sites(n: int, length: int, each: int) -> Features:
    """Place `each` sites of 12 bp over the whole of n sequences, evenly and alike in all.

    Raises
    ------
    ValueError
        When the sites do not fit side by side.
    """
    start = np.linspace(0, length - MOTIF, each).astype(np.int64)
    return _sites(np.tile(start, (n, 1)), length)


def close_sites(n: int, length: int, each: int) -> Features:
    """Place `each` sites of 12 bp in a row, 20 bp from start to start, somewhere in each of n.

    Where the row begins is drawn for each sequence; the same for the same n.

    Raises
    ------
    ValueError
        When the row is longer than the sequences.
    """
    row = SPACING * np.arange(each)
    room = max(length - MOTIF - int(row[-1]), 0)
    first = np.random.default_rng(n).integers(0, room + 1, n)
    return _sites(first[:, None] + row, length)


def _sites(start: NDArray[np.int64], length: int) -> Features:
    """Make features of starts (n, each), sorted in each row; a name for each column."""
    n, each = start.shape
    if (np.diff(start) < MOTIF).any() or start.max() + MOTIF > length:
        raise ValueError(f"each: got {each} sites of {MOTIF} bp, expected fewer in {length} bp")
    return Features(
        sequence=np.repeat(np.arange(n), each),
        start=start.ravel(),
        end=start.ravel() + MOTIF,
        name=np.tile([f"site{i}" for i in range(each)], n),
        strand=np.full(n * each, "+"),
    )


def require_interactions(
    attributor: "Attributor",
    X: NDArray[np.uint8],
    sites: Features,
    settings: ScoringSettings,
) -> float:
    """Refuse sites whose pairs cannot interact: they would be timed for nothing.

    Parameters
    ----------
    attributor
        Of the network that is timed.
    X
        (N, L, 4) one-hot sequences.
    sites
        In these sequences.
    settings
        As for the timed call.

    Returns
    -------
    float
        Share of the ordered pairs that some unit of the network joins.

    Raises
    ------
    ValueError
        When fewer than 40 % of the pairs are reachable, or fewer than 40 % of the reachable
        pairs of the first eight sequences have a FIS other than zero.
    """
    source, target, _ = ordered_pairs(sites)
    joined = attributor.reachable(
        sites.start[source], sites.end[source], sites.start[target], sites.end[target]
    )
    share = float(joined.mean())
    if share < _LEAST:
        raise ValueError(
            f"sites: got {share:.0%} of {len(joined)} pairs within the network's reach, "
            f"expected at least {_LEAST:.0%}: place the sites closer together"
        )
    some = sites.of_sequences(np.arange(min(_CHECKED, len(X))))
    scores = score_pairs(
        attributor, X[:_CHECKED], some, settings=settings, rng=np.random.default_rng(0)
    )
    moved = float((scores.fis[scores.reachable] != 0).mean())
    if moved < _LEAST:
        raise ValueError(
            f"sites: got FIS other than 0 in {moved:.0%} of the reachable pairs, expected at "
            f"least {_LEAST:.0%}"
        )
    return share
