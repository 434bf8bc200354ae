"""A genome in which GATA1, GATA2 and TAL1 bind, with the truth about every site.

Regulatory elements stand apart on chromosomes of human-like dinucleotides. They
hold instances of GATA and E-box (TAL1) motifs of the ENCODE set: side by side
(composite), both but far apart, one alone, or none. With joint binding TAL1 and
GATA1 bind where a GATA and an E-box are close, the nearer the stronger; with
additive binding the same sites add up, at any distance. Peaks follow from binding,
and their summits scatter about the element.

The numbers below are of a data set that a network was seen to learn in minutes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dfim.genome.genome import Genome
from dfim.genome.intervals import Contigs, Peaks
from synthetic.element_motifs import EBOX, GATA, KINDS, plant_motifs
from synthetic.regulatory import human_background

log = logging.getLogger(__name__)

TASKS = ("GATA1", "GATA2", "TAL1")

_ELEMENTS = 9500  # at scale 1
_SLOT, _MARGIN = 1600, 700  # bp an element, and between its centre and its neighbours' slots
_KIND_SHARES = (0.3, 0.15, 0.2, 0.2, 0.15)  # of KINDS
# Shares of the elements; chr1 is for validation, chr8 and chr9 for testing.
_CONTIG_SHARES = {
    "chr1": 0.08, "chr2": 0.2, "chr3": 0.2, "chr4": 0.16, "chr5": 0.1, "chr6": 0.1,
    "chr8": 0.08, "chr9": 0.08,
}  # fmt: skip
_JOINT, _DECAY = 6.0, 20.0  # joint effect 1 - exp(-6 sum exp(-distance / 20)) over all pairs
# Energy of binding: constant, GATA there, E-box there, joint effect.
_ENERGIES = {
    "joint": {
        "GATA1": (-1, 0.5, 0.0, 1.6),
        "GATA2": (-1, 2.0, 0.0, 0.0),
        "TAL1": (-1, 0.1, 0.3, 1.7),
    },
    "additive": {
        "GATA1": (-1, 1.6, 0.4, 0.0),
        "GATA2": (-1, 2.0, 0.0, 0.0),
        "TAL1": (-1, 0.4, 1.6, 0.0),
    },
}
_SLOPE, _FLOOR = 7.0, 0.005  # logit on energy; least probability to be bound, and not to be

_WIDTHS = {"GATA1": 310, "GATA2": 256, "TAL1": 276}  # of peaks, as in ENCODE's files
_ACCESSIBLE_WIDTH = 150
_SCATTER, _MOST = 8, 20  # bp: standard deviation and limit of summits about the centre
_OWN_SUMMIT = 0.3  # share of peaks whose summit is not the element's common one
_STRAY = 0.03  # ChIP peaks away from open chromatin, a bound element


@dataclass(frozen=True)
class SyntheticData:
    """What a simulation writes.

    Attributes
    ----------
    genome
        Chromosomes without N.
    accessible
        Peaks of open chromatin, one per element; their summits are their centres.
    chip
        Peaks of each task.
    elements
        One row per element: element, contig, centre, kind, joint, and for each task
        p_<task> (probability of binding) and bound_<task> (0 or 1).
    sites
        One row per planted motif, in genome order: contig, start, end, name, strand
        (of the exact pattern, GATA or CANNTG), instance_start, instance_end,
        instance_strand, pwm (the whole instance), element, role (composite,
        apart, single), pair (a number that the two motifs of a composite share;
        -1 elsewhere). A match of a pattern that is not in here is a chance one.
    """

    genome: Genome
    accessible: Peaks
    chip: Mapping[str, Peaks]
    elements: pd.DataFrame
    sites: pd.DataFrame


def simulate(
    *, binding: Literal["joint", "additive"], scale: float, seed: int
) -> SyntheticData:
    """Make a synthetic data set.

    Parameters
    ----------
    binding
        "joint": TAL1 and GATA1 need a GATA and an E-box close to each other,
        GATA2 a GATA. "additive": for GATA1 and TAL1 both sites add up on the
        scale of the logit, at any distance; GATA2 needs a GATA.
    scale
        Multiplies the number of elements (9,500).
    seed
        One seed gives the same genome, sites and open chromatin with either binding.
    """
    if binding not in _ENERGIES:
        raise ValueError(f"binding: got {binding!r}, expected one of {', '.join(_ENERGIES)}")
    n = round(_ELEMENTS * scale)
    if n < 100:
        raise ValueError(f"scale: {scale} gives {n} elements, expected at least 100")
    rng = np.random.default_rng([seed, 0])
    contigs, contig, offset = _lay_out(n)
    place = np.arange(n) * _SLOT + rng.integers(_MARGIN, _SLOT - _MARGIN + 1, n)
    kind = rng.choice(len(KINDS), n, p=_KIND_SHARES)
    codes = human_background(n, _SLOT, rng).ravel()
    centres, sites = plant_motifs(codes, place, kind, rng)
    genome = Genome(contigs, tuple(np.split(codes, np.cumsum(contigs.lengths)[:-1])))
    centre = place - offset
    common = _scatter(n, rng)
    summit = centre + _scatter(n, rng, common)
    accessible = _peaks(contig, summit, _ACCESSIBLE_WIDTH)
    rng = np.random.default_rng([seed, 1])
    effects = _bind(centres, binding, rng)
    elements = pd.DataFrame(
        {
            "element": np.arange(n),
            "contig": np.array(contigs.names)[contig],
            "centre": centre,
            "kind": np.array(KINDS)[kind],
            **effects,
        }
    )
    chip = {}
    for task in TASKS:
        bound = np.flatnonzero(elements[f"bound_{task}"])
        stray = rng.choice(n, max(1, round(_STRAY * len(bound))), replace=False)
        summit = (centre + _scatter(n, rng, common))[bound]
        # In the empty beginning of a slot, far from any open chromatin.
        away = (centre - place % _SLOT)[stray] + rng.integers(160, 240, len(stray))
        where = contig[np.concatenate([bound, stray])]
        chip[task] = _peaks(where, np.concatenate([summit, away]), _WIDTHS[task])
    for column in ("start", "end", "instance_start", "instance_end"):
        sites[column] -= offset[sites["element"]]
    sites.insert(0, "contig", elements["contig"].to_numpy()[sites["element"]])
    log.info(
        "%s binding: %d elements, %d planted motifs, %d bp", binding, n, len(sites), len(codes)
    )
    return SyntheticData(genome, accessible, chip, elements, sites)


def _lay_out(n: int) -> tuple[Contigs, NDArray[np.int64], NDArray[np.int64]]:
    """Contigs, and for each of n slots its contig and where that begins."""
    share = np.cumsum(list(_CONTIG_SHARES.values()))
    last = np.round(share / share[-1] * n).astype(np.int64)
    slots = np.diff(last, prepend=0)
    contigs = Contigs(tuple(_CONTIG_SHARES), tuple((slots * _SLOT).tolist()))
    contig = np.repeat(np.arange(len(slots)), slots)
    return contigs, contig, ((last - slots) * _SLOT)[contig]


def _bind(
    centres: NDArray[np.float64], binding: str, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Joint effect, and each task's probability and draw, an element."""
    has = np.isfinite(centres).any(axis=2).astype(float)
    distance = np.abs(centres[:, GATA, :, None] - centres[:, EBOX, None, :])
    joint = 1 - np.exp(-_JOINT * np.nansum(np.exp(-distance / _DECAY), axis=(1, 2)))
    columns: dict[str, NDArray[np.generic]] = {"joint": joint}
    for task, (constant, gata, ebox, together) in _ENERGIES[binding].items():
        energy = constant + gata * has[:, GATA] + ebox * has[:, EBOX] + together * joint
        p = np.clip(1 / (1 + np.exp(-_SLOPE * energy)), _FLOOR, 1 - _FLOOR)
        columns[f"p_{task}"] = p
        columns[f"bound_{task}"] = (rng.random(len(p)) < p).astype(np.int64)
    return columns


def _peaks(contig: NDArray[np.int64], summit: NDArray[np.int64], width: int) -> Peaks:
    start = summit - width // 2
    order = np.lexsort((start, contig))
    return Peaks(contig, start, start + width, summit).select(order)


def _scatter(
    n: int, rng: np.random.Generator, common: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Summits about the centre; most are the element's common one where that is given."""
    drawn = np.round(rng.normal(0, _SCATTER, n)).astype(np.int64)
    drawn = np.clip(drawn, -_MOST, _MOST)
    return drawn if common is None else np.where(rng.random(n) < _OWN_SUMMIT, drawn, common)


def oracle_auroc(
    elements: pd.DataFrame,
    contig: NDArray[np.str_],
    start: NDArray[np.integer],
    length: int,
    labels: NDArray[np.integer],
    tasks: tuple[str, ...] = TASKS,
) -> pd.DataFrame:
    """How well the true probabilities tell the labels of windows: no network can do better.

    Parameters
    ----------
    elements
        The table of `SyntheticData`, as written.
    contig, start, length
        Name of the contig and first base of each window, and their length.
    labels
        (N, T) 1, 0, or -1 where masked.

    Returns
    -------
    pandas.DataFrame
        task, n_positive, n_negative, auroc.

    Raises
    ------
    ValueError
        For a window that is not on an element: the windows are of another genome.
    """
    order = {name: number for number, name in enumerate(pd.unique(elements["contig"]))}
    step = int(max(elements["centre"].max(), start.max() + length)) + _SLOT
    centre = elements["contig"].map(order).to_numpy() * step + elements["centre"].to_numpy()
    middle = pd.Series(contig).map(order).to_numpy() * step + start + length // 2
    row = np.clip(np.searchsorted(centre, middle - _SLOT // 2), 0, len(centre) - 1)
    far = ~(np.abs(centre[row] - middle) <= _MOST)
    if far.any():
        at = int(np.argmax(far))
        raise ValueError(
            f"oracle: window {contig[at]}:{start[at]} is on no element of the truth; expected "
            "the windows and the truth of one simulation"
        )
    rows = []
    for column, task in enumerate(tasks):
        known = labels[:, column] >= 0
        y, p = labels[known, column], elements[f"p_{task}"].to_numpy()[row[known]]
        rows.append((task, int(y.sum()), int((1 - y).sum()), float(roc_auc_score(y, p))))
    return pd.DataFrame(rows, columns=["task", "n_positive", "n_negative", "auroc"])
