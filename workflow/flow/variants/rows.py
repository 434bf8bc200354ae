"""Tables of a collection of variants: the rows to score, motif sites, results."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.genome.peak_windows import loci
from dfim.io.store import read_table
from dfim.motifs.meme import Pwm, read_meme
from dfim.sequences.encoding import one_hot
from dfim.variants.affected_motifs import COLUMNS, affected_motifs, strongest_motifs
from dfim.variants.scores import VariantScores

TEXT = ("set", "group", "chrom", "ref", "alt", "name", "file", "stronger", "status")
"""Columns that are read as text, as they are written."""


def chosen_rows(table: str) -> pd.DataFrame:
    """Read the rows of a collection's table that are scored; their index counts from 0."""
    rows = read_table(table, (*TEXT, "pos", "row", "p_value", "chosen"), text=TEXT)
    return rows[rows["chosen"] == 1].reset_index(drop=True)


def read_motifs(path: str, names: dict[str, str]) -> tuple[Pwm, ...]:
    """Read the chosen motifs of a MEME file, under the names that the config gives them."""
    known = {pwm.name: pwm for pwm in read_meme(path)}
    for name, motif in names.items():
        if motif not in known:
            raise ValueError(
                f"{path}: no motif {motif!r}, which variants.motifs calls {name}; it has "
                f"{len(known)}, such as {', '.join(list(known)[:5])}"
            )
    return tuple(Pwm(name, known[motif].probabilities) for name, motif in names.items())


def motif_sites(
    scores: VariantScores,
    codes: NDArray[np.uint8],
    pwms: tuple[Pwm, ...],
    *,
    motif_p: float,
    gc: float,
    min_abs_fis: float,
) -> pd.DataFrame:
    """Find `affected_motifs` in whole input sequences; an empty table without motifs."""
    if not pwms:
        texts = dict.fromkeys(("motif", "strand", "found_in"), object)
        numbers = dict.fromkeys(("score_ref", "score_alt", "fis"), np.float64)
        kinds = dict.fromkeys(COLUMNS, np.int64) | texts | numbers
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    try:
        return affected_motifs(
            scores, one_hot(codes), pwms, p_value=motif_p, gc=gc, min_abs_fis=min_abs_fis
        )
    except ValueError as error:
        raise ValueError(f"variants.motifs, motif_p (p_value): {error}") from error


def results(
    rows: pd.DataFrame, scores: VariantScores, sites: pd.DataFrame, half_width: int
) -> pd.DataFrame:
    """Tabulate what the figures read, one row per scored variant.

    Returns
    -------
    DataFrame
        Columns of `rows`, then: delta (logit of ALT minus logit of REF), abs_delta,
        max_abs_delta (over the three other bases); within `half_width` bp of the
        variant max_abs_fis (over the three bases), max_abs_fis_alt, sum_fis and
        sum_abs_fis (both of ALT; FIS is importance in the reference minus in the mutant);
        over the whole sequence and the three bases peak_distance (bp, negative to the
        left; NA where nothing changes) and peak_fis; motif, motif_distance and motif_fis
        of the site with the largest |FIS|;
        convergence_delta (median of the four profiles, in logits).
    """
    near = slice(max(0, scores.position - half_width), scores.position + half_width + 1)
    own = np.nan_to_num(scores.of_alt()[:, near])
    peak = scores.peak(None)
    distance = pd.array(peak.position - scores.position, dtype="Int64")
    distance[peak.position < 0] = pd.NA
    delta, first = scores.of_alt(scores.delta), strongest_motifs(sites, len(rows))
    columns = {
        "delta": delta,
        "abs_delta": np.abs(delta),
        "max_abs_delta": np.abs(scores.delta).max(axis=1),
        "max_abs_fis": scores.max_abs_fis(half_width),
        "max_abs_fis_alt": scores.max_abs_fis(half_width, "alt"),
        "sum_fis": own.sum(axis=1),
        "sum_abs_fis": np.abs(own).sum(axis=1),
        "peak_distance": distance,
        "peak_fis": peak.value,
        "motif": first["motif"].to_numpy(),
        "motif_distance": first["distance"].to_numpy(),
        "motif_fis": first["fis"].to_numpy(),
        "convergence_delta": np.median(scores.convergence_delta, axis=1),
    }
    return pd.concat([rows.reset_index(drop=True), pd.DataFrame(columns)], axis=1)


def with_loci(table: pd.DataFrame, window: int) -> pd.DataFrame:
    """Add the locus of each variant: variants whose input sequences overlap share one."""
    start = table["pos"].to_numpy(np.int64) - 1 - window // 2
    return table.assign(locus=loci(table["chrom"].to_numpy(str), start, window))
