"""Find the features of every sequence: from the truth, a table, or patterns."""

import logging
from collections.abc import Sequence
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
    names: Sequence[str] = (),
) -> None:
    """Write the table of features, sorted by sequence and start."""
    data = Examples.load(examples)
    if table:
        found = Features.load(table[0], data.ids, data.codes.shape[1])
    else:
        found = scan_patterns(data.one_hot(), patterns or {}, both_strands=both_strands)
    found_names, counts = np.unique(found.name, return_counts=True)
    if not len(found):
        raise ValueError(
            f"{features}: no feature in {len(data):,} sequences; check features.patterns or "
            "features.file"
        )
    log.info("features: %s", dict(zip(found_names.tolist(), counts.tolist(), strict=True)))
    missing = [name for name in names if name not in found_names]
    if missing:
        raise ValueError(
            f"{table[0] if table else features}: no feature named {missing[0]!r}, which the "
            f"config speaks of; there are {', '.join(found_names)}"
        )
    found.save(features, data.ids)


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
