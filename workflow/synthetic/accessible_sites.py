"""Sites of accessible elements: which, where, and what they do for each other.

Most elements hold 0 to 3 sites, mostly of different families, strong or weak. The others
hold a pair, of an SPI1 site near the element's centre and a partner at its distance
(`PARTNERS`), and a third site of a family that does not count in GM12878: without it most
of them would be open nowhere, and have no window.

A site with a partner is read as though its word were `HELP` bits better. This holds
wherever two such sites stand; but in pairs the helped words are faint, next to empty
alone and full with a partner. In about half of the pairs one of the two is broken, by one
base, either of them as often: neither site tells without the other.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.accessible_motifs import (
    FAMILIES,
    GRADES,
    POOL,
    draw_words,
    load_motifs,
    occupancy,
)
from synthetic.regulatory import plant

HELP = 5.0
"""Bits that a partner is worth."""
PARTNERS = {("SPI1", "RUNX"): (20, 50), ("SPI1", "SPI1"): (85, 115)}
"""Families of a site and of what helps it: least and most bp between their middles."""
PAIR_REACH = 20
"""Most bp between the centre of an element and that of a pair's first site."""

_SITES = 3  # of an element at most
_SITE_SHARES = (0.15, 0.35, 0.3, 0.2)  # of elements without a pair, by their number of sites
_WEAK_SHARE = 0.25  # of their sites
_NEAR = 60  # bp from the element's centre to those of its sites
# Of elements: without a pair; pairs of each of PARTNERS; the same with the first site
# broken; the same with the other one broken.
_SHARES = (0.7, 0.06, 0.08, 0.04, 0.04, 0.04, 0.04)
_THIRD = ("GATA", "CEBPB", "CTCF", "EBF", "IRF")

_STRONG, _WEAK, _FAINT, _BROKEN = range(len(GRADES))
Whole = NDArray[np.int64]


def plant_sites(
    codes: NDArray[np.uint8], place: Whole, rng: np.random.Generator
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
        One row per site, in order: start, end (of the matrix), name, strand,
        instance_start, instance_end (with the flanks), pwm, element, grade, weakened
        (the base of a word that makes it weak, faint or broken; -1 in strong ones),
        deficit (bits), and the columns of `with_partners`.
    """
    motifs = load_motifs()
    kind = rng.choice(len(_SHARES), len(place), p=_SHARES)
    family, grade, there = _compose(kind, rng)
    width = np.array([motif.width for motif in motifs])[family]
    start = _arrange(kind, width, there, rng)
    element = np.nonzero(there)[0]
    start, family, grade = start[there] + place[element], family[there], grade[there]
    parts = []
    for number, motif in enumerate(motifs):
        pool = draw_words(motif, rng)
        mine = np.flatnonzero(family == number)
        rows = rng.integers(0, POOL, len(mine)) + POOL * grade[mine]
        plant(codes, start[mine], pool.words, rows)
        changed, begin = pool.changed[rows], start[mine]
        columns = {
            "start": begin + motif.core.start,
            "end": begin + motif.core.stop,
            "name": motif.name,
            "strand": pool.words.strand[rows],
            "instance_start": begin,
            "instance_end": begin + motif.width,
            "pwm": motif.matrix,
            "element": element[mine],
            "grade": np.array(GRADES, object)[grade[mine]],
            "weakened": np.where(changed >= 0, begin + changed, -1),
            "deficit": pool.deficit[rows],
        }
        parts.append(pd.DataFrame(columns))
    made = pd.concat(parts).sort_values("start", kind="stable", ignore_index=True)
    return with_partners(made)


def with_partners(sites: pd.DataFrame, by: str = "element") -> pd.DataFrame:
    """Sites with their partner and what occupies them.

    Parameters
    ----------
    sites
        With start, end, name and deficit; sites with the same `by` stand together.

    Returns
    -------
    pandas.DataFrame
        The same rows, and partner_name, partner_start, partner_end (the first site that
        helps; "" and -1 where none does), occupancy.
    """
    middle = (sites["instance_start"] + sites["instance_end"]) // 2
    own = sites[[by, "name", "start", "end"]].assign(middle=middle, row=np.arange(len(sites)))
    own = own[(occupancy(sites["deficit"].to_numpy()) > 0)]
    pairs = own.merge(own, on=by, suffixes=("", "_other"))
    apart = (pairs["middle"] - pairs["middle_other"]).abs()
    helps = np.zeros(len(pairs), bool)
    for (name, partner), limits in PARTNERS.items():
        named = (pairs["name"] == name) & (pairs["name_other"] == partner)
        helps |= named & apart.between(*limits)
    first = pairs[helps].sort_values(["row", "start_other"]).drop_duplicates("row")
    rows = first["row"].to_numpy()
    name, place = np.full(len(sites), "", object), np.full((2, len(sites)), -1)
    name[rows] = first["name_other"]
    place[:, rows] = first[["start_other", "end_other"]].to_numpy().T
    helped = HELP * (name != "")
    return sites.assign(
        partner_name=name,
        partner_start=place[0],
        partner_end=place[1],
        occupancy=occupancy(sites["deficit"].to_numpy() - helped),
    )


def _compose(kind: Whole, rng: np.random.Generator) -> tuple[Whole, Whole, NDArray[np.bool_]]:
    """(n, 3) family and grade of the sites of elements, and which of them there are."""
    n, index = len(kind), {name: number for number, name in enumerate(FAMILIES)}
    family = rng.integers(0, len(FAMILIES), (n, _SITES))
    grade = np.where(rng.random((n, _SITES)) < _WEAK_SHARE, _WEAK, _STRONG)
    count = rng.choice(len(_SITE_SHARES), n, p=_SITE_SHARES)
    third = rng.choice([index[name] for name in _THIRD], n)
    family[:, 2] = np.where(kind > 0, third, family[:, 2])
    pair = np.where(kind > 0, (kind - 1) % len(PARTNERS), -1)
    for number, (name, partner) in enumerate(PARTNERS):
        mine = pair == number
        family[mine, 0], family[mine, 1] = index[name], index[partner]
        grade[mine, 0] = _FAINT
        grade[mine, 1] = _FAINT if name == partner else _STRONG
    broken = (kind - 1) // len(PARTNERS)  # 0: neither, 1: the first, 2: the other
    for site in (0, 1):
        grade[broken == site + 1, site] = _BROKEN
    return family, grade, np.arange(_SITES) < np.where(kind > 0, _SITES, count)[:, None]


def _arrange(
    kind: Whole, width: Whole, there: NDArray[np.bool_], rng: np.random.Generator
) -> Whole:
    """(n, 3) first base of each site from its element's centre, drawn until none overlap."""
    limits = np.array(list(PARTNERS.values()))[(kind - 1) % len(PARTNERS)]
    start = np.zeros(width.shape, np.int64)
    waiting = np.arange(len(kind))
    while waiting.size:
        n, paired = waiting.size, kind[waiting] > 0
        centre = rng.integers(-_NEAR, _NEAR + 1, (n, _SITES))
        first = rng.integers(-PAIR_REACH, PAIR_REACH + 1, n)
        low, high = limits[waiting].T
        apart = rng.integers(low, high + 1) * rng.choice([-1, 1], n)
        centre[paired, 0], centre[paired, 1] = first[paired], (first + apart)[paired]
        start[waiting] = centre - width[waiting] // 2
        waiting = waiting[_overlap(start[waiting], width[waiting], there[waiting])]
    return start


def _overlap(start: Whole, width: Whole, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Elements of which two sites share a base."""
    start = np.where(there, start, 10**6 + 10**4 * np.arange(start.shape[1]))
    order = np.argsort(start, axis=1)
    start = np.take_along_axis(start, order, axis=1)
    end = start + np.take_along_axis(width, order, axis=1)
    return (start[:, 1:] < end[:, :-1]).any(axis=1)
