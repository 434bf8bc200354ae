"""GATA and E-box motifs of regulatory elements: which, where, and the table of them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.regulatory import draw_motifs, plant

MOTIFS = ("GATA", "EBOX")
PATTERNS = ("GATA", "CANNTG")
GATA, EBOX = 0, 1
# ENCODE matrices of 8 to 12 bits that mostly hold GATA, and of 15 bits with CANNTG.
_PWMS = (
    tuple(f"GATA_known{number}" for number in (4, 6, 7, 8, 11, 15, 19)),
    ("TAL1_known1", "TAL1_known2", "TAL1_known3"),
)

KINDS = ("composite", "apart", "gata", "ebox", "none")
_COMPOSITE, _APART = 0, 1
_HAS = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 0]], bool)  # which motifs a kind has
_ROLES = np.array(["composite", "apart", "single", "single"])

_COPIES = (2, 3)  # of each motif that an element has
_NEAR = 60  # motif centres from the element's centre
_FAR = (40, 125)  # the same where the two motifs stand apart, on different sides
_FAR_PAIR = 90  # least distance of two motifs that stand apart
# Centre to centre in a composite: 7 + exponential of mean 10, at most 30. Whole instances
# do not fit below about 10.
_SHORTEST, _MEAN, _LONGEST = 7, 10, 30


def plant_motifs(
    codes: NDArray[np.uint8],
    place: NDArray[np.int64],
    kind: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], pd.DataFrame]:
    """Write motifs into elements, none over another of the same element.

    Parameters
    ----------
    codes
        The genome, (bp,) uint8; written to.
    place
        (n,) centres of the elements in it.
    kind
        (n,) index into `KINDS`.
    rng
        Draws instances, copies and places.

    Returns
    -------
    centres
        (n, 2, copies) of each motif about the element's centre; NaN where none.
    sites
        One row per motif, in order: start, end, name, strand of the exact pattern,
        instance_start, instance_end, instance_strand, pwm of the instance around
        it, element, role, pair.

    Notes
    -----
    Elements whose motifs overlap, or stand at a wrong distance, are drawn again,
    all of them at once.
    """
    pools = [
        draw_motifs(
            _PWMS[m], PATTERNS[m], without=PATTERNS[1 - m], both_strands=m == EBOX, rng=rng
        )
        for m in (GATA, EBOX)
    ]
    n, most = len(kind), max(_COPIES)
    copies = rng.integers(_COPIES[0], most + 1, n)
    there = _HAS[:, kind].T[:, :, None] & (np.arange(most) < copies[:, None])[:, None, :]
    row = np.stack([rng.integers(0, len(pool.width), (n, most)) for pool in pools], axis=1)
    width, core = (
        np.stack([getattr(pool, name)[row[:, m]] for m, pool in enumerate(pools)], axis=1)
        for name in ("width", "core")
    )
    lead = core + np.array([len(pattern) // 2 for pattern in PATTERNS])[None, :, None]
    centre = np.zeros((n, 2, most), np.int64)
    waiting = np.flatnonzero(there.any(axis=(1, 2)))
    while waiting.size:
        drawn, shown = _draw_centres(kind[waiting], rng), there[waiting]
        centre[waiting] = drawn
        fits = _fits(drawn - lead[waiting], width[waiting], shown)
        waiting = waiting[~(fits & _keeps_distance(drawn, shown, kind[waiting]))]
    element, motif, copy = np.nonzero(there)
    start, rows = place[element] + (centre - lead)[there], row[there]
    parts = []
    for m, pool in enumerate(pools):
        mine = motif == m
        plant(codes, start[mine], pool, rows[mine])
        core_start, of_kind = (start + core[there])[mine], kind[element[mine]]
        number = element[mine] * most + copy[mine]
        columns = {
            "start": core_start,
            "end": core_start + len(PATTERNS[m]),
            "name": MOTIFS[m],
            "strand": "+",  # CANNTG is its own reverse complement
            "instance_start": start[mine],
            "instance_end": start[mine] + pool.width[rows[mine]],
            "instance_strand": pool.strand[rows[mine]],
            "pwm": pool.pwm[rows[mine]],
            "element": element[mine],
            "role": _ROLES[of_kind],
            "pair": np.where(of_kind == _COMPOSITE, number, -1),
        }
        parts.append(pd.DataFrame(columns))
    sites = pd.concat(parts).sort_values("start", kind="stable", ignore_index=True)
    return np.where(there, centre, np.nan), sites


def _draw_centres(kind: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.int64]:
    """Centres (n, 2, copies) of GATA and E-boxes about the element's centre, one draw."""
    shape = (len(kind), max(_COPIES))
    near = rng.integers(-_NEAR, _NEAR + 1, (2, *shape))
    far = rng.integers(_FAR[0], _FAR[1] + 1, (2, *shape))
    distance = _SHORTEST + np.round(rng.exponential(_MEAN, shape)).astype(np.int64)
    partner = near[GATA] + rng.choice([-1, 1], shape) * distance
    side = rng.choice([-1, 1], (len(kind), 1))
    composite, apart = ((kind == number)[:, None] for number in (_COMPOSITE, _APART))
    gata = np.where(apart, side * far[GATA], near[GATA])
    ebox = np.where(apart, -side * far[EBOX], near[EBOX])
    return np.stack([gata, np.where(composite, partner, ebox)], axis=1)


def _fits(
    start: NDArray[np.int64], width: NDArray[np.int64], shown: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Elements whose instances do not overlap."""
    n = len(start)
    start = np.where(shown, start, np.iinfo(np.int32).max).reshape(n, -1)
    order = np.argsort(start, axis=1)
    start = np.take_along_axis(start, order, axis=1)
    end = start + np.take_along_axis(width.reshape(n, -1), order, axis=1)
    last = np.arange(1, start.shape[1]) >= shown.sum(axis=(1, 2))[:, None]
    return ((start[:, 1:] >= end[:, :-1]) | last).all(axis=1)


def _keeps_distance(
    centre: NDArray[np.int64], shown: NDArray[np.bool_], kind: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Elements whose composites are near and short, and whose far motifs are far."""
    own = np.abs(centre[:, GATA] - centre[:, EBOX])
    wrong = shown & ((np.abs(centre) > _NEAR) | (own > _LONGEST)[:, None])
    every = np.abs(centre[:, GATA, :, None] - centre[:, EBOX, None, :])
    both = shown[:, GATA, :, None] & shown[:, EBOX, None, :]
    near = both & (every < _FAR_PAIR)
    return np.where(
        kind == _COMPOSITE,
        ~wrong.any(axis=(1, 2)),
        (kind != _APART) | ~near.any(axis=(1, 2)),
    )
