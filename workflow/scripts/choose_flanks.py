"""Choose the flanks that bind most strongly and most weakly."""

from typing import TYPE_CHECKING

import numpy as np

from dfim.io.store import read_arrays, write_arrays
from flow.flanks.betseq import Measurements

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    predictions: str, measurements: list[str], chosen: str, rank_by: str, extremes: int
) -> None:
    """Write the indices of the `extremes` lowest and highest ΔΔG."""
    if rank_by == "measured":
        found = Measurements.load(measurements[0])
        index, ddg = found.index, found.mean()
    else:
        ddg = read_arrays(predictions, ("ddg",))[0]["ddg"]
        index = np.arange(len(ddg))
    if 2 * extremes > len(index):
        raise ValueError(
            f"flanks.extremes: got {extremes}, but {len(index)} flanks are {rank_by}; "
            "expected at most half of them"
        )
    order = np.argsort(ddg, kind="stable")
    ends = {"strongest": index[order[:extremes]], "weakest": index[order[-extremes:]]}
    write_arrays(chosen, ends, {"rank_by": rank_by})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
