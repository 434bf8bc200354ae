"""Find motif sites where IUPAC patterns match one-hot sequences."""

from collections.abc import Mapping

import numpy as np

from dfim.motifs.features import Features
from dfim.sequences.encoding import ALPHABET, base_codes, require_one_hot

_IUPAC = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}

# A set of bases is four bits, A lowest; complementing reverses them.
_BITS = {letter: sum(1 << ALPHABET.index(base) for base in _IUPAC[letter]) for letter in _IUPAC}
_COMPLEMENT = {bits: int(f"{bits:04b}"[::-1], 2) for bits in _BITS.values()}
_BITS_OF_CODE = np.array([1, 2, 4, 8, 0, 0], np.uint8)  # N and fractional columns: none


def scan_patterns(
    X: np.ndarray, patterns: Mapping[str, str], *, both_strands: bool = False
) -> Features:
    """Find every match of each pattern, overlapping ones included.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        N and fractional columns match nothing, not even N in a pattern.
    patterns : mapping of str to str
        Name to IUPAC pattern, upper or lower case: ``{"TAL1": "CANNTG"}``.
    both_strands : bool
        Also report matches of the reverse complement, as strand "-". A
        pattern that is its own reverse complement (CANNTG) is reported once,
        as "+"; any other that matches a place on both strands is reported for
        both.

    Returns
    -------
    Features
        Sorted by sequence, start, end, name and strand.

    Raises
    ------
    ValueError
        No patterns; a pattern that is empty, longer than the sequences or
        holds another letter, with its name.

    Notes
    -----
    Time grows with N * L for each position of each pattern, memory with N * L; there is
    no Python loop over sequences.

    Examples
    --------
    >>> import dfim
    >>> X = dfim.one_hot_encode(["AGATAACCAGCTGA", "TTTATCTTTTTTTT"])
    >>> sites = dfim.scan_patterns(X, {"GATA": "GATA", "EBOX": "CANNTG"}, both_strands=True)
    >>> for row in zip(sites.sequence, sites.start, sites.end, sites.name, sites.strand):
    ...     print(*row)
    0 1 5 GATA +
    0 7 13 EBOX +
    1 2 6 GATA -
    """
    X = require_one_hot(X)
    if not patterns:
        raise ValueError("patterns: got none, expected at least one name and pattern")
    present = _BITS_OF_CODE[base_codes(X)]
    parts = []
    for name, pattern in patterns.items():
        masks = _masks(name, pattern, X.shape[1])
        parts.append(_matches(present, masks, name, "+"))
        reverse = [_COMPLEMENT[bits] for bits in reversed(masks)]
        if both_strands and reverse != masks:
            parts.append(_matches(present, reverse, name, "-"))
    sites = Features.concatenate(parts)
    return sites.select(
        np.lexsort((sites.strand, sites.name, sites.end, sites.start, sites.sequence))
    )


def _masks(name: str, pattern: str, length: int) -> list[int]:
    """Return the four-bit set of allowed bases at each pattern position."""
    if not 1 <= len(pattern) <= length:
        raise ValueError(
            f"patterns: {name} is {pattern!r}, {len(pattern)} long, expected 1 to {length} "
            "letters, the length of the sequences"
        )
    unknown = sorted(set(pattern.upper()) - set(_BITS))
    if unknown:
        raise ValueError(
            f"patterns: {name} is {pattern!r} with {unknown[0]!r}, expected IUPAC letters "
            f"({''.join(_BITS)})"
        )
    return [_BITS[letter] for letter in pattern.upper()]


def _matches(present: np.ndarray, masks: list[int], name: str, strand: str) -> Features:
    """Find the matches of a pattern on one strand; `present` (N, L) are bits of bases."""
    n_starts = present.shape[1] - len(masks) + 1
    matching = np.ones((len(present), n_starts), bool)
    for offset, mask in enumerate(masks):
        matching &= (present[:, offset : offset + n_starts] & mask) != 0
    sequence, start = np.nonzero(matching)
    return Features(
        sequence=sequence.astype(np.int64),
        start=start.astype(np.int64),
        end=start.astype(np.int64) + len(masks),
        name=np.full(len(sequence), name),
        strand=np.full(len(sequence), strand),
    )
