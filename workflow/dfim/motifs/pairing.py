"""Ordered pairs (source, target) of the features of each sequence."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfim.motifs.features import Features


def ordered_pairs(
    features: Features,
    *,
    same_name: bool = False,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    max_distance: float | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """List all ordered pairs (source, target) of features within a sequence.

    Parameters
    ----------
    features
        Sorted by sequence, then start, as `Features` are.
    same_name
        Whether two features of one name (two ELF1 sites) make a pair.
    sources, targets
        Names that may be a source, and names that may be a target; all where None.
    max_distance
        Largest distance between the centres in bp; any where None.

    Returns
    -------
    source, target
        (P,) indices into `features`.
    n_overlapping
        Pairs left out because source and target overlap: the importance of bases that are
        mutated themselves is not defined (paper section 2.1).

    Raises
    ------
    ValueError
        When the features are not in order, a list of names is one text, or the distance is
        negative.

    Notes
    -----
    Time and memory grow with the number of pairs, with `max_distance` with the number of
    pairs about as close; there is no Python loop over sequences.

    Examples
    --------
    >>> from dfim.motifs import Features, ordered_pairs
    >>> sites = Features([0, 0], [3, 20], [7, 26], ["GATA", "EBOX"], ["+", "+"])
    >>> source, target, n_overlapping = ordered_pairs(sites)
    >>> source.tolist(), target.tolist()
    ([0, 1], [1, 0])
    """
    if max_distance is not None and not max_distance >= 0:
        raise ValueError(f"max_distance: got {max_distance}, expected bp, 0 or more")
    _require_order(features)
    sources_at = _named(features, "sources", sources)
    targets_at = _named(features, "targets", targets)
    first, last = _candidates(features, sources_at, targets_at, max_distance)
    size = last - first
    source = np.repeat(sources_at, size)
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    target = targets_at[np.repeat(first, size) + offset]
    kept = source != target
    if not same_name:
        kept &= features.name[source] != features.name[target]
    if max_distance is not None:
        twice = features.start + features.end
        kept &= np.abs(twice[source] - twice[target]) <= 2 * max_distance
    source, target = source[kept], target[kept]
    overlap = (features.start[source] < features.end[target]) & (
        features.start[target] < features.end[source]
    )
    return source[~overlap], target[~overlap], int(overlap.sum())


def _require_order(features: Features) -> None:
    """Raise at the first feature that is out of order."""
    sequence, start = features.sequence, features.start
    same = sequence[1:] == sequence[:-1]
    bad = np.flatnonzero((sequence[1:] < sequence[:-1]) | same & (start[1:] < start[:-1])) + 1
    if bad.size:
        raise ValueError(
            f"features: row {bad[0]} (sequence {sequence[bad[0]]}, start {start[bad[0]]}) "
            "comes after a later one; expected them by sequence, then start: "
            "features.of_sequences(np.arange(n_sequences)) sorts them"
        )


def _named(features: Features, what: str, names: Sequence[str] | None) -> NDArray[np.int64]:
    """Return the indices of the features with one of `names`; of all where None."""
    if names is None:
        return np.arange(len(features))
    if isinstance(names, str):
        raise ValueError(f"{what}: got the text {names!r}, expected a list of names")
    return np.flatnonzero(np.isin(features.name, list(names)))


def _candidates(
    features: Features,
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    max_distance: float | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last (half-open) of the `targets` that may pair with each source.

    They are those of its sequence, with `max_distance` those whose start may be that near.
    """
    of_source, of_target = features.sequence[sources], features.sequence[targets]
    first, last = (np.searchsorted(of_target, of_source, side) for side in ("left", "right"))
    if max_distance is None or not targets.size or not sources.size:
        return first, last
    # Sequences laid end to end, so that one search serves all of them.
    width = features.end[targets] - features.start[targets]
    centre = (features.start[sources] + features.end[sources]) / 2
    low = np.floor(centre - max_distance - width.max() / 2)
    high = np.ceil(centre + max_distance - width.min() / 2)
    room = int(features.start.max()) + 1
    line = of_target * room + features.start[targets]
    low, high = (np.clip(x, 0, room - 1).astype(np.int64) for x in (low, high))
    first = np.searchsorted(line, of_source * room + low, "left")
    return first, np.maximum(first, np.searchsorted(line, of_source * room + high, "right"))
