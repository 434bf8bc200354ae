"""The ten bases around a CACGTG core: their positions, names, codes and letters.

A flank is five bases before the core (positions −5 to −1) and the five after it (+1 to
+5), written as one word of ten letters. Its index is that of `dfim.sequences.kmers`: the
base-4 number that its letters spell.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfim.sequences.encoding import ALPHABET
from dfim.sequences.kmers import sequence_codes

POSITIONS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
"""Place of each base of a flank, counted from the core's ends."""

LENGTH = len(POSITIONS)
N_FLANKS = 4**LENGTH

_NO_BASE = 4
_CODES = np.full(256, _NO_BASE, np.uint8)
for _code, _base in enumerate(ALPHABET):
    _CODES[[ord(_base), ord(_base.lower())]] = _code
_LETTERS = np.frombuffer(ALPHABET.encode(), np.uint8)


def position_labels() -> list[str]:
    """The positions as people read them: −5 to −1, then +1 to +5."""
    return [_signed(position) for position in POSITIONS]


def base_name(base: str, position: int) -> str:
    """A base at a position, such as T−1 or A+1; a pair is T−1/A+1.

    Raises
    ------
    ValueError
        For another base than A, C, G, T, or a position that is not in `POSITIONS`.
    """
    if len(base) != 1 or base not in ALPHABET:
        raise ValueError(f"base: got {base!r}, expected one of {', '.join(ALPHABET)}")
    if position not in POSITIONS:
        raise ValueError(f"position: got {position}, expected -5 to -1 or 1 to 5")
    return base + _signed(position)


def parse_cell(text: str) -> tuple[int, int]:
    """Read a base at a position, such as T-1 or A+1, as a file can say it.

    Returns
    -------
    int, int
        Index into `POSITIONS`, and code of the base (0-3 for A, C, G, T).

    Raises
    ------
    ValueError
        For anything else; the sign is part of it.
    """
    found = re.fullmatch(rf"([{ALPHABET}])([+-][1-5])", text.replace("−", "-"))
    if not found:
        raise ValueError(
            f"cell: got {text!r}, expected a base and its position, from T-5 to T-1 before the "
            "core or T+1 to T+5 after it"
        )
    base, position = found.groups()
    return POSITIONS.index(int(position)), ALPHABET.index(base)


def flank_codes(
    flanks: Sequence[str], *, source: str, lines: NDArray[np.integer] | None = None
) -> NDArray[np.uint8]:
    """Codes of flanks written as words.

    Parameters
    ----------
    flanks
        N words of ten letters A, C, G, T, upper or lower case.
    source
        The file that they are from, for messages.
    lines
        (N,) line of each in that file; from 2, below a header, where None.

    Returns
    -------
    ndarray of uint8 (N, 10)
        0-3 for A, C, G, T. About 0.3 s a million flanks.

    Raises
    ------
    ValueError
        With file and line, for a word of another length or with another letter.
    """
    wrong = np.fromiter(map(len, flanks), np.int64, len(flanks)) != LENGTH
    codes = np.empty((0, LENGTH), np.uint8)
    if not wrong.any():
        # "replace" keeps one byte a character: a letter beyond ASCII becomes '?'.
        letters = "".join(flanks).encode("ascii", "replace")
        codes = _CODES[np.frombuffer(letters, np.uint8)].reshape(-1, LENGTH)
        wrong = (codes == _NO_BASE).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        line = row + 2 if lines is None else lines[row]
        raise ValueError(
            f"{source}, line {line}: flank {flanks[row]!r}; expected {LENGTH} letters of "
            "A, C, G, T"
        )
    return codes


def flank_strings(index: NDArray[np.integer]) -> NDArray[np.str_]:
    """Words (N,) of ten letters of the flanks with these indices (N,)."""
    letters = _LETTERS[sequence_codes(LENGTH, index)]
    return np.ascontiguousarray(letters).view(f"S{LENGTH}").ravel().astype(str)


def _signed(position: int) -> str:
    return f"{position:+d}".replace("-", "−")
