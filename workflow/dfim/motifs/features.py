"""Tables of features of sequences, such as motif sites."""

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
