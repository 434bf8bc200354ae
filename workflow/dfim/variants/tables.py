"""Results of variants as tables: one of all that were read, and pairs as BEDPE.

`dfim.io.store.write_table` writes the first, `dfim.variants.vcf` makes a VCF of it;
`dfim.pairs.bedpe.write_bedpe` writes the second.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.pairs.bedpe import place_pairs
from dfim.variants.affected_motifs import strongest_motifs
from dfim.variants.scores import Over, VariantScores
from dfim.variants.variants import CheckedVariants, Variants

PLACE = ("chrom", "pos", "ref", "alt", "name", "row")
"""Columns of `variant_table` that say where a variant is, in its file and on a genome."""


def variant_table(
    checked: CheckedVariants,
    scores: VariantScores,
    *,
    effects: NDArray[np.floating] | None = None,
    tasks: Sequence[str] = (),
    motifs: pd.DataFrame | None = None,
    half_width: int | None = 15,
    over: Over = "alt",
) -> pd.DataFrame:
    """Join what was read with what was found, a row a variant of the file.

    Parameters
    ----------
    checked
        All variants.
    scores
        Of `checked.ok`, in its order.
    effects, tasks
        (n, T) from `variant_effects` and the T names; columns effect_<task>.
    motifs
        From `affected_motifs`; of each variant the strongest site is named.
    half_width, over
        Which FIS max_abs_fis and peak_* are of: `VariantScores.peak`.

    Returns
    -------
    DataFrame
        chrom, pos (1-based), ref, alt, name, row, status, then results, NA where a
        variant was not scored.

    Raises
    ------
    ValueError
        When scores or effects are not of `checked.ok`.
    """
    n = int((checked.status == "ok").sum())
    effects = np.empty((n, 0)) if effects is None else effects
    for name, shape, expected in (
        ("scores", (len(scores),), (n,)),
        ("effects", effects.shape, (n, len(tasks))),
    ):
        if shape != expected:
            raise ValueError(f"{name}: got {shape}, expected {expected}: variants ok, tasks")
    peak = scores.peak(half_width, over)
    known = peak.position >= 0
    distance = pd.array(peak.position - scores.position, dtype="Int64")
    distance[~known] = pd.NA
    found = {"effect": scores.of_alt(scores.effect)}
    found |= {f"effect_{task}": column for task, column in zip(tasks, effects.T, strict=True)}
    found |= {
        "max_abs_fis": np.abs(peak.value),
        "peak_pos": distance + checked.ok.position + 1,
        "peak_distance": distance,
        "peak_fis": peak.value,
    }
    if motifs is not None:
        first = strongest_motifs(motifs, n)
        columns = ("distance", "fis", "score_ref", "score_alt")
        found |= {"motif": first["motif"], **{f"motif_{c}": first[c] for c in columns}}
    read = _places(checked.variants).assign(status=checked.status)
    rows = np.flatnonzero(checked.status == "ok")
    return read.join(pd.DataFrame(found, index=range(n)).set_axis(rows))


def site_pairs(variants: Variants, motifs: pd.DataFrame, position: int) -> pd.DataFrame:
    """BEDPE rows from each variant to each site of `affected_motifs`' table.

    Parameters
    ----------
    variants
        Those that were scored, in the order of the scores.
    motifs
        Its column `variant` indexes them.
    position
        Index of the variants in their windows.

    Returns
    -------
    DataFrame
        chrom1, start1, end1 (the variant), chrom2, start2, end2 (the site; 0-based,
        half-open), name, score (the sum of FIS), strand1 ("."), strand2, then distance,
        motif, found_in, score_ref, score_alt.
    """
    row = motifs["variant"].to_numpy()
    place = variants.position[row]
    offset = place - position
    pairs = place_pairs(
        variants.contig[row],
        (place, place + 1),
        (offset + motifs["start"], offset + motifs["end"]),
        name=variants.name[row],
        score=motifs["fis"],
        strands=(".", motifs["strand"]),
    )
    more = ["distance", "motif", "found_in", "score_ref", "score_alt"]
    return pairs.join(motifs[more])


def _places(variants: Variants) -> pd.DataFrame:
    columns = {"chrom": variants.contig, "pos": variants.position + 1}
    return pd.DataFrame(columns | {name: getattr(variants, name) for name in PLACE[2:]})
