"""The synthetic genome of 18 cell types, its bQTLs, and the workbook of them."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from dfim.genome.intervals import Peaks, overlaps, read_narrowpeak
from dfim.variants.windows import check_variants
from flow.declarations.sheets import SHEETS
from flow.variants.bqtl import read_workbook
from synthetic.accessibility import BASE, EFFECT, TASKS, families_of, oracle_auroc, simulate
from synthetic.accessible_motifs import FAMILIES, load_motifs, occupancy
from synthetic.accessible_sites import HELP, PARTNERS, with_partners
from synthetic.bqtl_alleles import CLASSES, FACTORS, draw_bqtls
from synthetic.bqtl_workbook import write_workbook
from synthetic.regulatory import element_of, write_narrowpeak

SCALE = 0.1
ORDER = (("chr8", "chr9"), ("chr1",))


@pytest.fixture(scope="module")
def data():
    return simulate(scale=SCALE, seed=1)


@pytest.fixture(scope="module")
def bqtls(data):
    return draw_bqtls(data, scale=SCALE, seed=1, contigs_first=ORDER)


@pytest.fixture(scope="module")
def workbook(bqtls, tmp_path_factory):
    path = tmp_path_factory.mktemp("bqtls") / "mmc2.xlsx"
    write_workbook(path, bqtls, SHEETS)
    return path


def opened(data):
    return data.elements[[f"open_{task}" for task in TASKS]].to_numpy()


def words(data, motif, table):
    """(N, W) instances of a family's sites on the strand of the matrix."""
    contig = data.genome.contigs.index(table["contig"])
    found = data.genome.windows(contig, table["instance_start"].to_numpy(), motif.width)
    turned = (table["strand"] == "-").to_numpy()
    found[turned] = 3 - found[turned, ::-1]
    return found


# ---- the data set ----------------------------------------------------------------


def test_chromosomes(data):
    assert data.genome.contigs.names == tuple(f"chr{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9))
    assert set(data.genome.contigs.lengths) == {
        1400 * n for n in data.elements["contig"].value_counts()
    }
    somewhere = data.elements[opened(data).any(axis=1)]
    n = somewhere["contig"].value_counts()
    train = n.drop(["chr1", "chr8", "chr9"]).sum()
    assert 40_000 * SCALE < train < 45_000 * SCALE
    assert n["chr8"] + n["chr9"] == pytest.approx(train * 0.2 / 0.74, rel=0.05)
    # A window about any variant of an element holds that element's sites only.
    gap = data.elements.groupby("contig")["centre"].diff().dropna()
    assert gap.min() >= 1400 - 40
    assert all((codes < 4).all() for codes in data.genome.codes)


def test_sites_are_words_of_their_matrices(data):
    sites = data.sites
    motifs = load_motifs()
    assert tuple(motif.name for motif in motifs) == FAMILIES
    assert set(sites["name"]) == set(FAMILIES)
    for motif in motifs:
        mine = sites[sites["name"] == motif.name]
        assert (mine["instance_end"] - mine["instance_start"] == motif.width).all()
        assert (mine["end"] - mine["start"] == motif.width - 6).all()
        found = words(data, motif, mine)
        filled = occupancy(motif.deficit(found))
        np.testing.assert_allclose(motif.deficit(found), mine["deficit"])
        grade = mine["grade"].to_numpy()
        for name, low, high in (("strong", 1, 1), ("weak", 0.35, 0.75), ("faint", 0.1, 0.3),
                                ("broken", 0, 0)):  # fmt: skip
            assert ((filled[grade == name] >= low) & (filled[grade == name] <= high)).all()
        weak = grade == "weak"
        if motif.name != "RUNX":  # many strong ones are partners
            assert weak.sum() / (weak | (grade == "strong")).sum() == pytest.approx(
                0.25, abs=0.06
            )
        assert (mine["strand"] == "-").mean() == pytest.approx(0.5, abs=0.08)
        # The base that makes it weak is in the core; giving the best one back helps.
        at = (mine["weakened"] - mine["instance_start"]).to_numpy()
        at = np.where(mine["strand"] == "-", motif.width - 1 - at, at)[weak]
        assert ((at >= motif.core.start) & (at < motif.core.stop)).all()
        better = found[weak]
        better[np.arange(len(at)), at] = motif.costs[at].argmin(axis=1)
        assert (occupancy(motif.deficit(better)) > filled[weak] + 0.1).all()
        # One wrong base in a most informative position: the best word is gone.
        worst = np.sort(motif.costs[motif.top], axis=1)[:, -1]
        assert (worst > 9).all()
    assert ((sites["weakened"] == -1) == (sites["grade"] == "strong")).all()


def test_occupancy_is_a_straight_line_between_its_ends():
    assert occupancy(np.array([0, 5, 6, 9, 10, 40.0])).tolist() == pytest.approx(
        [1, 1, 0.8, 0.2, 0, 0]
    )


def test_sites_stand_apart_and_near_their_element(data):
    sites, elements = data.sites, data.elements
    same = (sites["element"].diff() == 0).to_numpy()[1:]
    gap = sites["instance_start"].to_numpy()[1:] - sites["instance_end"].to_numpy()[:-1]
    assert (gap[same] >= 0).all()
    middle = (sites["instance_start"] + sites["instance_end"]) // 2
    off = (middle - elements["centre"].to_numpy()[sites["element"]]).abs()
    paired = is_paired(sites)
    assert off[~paired].max() == 60
    assert off.max() <= 20 + 115
    share = elements["n_sites"].drop(sites.loc[paired, "element"].unique())
    share = share.value_counts(normalize=True).sort_index()
    assert share.tolist() == pytest.approx([0.15, 0.35, 0.3, 0.2], abs=0.03)
    assert (elements["contig"].to_numpy()[sites["element"]] == sites["contig"]).all()


def is_paired(sites):
    """Which sites are of elements with a pair: only these hold faint and broken ones."""
    grades = sites.groupby("element")["grade"].agg(set)
    odd = grades.map(lambda found: bool(found & {"faint", "broken"}))
    return sites["element"].map(odd).to_numpy()


def test_pairs_and_their_decoys(data):
    sites, elements = data.sites, data.elements
    paired = sites[is_paired(sites)]
    assert paired["element"].nunique() == pytest.approx(0.3 * len(elements), rel=0.05)
    assert (elements["n_sites"].loc[paired["element"].unique()] == 3).all()
    middle = (paired["instance_start"] + paired["instance_end"]) // 2
    off = (middle - elements["centre"].to_numpy()[paired["element"]]).rename("off")
    members = paired.assign(off=off)[paired["name"].isin(["SPI1", "RUNX"])]
    assert (members.groupby("element").size() == 2).all()
    near = members.loc[members["off"].abs().groupby(members["element"]).idxmin()]
    assert near["off"].abs().max() <= 50
    grades = members.groupby("element").agg({"grade": sorted, "name": sorted, "off": np.ptp})
    kinds = pd.crosstab(grades["name"].str.join(" "), grades["grade"].str.join(" "))
    # One broken as often as the other, both whole in about half of the pairs.
    n = len(elements)
    assert kinds.loc["SPI1 SPI1"].to_dict() == pytest.approx(
        {"broken faint": 0.08 * n, "faint faint": 0.08 * n, "broken strong": 0,
         "faint strong": 0}, rel=0.15)  # fmt: skip
    assert kinds.loc["RUNX SPI1"].to_dict() == pytest.approx(
        {"broken faint": 0.04 * n, "faint strong": 0.06 * n, "broken strong": 0.04 * n,
         "faint faint": 0}, rel=0.2)  # fmt: skip
    for (name, partner), limits in PARTNERS.items():
        apart = grades.loc[grades["name"].str.join(" ") == " ".join(sorted([name, partner]))]
        assert apart["off"].between(*limits).all()
    # The third tells nothing of GM12878.
    third = paired[~paired["name"].isin(["SPI1", "RUNX"])]
    assert not third["name"].isin(families_of("GM12878")).any()


def test_partners_help(data):
    sites = data.sites
    helped = (sites["partner_name"] != "").to_numpy()
    expected = occupancy(sites["deficit"].to_numpy() - HELP * helped)
    np.testing.assert_allclose(sites["occupancy"], expected)
    assert set(sites.loc[helped, "name"]) == {"SPI1"}
    faint = (sites["grade"] == "faint").to_numpy()
    assert (expected[faint & helped] == 1).all()
    assert (expected[faint & ~helped] < 0.3).all()
    # A partner is a site that is there, at the right distance, and the first of them.
    own = sites[helped]
    keys = pd.MultiIndex.from_frame(own[["contig", "partner_start", "partner_end"]])
    partner = sites.set_index(["contig", "start", "end"]).loc[keys].reset_index()
    assert (partner["name"].to_numpy() == own["partner_name"]).all()
    assert (partner["element"].to_numpy() == own["element"]).all()
    assert (partner["grade"] != "broken").all()
    own_middle = ((own["instance_start"] + own["instance_end"]) // 2).to_numpy()
    apart = (own_middle - (partner["instance_start"] + partner["instance_end"]) // 2).abs()
    for (_, other), limits in PARTNERS.items():
        assert apart[partner["name"] == other].between(*limits).all()
    # Nothing else has one: taken at its word, each site says so itself.
    pd.testing.assert_frame_equal(with_partners(sites)[sites.columns], sites)
    far = sites.assign(instance_end=sites["instance_end"] + 500 * (sites["name"] == "SPI1"))
    assert set(with_partners(far)["partner_name"]) == {"", "SPI1"}


def test_labels_are_additive(data):
    elements, sites = data.elements, data.sites
    for task in TASKS:
        counted = sites[sites["name"].isin(families_of(task))]
        total = counted.groupby("element")["occupancy"].sum()
        total = total.reindex(elements["element"], fill_value=0).to_numpy()
        np.testing.assert_allclose(elements[f"logit_{task}"], BASE + EFFECT * total)
        p = 1 / (1 + np.exp(-elements[f"logit_{task}"]))
        assert elements[f"open_{task}"].mean() == pytest.approx(p.mean(), abs=0.02)
    assert elements[f"logit_{TASKS[0]}"].max() > 2 * EFFECT + BASE - 0.1  # no ceiling


def test_cell_types_share_families_and_own_some():
    own = [families_of(task) for task in TASKS]
    assert len(TASKS) == len(set(own)) == 18
    held = pd.Series(sum(own, ())).value_counts()
    assert set(held.index) == set(FAMILIES)
    assert held["ETS"] == 18
    assert held["EBF"] == 1
    assert held.drop(["ETS", "EBF"]).between(4, 9).all()
    assert set(FACTORS.values()) <= set(families_of("GM12878"))


def test_peaks_are_of_the_open_elements(data, tmp_path):
    elements = data.elements
    for task in ("GM12878", "B"):
        path = tmp_path / f"{task}.narrowPeak.gz"
        peaks = data.peaks[task]
        write_narrowpeak(path, peaks, data.genome.contigs, peaks.signal, summits=True)
        found = read_narrowpeak(path, data.genome.contigs)
        for field in ("contig", "start", "end", "summit"):
            assert (getattr(found, field) == getattr(peaks, field)).all()
        assert len(np.unique(found.signal)) > 0.95 * len(found)
        is_open = elements[elements[f"open_{task}"] == 1]
        off = found.summit - is_open["centre"].to_numpy()
        assert np.abs(off).max() <= 20
        assert 5 < off.std() < 9
        strength = np.corrcoef(np.log(found.signal), is_open[f"logit_{task}"])[0, 1]
        assert strength > 0.4
    one, other = (data.peaks[task].summit for task in ("GM12878", "B"))
    assert len(np.intersect1d(one, other)) > 0.3 * min(len(one), len(other))


def test_oracle(data):
    elements, is_open = data.elements, opened(data)
    rows = np.flatnonzero(is_open.any(axis=1) & elements["contig"].isin(["chr8", "chr9"]))
    contig, start = elements["contig"].to_numpy()[rows], elements["centre"].to_numpy()[rows]
    shifted = start - 500 + np.random.default_rng(0).integers(-20, 21, len(rows))
    labels = is_open[rows].astype(np.int8)
    found = oracle_auroc(elements, contig, shifted, 1000, labels)
    assert found["task"].tolist() == list(TASKS)
    assert found["auroc"].between(0.93, 1).all()
    assert found["n_positive"].tolist() == labels.sum(axis=0).tolist()
    some = oracle_auroc(elements, contig, shifted, 1000, labels[:, 16:], TASKS[16:])
    pd.testing.assert_frame_equal(some, found.iloc[16:].reset_index(drop=True))
    masked = np.where(labels == 1, 1, -1)
    assert oracle_auroc(elements, contig, shifted, 1000, masked)["auroc"].isna().all()
    with pytest.raises(ValueError, match=r"truth: chr8:\d+ is on no element of the truth"):
        oracle_auroc(elements, contig, start - 400, 1000, labels)
    with pytest.raises(ValueError, match=r"truth: chr20:\d+ is on no element"):
        oracle_auroc(elements, np.full(len(rows), "chr20"), shifted, 1000, labels)


def test_nearest_element():
    elements = pd.DataFrame({"contig": ["a", "a", "b"], "centre": [100, 300, 100]})
    contig, position = np.array(["a", "b", "a", "a"]), np.array([80, 119, 320, 110])
    assert element_of(elements, contig, position, 20).tolist() == [0, 2, 1, 0]
    with pytest.raises(ValueError, match="a:80 is on no element"):
        element_of(elements, contig, position, 19)


def test_small_data_sets_are_refused():
    with pytest.raises(ValueError, match=r"scale: 0\.001 gives 62 elements, expected at leas"):
        simulate(scale=0.001, seed=1)


# ---- bQTLs -----------------------------------------------------------------------


def test_same_seed_same_data_and_variants(data, bqtls, workbook, tmp_path, monkeypatch):
    again = simulate(scale=SCALE, seed=1)
    assert all((a == b).all() for a, b in zip(again.genome.codes, data.genome.codes,
                                              strict=True))  # fmt: skip
    pd.testing.assert_frame_equal(again.sites, data.sites)
    pd.testing.assert_frame_equal(again.elements, data.elements)
    for task in TASKS:
        assert (again.peaks[task].signal == data.peaks[task].signal).all()
    variants = draw_bqtls(again, scale=SCALE, seed=1, contigs_first=ORDER)
    pd.testing.assert_frame_equal(variants, bqtls)
    monkeypatch.setattr("time.time", lambda: 1e9)  # zip and openpyxl look at the clock
    write_workbook(tmp_path / "again.xlsx", variants, SHEETS)
    digests = [
        hashlib.sha256(path.read_bytes()).digest()
        for path in (workbook, tmp_path / "again.xlsx")
    ]
    assert digests[0] == digests[1]
    other = draw_bqtls(again, scale=SCALE, seed=2, contigs_first=ORDER)
    assert not other["position"].equals(bqtls["position"])
    assert (simulate(scale=SCALE, seed=2).genome.codes[0] != data.genome.codes[0]).any()


def test_classes_and_their_numbers(bqtls):
    count = pd.crosstab(bqtls["factor"], bqtls["kind"])[list(CLASSES)]
    assert set(count.index) == set(FACTORS) == set(SHEETS)
    # At a tenth of the scale the test chromosomes and others hold what is asked for.
    expected = {"core": 5, "flank": 3, "partner": 4, "composite": 0, "control": 12}
    assert (count.drop("SPI1") == expected).all(axis=None)
    assert count.loc["SPI1"].to_dict() == expected | {"composite": 4, "control": 16}
    control = bqtls["kind"] == "control"
    assert (bqtls.loc[~control, "p_value"] < 5e-5).all()
    assert (bqtls.loc[control, "p_value"] > 0.9).all()
    assert bqtls["p_value"].between(0, 1, inclusive="right").all()
    assert not bqtls["element"].duplicated().any()
    assert bqtls["contig"].isin(["chr8", "chr9"]).mean() > 0.85


def test_variants_lie_in_open_elements_with_the_factors_site(data, bqtls):
    at = bqtls["element"].to_numpy()
    assert (data.elements["open_GM12878"].to_numpy()[at] == 1).all()
    own = data.sites.set_index(["contig", "start", "end"])
    keys = pd.MultiIndex.from_frame(bqtls[["contig", "site_start", "site_end"]])
    here = own.loc[keys]
    assert here["name"].tolist() == bqtls["factor"].map(FACTORS).tolist()
    assert (here["element"].to_numpy() == at).all()
    assert (here["grade"].to_numpy() == bqtls["grade"]).all()
    assert (here["occupancy"] > 0).all()
    contig = data.genome.contigs.index(bqtls["contig"])
    place = bqtls["position"].to_numpy()
    inside = overlaps(Peaks(contig, place, place + 1, place), data.peaks["GM12878"])
    assert inside.all()


def test_distances_of_each_class(data, bqtls):
    kinds = {kind: bqtls[bqtls["kind"] == kind] for kind in CLASSES}
    assert (kinds["core"]["distance"] == 0).all()
    assert kinds["flank"]["distance"].between(1, 6).all()
    assert (kinds["flank"]["grade"] == "weak").all()
    assert kinds["partner"]["distance"].between(20, 100).all()
    own = kinds["partner"]["factor"].map(FACTORS)
    assert (kinds["partner"]["affected_name"] != own).all()
    for kind in ("core", "flank"):
        assert (kinds[kind]["affected_start"] == kinds[kind]["site_start"]).all()
        assert (kinds[kind]["n_sites"] == 1).all()
        assert (kinds[kind]["partner_name"] == "").all()
    pairs = kinds["composite"]
    assert sorted(pairs["partner_name"]) == ["RUNX", "RUNX", "SPI1", "SPI1"]
    assert (pairs["factor"] == "SPI1").all()
    assert (pairs["distance"] == 0).all()
    before = pairs["partner_start"] - pairs["position"]
    gap = np.maximum(before, pairs["position"] - pairs["partner_end"] + 1)
    far = pairs["partner_name"] == "SPI1"
    assert gap[far].between(70, 120).all()
    assert gap[~far].between(10, 55).all()
    for row in kinds["control"].itertuples():
        sites = data.sites[data.sites["element"] == row.element]
        before = sites["instance_start"] - row.position
        after = row.position - (sites["instance_end"] - 1)
        assert np.maximum(before, after).min() >= 40
    off = bqtls["position"] - data.elements["centre"].to_numpy()[bqtls["element"]]
    assert off.abs().max() <= 80


def test_deltas_follow_from_the_words(data, bqtls):
    """A variant's delta is that of the changed genome, site by site."""
    motifs = {motif.name: motif for motif in load_motifs()}
    for row in bqtls[bqtls["kind"] != "control"].itertuples():
        site = data.sites[
            (data.sites["contig"] == row.contig) & (data.sites["start"] == row.affected_start)
        ]
        motif = motifs[row.affected_name]
        assert site["name"].tolist() == [motif.name]
        inside = np.arange(motif.width) + site["instance_start"].item()
        if site["strand"].item() == "-":
            inside = inside[::-1]
        column = int(np.flatnonzero(inside == row.position).item())
        before = words(data, motif, site)
        base = "ACGT".index(row.alt)
        after = before.copy()
        after[0, column] = 3 - base if site["strand"].item() == "-" else base
        helped = HELP * (row.partner_name != "")
        change = (occupancy(motif.deficit(after) - helped)
                  - occupancy(motif.deficit(before) - helped)).item()  # fmt: skip
        if row.partner_name == "SPI1":  # helped in its turn, and now alone
            other = data.sites[(data.sites["contig"] == row.contig)
                                & (data.sites["start"] == row.partner_start)]  # fmt: skip
            change += (occupancy(other["deficit"].to_numpy()) - other["occupancy"]).item()
        assert row.delta == pytest.approx(EFFECT * change)
        assert abs(row.delta) > EFFECT / 4
        assert row.stronger == (row.alt if row.delta > 0 else row.ref)
        if row.kind in ("partner", "composite") or (row.kind == "core" and row.delta < 0):
            assert column in motif.top
            assert row.occupancy_alt < 0.1
        elif row.kind == "core":
            assert row.position == site["weakened"].item()
    assert (bqtls.loc[bqtls["kind"] == "control", "delta"] == 0).all()
    both = bqtls[bqtls["kind"].isin(["core", "flank"])]
    assert (both["delta"] > 0).groupby([both["factor"], both["kind"]]).sum().eq(1).all()


def test_workbook_is_read_as_the_real_one(data, bqtls, workbook):
    header = pd.read_excel(workbook, sheet_name=None, engine="openpyxl", nrows=0)
    assert list(header) == ["JunD", "NF-kB", "Pou2f1", "PU.1", "Stat1"]
    for factor, sheet in SHEETS.items():
        found = read_workbook(workbook, sheet)
        truth = bqtls[bqtls["factor"] == factor]
        assert found.variants.contig.tolist() == truth["contig"].tolist()
        assert found.variants.position.tolist() == truth["position"].tolist()
        assert found.stronger.tolist() == truth["stronger"].tolist()
        np.testing.assert_array_equal(found.p_value, truth["p_value"])
        # Single bases, the genome's own, with a whole window about each.
        checked = check_variants(found.variants, data.genome, 1000)
        assert (checked.status == "ok").all()
    raw = pd.read_excel(workbook, sheet_name="JunD", engine="openpyxl")
    contig = data.genome.contigs.index(raw["Chr"])
    base = data.genome.windows(contig, raw["position"].to_numpy() - 1, 1)[:, 0]
    assert raw["REFallele"].tolist() == ["ACGT"[code] for code in base]


def test_a_data_set_without_enough_variants_says_so(data, caplog):
    found = draw_bqtls(data, scale=50 * SCALE, seed=1, contigs_first=ORDER)
    assert (
        "variants of kind flank_loss, 115 were wanted: the data set has no more" in caplog.text
    )
    assert not found["element"].duplicated().any()


def test_contigs_of_another_genome_are_refused(data):
    with pytest.raises(ValueError, match=r"contigs_first: got \('chr20',\), expected some of"):
        draw_bqtls(data, scale=SCALE, seed=1, contigs_first=(("chr20",),))
