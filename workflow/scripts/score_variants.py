"""Score one shard of a collection of variants."""

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import read_arrays, write_arrays
from dfim.scoring.block_layout import rows_of_shard
from dfim.sequences.encoding import one_hot
from flow.jobs.digest import code_digest
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.unfinished import hand_over, unfinished_file
from flow.variants.rows import chosen_rows

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    table: str,
    windows: str,
    model: str,
    scores: str,
    deltas: str,
    blocks: str,
    chunk: int,
    chunks: int,
    settings: dict[str, Any],
    declared: dict[str, Any],
    tasks: list[str],
    seed: int,
) -> None:
    """Write FIS of this shard's variants, and the change (ALT − REF) of each task's output.

    Any number of shards gives the same bits: a variant's references follow from the
    seed and its input sequence. Finished blocks are not redone.
    """
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model
    from dfim.variants.alleles import variant_deltas
    from flow.networks.heads import task_heads
    from flow.variants.score_files import VariantScoresFile, rows_a_block, write_records
    from flow.variants.scoring import VariantScorer

    rows, codes = chosen_rows(table), read_arrays(windows, ("codes",))[0]["codes"]
    network = load_model(model)
    scorer = VariantScorer(network, declared, tasks, settings, seed)
    block = rows_a_block(len(rows), chunks, scorer.rows_a_batch(rows))
    shard = rows_of_shard(len(rows), block, (chunk, chunks))
    own = slice(shard.start, shard.stop)
    changes = np.empty((len(shard), 0), np.float32)
    if tasks:  # by name; a network without names has the one delta that is in the scores
        heads = list(task_heads(network, tasks, declared).values())
        alleles = rows["alt"].iloc[own].tolist()
        changes = variant_deltas(network, one_hot(codes[own]), alleles, heads)
    write_arrays(deltas, {"deltas": changes}, {"tasks": tasks})
    parameters = {
        **scorer.info.record(),
        "analysis": settings,
        "declared": declared,
        "tasks": tasks,
        "seed_of_references": seed,
        "windows": hashlib.sha256(np.ascontiguousarray(codes).data).hexdigest(),
        "variants": hashlib.sha256(rows[["set", "alt"]].to_csv().encode()).hexdigest(),
        "code": code_digest("scripts/score_variants.py"),
    }
    file = unfinished_file(blocks, scores)
    with Progress("score variants", len(shard)) as progress:
        write_records(
            file,
            VariantScoresFile,
            lambda chosen: scorer.scores(codes[chosen], rows.iloc[chosen]),
            parameters,
            n=len(rows),
            block=block,
            shard=(chunk, chunks),
            progress=progress.advance,
        )
    hand_over(blocks, {file: scores})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
