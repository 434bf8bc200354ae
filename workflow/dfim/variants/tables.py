"""Tables of scored variants: one row per variant of a file, and sites as BEDPE.

`dfim.io.store.write_table` writes the first, `dfim.variants.write_variant_vcf` makes a VCF
of it; `dfim.pairs.bedpe.write_bedpe` writes the second.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.pairs.bedpe import place_pairs
from dfim.variants.affected_motifs import strongest_motifs
from dfim.variants.scores import Over, VariantScores
from dfim.variants.variants import CheckedVariants, Variants


def variant_table(
    checked: CheckedVariants,
    scores: VariantScores,
    *,
    deltas: NDArray[np.floating] | None = None,
    tasks: Sequence[str] = (),
    motifs: pd.DataFrame | None = None,
    half_width: int | None = 15,
    over: Over = "alt",
) -> pd.DataFrame:
    """Join the variants of a file with their scores, one row per variant of the file.

    Parameters
    ----------
    checked
        All variants of the file.
    scores
        Of `checked.ok`, in its order.
    deltas, tasks
        (n, T) from `variant_deltas` and the T names; columns delta_<task>.
    motifs
        From `affected_motifs`; of each variant the strongest site is named.
    half_width, over
        Which FIS max_abs_fis and peak_* are of: `VariantScores.peak`.

    Returns
    -------
    DataFrame
        chrom, pos (1-based), ref, alt, name, row, status, then the results, NA where a
        variant was not scored:

        ==================== =======================================================
        delta, delta_<task>  logit(ALT) − logit(REF), of the scored task and of each
        max_abs_fis          largest |FIS| on a position near the variant (logit)
        peak_pos             that position (1-based)
        peak_distance        bp from the variant to it, negative to the left
        peak_fis             FIS there: importance with REF minus with ALT
        motif, motif_*       with `motifs`: the site with the largest |sum of FIS|, its
                             distance (bp), the sum, and its log-odds with REF and ALT
        ==================== =======================================================

    Raises
    ------
    ValueError
        When scores or deltas are not of `checked.ok`.

    Examples
    --------
    >>> import dfim
    >>> import numpy as np
    >>> from dfim.variants.variants import CheckedVariants, Variants
    >>> variants = Variants.build(["chr1"] * 2, [99, 199], ["A", "AT"], ["G", "A"], row=[1, 2])
    >>> checked = CheckedVariants(variants, np.array(["ok", "indel"]))
    >>> scores = dfim.VariantScores(
    ...     position=1,
    ...     importance=np.array([[0.5, 0.2, 0.0]]),
    ...     mutant_importance=np.array([[[0.5, 0, 0], [0.1, 0, 0], [0.9, 0, 0]]]),
    ...     bases=np.array([[1, 2, 3]]),
    ...     alt=np.array([1]),
    ...     delta=np.array([[0.0, -0.6, 0.2]]),
    ...     convergence_delta=np.zeros((1, 4)),
    ...     reachable=np.ones(3, bool),
    ... )
    >>> table = dfim.variant_table(checked, scores)
    >>> table[["pos", "status", "delta", "peak_pos", "peak_fis"]].round(2)
       pos status  delta  peak_pos  peak_fis
    0  100     ok   -0.6        99       0.4
    1  200  indel    NaN      <NA>       NaN
    """
    n = int((checked.status == "ok").sum())
    deltas = np.empty((n, 0)) if deltas is None else deltas
    for name, shape, expected in (
        ("scores", (len(scores),), (n,)),
        ("deltas", deltas.shape, (n, len(tasks))),
    ):
        if shape != expected:
            raise ValueError(f"{name}: got {shape}, expected {expected}: variants ok, tasks")
    peak = scores.peak(half_width, over)
    known = peak.position >= 0
    distance = pd.array(peak.position - scores.position, dtype="Int64")
    distance[~known] = pd.NA
    results: dict[str, Any] = {"delta": scores.of_alt(scores.delta)}
    results |= {f"delta_{task}": column for task, column in zip(tasks, deltas.T, strict=True)}
    results |= {
        "max_abs_fis": np.abs(peak.value),
        "peak_pos": distance + checked.ok.position + 1,
        "peak_distance": distance,
        "peak_fis": peak.value,
    }
    if motifs is not None:
        first = strongest_motifs(motifs, n)
        columns = ("distance", "fis", "score_ref", "score_alt")
        results |= {"motif": first["motif"], **{f"motif_{c}": first[c] for c in columns}}
    rows = np.flatnonzero(checked.status == "ok")
    return checked.table().join(pd.DataFrame(results, index=range(n)).set_axis(rows))


def site_pairs(variants: Variants, motifs: pd.DataFrame, position: int) -> pd.DataFrame:
    """Make BEDPE rows from each variant to each of its sites in `affected_motifs`' table.

    Parameters
    ----------
    variants
        Those that were scored, in the order of the scores.
    motifs
        Its column `variant` indexes them.
    position
        Index of the variants in their input sequences.

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
