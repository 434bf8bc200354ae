"""The null of every variant of one chunk: eighty passes a variant, so only where asked."""

from typing import TYPE_CHECKING, Any

from dfim.io.store import read_arrays
from dfim.variants.scores import VariantScores
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
    null: str,
    chunk: int,
    chunks: int,
    n_shuffles: int,
    half_width: int,
    settings: dict[str, Any],
    declared: dict[str, Any],
    tasks: list[str],
    seed: int,
) -> None:
    """Write p-values of this chunk's variants within `half_width` bp."""
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model
    from flow.variants.scoring import VariantScorer

    rows = chosen_rows(table)
    mine = chunk_of(len(rows), chunks, chunk)
    codes = read_arrays(windows, ("codes",))[0]["codes"][mine]
    scorer = VariantScorer(load_model(model), declared, tasks, settings, seed)
    with Progress("score nulls of variants", 4 * n_shuffles * len(mine)) as progress:
        scorer.null(
            codes, rows.iloc[mine], VariantScores.load(scores), n=n_shuffles,
            half_width=half_width, progress=progress.advance,
        ).save(null, {"settings": settings})  # fmt: skip


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
