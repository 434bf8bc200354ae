"""Linear models and exact epistasis of what a network predicts of every flank."""

from typing import TYPE_CHECKING

import numpy as np

from dfim.comparators.epistasis import epistasis
from dfim.comparators.linear_models import distill
from dfim.io.store import read_arrays, write_table
from flow.flanks.positions import position_labels

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(predictions: str, linear: str, epistatic: str, table: str) -> None:
    """Write the models' terms, ranked, and the epistasis of every pair of mutations."""
    ddg = read_arrays(predictions, ("ddg",))[0]["ddg"]
    models = distill(ddg)
    models.save(linear)
    epistasis(ddg).save(epistatic)
    terms, labels = models.table(), np.array(position_labels())
    terms["position"] = labels[terms["position"]]
    second = terms["position2"]
    terms["position2"] = second.map(lambda place: labels[place], na_action="ignore")
    write_table(table, terms)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
