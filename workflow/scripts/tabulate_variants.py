"""Tabulate a scored collection: for figures, for users (TSV, VCF), for genome browsers."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfim.io.store import read_arrays, read_table, write_table
from dfim.pairs.bedpe import write_bedpe
from dfim.scoring.shards import ordered_shards
from dfim.variants.null import VariantNull
from dfim.variants.scores import VariantScores
from dfim.variants.tables import site_pairs, variant_table
from dfim.variants.variants import PLACE, CheckedVariants
from dfim.variants.vcf import write_variant_vcf
from flow.variants.rows import (
    TEXT,
    chosen_rows,
    motif_sites,
    read_motifs,
    results,
    with_loci,
)
from flow.variants.score_files import VariantNullFile, VariantScoresFile

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


_VCF = (".vcf", ".vcf.gz", ".vcf.bgz")


def main(
    table: str,
    windows: str,
    variants: list[str],
    scores: list[str],
    deltas: list[str],
    nulls: list[str],
    motif_file: str,
    results_file: str,
    annotated: str,
    vcf: str,
    bedpe: str,
    sites: str,
    motifs: dict[str, str],
    motif_choice: dict[str, float],
    half_width: int,
) -> None:
    """Join the scores with the variants that were read, shard by shard."""
    rows, codes = chosen_rows(table), read_arrays(windows, ("codes",))[0]["codes"]
    pwms = read_motifs(motif_file, motifs)
    every = read_table(table, text=TEXT)
    checked = CheckedVariants.load(table).choose((every["chosen"] == 1).to_numpy())
    ok = np.flatnonzero(checked.status == "ok")
    parts, annotations, pairs, places = [], [], [], []
    for k, path in enumerate(ordered_shards(scores)):
        file = VariantScoresFile(path)
        in_shard, shard = np.array(file.rows), file.load()
        near = motif_sites(shard, codes[in_shard], pwms, **motif_choice)
        part = results(rows.iloc[in_shard], shard, near, half_width)
        if nulls:
            part["peak_p"] = _peak_p(shard, VariantNullFile(nulls[k]).load(), half_width)
        parts.append(part)
        arrays, attributes = read_arrays(deltas[k], ("deltas",))
        here = checked.select(ok[in_shard])
        columns = variant_table(
            here, shard, deltas=arrays["deltas"], tasks=attributes["tasks"],
            motifs=near, half_width=half_width, over="alt",
        ).drop(columns=[*PLACE, "status"])  # fmt: skip
        if nulls:
            columns["peak_p"] = part["peak_p"].to_numpy()
        annotations.append(columns.set_axis(ok[in_shard]))
        pairs.append(site_pairs(here.variants, near, shard.position))
        places.append(near.assign(variant=near["variant"] + in_shard[0]))
    made = with_loci(pd.concat(parts, ignore_index=True), codes.shape[1])
    write_table(results_file, made)
    columns = [*PLACE, "set", "group", "p_value"]
    if (every["set"] == "").all():  # a user's own: no sets, and no groups to tell apart
        columns = list(PLACE)
    joined = every[columns].assign(status=checked.status).join(pd.concat(annotations))
    joined = joined.dropna(axis=1, how="all")
    write_table(annotated, joined)
    sources = [path for path in variants if path.lower().endswith(_VCF)]
    write_variant_vcf(vcf, joined, source=sources[0] if sources else None)
    write_table(sites, pd.concat(places, ignore_index=True))
    write_bedpe(bedpe, pairs)


def _peak_p(scores: VariantScores, null: VariantNull, half_width: int) -> np.ndarray:
    """Return p of the ALT's strongest FIS near each variant; NaN where it was not tested."""
    peak = scores.peak(half_width, "alt")
    p = scores.of_alt(null.p)[np.arange(len(scores)), peak.position]
    return np.where(peak.position < 0, np.nan, p)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
