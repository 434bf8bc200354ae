"""Score one chunk of a collection of variants."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import read_arrays, write_arrays
from dfim.sequences.encoding import one_hot
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.variants.rows import chosen_rows, chunk_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    table: str,
    windows: str,
    model: str,
    scores: str,
    effects: str,
    chunk: int,
    chunks: int,
    settings: dict[str, Any],
    declared: dict[str, Any],
    tasks: list[str],
    seed: int,
) -> None:
    """Write FIS of this chunk's variants, and their effect on every task.

    Any number of chunks gives the same bits: a variant's references follow from the
    seed and its window.
    """
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model
    from dfim.variants.alleles import variant_effects
    from flow.networks.heads import task_heads
    from flow.variants.scoring import VariantScorer

    rows = chosen_rows(table)
    mine = chunk_of(len(rows), chunks, chunk)
    rows, codes = rows.iloc[mine], read_arrays(windows, ("codes",))[0]["codes"][mine]
    network = load_model(model)
    scorer = VariantScorer(network, declared, tasks, settings, seed)
    with Progress("score variants", 4 * len(mine)) as progress:
        found = scorer.scores(codes, rows, progress.advance)
    found.save(scores, {"settings": settings, "tasks": tasks})
    changed = np.empty((len(mine), 0), np.float32)
    if tasks:  # by name; a network without names has the one effect that is in the scores
        heads = list(task_heads(network, tasks, declared).values())
        changed = variant_effects(network, one_hot(codes), rows["alt"].tolist(), heads)
    write_arrays(effects, {"effects": changed}, {"tasks": tasks})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
