"""Collect every number that the paper prints, beside ours, from the result files."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import pandas as pd

from dfim.io.store import read_json, whole_file, write_table
from flow.scorecard.page import render
from flow.scorecard.report import in_paper_order, scorecard_of
from flow.scorecard.rows import ScorecardRow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    stats: list[str],
    templates: list[str],
    table: str,
    page_file: str,
    run: str,
    figures: list[str],
) -> None:
    """Write the rows, in the order of the paper's figures, as a table and as a page.

    `figures` are the ids of those that the report shows. `templates` are there for
    Snakemake, which then knows what the page depends on.
    """
    scorecard = scorecard_of(in_paper_order(read_json(path) for path in stats), figures)
    columns = [field.name for field in fields(ScorecardRow)]
    rows = [asdict(one.row) for one in scorecard.rows]
    write_table(table, pd.DataFrame(rows, columns=columns))
    html = render("scorecard.html.j2", title=f"Scorecard of run {run}", scorecard=scorecard)
    with whole_file(page_file) as temporary:
        temporary.write_text(html, "utf-8")


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
