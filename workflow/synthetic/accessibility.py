"""A genome that is accessible in 18 cell types, with the truth about every site.

Regulatory elements stand apart on chromosomes of human-like dinucleotides and hold 0
to 3 sites. A cell type counts the sites of its own families: its logit is a constant
plus the sum of their occupancies times an effect, without a ceiling. One family (ETS)
counts everywhere, the others in some lineages, EBF in one type only. What occupies a
site is its word and, for SPI1, a partner near it (`synthetic.accessible_sites`). Open
elements have a peak in the cell type, whose summit scatters about the centre.

The numbers below are of a data set that a network was seen to learn in minutes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dfim.genome.genome import Genome
from dfim.genome.intervals import Peaks
from synthetic.accessible_motifs import FAMILIES
from synthetic.accessible_sites import plant_sites
from synthetic.regulatory import element_of, human_background, lay_out

log = logging.getLogger(__name__)

_SHARED = "ETS"
_OWN_FAMILIES = {
    "HSC": ("GATA", "RUNX", "AP1", "CTCF"),
    "MPP": ("GATA", "RUNX", "IRF", "CTCF"),
    "LMPP": ("SPI1", "RUNX", "IRF", "STAT"),
    "CMP": ("GATA", "SPI1", "CEBPB", "STAT"),
    "GMP": ("SPI1", "CEBPB", "IRF", "RUNX"),
    "MEP": ("GATA", "STAT", "CTCF", "OCT"),
    "CLP": ("RUNX", "IRF", "STAT", "CTCF"),
    "CD4": ("STAT", "AP1", "NFKB", "RUNX"),
    "CD8": ("STAT", "AP1", "IRF", "CTCF"),
    "B": ("EBF", "OCT", "NFKB", "SPI1"),
    "NK": ("STAT", "NFKB", "IRF", "OCT"),
    "Mono": ("SPI1", "CEBPB", "AP1", "IRF"),
    "Ery": ("GATA", "CEBPB", "CTCF"),
    "pHSC": ("GATA", "RUNX", "AP1", "OCT"),
    "LSC": ("GATA", "CEBPB", "AP1", "OCT"),
    "Blast": ("CEBPB", "CTCF", "AP1", "NFKB"),
    "GM12878": ("NFKB", "OCT", "AP1", "STAT", "SPI1"),
    "K562": ("GATA", "AP1", "STAT", "CTCF"),
}
TASKS = tuple(_OWN_FAMILIES)
"""The 16 blood cell types (GSE74912, sorted and leukemic), and two cell lines."""

BASE, EFFECT = -4.0, 7.0
"""Logit of an element without sites, and what a fully occupied site adds."""

_ELEMENTS = 61700  # at scale 1
_SLOT, _MARGIN = 1400, 680  # bp an element, and between its centre and its neighbours' slots
# Shares of the elements; chr1 is for validation, chr8 and chr9 for testing.
_CONTIG_SHARES = {
    "chr1": 0.06, "chr2": 0.18, "chr3": 0.17, "chr4": 0.15, "chr5": 0.13, "chr6": 0.11,
    "chr8": 0.1, "chr9": 0.1,
}  # fmt: skip
_PLACES = (
    "start", "end", "instance_start", "instance_end", "weakened", "partner_start",
    "partner_end",
)  # fmt: skip
_WIDTH = 300  # of peaks
_BINDING_WIDTH = 400  # of those of factors, which reach over all of an element
_SCATTER, _MOST = 8, 20  # bp: standard deviation and limit of summits about the centre
_OWN_SUMMIT = 0.3  # share of peaks whose summit is not the element's common one
_BINDING_SCATTER = 10  # bp of the summits of a factor's peaks about its sites
_SIGNAL = (3.0, 0.1, 0.5)  # log of the signal: mean, slope on the logit, standard deviation


@dataclass(frozen=True)
class SyntheticData:
    """What a simulation writes.

    Attributes
    ----------
    genome
        Chromosomes without N.
    peaks
        Of each of `TASKS`, with signal.
    elements
        One row per element: element, contig, centre, n_sites, and for each task
        logit_<task> and open_<task> (0 or 1).
    sites
        One row per planted site, in genome order: contig, and the columns of
        `accessible_sites.plant_sites`. A match that is not in here is a chance one.
    """

    genome: Genome
    peaks: Mapping[str, Peaks]
    elements: pd.DataFrame
    sites: pd.DataFrame


def families_of(task: str) -> tuple[str, ...]:
    """Families whose sites open an element in a cell type."""
    return (_SHARED, *_OWN_FAMILIES[task])


def simulate(*, scale: float, seed: int) -> SyntheticData:
    """Make a synthetic data set.

    Parameters
    ----------
    scale
        Multiplies the number of elements (61,700, of which 42,000 are open somewhere
        and on the chromosomes of training).
    seed
        Of everything.
    """
    n = round(_ELEMENTS * scale)
    if n < 300:
        raise ValueError(f"scale: {scale} gives {n} elements, expected at least 300")
    rng = np.random.default_rng([seed, 0])
    contigs, contig, offset = lay_out(n, _CONTIG_SHARES, _SLOT)
    place = np.arange(n) * _SLOT + rng.integers(_MARGIN, _SLOT - _MARGIN + 1, n)
    codes = human_background(n, _SLOT, rng).ravel()
    sites = plant_sites(codes, place, rng)
    genome = Genome(contigs, tuple(np.split(codes, np.cumsum(contigs.lengths)[:-1])))
    logits = _logits(sites, n)
    opened = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    names = np.array(contigs.names)
    centre = place - offset
    columns = {"element": np.arange(n), "contig": names[contig], "centre": centre}
    columns["n_sites"] = np.bincount(sites["element"], minlength=n)
    columns |= {f"logit_{task}": logits[:, t] for t, task in enumerate(TASKS)}
    columns |= {f"open_{task}": opened[:, t].astype(np.int64) for t, task in enumerate(TASKS)}
    peaks = {}
    common = _scatter(n, rng)
    mean, slope, spread = _SIGNAL
    for t, task in enumerate(TASKS):
        own = rng.random(n) < _OWN_SUMMIT
        summit = centre + np.where(own, _scatter(n, rng), common)
        signal = rng.lognormal(mean + slope * logits[:, t], spread)
        start = summit - _WIDTH // 2
        every = Peaks(contig, start, start + _WIDTH, summit, signal)
        peaks[task] = every.select(opened[:, t])
    for column in _PLACES:
        known = sites[column] >= 0
        sites[column] = np.where(known, sites[column] - offset[sites["element"]], -1)
    sites.insert(0, "contig", names[contig][sites["element"]])
    log.info(
        "%d elements, %d of them open in a cell type, %d planted sites, %d bp",
        n, int(opened.any(axis=1).sum()), len(sites), len(codes),
    )  # fmt: skip
    return SyntheticData(genome, peaks, pd.DataFrame(columns), sites)


def _logits(sites: pd.DataFrame, n: int) -> NDArray[np.float64]:
    """(n, tasks) logits of the elements."""
    filled = np.zeros((n, len(FAMILIES)))
    family = pd.Index(FAMILIES).get_indexer(sites["name"])
    np.add.at(filled, (sites["element"].to_numpy(), family), sites["occupancy"].to_numpy())
    counted = np.array([[f in families_of(task) for f in FAMILIES] for task in TASKS], float)
    return BASE + EFFECT * filled @ counted.T


def _scatter(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    drawn = np.round(rng.normal(0, _SCATTER, n)).astype(np.int64)
    return np.clip(drawn, -_MOST, _MOST)


def binding_peaks(data: SyntheticData, family: str, rng: np.random.Generator) -> Peaks:
    """ChIP peaks, in GM12878, of a factor that binds the sites of a family.

    One an open element that holds such a site, with its summit near the most occupied
    one (of several the one nearest to the element's centre): wide enough to reach over
    all that a variant of the factor may touch. Stronger where more sites are occupied.
    """
    is_open = data.elements["open_GM12878"].to_numpy() == 1
    sites = data.sites[(data.sites["name"] == family) & (data.sites["occupancy"] > 0)]
    sites = sites[is_open[sites["element"]]]
    middle = (sites["start"] + sites["end"]) // 2
    off = (middle - data.elements["centre"].to_numpy()[sites["element"]]).abs()
    order = np.lexsort((off, -sites["occupancy"], sites["element"]))
    best = sites.iloc[order].drop_duplicates("element")
    total = sites.groupby("element")["occupancy"].sum()  # in order of elements, as best is
    summit = (best["start"] + best["end"]).to_numpy() // 2
    summit = summit + rng.integers(-_BINDING_SCATTER, _BINDING_SCATTER + 1, len(best))
    mean, _, spread = _SIGNAL
    signal = rng.lognormal(mean + total.to_numpy(), spread)
    start = summit - _BINDING_WIDTH // 2
    contig = data.genome.contigs.index(best["contig"])
    return Peaks(contig, start, start + _BINDING_WIDTH, summit, signal)


def oracle_auroc(
    elements: pd.DataFrame,
    contig: NDArray[np.str_],
    start: NDArray[np.integer],
    length: int,
    labels: NDArray[np.integer],
    tasks: tuple[str, ...] = TASKS,
) -> pd.DataFrame:
    """How well the truth tells the labels of windows: no network can do better.

    A window is there because its element is open in some cell type, so what ranks
    windows best is the probability to be open in the task given that.

    Parameters
    ----------
    elements
        The table of `SyntheticData`, as written.
    contig, start, length
        Name of the contig and first base of each window, and their length.
    labels
        (N, tasks) 1 or 0; -1 where masked.

    Returns
    -------
    pandas.DataFrame
        task, n_positive, n_negative, auroc (NaN where a class is missing).

    Raises
    ------
    ValueError
        For a window that is not on an element: the windows are of another genome.
    """
    row = element_of(elements, contig, start + length // 2, _MOST)
    p = 1 / (1 + np.exp(-elements[[f"logit_{task}" for task in TASKS]].to_numpy()[row]))
    given = p / (1 - np.prod(1 - p, axis=1, keepdims=True))
    rows = []
    for column, task in enumerate(tasks):
        known = labels[:, column] >= 0
        y, score = labels[known, column], given[known, TASKS.index(task)]
        both = 0 < y.sum() < len(y)
        auroc = float(roc_auc_score(y, score)) if both else np.nan
        rows.append((task, int(y.sum()), int((1 - y).sum()), auroc))
    return pd.DataFrame(rows, columns=["task", "n_positive", "n_negative", "auroc"])
