"""Test the FIS of the variants of one shard; optional, as it takes eighty passes each."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays
from dfim.variants.null import VariantNull
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
    null: str,
    blocks: str,
    n_shuffles: int,
    half_width: int,
    settings: dict[str, Any],
    declared: dict[str, Any],
    tasks: list[str],
    seed: int,
) -> None:
    """Write p-values of this shard's variants within `half_width` bp; resume if killed."""
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model
    from flow.variants.score_files import VariantNullFile, VariantScoresFile, write_records
    from flow.variants.scoring import VariantScorer

    rows, codes = chosen_rows(table), read_arrays(windows, ("codes",))[0]["codes"]
    scored = VariantScoresFile(scores)
    own, first = scored.load(), scored.rows.start
    scorer = VariantScorer(load_model(model), declared, tasks, settings, seed)

    def score(chosen: NDArray[np.int64]) -> VariantNull:
        return scorer.null(
            codes[chosen], rows.iloc[chosen], own.select(chosen - first), n=n_shuffles,
            half_width=half_width,
        )  # fmt: skip

    file = unfinished_file(blocks, null)
    with Progress("score nulls of variants", len(own)) as progress:
        write_records(
            file,
            VariantNullFile,
            score,
            {
                "scores": scored.parameters,
                **scorer.info.record(),
                "n_shuffles": n_shuffles,
                "half_width": half_width,
                "code": code_digest("scripts/score_variant_nulls.py"),
            },
            n=len(rows),
            block=int(scored.parameters["block"]),
            shard=scored.of_shard(),
            progress=progress.advance,
        )
    hand_over(blocks, {file: null})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
