"""Tables of features of sequences, such as motif sites, and their ordered pairs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_table, write_table

_COLUMNS = ("sequence", "start", "end", "name", "strand")


@dataclass(frozen=True)
class Features:
    """Intervals of sequences, sorted by sequence, then start.

    Attributes
    ----------
    sequence
        (F,) int64 row of the sequence array.
    start, end
        (F,) int64, 0-based, half-open.
    name
        (F,) text, such as a motif's name.
    strand
        (F,) "+" or "-".

    Raises
    ------
    ValueError
        Columns of unequal length, a negative sequence, an interval that is none.

    Examples
    --------
    >>> import dfim
    >>> sites = dfim.Features(
    ...     sequence=[0, 0, 1],
    ...     start=[3, 20, 7],
    ...     end=[7, 26, 11],
    ...     name=["GATA", "EBOX", "GATA"],
    ...     strand=["+", "+", "-"],
    ... )
    >>> len(sites)
    3
    >>> sites.select(sites.name == "GATA").start.tolist()
    [3, 7]
    """

    sequence: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    name: NDArray[np.str_]
    strand: NDArray[np.str_]

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, np.asarray(getattr(self, field.name)))
        sizes = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"features: columns of unequal length {sizes}; expected one length"
            )
        bad = np.flatnonzero(self.sequence < 0)
        if bad.size:
            raise ValueError(
                f"features: row {bad[0]} is of sequence {self.sequence[bad[0]]}; expected a "
                "row of the sequence array, 0 or more"
            )
        bad = np.flatnonzero((self.start < 0) | (self.end <= self.start))
        if bad.size:
            row = int(bad[0])
            raise ValueError(
                f"features: row {row} is [{self.start[row]}, {self.end[row]}); "
                "expected 0 <= start < end (0-based, half-open)"
            )

    def __len__(self) -> int:
        return len(self.start)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Features":
        """Return the features that a mask or indices choose."""
        return Features(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: "Sequence[Features]") -> "Features":
        """Join at least one part, in their order."""
        names = [f.name for f in fields(cls)]
        return cls(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))

    def of_sequences(self, rows: NDArray[np.integer]) -> "Features":
        """Return the features of some sequences, renumbered and sorted by place in `rows`."""
        order = np.argsort(rows, kind="stable")
        place = np.searchsorted(rows[order], self.sequence)
        place = np.minimum(place, max(len(rows) - 1, 0))
        kept = rows[order[place]] == self.sequence if len(rows) else np.zeros(len(self), bool)
        chosen = self.select(kept)
        renumbered = order[place[kept]]
        by_place = np.lexsort((chosen.end, chosen.start, renumbered))
        columns = {f.name: getattr(chosen, f.name)[by_place] for f in fields(self)}
        return Features(**{**columns, "sequence": renumbered[by_place]})

    def save(self, path: str | os.PathLike[str], ids: NDArray[np.str_]) -> None:
        """Write as TSV; `ids` are the names of all sequences."""
        table = pd.DataFrame({f.name: getattr(self, f.name) for f in fields(self)})
        write_table(path, table.assign(sequence=ids[self.sequence]))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], ids: NDArray[np.str_], length: int
    ) -> "Features":
        """Read a TSV with the columns sequence, start, end, name, strand.

        Parameters
        ----------
        path
            The table: 0-based, half-open, strand "+" or "-".
        ids
            Names of the sequences, in the order of their rows.
        length
            Length of the sequences in bp.

        Raises
        ------
        ValueError
            With file and line: an unknown sequence, an interval that is empty or
            extends past the sequence, an empty name, a strand other than + and -.
        """
        table = read_table(path, _COLUMNS, text=("sequence", "name", "strand"))
        rows = pd.Index(ids).get_indexer(table["sequence"])
        start, end = (pd.to_numeric(table[c], errors="coerce") for c in ("start", "end"))
        whole = (start % 1 == 0) & (end % 1 == 0)
        checks = (
            (rows < 0, "sequence {0[sequence]!r} is not among the examples; check its name"),
            (~whole | (start < 0) | (end <= start) | (end > length),
             "interval [{0[start]}, {0[end]}) is not inside the sequence; expected whole "
             f"numbers with 0 <= start < end <= {length} (0-based, half-open)"),
            (table["name"] == "", "name is empty; expected one, such as a motif's"),
            (~table["strand"].isin(["+", "-"]), "strand {0[strand]!r}; expected + or -"),
        )  # fmt: skip
        for wrong, message in checks:
            where = np.flatnonzero(wrong)
            if where.size:
                # +2: one for the header, and lines count from 1.
                raise ValueError(
                    f"{path}, line {where[0] + 2}: " + message.format(table.iloc[where[0]])
                )
        order = np.lexsort((end, start, rows))
        return cls(
            sequence=rows[order].astype(np.int64),
            start=start.to_numpy()[order].astype(np.int64),
            end=end.to_numpy()[order].astype(np.int64),
            name=table["name"].to_numpy().astype(str)[order],
            strand=table["strand"].to_numpy().astype(str)[order],
        )


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
    >>> from dfim.motifs.features import Features, ordered_pairs
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
