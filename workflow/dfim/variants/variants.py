"""Variants, and what a genome says of each.

`dfim.variants.files` reads them, `dfim.variants.cut_windows` cuts their windows. Positions
are 0-based here, whatever the file has.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfim.genome.genome import Genome
from dfim.sequences.encoding import ALPHABET, UNKNOWN

log = logging.getLogger(__name__)

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
)
"""What `check_variants` says of a variant; see there."""


@dataclass(frozen=True)
class Variants:
    """Places on a genome with two alleles, one row of a file (or a part of it) each.

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
        contig: Sequence[str],
        position: ArrayLike,
        ref: Sequence[str],
        alt: Sequence[str],
        *,
        row: ArrayLike,
        name: Sequence[str] | None = None,
    ) -> "Variants":
        """Variants from columns: alleles in any case, names where there are any.

        A variant whose name is missing, "." or "NA" is called chr:pos:ref>alt, with
        the 1-based position, as people write it.
        """
        contig, ref, alt = (pd.Series(list(c), dtype=object) for c in (contig, ref, alt))
        ref, alt = (c.astype(str).str.strip().str.upper() for c in (ref, alt))
        position = np.asarray(position, np.int64)
        place = contig.astype(str) + ":" + pd.Series(position + 1).astype(str)
        place += ":" + ref + ">" + alt
        given = place if name is None else pd.Series(list(name), dtype=object)
        return cls(
            contig=contig.to_numpy(object),
            position=position,
            ref=ref.to_numpy(object),
            alt=alt.to_numpy(object),
            name=given.mask(given.isin(["", ".", "NA"]), place).to_numpy(object),
            row=np.asarray(row, np.int64),
        )

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Variants":
        """The variants under a mask or an index."""
        return Variants(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def concatenate(cls, parts: "Sequence[Variants]") -> "Variants":
        """Join variants, such as those of several files; at least one part."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))

    def label(self, at: int) -> str:
        """One variant in words, with the 1-based position."""
        place = f"{self.contig[at]}:{self.position[at] + 1} {self.ref[at]}>{self.alt[at]}"
        return f"{place} (row {self.row[at]}, {self.name[at]})"


@dataclass(frozen=True)
class CheckedVariants:
    """Variants with what the genome says of each; nothing is left out.

    Attributes
    ----------
    variants
        As given.
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
        """Number of variants of each status, zeros included; they add up to all."""
        return {name: int((self.status == name).sum()) for name in STATUSES}


def check_variants(variants: Variants, genome: Genome, length: int) -> CheckedVariants:
    """Say of each variant whether its window can be scored, and if not, why.

    The first of these that holds is the status:

    ==================== =========================================================
    not_acgt             an allele has other letters than A, C, G, T, or none
    same_alleles         ref is alt
    indel                alleles of unequal length
    multi_base           alleles of one length, above 1
    unknown_contig       the genome, or the choice of its contigs, lacks the contig
    outside_contig       before the first or after the last base
    n_at_variant         the genome has N there
    swapped              the genome has alt there, not ref; told, never exchanged
    reference_mismatch   the genome has neither
    window_leaves_contig less than half a window from an end; never padded
    n_in_window          an N anywhere in the window, as with windows at peaks
    duplicate            an earlier row is ok and has the same place and alleles
    ok                   none of these
    ==================== =========================================================

    Parameters
    ----------
    variants
        From any reader.
    genome
        Contigs may be named with or without "chr".
    length
        Of the windows in bp; the variant is base length // 2.

    Notes
    -----
    No windows are cut: memory does not depend on `length`. The Ns of a contig are
    found once, about 1 ms a megabase.
    """
    if length < 1:
        raise ValueError(f"length: got {length}, expected bp, 1 or more")
    ref, ref_size = allele_codes(variants.ref)
    alt, alt_size = allele_codes(variants.alt)
    contig = genome.contigs.index(variants.contig)
    size = np.array([*genome.contigs.lengths, 0])[contig]  # the 0 is of contig -1
    start = variants.position - length // 2
    inside = (variants.position >= 0) & (variants.position < size)
    whole = (start >= 0) & (start + length <= size)
    base = np.full(len(variants), UNKNOWN, np.uint8)
    base[inside] = genome.windows(contig[inside], variants.position[inside], 1)[:, 0]
    holds_n = np.zeros(len(variants), bool)
    holds_n[whole] = _any_unknown(genome, contig[whole], start[whole], length)
    faults = {
        "not_acgt": (ref_size == 0) | (alt_size == 0),
        "same_alleles": variants.ref == variants.alt,
        "indel": ref_size != alt_size,
        "multi_base": ref_size > 1,
        "unknown_contig": contig < 0,
        "outside_contig": ~inside,
        "n_at_variant": base == UNKNOWN,
        "swapped": base == alt,
        "reference_mismatch": base != ref,
        "window_leaves_contig": ~whole,
        "n_in_window": holds_n,
    }
    status = np.select(list(faults.values()), list(faults), "ok").astype(object)
    good = np.flatnonzero(status == "ok")
    key = pd.DataFrame({"c": contig[good], "p": variants.position[good], "a": alt[good]})
    status[good[key.duplicated()]] = "duplicate"
    checked = CheckedVariants(variants, status.astype(str))
    said = ", ".join(f"{n} {name}" for name, n in checked.counts.items() if n)
    log.info("variants: %d rows: %s", len(variants), said)
    return checked


def allele_codes(alleles: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Code of each single base (else `UNKNOWN`), and the bases of each allele.

    The second is 0 for an allele that is not of A, C, G, T. Each distinct allele is
    looked at once.
    """
    of, distinct = pd.factorize(np.asarray(alleles, object))
    letters = set(ALPHABET)
    sizes = [len(allele) if set(allele) <= letters else 0 for allele in distinct]
    codes = [ALPHABET.index(a) if a in letters else UNKNOWN for a in distinct]
    return np.array(codes, np.uint8)[of], np.array(sizes, np.int64)[of]


def _any_unknown(
    genome: Genome, contig: NDArray[np.int64], start: NDArray[np.int64], length: int
) -> NDArray[np.bool_]:
    """Which windows hold an N: those where the count of Ns before start and end differs."""
    found = np.zeros(len(start), bool)
    for place in np.unique(contig):
        rows = contig == place
        unknown = np.flatnonzero(genome.codes[place] == UNKNOWN)
        before, until = np.searchsorted(unknown, [start[rows], start[rows] + length])
        found[rows] = before < until
    return found
