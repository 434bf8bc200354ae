"""Simulation of bQTLs in a synthetic genome, with the truth of each.

All lie in peaks of GM12878, in elements with a site of the factor, one per element. A
variant changes the bases of the sites that cover it, so their occupancy and that of the
sites they help, so the element's logit in GM12878. The change of the logit is the variant's
delta (ALT − REF), whose sign says which allele is stronger. The classes:

core
    In the factor's own site, the only one of its element that counts in GM12878, without
    a partner. Three quarters remove a strong site at one of its four most informative
    positions; the others restore the base that a weak site lacks.
flank
    1 to 3 bp outside the matrix of such a site, a weak one; a third strengthen it.
partner
    Removes a strong site of another family that counts in GM12878, 20-100 bp away
    from the factor's own.
composite
    Removes a faint SPI1 site near the element's centre that has a partner: half of them
    RUNX, 20-50 bp away, half another SPI1 site, 85-115 bp away. The partner loses its
    contribution too.
control
    As many as the others. At least 40 bp from every planted site, as near the element's
    centre as most sites are.

Chance matches of a matrix are ignored: a control may lie in one.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.sequences.encoding import ALPHABET
from synthetic.accessibility import SyntheticData, families_of
from synthetic.accessible_motifs import load_motifs
from synthetic.accessible_sites import PAIR_REACH, PARTNERS
from synthetic.bqtl_changes import TASK, base_changes, logit_changes

log = logging.getLogger(__name__)

FACTORS = {"JUND": "AP1", "NFKB": "NFKB", "SPI1": "SPI1", "STAT1": "STAT", "POU2F1": "OCT"}
"""Family of each factor's own sites."""
CLASSES = ("core", "flank", "partner", "composite", "control")

# Of each class and direction, the scarcest first: they choose elements in this order.
_COUNTS = {
    "flank_gain": 12, "flank_loss": 23, "composite_RUNX": 15, "composite_SPI1": 15,
    "core_gain": 12, "partner": 36, "core_loss": 37,
}  # fmt: skip
_LEAST = 0.25  # least change of occupancy, where the site is not removed
_APART = (20, 100)  # bp between a variant in a partner and the factor's site
# bp between a control and any site, and at most from the element's centre (sites are no
# further: a place alone must not tell controls from the others).
_CLEAR, _REACH = 40, 70
_SIGNIFICANT, _LOG10_PER_LOGIT, _LEAST_CONTROL_P = 5e-5, 2.0, 0.95
_LETTERS = np.array(list(ALPHABET))
_TRUTH_NAMES = {
    "site_grade": "grade", "name": "affected_name", "start": "affected_start",
    "end": "affected_end",
}  # fmt: skip
_COLUMNS = (
    "factor", "contig", "position", "ref", "alt", "stronger", "p_value", "kind", "delta",
    "element", "site_start", "site_end", "grade", "distance", "affected_name",
    "affected_start", "affected_end", "occupancy_ref", "occupancy_alt", "n_sites",
    "partner_name", "partner_start", "partner_end",
)  # fmt: skip


def draw_bqtls(
    data: SyntheticData, *, scale: float, seed: int, contigs_first: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """Draw the variants of all factors.

    Parameters
    ----------
    data
        Not changed: its genome holds the reference alleles.
    scale
        Multiplies the number of variants (120 significant ones and 120 controls a
        factor, 150 and 150 of SPI1); each kind has at least one.
    seed
        Of places, alleles and p-values.
    contigs_first
        Groups of contigs; elements of the first are used up before those of the
        second, and all of these before those of other contigs. Put the test
        chromosomes first.

    Returns
    -------
    pandas.DataFrame
        One row per variant, by factor and position: factor, contig, position (0-based), ref,
        alt, stronger, p_value, kind (of `CLASSES`), delta (logits, ALT − REF),
        element, site_start, site_end, grade (the factor's nearest site), distance (bp
        from the variant to that site, 0 inside), affected_name, affected_start,
        affected_end (the site that the variant changes; "" and -1 for controls),
        occupancy_ref, occupancy_alt (of that), n_sites (of the element, that count
        in GM12878), partner_name, partner_start, partner_end (what helps the changed
        site; "" and -1 where nothing does).
    """
    rng = np.random.default_rng([seed, 3])
    elements, sites = data.elements, _counting_sites(data)
    rank = pd.Series(len(contigs_first), pd.unique(elements["contig"]))
    for number, group in enumerate(contigs_first):
        if not set(group) <= set(rank.index):
            raise ValueError(f"contigs_first: got {group}, expected some of {list(rank.index)}")
        rank[list(group)] = number
    rank_of = elements["contig"].map(rank).to_numpy()
    free = elements[f"open_{TASK}"].to_numpy() == 1
    motifs = {motif.name: motif for motif in load_motifs()}
    changes = pd.concat([base_changes(data, sites, motifs[f]) for f in families_of(TASK)])
    offered = {factor: _offers(data, sites, changes, factor, rng) for factor in FACTORS}
    parts = []
    taken = dict.fromkeys(FACTORS, 0)
    for kind, count in (*_COUNTS.items(), ("control", 0)):
        for factor in FACTORS:
            if kind not in offered[factor]:
                continue
            wanted = max(1, round(count * scale)) if count else taken[factor]
            offers = offered[factor][kind].sample(frac=1, random_state=rng)
            offers = offers[free[offers["element"]]].drop_duplicates("element")
            order = np.argsort(rank_of[offers["element"]], kind="stable")[:wanted]
            chosen = offers.iloc[order].assign(factor=factor, kind=kind.partition("_")[0])
            free[chosen["element"]] = False
            taken[factor] += len(chosen)
            if len(chosen) < wanted:
                log.warning(
                    "%s: %d variants of kind %s, %d were wanted: the data set has no more",
                    factor, len(chosen), kind, wanted,
                )  # fmt: skip
            parts.append(chosen)
    return _finish(pd.concat(parts, ignore_index=True), data, rng)


def _counting_sites(data: SyntheticData) -> pd.DataFrame:
    """Select the sites that count in open elements of GM12878; add their number per element."""
    counts = data.sites["name"].isin(families_of(TASK))
    opened = data.elements[f"open_{TASK}"].to_numpy()[data.sites["element"]] == 1
    kept = data.sites[counts & opened & (data.sites["occupancy"] > 0)]
    return kept.assign(n_sites=kept.groupby("element")["start"].transform("size"))


def _offers(
    data: SyntheticData, sites: pd.DataFrame, changes: pd.DataFrame, factor: str,
    rng: np.random.Generator,
) -> Mapping[str, pd.DataFrame]:  # fmt: skip
    """List the variants of each kind that a factor could have."""
    family = FACTORS[factor]
    change = changes["occupancy_alt"] - changes["occupancy_ref"]
    own, alone = changes["name"] == family, changes["partner_name"] == ""
    removed = alone & (changes["grade"] == "strong")
    single = own & alone & (changes["n_sites"] == 1)
    weak = single & (changes["grade"] == "weak")
    restored = (changes["position"] == changes["weakened"]) & changes["is_best"]
    partners = changes[removed & (changes["name"] != family)]
    distance = _nearest(partners, sites[sites["name"] == family])["distance"]
    centre = data.elements["centre"].to_numpy()
    middle = (sites["start"] + sites["end"]) // 2
    # Peaks of the factor stand on its sites: those of far ones need not reach a control.
    near = (middle - centre[sites["element"]]).abs() <= _REACH
    with_site = sites.loc[near & (sites["name"] == family), "element"].unique()
    offers = {
        "flank_gain": changes[weak & ~changes["in_core"] & (change > _LEAST)],
        "flank_loss": changes[weak & ~changes["in_core"] & (change < -_LEAST)],
        "core_gain": changes[weak & restored & (change > _LEAST)],
        "partner": partners[distance.between(*_APART).to_numpy()],
        "core_loss": changes[single & removed],
        "control": _controls(data, with_site, rng),
    }
    off = (changes["start"] + changes["end"]) // 2 - centre[changes["element"]]
    paired = own & (changes["grade"] == "faint") & (off.abs() <= PAIR_REACH + 1)
    for name, partner in PARTNERS:
        if name == family:
            of_pair = paired & (changes["partner_name"] == partner)
            offers[f"composite_{partner}"] = changes[of_pair]
    return offers


def _nearest(variants: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Find the nearest of the factor's own sites in each variant's element; NaN where none."""
    row = np.arange(len(variants))
    here = variants[["element", "position"]].assign(row=row)
    own = own[["element", "start", "end", "grade"]].add_prefix("site_")
    pairs = here.merge(own, left_on="element", right_on="site_element")
    before, after = pairs["site_start"] - pairs["position"], pairs["position"] + 1
    pairs["distance"] = np.maximum(np.maximum(before, after - pairs["site_end"]), 0)
    pairs = pairs.sort_values(["row", "distance"], kind="stable").drop_duplicates("row")
    columns = ["site_start", "site_end", "site_grade", "distance"]
    return pairs.set_index("row")[columns].reindex(row)


def _controls(
    data: SyntheticData, with_site: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Draw one position per open element; keep those that are clear of all sites.

    The position is drawn first and checked then, so that positions near the centre are as
    frequent as the sites allow.
    """
    opened = data.elements[f"open_{TASK}"].to_numpy()[with_site] == 1
    element = with_site[opened]
    place = data.elements["centre"].to_numpy()[element]
    place = place + rng.integers(-_REACH, _REACH + 1, len(element))
    sites = data.sites[data.sites["element"].isin(element)]
    at = pd.Index(element).get_indexer(sites["element"])
    near = (place[at] > sites["instance_start"] - _CLEAR) & (
        place[at] < sites["instance_end"] - 1 + _CLEAR
    )
    clear = np.ones(len(element), bool)
    clear[at[near]] = False
    contig = data.elements["contig"].to_numpy()[element]
    ref = data.genome.windows(data.genome.contigs.index(contig), place, 1)[:, 0]
    offers = pd.DataFrame({"element": element, "contig": contig, "position": place, "ref": ref})
    offers["alt"] = (ref + rng.integers(1, 4, len(ref))) % 4
    nothing = {"name": "", "start": -1, "end": -1, "partner_name": "", "partner_start": -1}
    nothing |= {"partner_end": -1, "occupancy_ref": 0.0, "occupancy_alt": 0.0}
    return offers.assign(**nothing)[clear]


def _finish(
    chosen: pd.DataFrame, data: SyntheticData, rng: np.random.Generator
) -> pd.DataFrame:
    """Make the table of the truth from the chosen variants."""
    sites = _counting_sites(data)
    parts = []
    for factor, of_factor in chosen.groupby("factor", sort=False):
        own = sites[sites["name"] == FACTORS[str(factor)]]
        near = _nearest(of_factor, own).set_index(of_factor.index)
        whole = dict.fromkeys(("site_start", "site_end", "distance"), np.int64)
        parts.append(of_factor.join(near.astype(whole)))
    made = pd.concat(parts)
    delta = logit_changes(made, data.sites)
    control = (made["kind"] == "control").to_numpy()
    n = len(made)
    below = rng.exponential(_LOG10_PER_LOGIT * np.abs(delta))  # orders of magnitude
    p = np.where(control, rng.uniform(_LEAST_CONTROL_P, 1, n), _SIGNIFICANT * 10.0**-below)
    p = np.char.mod("%.6g", p).astype(float)  # a workbook keeps 16 digits
    gains = np.where(control, rng.random(n) < 0.5, delta > 0)
    ref, alt = _LETTERS[made["ref"]], _LETTERS[made["alt"]]
    table = made.drop(columns=["grade", "n_sites"]).rename(columns=_TRUTH_NAMES)
    table = table.assign(
        ref=ref, alt=alt, stronger=np.where(gains, alt, ref), p_value=p, delta=delta,
        n_sites=sites.groupby("element").size().reindex(made["element"]).to_numpy(),
    )  # fmt: skip
    place = data.genome.contigs.index(table["contig"])
    factor = pd.Index(list(FACTORS)).get_indexer(table["factor"])
    order = np.lexsort((table["position"], place, factor))
    return table.iloc[order][list(_COLUMNS)].reset_index(drop=True)
