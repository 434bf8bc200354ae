"""Readers of variant files: VCF, tables and BED, plain or gzip (bgzip).

Every row of a file is kept, and `dfim.check_variants` says which can be scored. Only what
cannot be read is refused.
"""

import logging
import os

import numpy as np
import pandas as pd

from dfim.io.store import open_plain_or_gzip, read_table
from dfim.io.text_columns import read_rows, refuse, whole_numbers
from dfim.variants.variants import Variants

log = logging.getLogger(__name__)


def read_variants(path: str | os.PathLike[str]) -> tuple[Variants, pd.DataFrame]:
    r"""Read variants from a VCF, a BED, or a table whose header has chrom and pos.

    A VCF is recognised by its first line or its name (.vcf), a BED by its name (.bed),
    with or without .gz or .bgz.

    Parameters
    ----------
    path
        Plain or gzip.

    Returns
    -------
    variants : Variants
        Every row, in the order of the file.
    others : DataFrame
        Further columns of a table, one row per variant; no columns for VCF and BED.

    Raises
    ------
    ValueError
        With the file: none of the three, or what its reader refuses.

    Examples
    --------
    >>> import dfim, tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "variants.tsv"
    >>> _ = path.write_text("chrom\tpos\tref\talt\tp\nchr1\t100\tA\tG\t0.01\n")
    >>> variants, others = dfim.read_variants(path)
    >>> variants.name.tolist(), variants.position.tolist()  # positions are 0-based
    (['chr1:100:A>G'], [99])
    >>> others["p"].tolist()
    [0.01]
    """
    with open_plain_or_gzip(path) as file:
        first = file.readline().decode("utf-8", "replace")
    name = os.fspath(path).lower().removesuffix(".gz").removesuffix(".bgz")
    if {"chrom", "pos"} <= set(first.rstrip("\r\n").split("\t")):
        return read_variant_table(path)
    if first.startswith(("##fileformat=VCF", "#CHROM\t")) or name.endswith(".vcf"):
        variants = read_vcf(path)
    elif name.endswith(".bed"):
        variants = read_variant_bed(path)
    else:
        expected = "a VCF, a table (tabs, header chrom, pos, ref, alt) or a file named .bed"
        if {"chrom", "pos"} <= set(first.lstrip("\ufeff#").rstrip("\r\n").lower().split("\t")):
            expected = "chrom, pos, ref, alt in lower case, without # or a byte-order mark"
        raise ValueError(f"{path}: begins with {first.strip()[:40]!r}; expected {expected}")
    return variants, pd.DataFrame(index=range(len(variants)))


def read_vcf(path: str | os.PathLike[str]) -> Variants:
    """Read a VCF; sample and INFO columns are ignored.

    A row with several ALT alleles becomes one variant each, all with its line in
    `row`. Where ref and alt have one length and differ in one base (CAA>TAA, written
    beside a deletion), that base is the variant. ALT without bases (".", "*",
    "<DEL>", breakends) is kept and counted in the log.

    Raises
    ------
    ValueError
        With file and line: no variants, a row with fewer than five columns, a
        position that is no whole number from 0 (which VCF has for a telomere).

    Notes
    -----
    About 4 s and 700 MB per million variants.
    """
    table = read_rows(path, ("contig", "position", "name", "ref", "alt"), ("#",))
    line = f"{path}, line"
    refuse(line, table["alt"], table["alt"] == "", "no ALT; expected five columns and tabs")
    table["position"] = whole_numbers(line, table["position"], least=0) - 1
    several = table["alt"].str.contains(",")
    split = table.assign(alt=table["alt"].str.split(",")).explode("alt")
    shift = _reduce_to_one_base(split)
    bases = split["alt"].str.fullmatch("[ACGTacgt]+")
    log.info(
        "%s: %d rows, %d variants; %d rows with several ALT alleles, %d variants reduced to "
        "the base in which their alleles differ, %d whose ALT is not of A, C, G, T",
        path, len(table), len(split), int(several.sum()), shift, int((~bases).sum()),
    )  # fmt: skip
    return _variants(split)


def read_variant_table(path: str | os.PathLike[str]) -> tuple[Variants, pd.DataFrame]:
    """Read a TSV with the columns chrom, pos (1-based), ref and alt, and maybe name.

    Returns
    -------
    variants : Variants
        One per row.
    others : DataFrame
        The columns that are none of these five.

    Raises
    ------
    ValueError
        With file and line: a column that is missing, a position that is no whole
        number from 1.
    """
    known = ("chrom", "pos", "ref", "alt", "name")
    table = read_table(path, known[:4], text=known)
    if table.empty:
        raise ValueError(f"{path}: no variants below the header")
    table.index += 2  # lines are counted from 1, and the header is one
    position = whole_numbers(f"{path}, line", table["pos"], least=1) - 1
    columns = table.rename(columns={"chrom": "contig"}).assign(position=position)
    others = table.drop(columns=list(known), errors="ignore")
    return _variants(columns), others.reset_index(drop=True)


def read_variant_bed(path: str | os.PathLike[str]) -> Variants:
    """Read a BED file (0-based, half-open) whose intervals are the reference alleles.

    The alleles are in the name, REF>ALT or some name:REF>ALT, where that has a ">",
    else in columns 5 and 6, which in an ordinary BED are score and strand.

    Raises
    ------
    ValueError
        With file and line: an interval that is not as long as its reference allele
        (1 bp for a single base; a 1-based file has 0), or no alleles.
    """
    names = ("contig", "position", "end", "name", "ref", "alt")
    table = read_rows(path, names, ("#", "track", "browser"))
    line = f"{path}, line"
    for column in ("position", "end"):
        table[column] = whole_numbers(line, table[column], least=0)
    named = table["name"].str.extract(r"^(?:(.*):)?([^:>]*)>(.*)$")
    table["ref"] = named[1].fillna(table["ref"])
    table["alt"] = named[2].fillna(table["alt"])
    table["name"] = table["name"].where(named[1].isna(), named[0].fillna("."))
    for allele in (table["ref"], table["alt"]):
        fault = f"{allele.name} allele {{!r}}; expected REF>ALT as the name, or columns 5 and 6"
        refuse(line, allele, ~allele.str.fullmatch(r"[A-Za-z]+|\*|<.*>"), fault)
    size = table["end"] - table["position"]
    fault = "an interval of {} bp; expected the size of its reference allele, 0-based half-open"
    refuse(line, size, size != table["ref"].str.len(), fault)
    return _variants(table)


def _reduce_to_one_base(table: pd.DataFrame) -> int:
    """Reduce alleles of one length that differ in one base to that base; return how many."""
    ref, alt = (table[c].str.upper().to_numpy(object) for c in ("ref", "alt"))
    size = table["ref"].str.len().to_numpy()
    size = np.where(size == table["alt"].str.len(), size, 0)
    position, count = table["position"].to_numpy().copy(), 0
    for width in np.unique(size[size > 1]):
        rows = np.flatnonzero(size == width)
        letters = [
            a[rows].astype(f"U{width}").view("U1").reshape(-1, width) for a in (ref, alt)
        ]
        differ = letters[0] != letters[1]
        one = differ.sum(axis=1) == 1
        rows, offset = rows[one], differ[one].argmax(axis=1)
        position[rows] += offset
        for allele, letter in zip((ref, alt), letters, strict=True):
            allele[rows] = letter[one, offset]
        count += len(rows)
    table["position"], table["ref"], table["alt"] = position, ref, alt
    return count


def _variants(table: pd.DataFrame) -> Variants:
    columns = {c: table[c] for c in ("contig", "position", "ref", "alt")}
    return Variants.build(**columns, row=table.index, name=table.get("name"))
