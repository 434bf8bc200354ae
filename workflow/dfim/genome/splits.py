"""Split windows by contigs or blocks, and count held-out windows that training has seen."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfim.genome.intervals import Contigs, Peaks, contig_key, overlaps
from dfim.sequences.encoding import UNKNOWN
from dfim.sequences.examples import SPLITS

log = logging.getLogger(__name__)

_TRAIN = SPLITS.index("train")


def split_windows(
    contig: NDArray[np.int64],
    start: NDArray[np.int64],
    length: int,
    contigs: Contigs,
    *,
    test: Sequence[str] | float,
    validation: Sequence[str] | float,
    rng: np.random.Generator,
    block: int = 1_000_000,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Split windows into train, validation and test by whole contigs or by blocks of them.

    Parameters
    ----------
    contig, start
        (N,) index of the contig and 0-based first base of each window.
    length
        Length of the windows in bp.
    contigs
        Contigs of the genome.
    test, validation
        Names of contigs (with or without "chr"), which are held out whole, or a fraction:
        that share of the blocks of all contigs that are not named, rounded up. The rest is
        the training part.
    rng
        Chooses the blocks.
    block
        Length of a block in bp, at least four windows.

    Returns
    -------
    splits
        (N,) uint8 index into `SPLITS`.
    kept
        (N,) False for windows within half a window's length of a block of another part,
        so that windows of different parts that are kept are at least one length apart.

    Raises
    ------
    ValueError
        A contig in both parts, or not in the genome; a fraction outside (0, 1);
        a part without windows.
    """
    named = {"test": test, "validation": validation}
    parts = _contig_parts(named, contigs)
    if block < 4 * length:
        raise ValueError(
            f"block: got {block} bp, expected at least four windows of {length} bp"
        )
    n_blocks = -(-max(contigs.lengths) // block)
    part = np.repeat(parts[:, None], n_blocks, axis=1)
    centre = (start + length // 2) // block
    free = np.unique((contig * n_blocks + centre)[parts[contig] == _TRAIN])
    free, total = rng.permutation(free), len(free)
    for name, share in named.items():
        if isinstance(share, int | float):
            if not 0 < share < 1:
                raise ValueError(f"split.{name}: got {share}, expected a fraction from 0 to 1")
            n = math.ceil(share * total)
            part.ravel()[free[:n]] = SPLITS.index(name)
            free = free[n:]
    half = -(-length // 2)
    before = np.maximum(start - half, 0) // block
    last = np.array(contigs.lengths)[contig] - 1
    after = np.minimum(start + length - 1 + half, last) // block
    splits = part[contig, centre]
    kept = (part[contig, before] == splits) & (part[contig, after] == splits)
    for number, name in enumerate(SPLITS):
        if not (kept & (splits == number)).any():
            raise ValueError(
                f"split: no window in the {name} part (test {test}, validation {validation}); "
                "expected some in each: hold out other contigs, or a fraction of the blocks"
            )
    log.info(
        "split: %s; %d windows left out beside held-out blocks",
        ", ".join(f"{n} {int((kept & (splits == i)).sum())}" for i, n in enumerate(SPLITS)),
        int((~kept).sum()),
    )
    return splits, kept


def _contig_parts(
    named: Mapping[str, Sequence[str] | float], contigs: Contigs
) -> NDArray[np.uint8]:
    """Return the part of each contig (C,); training where it is not named."""
    parts = np.full(len(contigs.names), _TRAIN, np.uint8)
    taken: dict[str, str] = {}
    for part, names in named.items():
        if isinstance(names, int | float):
            continue
        for name, place in zip(names, contigs.index(names), strict=True):
            if taken.setdefault(contig_key(name), part) != part:
                raise ValueError(
                    f"split: contig {name!r} is in test and in validation; expected "
                    "disjoint sets"
                )
            if place < 0:
                raise ValueError(
                    f"split.{part}: no contig {name!r} in this run; there are "
                    f"{', '.join(contigs.names[:30])}"
                )
            parts[place] = SPLITS.index(part)
    return parts


@dataclass(frozen=True)
class Duplicates:
    """Number of held-out windows that are also, in whole or in part, in the training set.

    Attributes
    ----------
    n_held_out
        Validation and test windows.
    overlapping
        Those that share a base of the genome with a training window.
    identical
        Those whose sequence, on either strand, is a training sequence.
    similar
        Those with at least half of their k-mers, on either strand, among the
        k-mers of the training set (identical ones included).
    """

    n_held_out: int
    overlapping: int
    identical: int
    similar: int


def count_duplicates(
    codes: NDArray[np.uint8],
    contig: NDArray[np.int64],
    start: NDArray[np.int64],
    splits: NDArray[np.uint8],
    *,
    k: int = 24,
    sampled: int = 16,
) -> Duplicates:
    """Count held-out windows that training has seen.

    Parameters
    ----------
    codes
        (N, L) uint8, 0-3 for A, C, G, T and 4 for N.
    contig, start
        (N,) contig index and 0-based first base of each window.
    splits
        (N,) index into `SPLITS`.
    k
        Length of the k-mers that are compared, at most 31: long enough that two
        windows share none by chance, short enough that some remain beside single changes.
    sampled
        One k-mer in so many is compared, chosen by its hash.

    Returns
    -------
    Duplicates

    Notes
    -----
    K-mers with an N are left out. Memory is N L / `sampled` plus one block of 4,096 windows;
    time N L k.
    """
    training = splits == _TRAIN
    length = codes.shape[1]
    place = Peaks(contig, start, start + length, start)
    shared = overlaps(place.select(~training), place.select(training))
    forward = codes[~training]
    backward = np.where(forward == UNKNOWN, UNKNOWN, 3 - forward)[:, ::-1]
    seen = {row.tobytes() for row in codes[training]}
    identical = sum(
        a.tobytes() in seen or b.tobytes() in seen
        for a, b in zip(forward, np.ascontiguousarray(backward), strict=True)
    )
    _, words = _sampled_words(codes[training], k, sampled)
    rows, held = _sampled_words(forward, k, sampled)
    n = np.bincount(rows, minlength=len(forward))
    seen_of = np.bincount(rows[np.isin(held, words)], minlength=len(forward))
    similar = int(((2 * seen_of >= n) & (n > 0)).sum())
    found = Duplicates(len(forward), int(shared.sum()), identical, similar)
    log.info(
        "of %d held-out windows %d overlap a training window, %d have the sequence of one, "
        "%d share half of their %d-mers with the training set",
        found.n_held_out, found.overlapping, found.identical, found.similar, k,
    )  # fmt: skip
    return found


def _sampled_words(
    codes: NDArray[np.uint8], k: int, sampled: int, block: int = 4096
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return rows and hashes of some k-mers of sequences (N, L).

    A k-mer and its reverse complement have the same hash.
    """
    rows, words = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    n = codes.shape[1] - k + 1
    for first in range(0, len(codes) if n > 0 else 0, block):
        part = codes[first : first + block].astype(np.uint64)
        forward = np.zeros((len(part), n), np.uint64)
        backward = np.zeros((len(part), n), np.uint64)
        whole = np.ones((len(part), n), bool)
        for offset in range(k):
            base = part[:, offset : offset + n]
            forward = forward * np.uint64(4) + (base & np.uint64(3))
            backward += (np.uint64(3) - (base & np.uint64(3))) << np.uint64(2 * offset)
            whole &= base != UNKNOWN
        # An odd multiplier mixes upwards, so that the high bits choose evenly.
        mixed = np.minimum(forward, backward) * np.uint64(0x9E3779B97F4A7C15)
        chosen = whole & (mixed < np.uint64(2**64 // sampled))
        row, at = np.nonzero(chosen)
        rows.append(row + first)
        words.append(mixed[row, at])
    return np.concatenate(rows), np.concatenate(words)
