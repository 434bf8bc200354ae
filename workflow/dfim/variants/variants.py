"""Single-base variants, and what a check against a genome says of each.

`dfim.variants.files` reads them, `dfim.variants.windows` checks them and cuts their input
sequences. Positions are 0-based here, 1-based in tables and messages.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfim.io.store import read_table, write_table

Texts = Sequence[str] | NDArray[np.object_]

STATUSES = (
    "ok",
    "not_acgt",
    "same_alleles",
    "indel",
    "multi_base",
    "unknown_contig",
    "outside_contig",
    "n_at_variant",
    "swapped",
    "reference_mismatch",
    "window_leaves_contig",
    "n_in_window",
    "duplicate",
    "not_chosen",
)
"""What `dfim.check_variants` says of a variant (see there), and `not_chosen`: ok, but left
out by `CheckedVariants.choose`."""

PLACE = ("chrom", "pos", "ref", "alt", "name", "row")
"""Columns of a table that say where a variant is, on the genome (`pos` is 1-based) and in
its file."""


@dataclass(frozen=True)
class Variants:
    """Positions on a genome with two alleles each, one per row of a file.

    Attributes
    ----------
    contig
        (N,) text as written, with or without "chr".
    position
        (N,) int64, 0-based; the first base of `ref`.
    ref, alt
        (N,) text in upper case; "*", "." or "<DEL>" where the file has no bases.
    name
        (N,) text, such as an rs number; need not be unique.
    row
        (N,) int64 line of the file, counted from 1: for messages, and to join
        results to the file again.

    Notes
    -----
    Text is kept in arrays of objects, since one long deletion would make every
    cell of a fixed-width array as wide.
    """

    contig: NDArray[np.object_]
    position: NDArray[np.int64]
    ref: NDArray[np.object_]
    alt: NDArray[np.object_]
    name: NDArray[np.object_]
    row: NDArray[np.int64]

    def __post_init__(self) -> None:
        sizes = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"variants: columns of unequal length {sizes}; expected one length"
            )

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def build(
        cls,
        contig: Texts,
        position: ArrayLike,
        ref: Texts,
        alt: Texts,
        *,
        row: ArrayLike,
        name: Texts | None = None,
    ) -> "Variants":
        """Make variants from columns; alleles may be in any case.

        A variant whose name is missing, "." or "NA" is called chr:pos:ref>alt, with
        the 1-based position.

        Examples
        --------
        >>> from dfim.variants.variants import Variants
        >>> Variants.build(["chr1"], [99], ["a"], ["G"], row=[1]).name.tolist()
        ['chr1:100:A>G']
        """
        contigs = pd.Series(list(contig), dtype=object)
        alleles = (pd.Series(list(column), dtype=object).astype(str) for column in (ref, alt))
        refs, alts = (column.str.strip().str.upper() for column in alleles)
        positions = np.asarray(position, np.int64)
        place = contigs.astype(str) + ":" + pd.Series(positions + 1).astype(str)
        place += ":" + refs + ">" + alts
        given = place if name is None else pd.Series(list(name), dtype=object)
        return cls(
            contig=contigs.to_numpy(object),
            position=positions,
            ref=refs.to_numpy(object),
            alt=alts.to_numpy(object),
            name=given.mask(given.isin(["", ".", "NA"]), place).to_numpy(object),
            row=np.asarray(row, np.int64),
        )

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Variants":
        """Return the variants under a mask (N,) or an index."""
        return Variants(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def concatenate(cls, parts: "Sequence[Variants]") -> "Variants":
        """Join variants, such as those of several files; at least one part."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))

    def label(self, at: int) -> str:
        """Describe one variant for a message, with the 1-based position."""
        place = f"{self.contig[at]}:{self.position[at] + 1} {self.ref[at]}>{self.alt[at]}"
        return f"{place} (row {self.row[at]}, {self.name[at]})"

    def table(self) -> pd.DataFrame:
        """Return the columns `PLACE`, one row per variant."""
        columns = {"chrom": self.contig, "pos": self.position + 1}
        return pd.DataFrame(columns | {name: getattr(self, name) for name in PLACE[2:]})


@dataclass(frozen=True)
class CheckedVariants:
    """Variants with the outcome of `dfim.check_variants` for each; nothing is left out.

    Attributes
    ----------
    variants
        N variants, as given.
    status
        (N,) text of `STATUSES`.
    """

    variants: Variants
    status: NDArray[np.str_]

    @property
    def ok(self) -> Variants:
        """The variants that can be scored."""
        return self.variants.select(self.status == "ok")

    @property
    def counts(self) -> dict[str, int]:
        """Number of variants of each status, zeros included; their sum is N."""
        return {name: int((self.status == name).sum()) for name in STATUSES}

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "CheckedVariants":
        """Return the variants under a mask (N,) or an index, whatever their status."""
        return CheckedVariants(self.variants.select(chosen), self.status[chosen])

    def choose(self, chosen: NDArray[np.bool_]) -> "CheckedVariants":
        """Keep as ok only those under a mask (N,); the others that are ok become not_chosen."""
        left_out = (self.status == "ok") & ~np.asarray(chosen, bool)
        return CheckedVariants(self.variants, np.where(left_out, "not_chosen", self.status))

    @classmethod
    def concatenate(cls, parts: "Sequence[CheckedVariants]") -> "CheckedVariants":
        """Join variants that were checked apart; at least one part."""
        variants = Variants.concatenate([part.variants for part in parts])
        return cls(variants, np.concatenate([part.status for part in parts]))

    def table(self) -> pd.DataFrame:
        """Return the columns `PLACE` and `status`, one row per variant."""
        return self.variants.table().assign(status=self.status)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `table` as TSV, compressed where the path ends in .gz."""
        write_table(path, self.table())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CheckedVariants":
        """Read variants from a TSV with the columns of `table`; other columns are ignored.

        So a table of `dfim.variant_table` can be read too.

        Raises
        ------
        ValueError
            With the file: a missing column, a position or row that is no whole number,
            an unknown status.
        """
        text = ("chrom", "ref", "alt", "name", "status")
        table = read_table(path, (*PLACE, "status"), text=text)
        for name in ("pos", "row"):
            if len(table) and not pd.api.types.is_integer_dtype(table[name]):
                raise ValueError(f"{path}: column {name}: expected whole numbers in every row")
        unknown = set(table["status"]) - set(STATUSES)
        if unknown:
            raise ValueError(
                f"{path}: column status: got {min(unknown)!r}, expected one of {STATUSES}"
            )
        variants = Variants(
            contig=table["chrom"].to_numpy(object),
            position=table["pos"].to_numpy(np.int64) - 1,
            ref=table["ref"].to_numpy(object),
            alt=table["alt"].to_numpy(object),
            name=table["name"].to_numpy(object),
            row=table["row"].to_numpy(np.int64),
        )
        return cls(variants, table["status"].to_numpy(str))
