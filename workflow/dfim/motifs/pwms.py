"""Find motif sites where position weight matrices match sequences, by exact p-value."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import write_table
from dfim.motifs.features import Features
from dfim.motifs.meme import Pwm
from dfim.sequences.encoding import FRACTIONAL, base_codes

# Weights are whole multiples of this many bits: sums of them are exact, words of
# equal odds have equal scores, and the distribution of scores needs no binning.
_UNIT = 2.0**-7
_LETTERS = 5  # a lookup; 6**5 scores of 4 bytes stay in the first-level cache
_BLOCK = 1 << 18  # positions at a time, for the same reason
_NEVER = -(1 << 20)  # more than any sum of weights


@dataclass(frozen=True, eq=False)
class PwmSites:
    """Sites of PWMs with their scores.

    Attributes
    ----------
    features
        Places of the sites.
    score
        (F,) log-odds in bits.
    p
        (F,) chance that a background word scores at least as high.
    """

    features: Features
    score: NDArray[np.float64]
    p: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.features)

    def save(self, path: str | os.PathLike[str], ids: NDArray[np.str_]) -> None:
        """Write as the TSV that `Features.load` reads, with columns score and p."""
        columns = vars(self.features) | {"score": self.score, "p": self.p}
        write_table(path, pd.DataFrame(columns | {"sequence": ids[self.features.sequence]}))


def scan_pwms(
    X: np.ndarray,
    pwms: Sequence[Pwm],
    *,
    p_value: float = 1e-4,
    gc: float = 0.46,
    both_strands: bool = True,
    pseudocount: float = 1e-3,
    overlaps: Literal["all", "best"] = "all",
) -> PwmSites:
    """Find sites of position weight matrices (PWMs) by p-value.

    The score of a word is its log-odds in bits, motif against background, each
    weight rounded to 1/128 bit. Its p-value is the chance that a word drawn from
    the background scores at least as high: exact for these weights, for one
    position and one strand, not corrected for the number of positions. Expect
    p_value * positions * strands sites in background sequence.

    Parameters
    ----------
    X : ndarray, shape (N, L, 4)
        N and fractional columns match nothing.
    pwms : sequence of Pwm
        With distinct names.
    p_value : float
        A word is a site when its p-value is at most this.
    gc : float
        Fraction of G + C of the background, alike on both strands.
    both_strands : bool
        Also report sites of the reverse complement, as strand "-". A PWM whose
        weights are their own reverse complement is scanned once, as "+".
    pseudocount : float
        Share of the background mixed into every row of a PWM; a base of probability 0
        scores log2(pseudocount) bits.
    overlaps : {"all", "best"}
        "all" reports every site. "best" keeps, of the sites of one name that overlap on
        either strand, the one with the best score (ties: the first start, then "+"),
        from the best site of a sequence down. Sites of different names are independent.

    Returns
    -------
    PwmSites
        Sorted by sequence, start, end, name and strand.

    Raises
    ------
    ValueError
        No PWMs, a name twice, an argument out of range; a PWM longer than the
        sequences, or one whose best word has a p-value above `p_value`.

    Notes
    -----
    Time grows with N * L * W / 5 for each PWM of width W and each strand; there is no
    Python loop over sequences.

    Examples
    --------
    >>> import dfim
    >>> import numpy as np
    >>> rows = np.full((6, 4), 0.02) + 0.92 * dfim.one_hot(np.array([2, 0, 3, 0, 0, 2]))
    >>> gata = dfim.motifs.Pwm("GATA", rows)  # prefers GATAAG
    >>> X = dfim.one_hot_encode(["CCCCCGATAAGCCCCCCTTATCCC"])
    >>> sites = dfim.scan_pwms(X, [gata], p_value=1e-3, gc=0.5)
    >>> sites.features.start.tolist(), sites.features.strand.tolist()
    ([5, 16], ['+', '-'])
    >>> sites.score.round(1).tolist(), bool((sites.p < 1e-3).all())
    ([11.4, 11.4], True)
    """
    codes = base_codes(X)
    _require_arguments(pwms, codes.shape[1], p_value, gc, pseudocount, overlaps)
    frequencies = np.array([1 - gc, gc, gc, 1 - gc]) / 2  # background() rounds to float32
    words = _five_letter_words(codes)
    found = []
    for pwm in pwms:
        weights = _weights(pwm, frequencies, pseudocount)
        lowest, tail = _tail(weights, frequencies)
        # Above p_value by rounding alone is not above it.
        above_lowest = int(np.searchsorted(-tail, -p_value * (1 + 1e-9)))
        if above_lowest == len(tail):
            raise ValueError(
                f"pwms: the best word of {pwm.name} has p = {tail[-1]:.3g}, expected at most "
                f"p_value = {p_value:g}; leave it out or raise p_value"
            )
        both = both_strands and not np.array_equal(weights, weights[::-1, ::-1])
        sequence, start, strand, score = _hits(words, weights, lowest + above_lowest, both)
        if overlaps == "best":
            # No two sequences' sites are within a width of each other on this line.
            line = sequence * (codes.shape[1] + len(weights)) + start
            kept = _best_of_overlapping(line, score, len(weights))
            sequence, start, strand, score = (x[kept] for x in (sequence, start, strand, score))
        sites = Features(
            sequence=sequence,
            start=start,
            end=start + len(weights),
            name=np.full(len(start), pwm.name),
            strand=strand,
        )
        found.append((sites, score * _UNIT, tail[score - lowest]))
    parts, scores, ps = zip(*found, strict=True)
    sites = Features.concatenate(parts)
    order = np.lexsort((sites.strand, sites.name, sites.end, sites.start, sites.sequence))
    return PwmSites(
        sites.select(order), np.concatenate(scores)[order], np.concatenate(ps)[order]
    )


def _require_arguments(
    pwms: Sequence[Pwm],
    length: int,
    p_value: float,
    gc: float,
    pseudocount: float,
    overlaps: str,
) -> None:
    """Raise a `ValueError` for the first argument of `scan_pwms` that is out of range."""
    names = [pwm.name for pwm in pwms]
    if not names:
        raise ValueError("pwms: got none, expected at least one")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"pwms: got {twice} twice, expected distinct names")
    for pwm in pwms:
        if len(pwm.probabilities) > length:
            raise ValueError(
                f"pwms: {pwm.name} is {len(pwm.probabilities)} wide, but the sequences are "
                f"{length} long; expected it to fit"
            )
    for what, value in (("p_value", p_value), ("gc", gc), ("pseudocount", pseudocount)):
        if not 0 < value < 1:
            raise ValueError(f"{what}: got {value!r}, expected more than 0 and less than 1")
    if overlaps not in ("all", "best"):
        raise ValueError(f"overlaps: got {overlaps!r}, expected 'all' or 'best'")


def _weights(pwm: Pwm, frequencies: np.ndarray, pseudocount: float) -> np.ndarray:
    """Return log-odds (W, 4) as int64 multiples of `_UNIT` bits."""
    P = pwm.probabilities / np.sum(pwm.probabilities, axis=1, keepdims=True)
    odds = (1 - pseudocount) * P / frequencies + pseudocount
    return np.round(np.log2(odds) / _UNIT).astype(np.int64)


def _tail(weights: np.ndarray, frequencies: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the lowest score, and for each score from it up the chance to reach it."""
    density = np.ones(1)
    for row in weights - weights.min(axis=1, keepdims=True):
        wider = np.zeros(len(density) + row.max())
        for frequency, shift in zip(frequencies, row, strict=True):
            wider[shift : shift + len(density)] += frequency * density
        density = wider
    return int(weights.min(axis=1).sum()), density[::-1].cumsum()[::-1]


def _five_letter_words(codes: np.ndarray) -> np.ndarray:
    """Read the five codes from each position on as a number in base 6: (N, L) uint16."""
    padded = np.pad(codes, ((0, 0), (0, _LETTERS - 1)), constant_values=FRACTIONAL)
    words = np.zeros(codes.shape, np.uint16)
    for offset in range(_LETTERS):
        words = words * 6 + padded[:, offset : offset + codes.shape[1]]
    return words


def _hits(
    words: np.ndarray, weights: np.ndarray, threshold: int, both: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return sequence, start, strand and score of words that score `threshold` or more."""
    n_starts = words.shape[1] - len(weights) + 1
    step = max(1, _BLOCK // words.shape[1])
    sequences, starts, strands, scores = [], [], [], []
    for strand, oriented in (("+", weights), ("-", weights[::-1, ::-1]))[: 1 + both]:
        tables = [
            (offset, _word_scores(oriented[offset : offset + _LETTERS]))
            for offset in range(0, len(weights), _LETTERS)
        ]
        for first in range(0, max(len(words), 1), step):
            block = words[first : first + step]
            score = np.zeros((len(block), n_starts), np.int32)
            for offset, table in tables:
                score += table.take(block[:, offset : offset + n_starts])
            sequence, start = np.nonzero(score >= threshold)
            sequences.append(sequence + first)
            starts.append(start)
            strands.append(np.full(len(start), strand))
            scores.append(score[sequence, start].astype(np.int64))
    return (
        np.concatenate(sequences),
        np.concatenate(starts),
        np.concatenate(strands),
        np.concatenate(scores),
    )


def _word_scores(weights: np.ndarray) -> np.ndarray:
    """Return the score (6**5,) of each five-letter word; very low where one is no base."""
    scores = np.zeros(1, np.int32)
    for row in np.pad(weights, ((0, 0), (0, 2)), constant_values=_NEVER):
        scores = np.add.outer(scores, row.astype(np.int32)).ravel()
    # Letters of a word past the end of the PWM do not count.
    return scores.repeat(6 ** (_LETTERS - len(weights)))


def _best_of_overlapping(position: np.ndarray, score: np.ndarray, width: int) -> np.ndarray:
    """Return the indices of the sites that a greedy choice keeps, best score first.

    In each round every site that beats all sites it overlaps is kept, and these are
    dropped. That is the same as going through the sites one by one from the best down,
    in a few rounds; a run of equal sites (poly-A) takes one round for each width.
    """
    left = np.argsort(position, kind="stable")
    rank = np.empty(len(position), np.int64)
    rank[np.lexsort((position, -score))] = np.arange(len(position), 0, -1)
    kept = []
    while left.size:
        at = position[left]
        first = np.searchsorted(at, at - width, "right")
        last = np.searchsorted(at, at + width, "left")
        spans = np.column_stack((first, last)).ravel()
        wins = np.maximum.reduceat(np.append(rank[left], 0), spans)[::2] == rank[left]
        kept.append(left[wins])
        winners = np.append(0, np.cumsum(wins))
        left = left[winners[first] == winners[last]]
    return np.concatenate(kept) if kept else left
