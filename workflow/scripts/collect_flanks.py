"""Read measured ΔΔG of flanks, and say which of them train, validate and test."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import write_arrays
from dfim.sequences.examples import SPLITS
from flow.flanks.betseq import (
    Measurements,
    random_split,
    read_counts,
    read_ddg,
    read_replicates,
    read_split,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def _within(files: list[str], members: list[str]) -> list[str]:
    """The files, or members of the one archive among them."""
    return [f"{files[0]}::{member}" for member in members] if members else files


def _read(tables: list[str], layout: dict[str, Any]) -> Measurements:
    if layout["kind"] == "replicates":
        return read_replicates(tables)
    if layout["kind"] == "counts":
        return read_counts(tables[0], layout["protein"])
    return read_ddg(tables[0], layout["column"])


def main(
    tables: list[str],
    splits: list[str],
    measurements: str,
    layout: dict[str, Any],
    split: dict[str, float] | None,
    seed: int,
) -> None:
    """Write one row per flank: its index, its ΔΔG in each replicate, its part (-1: none).

    Without lists and fractions every flank is in the test part: nothing is trained.
    """
    found = _read(_within(tables, layout["members"]), layout)
    listed = _within(splits or tables, layout["split_members"])
    if layout["parts"]:
        part = read_split(dict(zip(layout["parts"], listed, strict=True)))[found.index]
    elif split is not None:
        held = split["validation"], split["test"]
        rng = np.random.default_rng(seed)
        part = random_split(found.index, (1 - sum(held), *held), rng)
    else:
        part = np.full(len(found), SPLITS.index("test"), np.int8)
    sizes = [int((part == k).sum()) for k in range(len(SPLITS))]
    log.info("%d flanks; %s", len(found), dict(zip(SPLITS, sizes, strict=True)))
    for name, size in zip(SPLITS, sizes, strict=True):
        if layout["parts"] and not size:
            raise ValueError(f"split: no measured flank is in part {name}; check its list")
    write_arrays(
        measurements,
        {
            "index": found.index,
            "ddg": found.ddg,
            "replicates": found.replicates,
            "split": part,
        },
    )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
