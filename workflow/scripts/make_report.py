"""Write one page with every figure, captioned, and the scorecard; no network needed."""

from pathlib import Path
from typing import TYPE_CHECKING

from dfim.io.store import read_json, whole_file
from flow.scorecard.page import data_uri, read_caption, render
from flow.scorecard.report import (
    ReportedFigure,
    in_paper_order,
    run_facts,
    scorecard_of,
    sections_of,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    figures: list[str],
    stats: list[str],
    captions: list[str],
    templates: list[str],
    scorecard: str,
    report: str,
    run: str,
) -> None:
    """Join the figures in the paper's order, their captions, the scorecard and the versions.

    `figures` and `captions` are of the same figures in the same order; `stats` may hold
    records of networks without a figure beside theirs. `templates` and `scorecard` are
    there for Snakemake, which then knows what the page depends on and links to.
    """
    records = in_paper_order(read_json(path) for path in stats)
    files = {Path(svg).stem: (svg, rst) for svg, rst in zip(figures, captions, strict=True)}
    drawn = []
    for record in records:
        if record["figure"] in files:
            svg, rst = files[record["figure"]]
            picture = data_uri(Path(svg).read_text("utf-8"))
            drawn.append(ReportedFigure(record, read_caption(rst, record), picture))
    html = render(
        "report.html.j2",
        title=f"Deep Feature Interaction Maps, run {run}",
        sections=sections_of(drawn),
        scorecard=scorecard_of(records, files),
        facts=run_facts(records) | {"Figures": str(len(drawn))},
        versions=records[0]["versions"] if records else {},
    )
    with whole_file(report) as temporary:
        temporary.write_text(html, "utf-8")


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
