"""Sheets of the workbook of binding QTLs, apart from what else a config declares."""

SHEETS = {
    "JUND": "JunD", "NFKB": "NF-kB", "POU2F1": "Pou2f1", "SPI1": "PU.1", "STAT1": "Stat1"
}  # fmt: skip
"""Sheet of table S2 of Tehranchi et al. 2016 that holds each factor's bQTLs."""
