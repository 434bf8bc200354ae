"""Effects of base changes in the sites of a synthetic genome on their elements."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.accessibility import EFFECT, SyntheticData, families_of
from synthetic.accessible_motifs import Motif, occupancy
from synthetic.accessible_sites import HELP, with_partners

TASK = "GM12878"
"""The cell type whose logit defines the delta of variants."""
_GONE = 0.1  # occupancy left at most of a site that is removed


def base_changes(data: SyntheticData, sites: pd.DataFrame, motif: Motif) -> pd.DataFrame:
    """List base changes in a family's sites: those that remove a site, and all in weak ones.

    Parameters
    ----------
    data
        Its genome holds the bases of the sites.
    sites
        Rows of `SyntheticData.sites`.
    motif
        Motif of the family.

    Returns
    -------
    pandas.DataFrame
        One row per change, with the columns of its site and: position (0-based), ref, alt
        (codes), in_core (of the matrix, not its flanks), is_best (ALT is the column's
        best base), occupancy_ref, occupancy_alt (of the site; the sites that help it stay
        as they are), deficit_alt (bits).
    """
    of_family = sites[sites["name"] == motif.name]
    contig = data.genome.contigs.index(of_family["contig"])
    start = of_family["instance_start"].to_numpy()
    turned = (of_family["strand"] == "-").to_numpy()
    words = data.genome.windows(contig, start, motif.width)
    words[turned] = 3 - words[turned, ::-1]
    base_costs = motif.costs[np.arange(motif.width), words]
    after = motif.deficit(words)[:, None, None] + motif.costs - base_costs[:, :, None]
    helped = HELP * (of_family["partner_name"] != "").to_numpy()
    remaining = occupancy(after - helped[:, None, None])
    gone = (remaining < _GONE) & np.isin(np.arange(motif.width), motif.top)[:, None]
    kept = np.where((of_family["grade"] == "weak").to_numpy()[:, None, None], True, gone)
    row, column, base = np.nonzero(kept & (np.arange(4) != words[:, :, None]))
    inside = np.arange(motif.width)
    in_core = (inside >= motif.core.start) & (inside < motif.core.stop)
    place = np.where(turned[row], motif.width - 1 - column, column) + start[row]
    owner = of_family.iloc[row].reset_index(drop=True)
    return owner.assign(
        position=place,
        ref=np.where(turned[row], 3 - words[row, column], words[row, column]),
        alt=np.where(turned[row], 3 - base, base),
        in_core=in_core[column],
        is_best=motif.costs[column, base] == 0,
        occupancy_ref=owner["occupancy"],
        occupancy_alt=remaining[row, column, base],
        deficit_alt=after[row, column, base],
    )


def logit_changes(made: pd.DataFrame, sites: pd.DataFrame) -> NDArray[np.float64]:
    """Return the change of the logit in GM12878 by each variant, ALT − REF, shape (N,).

    The occupancy of all sites of an element is computed again, so that the help of the
    changed site for others counts.

    Parameters
    ----------
    made
        One row per variant: element, start of the site that it changes, deficit_alt.
    sites
        All sites of the data set.

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    changed = made[["element", "start", "deficit_alt"]].assign(variant=np.arange(len(made)))
    here = changed.merge(sites, on="element", suffixes=("_changed", ""))
    hit = here["start"] == here["start_changed"]
    after = here.assign(deficit=here["deficit"].mask(hit, here["deficit_alt"]))
    after = with_partners(after, by="variant")["occupancy"]
    counts = here["name"].isin(families_of(TASK))
    change = (after - here["occupancy"]).where(counts, 0.0).groupby(here["variant"]).sum()
    return EFFECT * change.reindex(np.arange(len(made)), fill_value=0).to_numpy()
