"""Join the chunks of an analysis, and test its pairs against the null."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays, write_json, write_table
from dfim.pairs.p_values import call_table, pair_classes, pair_p_values
from dfim.pairs.scores import PairScores
from dfim.sequences.examples import Examples
from dfim.statistics.significance import benjamini_hochberg

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _completeness(gap: NDArray[np.floating]) -> dict[str, float | int | None]:
    """Completeness error of profiles: how far contributions are from adding up (logit)."""
    gap = gap[np.isfinite(gap)]
    if not gap.size:  # a gradient has no completeness
        return {"n": 0, "median_gap": None, "max_gap": None}
    return {
        "n": int(gap.size),
        "median_gap": float(np.median(gap)),
        "max_gap": float(gap.max()),
    }


def main(
    examples: str,
    real: list[str],
    null: list[str],
    pairs: str,
    table: str,
    calls: str,
    summary: str,
    settings: dict[str, Any],
) -> None:
    """Write all pairs with p and q, calls a class and way of testing, and a summary."""
    scores, nulls = (
        PairScores.concatenate([PairScores.load(path) for path in paths])
        for paths in (real, null)
    )
    if not len(scores):
        raise ValueError(
            f"{table}: no pair of features in the selected sequences; check features, and the "
            "sources, targets and max_distance of the analysis"
        )
    classes = pair_classes(scores)
    p = pair_p_values(
        scores,
        nulls,
        reduce=settings["motif_target_reduce"],
        tail=settings["tail"],
        pool=settings["null_pool"],
    )
    q = benjamini_hochberg(p, None if settings["fdr"] == "joint" else classes.of_pair)
    tests = {"p": p, "q": q, "null_fis": nulls.fis, "null_fis_max_abs": nulls.fis_max_abs}
    write_arrays(pairs, scores.arrays() | tests, settings)
    ids = Examples.load(examples).ids
    write_table(table, scores.table(ids).assign(p=p, q=q))
    write_table(
        calls, call_table(scores, nulls, pool=settings["null_pool"], alpha=settings["alpha"])
    )
    measured, tested = read_arrays(real[0])[1], nulls.fis[nulls.reachable]
    record = {
        "settings": settings,
        "n_sequences": int(np.unique(scores.features.sequence).size),
        "n_sources": int(np.isfinite(scores.effect).sum()),
        "n_pairs": len(scores),
        "n_untested": int(np.isnan(p).sum()),
        "n_null_pairs": len(nulls),
        "structural_reach": measured["structural_reach"],
        "null_mean": float(tested.mean(dtype=np.float64)),
        "null_sd": float(tested.std(dtype=np.float64)),
        "completeness": _completeness(scores.gap),
        "completeness_whole": _completeness(np.array(measured["whole_gaps"], np.float64)),
    }
    write_json(summary, record)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
