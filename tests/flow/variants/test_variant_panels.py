"""Which variants figures show, by name or by rule, and what is drawn of them."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_arrays, read_table, write_arrays, write_table
from dfim.sequences.encoding import one_hot
from dfim.variants.null import VariantNull
from dfim.variants.scores import VariantScores
from flow.variants.panels import Choice, choose, shown_range
from flow.variants.rows import TEXT
from scripts import score_variant_panels

LENGTH, MIDDLE = 60, 30


@pytest.fixture(params=["in memory", "from a file"])
def tables(request, tmp_path):
    """Results of many variants, and motif sites near them; some have no peak."""
    rng = np.random.default_rng(6)
    n = 80
    distance = pd.array(rng.integers(-25, 26, n), dtype="Int64")
    distance[::9] = pd.NA
    found = pd.DataFrame(
        {
            "set": rng.choice(["JUND", "SPI1"], n),
            "group": rng.choice(["significant", "significant", "control", "listed"], n),
            "chrom": rng.choice(["chr1", "chr2"], n),
            "pos": np.arange(n) * 10 + 100,
            "ref": "A",
            "alt": rng.choice(["C", "T"], n),
            "name": [f"rs{i}" for i in range(n)],
            "file": "b.txt",
            "status": "ok",
            "stronger": rng.choice(["A", "C", ""], n),
            "sum_fis": rng.normal(size=n),
            "sum_abs_fis": rng.random(n),
            "peak_distance": distance,
            "peak_fis": rng.normal(size=n),
        }
    )
    start = rng.integers(0, LENGTH - 8, 300)
    end = start + rng.integers(4, 9, 300)
    away = np.where(end <= MIDDLE, end - 1 - MIDDLE, np.maximum(start - MIDDLE, 0))
    sites = pd.DataFrame(
        {
            "variant": rng.integers(0, n, 300),
            "motif": rng.choice(["AP1", "SPI1"], 300),
            "start": start,
            "end": end,
            "strand": "+",
            "distance": away,
            "score_ref": rng.random(300),
            "score_alt": rng.random(300),
            "fis": rng.normal(size=300),
        }
    )
    if request.param == "in memory":
        return found, sites
    for name, table in (("f", found), ("s", sites)):
        write_table(tmp_path / name, table)
    return read_table(tmp_path / "f", text=TEXT), read_table(tmp_path / "s", text=("motif",))


# ---- by locus or name ----------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"name": "rs7"}, {"locus": "LOCUS"}, {"locus": "BEFORE"}])
def test_a_named_variant_is_shown_whatever_the_rule(tables, asked):
    found, sites = tables
    row = found.loc[7]
    said = {
        "LOCUS": f"{row['chrom']}:{row['pos']}",
        "BEFORE": f"{row['chrom']}:{row['pos'] - 1}",
    }
    asked = {key: said.get(value, value) for key, value in asked.items()}
    for more in ({}, {"pick": "loss"}, {"set": row["set"]}):
        choice = choose(found, sites, asked | more)
        assert (choice.row, choice.n) == (7, 1)
        assert "named in the configuration" in choice.rule
        assert next(iter(asked.values())) in choice.rule


def test_a_locus_that_is_not_there_is_said_and_the_rule_takes_over(tables):
    found, sites = tables
    column = {"set": "JUND", "locus": "chr5:17"}
    with pytest.raises(ValueError, match="chr5:17 is not among the 80 variants") as error:
        choose(found, sites, column)
    assert "\n" not in str(error.value)
    choice = choose(found, sites, column | {"pick": "loss"})
    assert choice.row == choose(found, sites, {"set": "JUND", "pick": "loss"}).row
    assert "chr5:17 is not among these variants; instead: largest positive" in choice.rule


def test_a_name_that_is_not_there_is_said_too(tables):
    found, sites = tables
    with pytest.raises(ValueError, match="nobody is not among the 80 variants"):
        choose(found, sites, {"name": "nobody"})
    choice = choose(found, sites, {"name": "nobody", "pick": "gain"})
    assert choice.row is not None
    assert "nobody is not among these variants; instead: largest negative" in choice.rule


def test_several_that_fit_are_listed(tables):
    found, sites = tables
    found.loc[8, ["chrom", "pos", "alt"]] = found.loc[7, "chrom"], found.loc[7, "pos"], "G"
    locus = f"{found.loc[7, 'chrom']}:{found.loc[7, 'pos']}"
    with pytest.raises(ValueError, match=f"{locus}: 2 variants fit: {locus} A>") as error:
        choose(found, sites, {"locus": locus})
    assert "\n" not in str(error.value)
    assert choose(found, sites, {"locus": locus, "alt": "G"}).row == 8
    assert choose(found, sites, {"locus": locus, "name": "rs7"}).row == 7


# ---- by rule -------------------------------------------------------------------------


def candidates(found, **column):
    kept = found["group"] == "significant"
    for key in ("set", "stronger"):
        if key in column:
            kept &= found[key] == column[key]
    return found[kept]


@pytest.mark.parametrize("more", [{}, {"set": "SPI1"}, {"stronger": "A"},
                                  {"set": "JUND", "stronger": "C"}])  # fmt: skip
def test_loss_and_gain(tables, more):
    found, sites = tables
    rows = candidates(found, **more)["sum_fis"]
    loss = choose(found, sites, {"pick": "loss"} | more)
    gain = choose(found, sites, {"pick": "gain"} | more)
    assert (loss.row, loss.n) == (rows.idxmax(), (rows > 0).sum())
    assert (gain.row, gain.n) == (rows.idxmin(), (rows < 0).sum())
    for value in more.values():
        assert value in loss.rule
    assert loss.rule.startswith("largest positive FIS")


@pytest.mark.parametrize("motif", ["AP1", "SPI1"])
def test_core_is_in_a_match(tables, motif):
    found, sites = tables
    touched = [
        row for row in candidates(found).index
        if any(s.motif == motif and s.start <= MIDDLE < s.end
               for s in sites[sites["variant"] == row].itertuples())
    ]  # fmt: skip
    assert 3 < len(touched) < len(candidates(found))
    choice = choose(found, sites, {"pick": "core", "motif": motif})
    assert (choice.row, choice.n) == (
        found.loc[touched, "sum_abs_fis"].idxmax(), len(touched),
    )  # fmt: skip
    assert f"in a match of {motif}" in choice.rule


def test_flank_is_beside_a_weak_match(tables):
    found, sites = tables
    rows = candidates(found, set="SPI1").index
    # Weak among the matches of these variants that they are in or near.
    own = sites[(sites["motif"] == "AP1") & sites["variant"].isin(rows)]
    own = own[(own["start"] - MIDDLE <= 6) & (MIDDLE - (own["end"] - 1) <= 6)]
    best = np.maximum(own["score_ref"], own["score_alt"])
    weak = own[best <= np.median(best)]
    near = [
        row for row in rows
        if not any(s.start <= MIDDLE < s.end for s in own[own["variant"] == row].itertuples())
        and any(1 <= max(s.start - MIDDLE, MIDDLE - (s.end - 1)) <= 6
               for s in weak[weak["variant"] == row].itertuples())
    ]  # fmt: skip
    assert len(near) > 1
    choice = choose(found, sites, {"pick": "flank", "motif": "AP1", "set": "SPI1"})
    assert (choice.row, choice.n) == (found.loc[near, "sum_abs_fis"].idxmax(), len(near))
    assert "1 to 6 bp from a weak match of AP1" in choice.rule


@pytest.mark.parametrize("distance", [(5, 15), (0, 30)])
@pytest.mark.parametrize("more", [{}, {"set": "SPI1"}])
def test_distant_is_where_the_most_affected_site_is_a_match(tables, distance, more):
    found, sites = tables
    far = {}
    for row in candidates(found, **more).index:
        own = [
            s
            for s in sites[sites["variant"] == row].itertuples()
            if distance[0] <= abs(s.distance) <= distance[1]
        ]
        best = max(own, key=lambda s: abs(s.fis), default=None)
        if best is not None and best.motif == "SPI1":
            far[row] = best
    assert len(far) > 2
    first = max(far, key=lambda row: abs(far[row].fis))
    column = {"pick": "distant", "motif": "SPI1", "distance": list(distance)} | more
    choice = choose(found, sites, column)
    assert (choice.row, choice.n, choice.distance) == (first, len(far), far[first].distance)
    assert f"a match of SPI1 {distance[0]} to {distance[1]} bp away" in choice.rule


def test_where_none_fits_that_is_said(tables):
    found, sites = tables
    for column in (
        {"pick": "core", "motif": "RUNX"},
        {"pick": "flank", "motif": "RUNX"},
        {"pick": "loss", "stronger": "G"},
        {"pick": "gain", "stronger": "G"},
        {"pick": "distant", "motif": "AP1", "distance": [200, 300]},
        {"pick": "distant", "motif": "RUNX", "distance": [0, 30]},
    ):
        choice = choose(found, sites, column)
        assert (choice.row, choice.n, choice.distance) == (None, 0, 0)
        assert choice.rule.startswith("no variant")
        assert "largest" in choice.rule
        assert choose(found, sites.iloc[:0], column).row is None


@pytest.mark.parametrize("pick", ["core", "flank", "distant"])
def test_a_table_without_sites_fits_nothing(tables, tmp_path, pick):
    found, sites = tables
    write_table(tmp_path / "s.tsv", sites.iloc[:0])
    empty = read_table(tmp_path / "s.tsv", text=("motif", "strand"))
    column = {"pick": pick, "motif": "AP1", "distance": [5, 15]}
    assert choose(found, empty, column).row is None


def test_a_site_that_touches_the_variant_is_not_distant(tables):
    found, sites = tables
    column = {"pick": "distant", "motif": "SPI1", "distance": [1, 30]}
    near = sites["variant"].map(found["group"]) == "significant"
    sites.loc[near & (sites["distance"] == 0) & (sites["motif"] == "SPI1"), "fis"] = 99
    assert choose(found, sites, column).distance != 0


# ---- what is shown -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "half_width", "expected"),
    [
        (0, 20, (-20, 20)),
        (0, 5, (-5, 5)),
        (40, 20, (-20, 60)),
        (-40, 20, (-60, 20)),
        (3, 20, (-20, 23)),
        (3, 40, (-40, 40)),
    ],
)
def test_shown_range_reaches_the_distant_site(distance, half_width, expected):
    shown = shown_range(Choice(4, "some rule", 9, distance), half_width, 1000)
    assert (shown[0], shown[-1]) == expected


def test_a_named_variant_is_shown_with_its_surroundings_only(tables):
    found, sites = tables
    column = {"name": "rs7", "pick": "distant", "motif": "SPI1", "distance": [5, 15]}
    assert shown_range(choose(found, sites, column), 15, 1000) == range(-15, 16)


class Stub:
    """A scorer of made-up scores, and what it was asked for."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(1)
        self.asked = []
        self.settings = {"references": "gc"}
        self.all = VariantScores(
            position=MIDDLE,
            importance=rng.normal(size=(n, LENGTH)).astype(np.float32),
            mutant_importance=rng.normal(size=(n, 3, LENGTH)).astype(np.float32),
            bases=np.tile(np.int8([1, 2, 3]), (n, 1)),  # the reference base is an A
            alt=np.arange(n) % 3,
            delta=np.zeros((n, 3), np.float32),
            convergence_delta=np.zeros((n, 4), np.float32),
            reachable=np.ones(LENGTH, bool),
        )

    def scores(self, codes, rows):
        return self.all.select(np.array(rows.index))

    def null(self, codes, rows, scores, *, n, half_width):
        self.asked.append(half_width)
        p = np.full((len(rows), 3, LENGTH), np.nan)
        low = max(0, MIDDLE - half_width)
        p[:, :, low : MIDDLE + half_width + 1] = 0.5
        p[:, :, MIDDLE] = np.nan
        one = np.ones((len(rows), 3))
        return VariantNull(
            p, one[:, :, None], one[:, :, None], np.array([n * 10]), one[:, :, None]
        )


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Panels of figures of three variants, the strongest position of each far away."""
    n, rng = 3, np.random.default_rng(3)
    codes = rng.integers(0, 4, (n, LENGTH)).astype(np.uint8)
    codes[:, MIDDLE] = 0
    stub = Stub(n)
    found = pd.DataFrame(
        {
            "set": "SPI1", "group": "significant", "chrom": "chr1", "pos": [100, 200, 300],
            "ref": "A", "alt": list("CGT"), "name": ["rs1", "chr1:200:A>G", "chr1:300:A>T"],
            "file": "b.txt", "status": "ok", "stronger": ["A", "", "T"],
            "p_value": [1e-9, np.nan, 1e-7], "delta": 0.5, "sum_fis": [3.0, 2.0, 1.0],
            "sum_abs_fis": 1.0, "peak_distance": [20, -28, 5],
            "peak_fis": [1.0, 5.0, 1.0],
        }
    )  # fmt: skip
    sites = pd.DataFrame(
        {"variant": [0, 0, 1, 1], "motif": "ETS", "start": [48, 10, 0, 20],
         "end": [54, 20, 6, 26], "strand": "+", "distance": [18, -11, -25, -5],
         "found_in": "both", "fis": [2.0, 1.0, -3.0, 1.0]}
    )  # fmt: skip
    write_table(tmp_path / "f.tsv", found)
    write_table(tmp_path / "s.tsv", sites)
    write_arrays(tmp_path / "w.h5", {"codes": codes})
    # No network is needed, so TensorFlow is not either.
    monkeypatch.setattr(score_variant_panels, "configure_tensorflow", lambda *_: None)
    for module, names in (
        ("dfim.models.loading", {"load_model": lambda _: None}),
        ("flow.variants.scoring", {"VariantScorer": lambda *_: stub}),
    ):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**names))

    def panels(**figures):
        score_variant_panels.main(
            *(str(tmp_path / name) for name in ("f.tsv", "s.tsv", "w.h5", "m", "p.h5")),
            figures=figures, settings={"threads": 1}, declared={}, tasks=[], n_shuffles=20,
            seed=1,
        )  # fmt: skip
        arrays, attributes = read_arrays(tmp_path / "p.h5")
        return arrays, attributes["panels"], codes, stub

    return panels


def test_panels_hold_what_the_scores_hold(draw):
    columns = [{"name": "rs1"}, {"pick": "core", "motif": "RUNX"}, {"locus": "1:299"}]
    arrays, panels, codes, stub = draw(a={"columns": columns}, b={"columns": columns[:1],
                                                                  "half_width": 7})  # fmt: skip
    assert [(p["figure"], p["column"], p["found"]) for p in panels] == [
        ("a", 0, True), ("a", 1, False), ("a", 2, True), ("b", 0, True),
    ]  # fmt: skip
    assert not any(name.startswith("p1_") for name in arrays)
    fis = stub.all.fis
    for at, row, width in ((0, 0, 15), (2, 2, 15), (3, 0, 7)):
        panel, place = panels[at], slice(MIDDLE - width, MIDDLE + width + 1)
        assert (panel["start"], panel["position"]) == (place.start, MIDDLE)
        own = {name: arrays[f"p{at}_{name}"] for name in ("ref", "alt", "fis", "q")}
        np.testing.assert_array_equal(own["ref"], one_hot(codes)[row, place])
        changed = np.flatnonzero((own["ref"] != own["alt"]).any(axis=1))
        assert changed.tolist() == [width]
        assert own["alt"][width].tolist() == np.eye(4)[[1, 2, 3][row]].tolist()
        np.testing.assert_array_equal(own["fis"], fis[row, row, place])
        assert np.isnan(own["q"][width])
    assert panels[0]["label"] == "chr1:100 A>C"
    assert (panels[0]["name"], panels[2]["name"]) == ("rs1", "")
    assert panels[2]["n_null"] == 200
    assert [m["start"] for m in panels[0]["motifs"]] == [10]  # the last of it is 11 bp away
    assert stub.asked == [15, 15, 7]


def test_a_distant_panel_ends_with_the_window(draw):
    # The site of the second variant begins the window; its last base is 25 bp away.
    column = {"pick": "distant", "motif": "ETS", "distance": [25, 29]}
    arrays, (panel,), codes, stub = draw(a={"columns": [column], "half_width": 20})
    assert panel["found"]
    assert 0 <= panel["start"] <= 2
    before = MIDDLE - panel["start"]
    n = len(arrays["p0_ref"])
    assert n == before + 1 + 20
    place = slice(panel["start"], panel["start"] + n)
    np.testing.assert_array_equal(arrays["p0_ref"], one_hot(codes)[1, place])
    for name in ("alt", "importance_ref", "importance_alt", "fis", "p", "q"):
        assert len(arrays[f"p0_{name}"]) == n
    np.testing.assert_array_equal(arrays["p0_fis"], stub.all.fis[1, 1, place])
