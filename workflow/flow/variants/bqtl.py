"""Readers of the binding QTLs of Tehranchi et al. 2016 (doi 10.1016/j.cell.2016.03.041).

Two forms: table S2 of the paper, a workbook with one sheet per factor, and text tables
of ten columns. Positions in both are 1-based, on hg19.
"""

import logging
import os
import zipfile
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.text_columns import read_rows, refuse, whole_numbers
from dfim.variants.variants import Variants

log = logging.getLogger(__name__)

_SHEET_COLUMNS = {
    "Chr": "contig", "position": "position", "REFallele": "ref", "ALTallele": "alt",
    "higherBindingAllele": "stronger", "pvalue": "p",
}  # fmt: skip
# POSTallele is the reference base; POSTfreq and prechipfreq are its share of the reads
# after and before ChIP.
_TABLE_COLUMNS = (
    "Chr", "position", "Depth", "ALTdepth", "REFDepth", "ALTallele", "POSTallele",
    "POSTfreq", "prechipfreq", "pvalue",
)  # fmt: skip


@dataclass(frozen=True)
class Bqtls:
    """Variants with the evidence that a factor binds their alleles differently.

    Attributes
    ----------
    variants
        (N,) rows of the file, repeated ones included (`check_variants` names them).
    p_value
        (N,) float64; 0 where it is too small for a float.
    stronger
        (N,) text, the allele with more binding; "" where the file names neither.
    """

    variants: Variants
    p_value: NDArray[np.float64]
    stronger: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.variants)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Bqtls":
        """Return the rows under a mask (N,) or an index."""
        return Bqtls(self.variants.select(chosen), self.p_value[chosen], self.stronger[chosen])


def read_workbook(path: str | os.PathLike[str], sheet: str) -> Bqtls:
    """Read one factor's sheet of table S2, mmc2.xlsx.

    Parameters
    ----------
    path
        The workbook.
    sheet
        Name of the sheet: a value of `flow.declarations.variants.SHEETS`.

    Raises
    ------
    ValueError
        In one line: no workbook (a page of the publisher under its name, say), no
        such sheet or column, and with the row a position or p-value that is none.
    """
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            if sheet not in book.sheet_names:
                raise ValueError(
                    f"{path}: no sheet {sheet!r}, found {book.sheet_names}; expected table S2 "
                    "of Tehranchi et al. 2016, with one sheet per factor"
                )
            table = pd.read_excel(book, sheet_name=sheet, dtype=str, keep_default_na=False)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(
            f"{path}: not an xlsx workbook ({error}); fetch it by hand and put it there"
        ) from error
    missing = [name for name in _SHEET_COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(
            f"{path}, sheet {sheet}: no column {missing[0]!r}, found {list(table.columns)}; "
            f"expected {list(_SHEET_COLUMNS)}"
        )
    table = table[list(_SHEET_COLUMNS)].rename(columns=_SHEET_COLUMNS).fillna("")
    table.index += 2  # the header is row 1
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise ValueError(f"{path}, sheet {sheet}: no rows below the header; expected bQTLs")
    return _bqtls(f"{path}, sheet {sheet}, row", table)


def read_bqtl_table(path: str | os.PathLike[str]) -> Bqtls:
    """Read a text table of ten columns, tab-separated, plain or gzip.

    The columns are Chr, position, Depth, ALTdepth, REFDepth, ALTallele, POSTallele
    (the reference base), POSTfreq, prechipfreq and pvalue, in this order. The first
    line may be their names, or the one word header, or a row. The stronger allele is
    the reference base where its share rose from before the ChIP to after it.

    Raises
    ------
    ValueError
        With file and line: no rows, a row with fewer columns, a position that is no
        whole number from 1, a p-value or a share outside [0, 1].
    """
    where = f"{path}, line"
    table = read_rows(path, _TABLE_COLUMNS, ("header", "\t".join(_TABLE_COLUMNS)))
    after = _fractions(where, table["POSTfreq"])
    change = after - _fractions(where, table["prechipfreq"])
    names = {"Chr": "contig", "POSTallele": "ref", "ALTallele": "alt", "pvalue": "p"}
    table = table.rename(columns=names)
    bound = np.select([change > 0, change < 0], [table["ref"], table["alt"]], "")
    return _bqtls(where, table.assign(stronger=bound))


def _bqtls(where: str, table: pd.DataFrame) -> Bqtls:
    columns = {name: table[name] for name in ("contig", "ref", "alt")}
    position = whole_numbers(where, table["position"], least=1) - 1
    variants = Variants.build(**columns, position=position, row=table.index)
    p_value = _fractions(where, table["p"])
    stronger = table["stronger"].str.strip().str.upper().to_numpy(object)
    neither = (stronger != variants.ref) & (stronger != variants.alt)
    stronger[neither] = ""
    key = pd.DataFrame({f.name: getattr(variants, f.name) for f in fields(variants)[:4]})
    repeated = key.duplicated()
    other_p = repeated & ~key.assign(p=p_value).duplicated()
    log.info(
        "%s %d to %d: %d bQTLs; %d repeat an earlier row (%d with another p), %d have p = 0 "
        "(too small for a float), %d name neither allele as the stronger",
        where, table.index[0], table.index[-1], len(table), int(repeated.sum()),
        int(other_p.sum()), int((p_value == 0).sum()), int(neither.sum()),
    )  # fmt: skip
    return Bqtls(variants, p_value, stronger)


def _fractions(where: str, text: pd.Series) -> NDArray[np.float64]:
    number = pd.to_numeric(text, errors="coerce")
    fault = f"{text.name} {{!r}}; expected a number from 0 to 1"
    refuse(where, text, ~number.between(0, 1), fault)
    return number.to_numpy(np.float64)
