"""VCF of scored variants: INFO fields added to the file that they were read from."""

import logging
import os
import re
from collections.abc import Iterator

import pandas as pd

from dfim.io.store import new_plain_or_gzip, open_plain_or_gzip
from dfim.variants.variants import PLACE

log = logging.getLogger(__name__)

_WHOLE = ("peak_pos", "peak_distance", "motif_distance")
_DESCRIPTIONS = {
    "status": "whether the variant was scored, or why not",
    "delta": "logit of ALT minus logit of REF, scored task",
    "max_abs_fis": "largest |FIS| of the variant, the variant itself left out",
    "peak_pos": "position of the largest |FIS| (1-based)",
    "peak_distance": "bp from the variant to the position of the largest |FIS|",
    "peak_fis": "FIS there (importance with REF minus with ALT)",
    "motif": "motif site with the largest |sum of FIS|",
    "motif_distance": "bp from the variant to that site, 0 where it covers the variant",
    "motif_fis": "sum of the FIS over that site",
    "motif_score_ref": "log-odds of that site with REF (bits)",
    "motif_score_alt": "log-odds of that site with ALT (bits)",
}
_OLD_FIELD = re.compile("DFIM_effect(_.*)?")  # REF − ALT, of earlier versions
_COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
# What INFO cannot hold as it is (VCF 4.3, section 1.2).
_ENCODED = {ord(letter): f"%{ord(letter):02X}" for letter in "%:;=, \t\r\n"}


def write_variant_vcf(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    *,
    source: str | os.PathLike[str] | None = None,
) -> None:
    """Write a VCF whose INFO fields are the columns of `variant_table` (DFIM_status, ...).

    Parameters
    ----------
    path
        Plain, or gzip where named .gz (not bgzip: compress again to index it).
    table
        From `variant_table`, or its file read with `text` for chrom, ref, alt and name;
        further columns become fields too. Each field has a value for each ALT.
    source
        The VCF that the variants were read from: its lines are copied, with the
        fields added. Fields of an earlier run are replaced, DFIM_effect (REF − ALT) of
        earlier versions with them. Without a source a new file has the variants by
        contig and position; those without bases are left out and counted in the log.

    Raises
    ------
    ValueError
        A table of an earlier version (`effect`, no `delta`), two columns that make one
        field, a source that is not the table's (with line).
    """
    columns = [column for column in table.columns if column not in PLACE]
    if "effect" in columns and "delta" not in columns:
        raise ValueError(
            "table: column 'effect' (logit of REF minus ALT) is of an earlier version; "
            "expected 'delta' (ALT minus REF): make the table again"
        )
    names = {column: _field(column) for column in columns}
    if len(set(names.values())) < len(columns):
        raise ValueError(f"table: columns {columns} make equal INFO fields; rename one")
    header = [_declaration(names[c], c, table[c]) for c in columns]
    values = pd.DataFrame({names[c]: _texts(c, table[c]) for c in columns}, index=table.index)
    if source is None:
        lines = _new_lines(table, values, header)
    else:
        lines = _copied_lines(source, table, values, header)
    with new_plain_or_gzip(path) as file:
        file.writelines(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines)


def _field(column: str) -> str:
    return "DFIM_" + re.sub(r"[^A-Za-z0-9_.]", "_", column)


def _declaration(field: str, column: str, values: pd.Series) -> str:
    kind = "String"
    if column in _WHOLE or pd.api.types.is_integer_dtype(values):
        kind = "Integer"
    elif pd.api.types.is_float_dtype(values):
        kind = "Float"
    text = _DESCRIPTIONS.get(column, f"column {column} of the table")
    if column.startswith("delta_"):
        text = f"logit of ALT minus logit of REF, {column.removeprefix('delta_')}"
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'##INFO=<ID={field},Number=A,Type={kind},Description="{text}">'


def _texts(column: str, values: pd.Series) -> list[str]:
    """Values of one column as INFO has them."""
    missing = values.isna().tolist()
    if column in _WHOLE:
        values = values.astype("Int64")
    if pd.api.types.is_float_dtype(values):
        texts = [f"{value:.6g}" for value in values]
    else:
        texts = [str(value).translate(_ENCODED) for value in values]
    return ["." if gone else text or "." for gone, text in zip(missing, texts, strict=True)]


def _info(fields: dict[str, str]) -> str:
    """Join fields to one INFO entry; those without any value are left out."""
    return ";".join(f"{name}={text}" for name, text in fields.items() if text.strip(",."))


def _new_lines(table: pd.DataFrame, values: pd.DataFrame, header: list[str]) -> Iterator[str]:
    bases = table["ref"].str.fullmatch("[ACGTN]+") & table["alt"].str.fullmatch("[ACGTN]+")
    if not bases.all():
        log.warning("%d variants without bases are left out of the VCF", int((~bases).sum()))
    contig, names = pd.factorize(table["chrom"])
    order = table.assign(contig=contig)[bases].sort_values(["contig", "pos"], kind="stable")
    yield "##fileformat=VCFv4.3"
    yield from (f"##contig=<ID={name}>" for name in names)
    yield from header
    yield "#" + "\t".join(_COLUMNS)
    for place, fields in zip(
        order.itertuples(), values.loc[order.index].to_dict("records"), strict=True
    ):
        name = re.sub(r"[\s;]", "_", place.name)
        start = (place.chrom, str(place.pos), name, place.ref, place.alt)
        yield "\t".join((*start, ".", ".", _info(fields) or "."))


def _copied_lines(
    source: str | os.PathLike[str],
    table: pd.DataFrame,
    values: pd.DataFrame,
    header: list[str],
) -> Iterator[str]:
    """Yield the lines of the source with our INFO entries in the place of older ones."""

    def replaced(field: str) -> bool:
        return field in values or _OLD_FIELD.fullmatch(field) is not None

    by_line = values.groupby(table["row"].to_numpy()).agg(",".join).to_dict("index")
    places = table.groupby("row")[["chrom", "alt"]].agg({"chrom": "first", "alt": "size"})
    expected = places.to_dict("index")
    with open_plain_or_gzip(source) as file:
        for number, raw in enumerate(file, 1):
            line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
            cells = line.split("\t")
            if line.startswith("#CHROM"):
                yield from header
                yield "\t".join([*cells, *_COLUMNS[len(cells) :]])
            elif line.startswith("#") or not line:
                declared = re.match("##INFO=<ID=([^,>]*)", line)
                if declared is None or not replaced(declared[1]):
                    yield line
            else:
                found = {"chrom": cells[0], "alt": cells[4].count(",") + 1}
                if expected.pop(number, None) != found:
                    raise ValueError(
                        f"{source}, line {number}: {cells[0]}:{cells[1]}, {found['alt']} ALT: "
                        "not in the table; expected the file that the variants came from"
                    )
                cells += ["."] * (len(_COLUMNS) - len(cells))
                old = [e for e in cells[7].split(";") if not replaced(e.partition("=")[0])]
                entries = [*old, _info(by_line[number])]
                cells[7] = ";".join(e for e in entries if e not in ("", ".")) or "."
                yield "\t".join(cells)
    if expected:
        raise ValueError(
            f"{source}: no line {min(expected)}, which the table has; expected the file that "
            "the variants came from"
        )
