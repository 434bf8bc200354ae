"""Score the pairs of one shard of an analysis's sequences, and of their shuffles.

References and shuffles of a block of sequences follow from the seed and the block's number, so
that the number of shards (`chunks`) and an interruption leave the result as it is.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.store import read_arrays, write_arrays
from dfim.motifs.features import Features
from dfim.pairs.file_scoring import score_pairs_file
from dfim.pairs.null import NullShuffles
from dfim.scoring.block_layout import rows_of_shard
from dfim.scoring.settings import ScoringSettings, draw_references, profiles_of_mutants
from dfim.sequences.examples import Examples
from flow.jobs.digest import code_digest
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import select_rows
from flow.jobs.unfinished import hand_over, unfinished_file
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_MEASURED = 20  # sequences whose convergence delta is measured over their whole length


def _convergence_deltas(
    attributor: Attributor, X: NDArray[np.uint8], settings: dict[str, Any], seed: int
) -> NDArray[np.float32]:
    """Completeness error of whole sequences (n,); a score from crops knows that of its crop."""
    choices, rng = ScoringSettings.choose(settings), np.random.default_rng(seed)
    references, rows = draw_references(X, choices, rng), np.arange(len(X))
    profiles = profiles_of_mutants(attributor, X, rows, references, choices, rng)
    return profiles.convergence_delta[np.isfinite(profiles.convergence_delta)]


def main(
    examples: str,
    features: str,
    model: str,
    predictions: str,
    real: str,
    null: str,
    measured: str,
    blocks: str,
    chunk: int,
    settings: dict[str, Any],
    select: dict[str, Any],
    declared: dict[str, Any],
    seeds: dict[str, int],
) -> None:
    """Score the blocks of this shard, real and shuffled; finished blocks are not redone."""
    configure_tensorflow(settings["threads"], seeds["real"])
    # Loads TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model

    data, network = Examples.load(examples), load_model(model)
    task = settings["task"]
    head = task_heads(network, data.tasks, declared)[task or ""]
    logits = read_arrays(predictions, ("logits",))[0]["logits"]
    rows = select_rows(data, logits, select, task=task)
    chosen = Features.load(features, data.ids, data.codes.shape[1]).of_sequences(rows)
    attributor = head_attributor(network, head, settings)
    shard = chunk, settings["chunks"]
    notes = {"code": code_digest("scripts/score_pairs.py"), "threads": settings["threads"]}
    nulls = NullShuffles(settings["null_shuffle"], settings["n_null_shuffles"])
    finished = {}
    for kind, shuffles, output in (("real", None, real), ("null", nulls, null)):
        file = unfinished_file(blocks, output)
        size = len(rows_of_shard(len(rows), settings["block"], shard))
        with Progress(f"score pairs ({kind})", size) as progress:
            score_pairs_file(
                attributor,
                data.codes[rows],
                chosen,
                file,
                seed=seeds[kind],
                settings=ScoringSettings.choose(settings),
                block=settings["block"],
                shard=shard,
                null=shuffles,
                same_name=settings["same_name_pairs"],
                sources=settings.get("sources"),
                targets=settings.get("targets"),
                max_distance=settings.get("max_distance"),
                windowed=None if settings["windowed"] == "auto" else False,
                rows=rows,
                notes=notes,
                discard_other=True,
                progress=progress.advance,
            )
        finished[file] = output
    sample = data.one_hot(rows[:_MEASURED])
    deltas = _convergence_deltas(attributor, sample, settings, seeds["real"])
    reach = {"structural_reach": attributor.structural_reach()}
    write_arrays(measured, {"convergence_delta": deltas}, reach)
    hand_over(blocks, finished)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
