"""Collect every number that the paper prints, beside ours, from the result files."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import pandas as pd

from dfim.io.store import whole_file, write_table
from flow.scorecard.figure_files import ScorecardRow, read_scorecard
from flow.scorecard.page import page, scorecard_html

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(stats: list[str], table: str, page_file: str, run: str) -> None:
    """Write the rows as a table and as a page."""
    rows = read_scorecard(stats)
    columns = [field.name for field in fields(ScorecardRow)]
    write_table(table, pd.DataFrame([asdict(row) for row in rows], columns=columns))
    with whole_file(page_file) as temporary:
        temporary.write_text(page(f"Scorecard of run {run}", scorecard_html(rows)), "utf-8")


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
