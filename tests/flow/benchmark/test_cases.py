"""Inputs of the benchmark: sites that stand where the network joins them."""

import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.motifs.pairing import ordered_pairs
from dfim.scoring.settings import ScoringSettings
from flow.benchmark.cases import (
    MOTIF,
    SPACING,
    close_sites,
    random_sequences,
    require_interactions,
    spread_sites,
)
from flow.benchmark.page import markdown
from flow.benchmark.timing import NETWORKS, best_seconds, paper_shapes

GC = ScoringSettings(references="gc")


@pytest.fixture(scope="module")
def tal_gata():
    _, name, *_ = NETWORKS
    return make_attributor(paper_shapes()[name], "deeplift", maxpool_rule="winner")


@pytest.mark.parametrize("each", [4, 12])
def test_close_sites_of_the_tal_gata_network_interact(tal_gata, each):
    sites = close_sites(12, tal_gata.length, each)
    assert set(np.diff(sites.start.reshape(12, each)).ravel()) == {SPACING}
    assert len(set(sites.start.reshape(12, each)[:, 0])) > 6  # a place for each sequence
    assert ((sites.end - sites.start) == MOTIF).all()
    assert sites.end.max() <= tal_gata.length
    share = require_interactions(tal_gata, random_sequences(12, 1000), sites, GC)
    source, target, _ = ordered_pairs(sites)
    distance = np.abs(sites.start[source] - sites.start[target])
    assert share <= (distance < tal_gata.structural_reach() + MOTIF).mean()
    assert share > 0.4


def test_sites_beyond_the_reach_are_refused(tal_gata):
    with pytest.raises(ValueError, match=r"sites: got 0% of 96 pairs within .* reach"):
        require_interactions(tal_gata, random_sequences(8, 1000), spread_sites(8, 1000, 4), GC)


def test_pairs_without_a_fis_are_refused(tal_gata):
    nothing = np.zeros((8, 1000, 4), np.uint8)  # equal bases, so that nothing changes
    settings = ScoringSettings(references="zeros", motif_mutation="zeros")
    with pytest.raises(ValueError, match=r"sites: got FIS other than 0 in 0% of"):
        require_interactions(tal_gata, nothing, close_sites(8, 1000, 4), settings)


@pytest.mark.parametrize("place", [spread_sites, close_sites])
def test_sites_that_do_not_fit_are_refused(place):
    with pytest.raises(ValueError, match=r"each: got 20 sites of 12 bp, expected fewer"):
        place(3, 200, 20)


def test_best_seconds_takes_the_clock_it_is_given():
    ticks = iter([0.0, 10.0, 13.0, 20.0, 22.0])  # the first round is read once
    assert best_seconds({"a": int}, rounds=2, clock=lambda: next(ticks)) == {"a": 2.0}


def test_numbers_of_a_table_are_rounded_by_column():
    import pandas as pd

    table = pd.DataFrame({"rule": ["x"], "old wall_s": [1234.6], "new share": [np.nan]})
    assert markdown(table).splitlines()[-1] == "| x | 1,235 | – |"
