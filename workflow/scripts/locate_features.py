"""Find the features of every sequence: from the truth, a table, patterns or PWMs."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.motifs.features import Features
from dfim.motifs.meme import Pwm, read_meme
from dfim.motifs.patterns import scan_patterns
from dfim.motifs.pwms import scan_pwms
from dfim.sequences.examples import Examples

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)


def _pwms(path: str, chosen: dict[str, str] | None) -> list[Pwm]:
    """The matrices of a MEME file, or those that were chosen under names of their own."""
    matrices = {pwm.name: pwm for pwm in read_meme(path)}
    if chosen is None:
        return list(matrices.values())
    missing = [motif for motif in chosen.values() if motif not in matrices]
    if missing:
        raise ValueError(
            f"{path}: no motif {missing[0]!r}, which features.motifs names; there are "
            f"{', '.join(list(matrices)[:30])}"
        )
    return [Pwm(name, matrices[motif].probabilities) for name, motif in chosen.items()]


def main(
    examples: str,
    table: list[str],
    features: str,
    declared: dict[str, Any],
    gc: float,
    names: Sequence[str] = (),
) -> None:
    """Write the table of features, sorted by sequence and start.

    `declared` is the study's `features`; `table` the file that they come from, where
    they do.
    """
    data, sites = Examples.load(examples), None
    both = declared.get("both_strands", False)
    if declared["source"] == "pwms":
        sites = scan_pwms(
            data.one_hot(),
            _pwms(table[0], declared.get("motifs")),
            p_value=declared["p_value"],
            gc=gc,
            both_strands=both,
            overlaps=declared.get("overlaps", "best"),
        )
        found = sites.features
    elif declared["source"] == "patterns":
        found = scan_patterns(data.one_hot(), declared["patterns"], both_strands=both)
    else:
        found = Features.load(table[0], data.ids, data.codes.shape[1])
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
    (sites or found).save(features, data.ids)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
