"""Mean FIS at fixed bases, over all flanks and over the strongest and the weakest."""

from typing import TYPE_CHECKING

import pandas as pd

from dfim.io.store import read_arrays, write_table
from dfim.maps.every_kmer import Factorial
from flow.flanks.positions import position_labels

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    factorial: str, chosen: str, all: str, strongest: str, weakest: str, table: str
) -> None:
    """Write the means of the three groups, and one table of their cells."""
    scored = Factorial.load(factorial)
    ends, _ = read_arrays(chosen, ("strongest", "weakest"))
    groups = {"all": None, **ends}
    cells = []
    for path, (name, index) in zip((all, strongest, weakest), groups.items(), strict=True):
        found = scored.base_pair_maps(index)
        found.save(path)
        cells.append(found.table(position_labels()).assign(flanks=name))
    write_table(table, pd.concat(cells, ignore_index=True))


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
