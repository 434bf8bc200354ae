"""Join the shards of an analysis, and test its pairs against the null."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays, write_json, write_table
from dfim.pairs.calls import call_table
from dfim.pairs.files import PairFile
from dfim.pairs.p_values import pair_classes, pair_p_values
from dfim.scoring.shards import join_shards
from dfim.sequences.examples import Examples
from dfim.statistics.significance import benjamini_hochberg

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _convergence(delta: NDArray[np.floating]) -> dict[str, float | int | None]:
    """Sum up convergence deltas: how far contributions are from adding up (logit)."""
    delta = delta[np.isfinite(delta)]
    if not delta.size:  # a gradient has no convergence delta
        return {"n": 0, "median": None, "max": None}
    return {"n": int(delta.size), "median": float(np.median(delta)), "max": float(delta.max())}


def main(
    examples: str,
    real_shards: list[str],
    null_shards: list[str],
    measured: list[str],
    real: str,
    null: str,
    pairs: str,
    table: str,
    calls: str,
    summary: str,
    settings: dict[str, Any],
) -> None:
    """Write all pairs with p and q, calls by class and way of testing, and a summary."""
    join_shards(real_shards, real)
    join_shards(null_shards, null)
    scores, nulls = PairFile(real).scores(), PairFile(null).scores()
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
    write_arrays(pairs, scores.arrays() | tests, {**settings, **scores.info.attributes()})
    ids = Examples.load(examples).ids
    write_table(table, scores.table(ids).assign(p=p, q=q))
    write_table(
        calls, call_table(scores, nulls, pool=settings["null_pool"], alpha=settings["alpha"])
    )
    # Of the same sequences in every shard.
    arrays, reach = read_arrays(measured[0], ("convergence_delta",))
    tested = nulls.fis[nulls.reachable]
    record = {
        "settings": settings,
        "scores": scores.info.record(),
        "n_sequences": int(np.unique(scores.features.sequence).size),
        "n_sources": int(np.isfinite(scores.effect).sum()),
        "n_pairs": len(scores),
        "n_unreachable": int((~scores.reachable).sum()),
        "n_untested": int(np.isnan(p).sum()),
        "n_null_pairs": len(nulls),
        "structural_reach": reach["structural_reach"],
        "null_mean": float(tested.mean(dtype=np.float64)) if tested.size else None,
        "null_sd": float(tested.std(dtype=np.float64)) if tested.size else None,
        "convergence_delta": _convergence(scores.convergence_delta),
        "convergence_delta_whole": _convergence(arrays["convergence_delta"].astype(np.float64)),
    }
    write_json(summary, record)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
