"""Pairs of places on a genome, as BEDPE: for bedtools and genome browsers."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfim.io.store import write_tables
from dfim.pairs.scores import PairScores


def place_pairs(
    contig: NDArray[np.str_],
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    name: Sequence[str] | NDArray[np.str_],
    score: ArrayLike,
    strands: tuple[ArrayLike, ArrayLike],
) -> pd.DataFrame:
    """Make the ten columns of BEDPE, for pairs whose two places share a contig.

    Parameters
    ----------
    contig
        (P,) name of the contig.
    first, second
        Start and end of the two places in bp, each (P,), 0-based, half-open.
    name, score
        (P,) of the pairs.
    strands
        "+", "-" or "." of the two places, (P,) or one for all.

    Returns
    -------
    DataFrame
        chrom1, start1, end1, chrom2, start2, end2, name, score, strand1, strand2.
    """
    columns = {"chrom1": contig, "start1": first[0], "end1": first[1]}
    columns |= {"chrom2": contig, "start2": second[0], "end2": second[1]}
    columns |= {"name": name, "score": score, "strand1": strands[0], "strand2": strands[1]}
    return pd.DataFrame(columns)


def feature_pairs(
    scores: PairScores,
    contigs: NDArray[np.str_],
    starts: NDArray[np.integer],
    ids: Sequence[str] | NDArray[np.str_] | None = None,
) -> pd.DataFrame:
    """Make BEDPE rows from the source to the target of each pair of features.

    Parameters
    ----------
    scores
        The pairs.
    contigs, starts
        (N,) where the sequences lie: contig, and first base (0-based).
    ids
        (N,) names of the sequences; their rows where None.

    Returns
    -------
    DataFrame
        The columns of `place_pairs` (name: source>target, score: FIS), then distance (of
        the centres, bp), source_effect (logit), fis_max_abs, reachable, sequence.
    """
    table = scores.table(ids)
    row = scores.features.sequence[scores.source]
    source, target = (
        (starts[row] + table[f"{role}_start"], starts[row] + table[f"{role}_end"])
        for role in ("source", "target")
    )
    pairs = place_pairs(
        contigs[row], source, target,
        name=table["source"] + ">" + table["target"],
        score=table["fis"],
        strands=(table["source_strand"], table["target_strand"]),
    )  # fmt: skip
    return pairs.join(
        table[["distance", "source_effect", "fis_max_abs", "reachable", "sequence"]]
    )


def write_bedpe(path: str | os.PathLike[str], parts: Iterable[pd.DataFrame]) -> None:
    """Write BEDPE with a header (#chrom1, ...), as `read_table` and bedtools take it.

    The pairs come in parts of the same columns; memory holds one.
    """
    write_tables(path, (part.rename(columns={"chrom1": "#chrom1"}) for part in parts))
