"""Record how well a network does, for the scorecard of a run that draws no page of it."""

from typing import TYPE_CHECKING

from dfim.io.store import read_arrays, read_json
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import write_statistics
from flow.scorecard.performance import performance_rows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(examples: str, metrics: str, stats: str, context: FigureContext) -> None:
    """Write the rows and the metrics as a figure's statistics file holds them."""
    record, duplicates = read_json(metrics), read_arrays(examples)[1].get("duplicates")
    write_statistics(
        stats,
        {"metrics": record["splits"], "macro": record["macro"], "duplicates": duplicates},
        context=context,
        scorecard=performance_rows(context, record, duplicates),
    )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
