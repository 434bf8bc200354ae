"""Figures of variants: drawn from small made-up results, with what they say of them."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_json, read_table, write_arrays, write_table
from flow.run.figure_context import NamedMethod
from flow.scorecard.figure_files import FigureFiles
from flow.variants.columns import load_panels
from flow.variants.scorecard import track_row
from helpers.figures import made_context
from scripts.figures.variant_groups import main as draw_groups
from scripts.figures.variant_reach import main as draw_reach
from scripts.figures.variant_tracks import main as draw_tracks

SETS = ("JUND", "NFKB", "SPI1", "STAT1", "POU2F1")
FAMILY = dict(zip(SETS, ("AP1", "NFKB", "SPI1", "STAT", "OCT"), strict=True))
CONTEXT = made_context(
    figure="fig7",
    label="Fig 7",
    study_title="Chromatin accessibility",
    method="DeepLIFT (genomics default), 10 dinuc references, GM12878 output",
    printed={"p": "significant in all five"},
)


def made_results(rng, n=60, sets=SETS, shift=1.0) -> pd.DataFrame:
    """n significant variants and n controls a set; FIS stands out by `shift`."""
    parts = []
    for k, name in enumerate(sets):
        high = np.arange(2 * n) < n
        fis = rng.lognormal(-2.5 + shift * high, 0.8)
        delta = fis * rng.lognormal(0, 0.9, 2 * n) * rng.choice([-1, 1], 2 * n)
        distance = np.round(rng.choice([-1, 1], 2 * n) * rng.lognormal(1.6, 1.2, 2 * n))
        part = {
            "set": name,
            "group": np.where(high, "significant", "control"),
            "chrom": f"chr{8 + k % 2}",
            "pos": 10_000 * k + 400 * np.arange(2 * n) + 1,
            "ref": "A",
            "alt": "G",
            "name": ".",
            "p_value": np.where(high, 1e-6, 0.99),
            "stronger": "A",
            "locus": 1000 * k + np.arange(2 * n) // 2 + rng.integers(0, 2, 2 * n),
            "delta": delta,
            "abs_delta": np.abs(delta),
            "max_abs_delta": np.abs(delta) * 1.2,
            "max_abs_fis": fis,
            "peak_distance": pd.array(np.where(distance == 0, 1, distance), dtype="Int64"),
            "peak_fis": fis * rng.choice([-1, 1], 2 * n),
            "motif": np.where(rng.random(2 * n) < 0.7, FAMILY[name], "ETS"),
            "motif_distance": 0,
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def made_truth(results: pd.DataFrame) -> pd.DataFrame:
    kinds = np.array(["core", "flank", "partner"])[np.arange(len(results)) % 3]
    control = (results["group"] == "control").to_numpy()
    own = results["set"].map(FAMILY)
    return pd.DataFrame(
        {
            "factor": results["set"],
            "contig": results["chrom"],
            "position": results["pos"] - 1,
            "ref": results["ref"],
            "alt": results["alt"],
            "kind": np.where(control, "control", kinds),
            "affected_name": np.where(control, "", np.where(kinds == "partner", "ETS", own)),
        }
    )


def panel(rng, figure, column, first=-15, last=15, *, null=True, with_map=True, **more):
    """Facts and arrays of a variant in the middle of a window of 1,000."""
    width, at = last - first + 1, -first
    ref = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, width)]
    alt = ref.copy()
    alt[at] = np.roll(ref[at], 2)
    shape = np.exp(-(((np.arange(width) - at) / 4.0) ** 2))
    importance = (0.4 * shape + 0.03 * rng.normal(size=width)).astype(np.float32)
    after = (0.3 * importance + 0.02 * rng.normal(size=width)).astype(np.float32)
    fis = importance - after
    fis[at] = np.nan
    p = np.where(np.abs(fis) > 0.1, 0.001, 0.4)
    p[at] = np.nan
    p = p if null else np.full(width, np.nan)
    size = np.abs(np.outer(shape, shape) + 0.05 * rng.random((width, width)))
    np.fill_diagonal(size, np.nan)
    arrays = {
        "ref": ref, "alt": alt, "importance_ref": importance, "importance_alt": after,
        "fis": fis, "p": p, "q": p,
    } | ({"map": size} if with_map else {})  # fmt: skip
    letters = ["ACGT"[base[at].argmax()] for base in (ref, alt)]
    facts = {
        "figure": figure, "column": column, "found": True, "half_width": 15,
        "rule": "largest positive FIS, summed, of significant bQTLs", "chosen_from": 321,
        "label": f"chr22:42925131 {letters[0]}>{letters[1]}", "pos": 42925131, "set": "JUND",
        "name": "rs139512", "p_value": 1.71e-140, "stronger": letters[0], "delta": -0.83,
        "sum_fis": float(np.nansum(fis)), "start": 500 + first, "position": 500,
        "n_null": 600, "n_shuffles": 20, "realised": 0.052, "realised_near": 0.06,
        "has_map": with_map,
        "motifs": [
            {"name": "AP1", "start": 496, "end": 506, "strand": "+", "found_in": "ref"},
            {"name": "AP1", "start": 497, "end": 507, "strand": "-", "found_in": "both"},
            {"name": "SPI1", "start": 511, "end": 525, "strand": "-", "found_in": "both"},
        ],
    }  # fmt: skip
    return facts | more, arrays


def not_found(figure, column):
    rule = "no variant to show: largest |FIS| 80 to 120 bp away, on a match of SPI1"
    return {
        "figure": figure, "column": column, "found": False, "half_width": 15,
        "n_shuffles": 20, "rule": rule, "chosen_from": 0,
    }, {}  # fmt: skip


def write_panels(path, made) -> str:
    arrays = {
        f"p{k}_{name}": value for k, (_, a) in enumerate(made) for name, value in a.items()
    }
    write_arrays(path, arrays, {"panels": [facts for facts, _ in made]})
    return str(path)


class Drawing:
    """Where one figure goes."""

    def __init__(self, folder: Path, **context) -> None:
        self.context = replace(CONTEXT, **context)
        suffixes = {"table": "tsv", "stats": "json"}
        self.paths = {
            name: str(folder / f"{self.context.figure}.{suffixes.get(name, name)}")
            for name in ("svg", "pdf", "png", "table", "stats")
        }

    def arguments(self):
        return {**self.paths, "context": self.context}

    @property
    def stats(self):
        return read_json(self.paths["stats"])

    @property
    def scorecard(self):
        return self.stats["scorecard"]

    @property
    def table(self):
        return read_table(self.paths["table"])

    @property
    def text(self):
        """What the picture says; its letters are drawn as shapes, each named in a comment."""
        return Path(self.paths["svg"]).read_text()


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def results(tmp_path, rng):
    def write(table, name="results.tsv.gz"):
        write_table(tmp_path / name, table)
        return str(tmp_path / name)

    return write


# ---- groups --------------------------------------------------------------------


@pytest.fixture
def fig7(tmp_path, results, rng):
    table = made_results(rng)
    other = table.assign(max_abs_fis=rng.lognormal(-2, 1, len(table)))
    drawing = Drawing(tmp_path, compared=(NamedMethod("gradient", "gradient × input"),))
    draw_groups(
        results(table), [results(other, "other.tsv.gz")],
        [results(made_truth(table), "truth.tsv.gz")], **drawing.arguments(), seed=3,
    )  # fmt: skip
    return drawing


def test_groups_figure_tells_every_score_of_every_set(fig7):
    table = fig7.table
    methods = table.loc[table["what"] == "set", "method"]
    assert list(pd.unique(methods)) == [
        "maxAbsFIS, DeepLIFT (genomics default)", "maxAbsFIS, gradient × input",
        "|Δlogit|, alt − ref", "|Δlogit|, max of 3 bases",
    ]  # fmt: skip
    assert len(methods) == 5 * 4
    assert "<!-- JUND -->" in fig7.text
    assert "<!-- n = 60 -->" in fig7.text
    # Random scores of the other analysis separate nothing: the sentence says which does best.
    assert "DeepLIFT (genomics default) in 5." in fig7.stats["statistics"]["sentence"]


def test_groups_scorecard_agrees_with_the_paper_and_tells_planted_classes(fig7):
    rows = fig7.scorecard
    assert rows[0]["paper"] == "significant in all five"
    assert rows[0]["verdict"] == "agrees"
    assert [row["quantity"].split(":")[0] for row in rows[1:6]] == list(SETS)
    named = next(row for row in rows if row["quantity"].startswith("partner variants whose"))
    assert 0 <= float(named["ours"]) < 1
    assert "permuted" in named["why"]


def test_groups_scorecard_names_the_sets_that_differ(tmp_path, results, rng):
    flat = made_results(rng, sets=("NFKB",), shift=0.0)
    flat["max_abs_fis"] = np.tile(flat["max_abs_fis"].to_numpy()[:60], 2)  # groups alike
    table = pd.concat([made_results(rng, sets=("JUND",)), flat], ignore_index=True)
    drawing = Drawing(tmp_path)
    draw_groups(results(table), [], [], **drawing.arguments(), seed=3)
    row = drawing.scorecard[0]
    assert row["verdict"] == "differs"
    assert row["reason"] == "p not below 0.05: NFKB"


def test_groups_figure_with_a_set_of_one_group_and_few_points(tmp_path, results, rng):
    table = made_results(rng, n=8, sets=("JUND", "SPI1"))
    table = table[(table["set"] == "JUND") | (table["group"] == "significant")]
    drawing = Drawing(tmp_path, printed={})
    draw_groups(results(table), [], [], **drawing.arguments(), seed=3)
    assert "<!-- one group only -->" in drawing.text
    assert "<!-- n = 0 -->" in drawing.text
    assert drawing.scorecard[0]["verdict"] == "not comparable"


# ---- reach ---------------------------------------------------------------------


def reach_table(distances, **more) -> pd.DataFrame:
    n = len(distances)
    table = made_results(np.random.default_rng(1), n=n, sets=("SPI1",)).iloc[:n]
    return table.assign(peak_distance=pd.array(distances, dtype="Int64"), **more)


def test_reach_counts_bins_and_variants_without_fis(tmp_path, results):
    table = reach_table([1, -10, 11, -20, 21, 200, 201, -499, pd.NA, 2, 3, 4, 5, 6, 7])
    table.loc[8, "peak_fis"] = 0.0
    drawing = Drawing(tmp_path, figure="fig6a", options={"set": "SPI1"},
                      printed={"reach": "most within 10 bp, some 20–200 bp"})  # fmt: skip
    draw_reach(results(table), **drawing.arguments())
    found = drawing.stats["statistics"]
    assert found["bins"] == {"1–10": 8, "11–20": 2, "21–200": 2, ">200": 2}
    assert found["n_without_fis"] == 1
    (row,) = drawing.scorecard
    assert (row["verdict"], row["paper"]) == (
        "not comparable", "most within 10 bp, some 20–200 bp",
    )  # fmt: skip
    assert row["ours"].startswith("8; 2; 2; 2 (57 %")
    assert len(drawing.table) == 15


def test_reach_of_a_set_that_is_not_there(tmp_path, results):
    drawing = Drawing(tmp_path, figure="fig6a", options={"set": "JUND"})
    with pytest.raises(ValueError, match="no variants of set 'JUND', found SPI1"):
        draw_reach(results(reach_table([1, 2])), **drawing.arguments())


# ---- tracks --------------------------------------------------------------------


def test_tracks_with_maps_and_a_column_that_was_not_found(tmp_path, rng):
    others = [panel(rng, "fig4", 0), not_found("sfig5", 0)]
    made = [*others, panel(rng, "fig5a", 0), not_found("fig5a", 1)]
    path = write_panels(tmp_path / "panels.h5", made)
    drawing = Drawing(tmp_path, figure="fig5a", printed={})
    draw_tracks(path, **drawing.arguments())
    assert "no variant to show: largest |FIS|" in drawing.text.replace(" -->", "")
    table = drawing.table
    tracks = table[table["what"] == "track"]
    assert tracks["offset"].tolist() == list(range(-15, 16))
    assert tracks["position"].iloc[15] == 42925131
    changed = tracks["base_ref"] != tracks["base_alt"]
    assert tracks.loc[changed, "offset"].tolist() == [0]
    assert np.isnan(tracks["fis"].iloc[15])
    assert (table["what"] == "map").sum() == 31 * 31
    assert [row["ours"] for row in drawing.scorecard][1] == "not found"


def test_map_table_has_the_source_beside_the_target(tmp_path, rng):
    made = panel(rng, "fig5b", 0, -3, 5)
    made[1]["map"][1, 7] = 99  # source -2, target +4
    (found,) = load_panels(write_panels(tmp_path / "panels.h5", [made]), "fig5b")
    table = found.table()
    top = table.loc[table["max_abs_fis"] == 99].iloc[0]
    assert (top["source_offset"], top["offset"], top["position"]) == (-2, 4, 42925135)


def test_named_locus_is_compared_by_its_stronger_allele(rng):
    facts, _ = panel(rng, "fig5a", 0)
    ref, alt = facts["label"][-3], facts["label"][-1]
    context = replace(CONTEXT, options={"columns": [{"locus": "22:42925130", "pick": "core"}]})
    for more, verdict in (
        ({"stronger": ref}, "agrees"),
        ({"stronger": alt}, "differs"),
        ({"stronger": ref, "delta": 0.1}, "differs"),
        ({"stronger": ref, "pos": 42925139}, "not comparable"),  # another one in its place
        ({"stronger": ""}, "not comparable"),
    ):
        row = track_row(context, {**facts, **more}, ref=ref, total=1.5)
        assert row.verdict == verdict


def test_fis_is_summed_over_the_half_width_and_not_over_what_is_shown(tmp_path, rng):
    facts, arrays = panel(rng, "sfig5", 0, -115, 15, half_width=2, with_map=False)
    arrays["fis"][:] = 1.0
    arrays["fis"][115] = np.nan
    (found,) = load_panels(write_panels(tmp_path / "panels.h5", [(facts, arrays)]), "sfig5")
    assert found.total == 4


def test_tracks_without_a_null_and_with_nothing_significant(tmp_path, rng):
    bare = panel(rng, "sfig1", 0, -50, 50, null=False, with_map=False)
    flat = panel(rng, "sfig1", 1, -15, 60, with_map=False, p_value=float("nan"), stronger="")
    flat[1]["p"][:] = 0.5
    path = write_panels(tmp_path / "panels.h5", [bare, flat])
    drawing = Drawing(tmp_path, figure="sfig1")
    draw_tracks(path, **drawing.arguments())
    assert "no null was computed" in drawing.text
    assert "none of 76 positions" in drawing.text


def test_motif_bars_that_overlap_get_lanes_of_their_own(tmp_path, rng):
    made = panel(rng, "fig4", 0)
    (found,) = load_panels(write_panels(tmp_path / "panels.h5", [made]), "fig4")
    bars = found.bars(3.0)
    assert [bar.lane for bar in bars] == [0, 1, 0]
    assert bars[0].text == "AP1 → (REF only)"
    assert (bars[0].left, bars[0].right) == (-4.5, 5.5)
    assert bars[2].right == 15.5  # cut where the tracks end


@pytest.mark.parametrize("figure", ["groups", "reach", "tracks"])
def test_titles_are_one_short_line(tmp_path, results, rng, figure):
    drawing = Drawing(tmp_path)
    if figure == "groups":
        draw_groups(results(made_results(rng)), [], [], **drawing.arguments(), seed=3)
    elif figure == "reach":
        draw_reach(results(made_results(rng)), **drawing.arguments())
    else:
        path = write_panels(tmp_path / "panels.h5", [panel(rng, "fig7", 0)])
        draw_tracks(path, **drawing.arguments())
    said = re.findall("<!-- (.*) -->", drawing.text)
    titles = [text for text in said if "Chromatin accessibility" in text]
    assert titles == ["Chromatin accessibility (synthetic inputs)"]
    assert not any("DeepLIFT (genomics default), 10" in text for text in said)


def test_names_of_motifs_stand_above_their_bars(tmp_path, rng, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        FigureFiles, "save", lambda _self, figure, *_, **__: drawn.append(figure)
    )
    path = write_panels(tmp_path / "panels.h5", [panel(rng, "sfig1", 0, -50, 50)])
    draw_tracks(path, **Drawing(tmp_path, figure="sfig1").arguments())
    drawn[0].draw_without_rendering()
    (ax,) = [ax for ax in drawn[0].axes if any("AP1" in text.get_text() for text in ax.texts)]
    bars = [bar.get_window_extent() for bar in ax.patches]
    names = [text.get_window_extent() for text in ax.texts]
    assert len(bars) == len(names) == 3
    assert not any(bar.overlaps(name) for bar in bars for name in names)
    pairs = itertools.combinations(names, 2)
    assert not any(one.overlaps(other) for one, other in pairs)


def test_panels_of_an_earlier_version_are_refused(tmp_path, rng):
    facts, arrays = panel(rng, "fig4", 0)
    facts["effect"] = -facts.pop("delta")
    path = write_panels(tmp_path / "panels.h5", [(facts, arrays)])
    with pytest.raises(ValueError, match=r"holds no 'delta' \(logit of ALT minus REF\)"):
        load_panels(path, "fig4")


def test_panels_of_another_figure_or_a_missing_array(tmp_path, rng):
    facts, arrays = panel(rng, "fig4", 0)
    path = write_panels(tmp_path / "panels.h5", [(facts, arrays)])
    with pytest.raises(ValueError, match="no panels of fig9"):
        load_panels(path, "fig9")
    del arrays["q"]
    path = write_panels(tmp_path / "panels.h5", [(facts, arrays)])
    with pytest.raises(ValueError, match="array p0_q is missing"):
        load_panels(path, "fig4")
