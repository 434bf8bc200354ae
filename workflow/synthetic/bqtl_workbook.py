"""Writer of synthetic bQTLs as the workbook of table S2 of Tehranchi et al. 2016."""

import datetime
import os
import re
import zipfile
from collections.abc import Mapping

import pandas as pd

from dfim.io.store import whole_file

_SAVED = datetime.datetime(2016, 1, 1)


def write_workbook(
    path: str | os.PathLike[str], bqtls: pd.DataFrame, sheets: Mapping[str, str]
) -> None:
    """Write one sheet per factor, with the columns of the published workbook.

    Parameters
    ----------
    path
        Ends with .xlsx. The same table gives the same bytes.
    bqtls
        The table of `bqtl_alleles.draw_bqtls`. Its positions are 0-based, the
        workbook's 1-based.
    sheets
        Name of the sheet of each factor, in the order of the workbook.
    """
    with whole_file(path) as temporary:
        with pd.ExcelWriter(temporary, engine="openpyxl") as book:
            for factor, sheet in sheets.items():
                rows = bqtls[bqtls["factor"] == factor]
                columns = {
                    "Chr": rows["contig"],
                    "position": rows["position"] + 1,
                    "REFallele": rows["ref"],
                    "ALTallele": rows["alt"],
                    "higherBindingAllele": rows["stronger"],
                    "pvalue": rows["p_value"],
                }
                pd.DataFrame(columns).to_excel(book, sheet_name=sheet, index=False)
        _forget_time(temporary)


def _forget_time(path: str | os.PathLike[str]) -> None:
    """Set every date of a workbook, which openpyxl takes from the clock."""
    with zipfile.ZipFile(path) as book:
        parts = [(info.filename, book.read(info)) for info in book.infolist()]
    said = re.compile(rb"(?<=W3CDTF\">)[^<]*")
    with zipfile.ZipFile(path, "w") as book:
        for name, data in parts:
            fixed = said.sub(_SAVED.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), data)
            part = zipfile.ZipInfo(name, _SAVED.timetuple()[:6])
            book.writestr(part, fixed, zipfile.ZIP_DEFLATED)
