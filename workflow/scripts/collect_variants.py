"""Read variants, check them against the genome, choose, cut the input sequences to score."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfim.genome.genome import Genome, read_genome
from dfim.genome.intervals import read_narrowpeak
from dfim.io.store import write_arrays, write_json, write_table
from dfim.variants.files import read_variants
from dfim.variants.variants import CheckedVariants, Variants
from dfim.variants.windows import cut_variant_windows
from flow.declarations.sheets import SHEETS
from flow.variants.bqtl import Bqtls, read_bqtl_table, read_workbook
from flow.variants.choice import (
    COLUMNS,
    add_listed,
    checked_table,
    choose_bqtls,
    counts_of,
    inside_peaks,
    require_reference,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)

Parts = dict[str, Bqtls | Variants]


def _read_set(
    name: str, variants: list[str], workbook: list[str], table: str | None, controls: str | None
) -> Parts:
    """Read the variants of one set, by file."""
    if variants:
        return {Path(variants[0]).name: read_variants(variants[0])[0]}
    if workbook:
        if name not in SHEETS:
            raise ValueError(f"sets: {name!r} has no sheet in the workbook; expected one of "
                             f"{', '.join(SHEETS)}")  # fmt: skip
        parts: Parts = {Path(workbook[0]).name: read_workbook(workbook[0], SHEETS[name])}
    else:
        parts = {Path(str(table)).name: read_bqtl_table(str(table))}
    if controls is not None:
        if Path(controls).name in parts:
            raise ValueError(
                f"controls: {controls} has the name of the set's own file; rename it"
            )
        parts[Path(controls).name] = read_bqtl_table(controls)
    return parts


def _table_of(
    name: str,
    parts: Parts,
    genome: Genome,
    peaks: list[str],
    window: int,
    choice: dict[str, Any],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, CheckedVariants]:
    """Tabulate the rows of one set with their groups."""
    table, checked = checked_table(name, parts, genome, window)
    found = [read_narrowpeak(file, genome.contigs, elsewhere="drop") for file in peaks]
    table["inside"] = inside_peaks(checked.variants, genome, found)
    if isinstance(next(iter(parts.values())), Bqtls):
        last = list(parts)[-1] if len(parts) > 1 else None
        table["group"] = choose_bqtls(table, **choice, control_file=last, rng=rng)
    else:
        table["group"] = np.where(table["status"] == "ok", "variant", "")
    return table, checked


def main(
    genome: str,
    variants: list[str],
    workbook: list[str],
    tables: list[str],
    controls: list[str],
    accessible: list[str],
    binding: list[str],
    table: str,
    windows: str,
    counts: str,
    sets: list[str],
    control_sets: list[str],
    binding_sets: list[str],
    contigs: list[str] | None,
    window: int,
    choice: dict[str, Any],
    listed: list[dict[str, Any]],
    chunks: int,
    seed: int,
) -> None:
    """Write all rows with their status and group, and the input sequences of those to score.

    Lists of files are in the order of their sets; `choice` holds the arguments of
    `choose_bqtls`, `chunks` is the largest number of jobs of an analysis.
    """
    bases = read_genome(genome, contigs)
    own_tables = dict(zip(sets, tables, strict=False))
    own_controls = dict(zip(control_sets, controls, strict=True))
    own_peaks = dict(zip(binding_sets, binding, strict=True))
    made, read = [], []
    for number, name in enumerate(sets):
        parts = _read_set(
            name, variants, workbook, own_tables.get(name), own_controls.get(name)
        )
        peaks = accessible + ([own_peaks[name]] if name in own_peaks else [])
        rng = np.random.default_rng([seed, number])
        found = _table_of(name, parts, bases, peaks, window, choice, rng)
        made.append(found[0])
        read.append(found[1])
    rows = pd.concat(made, ignore_index=True)
    require_reference(rows)
    rows["group"] = add_listed(rows, listed)
    rows["chosen"] = rows["group"] != ""
    if not rows["chosen"].any():
        counted = rows["status"].value_counts().to_dict()
        raise ValueError(f"variants: none of {len(rows):,} can be scored: {counted}")
    checked = CheckedVariants.concatenate(read).choose(rows["chosen"].to_numpy())
    chosen = checked.ok
    if chunks > len(chosen):
        raise ValueError(f"chunks: got {chunks} for {len(chosen)} variants; expected fewer")
    write_arrays(windows, {"codes": cut_variant_windows(chosen, bases, window)})
    write_json(counts, counts_of(rows))
    flags = {name: rows[name].astype(int) for name in ("inside", "chosen")}
    write_table(table, rows.assign(**flags)[list(COLUMNS)])


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
