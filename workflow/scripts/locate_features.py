"""Find the features of every sequence: from the truth, a table, or patterns."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from dfim.features import Features
from dfim.motifs import scan_patterns
from dfim.store import Examples

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def main(
    examples: str,
    table: list[str],
    features: str,
    patterns: dict[str, str] | None,
    both_strands: bool,
) -> None:
    """Write the table of features, sorted by sequence and start."""
    data = Examples.load(examples)
    if table:
        found = Features.load(table[0], data.ids, data.codes.shape[1])
    else:
        found = scan_patterns(data.one_hot(), patterns or {}, both_strands=both_strands)
    names, counts = np.unique(found.name, return_counts=True)
    if not len(found):
        raise ValueError(
            f"{features}: no feature in {len(data):,} sequences; check features.patterns or "
            "features.file"
        )
    log.info("features: %s", dict(zip(names.tolist(), counts.tolist(), strict=True)))
    found.save(features, data.ids)


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
