"""Agreement of FIS with linear models, exact epistasis and planted pairs: known answers."""

import importlib.util
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfim.comparators.epistasis import Epistasis, epistasis
from dfim.comparators.linear_models import LinearModels, distill
from dfim.io.store import read_json, read_table
from dfim.maps.base_pair_maps import BasePairMaps
from dfim.sequences.mutations import OTHER_BASES
from flow.flanks.pair_measures import Measure, compare, recovery, strongest_terms
from flow.flanks.positions import LENGTH
from flow.scorecard.flanks import agreement_row, fit_row, recovery_row
from helpers import WORKFLOW
from helpers.figures import made_context
from synthetic.cbf1 import SyntheticData, simulate, write_terms

SCRIPT = WORKFLOW / "scripts/figures/flank_agreement.py"
NAN = np.nan
CONTEXT = made_context(
    label="Flank agreement",
    study_title="Cbf1",
    method="DeepLIFT (genomics default)",
    compared=[{"name": "other", "method": "gradient × input"}],
    printed={"r2": "> 0.95"},
)
SUFFIXES = {"svg": "svg", "pdf": "pdf", "png": "png", "table": "tsv", "stats": "json"}


@cache
def simulated() -> SyntheticData:
    """A data set whose network is perfect: it predicts the true energies."""
    return simulate(100, 1, rng=np.random.default_rng(3))


@cache
def models() -> LinearModels:
    return distill(simulated().ddg)


@cache
def exact() -> Epistasis:
    return epistasis(simulated().ddg)


def maps_of(mean_abs: np.ndarray, n: int = 4 ** (LENGTH - 2)) -> BasePairMaps:
    """A map whose |FIS| are given by [s, t, a, g, b], as those of `Epistasis`."""
    bases = np.arange(4)[:, None]
    by_mutant = mean_abs[:, :, bases, OTHER_BASES].transpose(0, 2, 3, 1, 4)
    counts = np.where(np.isnan(by_mutant[:, :, 0]), 0, n)
    return BasePairMaps(by_mutant, by_mutant, counts, 4**LENGTH)


def draw(folder, *, truth=True, own=None, strongest=None, **changed):
    """Run the script; its statistics file, and the paths of all its files."""
    spec = importlib.util.spec_from_file_location("flank_agreement", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    folder.mkdir(exist_ok=True)
    files = {what: str(folder / f"figure.{end}") for what, end in SUFFIXES.items()}
    inputs = {name: str(folder / name) for name in ("all", "strongest", "linear", "epistatic")}
    (own or maps_of(exact().mean_abs)).save(inputs["all"])
    (strongest or maps_of(exact().mean_abs ** 2)).save(inputs["strongest"])
    models().save(inputs["linear"])
    exact().save(inputs["epistatic"])
    write_terms(folder / "terms.tsv", simulated())
    script.main(
        maps=inputs.pop("all"),
        compared=[inputs["strongest"]],
        terms=[str(folder / "terms.tsv")] if truth else [],
        min_n=10,
        context=replace(CONTEXT, **changed),
        **inputs,
        **files,
    )
    return read_json(files["stats"]), files


def measure(cells: np.ndarray, name: str = "FIS", flanks: str = "all") -> Measure:
    return Measure(name, flanks, cells)


def of_pairs(values) -> np.ndarray:
    """Cells (L, L, 4, 4) of which one is given a pair of positions; the others are 0."""
    values = np.asarray(values, np.float64)
    cells = np.zeros((*values.shape, 4, 4))
    cells[..., 1, 2] = values
    cells[np.isnan(values)] = NAN
    return cells


# ---- the figure ------------------------------------------------------------------


def test_a_perfect_network_gives_back_what_was_planted(tmp_path):
    record, files = draw(tmp_path)
    found = record["statistics"]
    assert found["r2_mono_and_di"] == pytest.approx(1, abs=1e-6)
    assert found["r2_mono"] == pytest.approx(0.55, abs=1e-3)  # pair_share is 0.45
    terms = found["pair_terms"]
    assert [t["name"] for t in terms[:2]] == ["T−1/A+1", "T−1/T+2"]
    assert [t["planted"] for t in terms] == ["bases"] * 6 + ["positions"] * 6
    for term in terms:
        assert term["term"] == pytest.approx(term["truth"], rel=1e-3)
    table = read_table(files["table"])
    of_truth = table[table["second"] == "planted pairs"]
    assert len(of_truth) == 5
    assert (of_truth[["auroc", "worst_rank", "n_planted"]] == [1, 12, 12]).all(axis=None)
    # The map is that of epistasis, so that the two agree in every cell.
    same = table[(table["second"] == "exact epistasis") & (table["flanks"] == "all")]
    same = same[same["first"] == "FIS by DeepLIFT (genomics default)"]
    assert same["level"].tolist() == ["position pairs", "cells"]
    assert same["n"].tolist() == [90, 1440]
    assert same["spearman"].to_numpy() == pytest.approx(1)
    assert (same["shared_50"] == 50).all()
    assert same["by_chance_50"].to_numpy() == pytest.approx([2500 / 90, 2500 / 1440])


def test_measures_are_told_apart(tmp_path):
    rng = np.random.default_rng(0)
    table = read_table(
        draw(tmp_path, strongest=maps_of(rng.random((10,) * 2 + (4,) * 3)))[1]["table"]
    )
    by_pairs = table[table["level"] == "position pairs"].set_index(
        ["first", "flanks", "second"]
    )
    own, other = "FIS by DeepLIFT (genomics default)", "FIS by gradient × input"
    areas = by_pairs["auroc"].xs("planted pairs", level="second")
    assert areas[own, "all"] == areas["distilled pair terms", "all"] == 1
    assert areas[own, "strongest"] == areas[other, "all"] < 0.9
    with_exact = by_pairs["spearman"].xs("exact epistasis", level="second")
    assert abs(with_exact[own, "strongest"]) < 0.5 < with_exact[own, "all"]
    assert ("exact epistasis", "all") not in with_exact.index


def test_without_truth_there_is_no_recovery(tmp_path):
    record, files = draw(tmp_path, truth=False)
    assert record["statistics"]["recovery"] == []
    assert {(t["truth"], t["planted"]) for t in record["statistics"]["pair_terms"]} == {
        (None, "")
    }
    assert len(record["scorecard"]) == 2
    table = read_table(files["table"])
    assert len(table) == 14  # three FIS by two references, and these by each other; two levels
    assert table["auroc"].isna().all()
    assert Path(files["png"]).stat().st_size > 10_000


def test_blank_map_of_strongest_flanks(tmp_path):
    record, files = draw(tmp_path, strongest=maps_of(exact().mean_abs, n=9))
    table = read_table(files["table"])
    blank = table[table["flanks"] == "strongest"]
    assert (blank["n"] == 0).all()
    assert blank["spearman"].isna().all()
    assert len(record["statistics"]["recovery"]) == 3


def test_a_map_without_any_interaction_is_drawn(tmp_path):
    record, _ = draw(tmp_path, own=maps_of(np.zeros_like(exact().mean_abs)))
    row = record["scorecard"][1]
    assert row["ours"].startswith("position pairs: not defined distilled pair terms, not")
    assert record["statistics"]["recovery"][0]["auroc"] == 0.5


def test_two_runs_give_equal_files(tmp_path):
    (_, first), (_, second) = draw(tmp_path / "a"), draw(tmp_path / "b")
    for what in SUFFIXES:
        assert Path(first[what]).read_bytes() == Path(second[what]).read_bytes(), what


# ---- tables ----------------------------------------------------------------------


def test_comparison_against_counting():
    first = of_pairs([[NAN, 5, 4], [3, NAN, 2], [1, 0.5, NAN]])
    second = of_pairs([[NAN, 1, 2], [3, NAN, 4], [5, NAN, NAN]])
    mine, reference = measure(first), measure(second, "truth")
    table = compare([mine, reference], [reference])
    assert table[["first", "second"]].drop_duplicates().values.tolist() == [["FIS", "truth"]]
    pairs, cells = table.iloc[0], table.iloc[1]
    assert (pairs["level"], pairs["n"]) == ("position pairs", 5)
    assert pairs["spearman"] == pytest.approx(-1)
    assert pairs[["shared_10", "shared_50"]].isna().all()  # there are but five
    assert (cells["level"], cells["n"]) == ("cells", 5 * 16)
    # All five that are not 0, and five of the others, which tie.
    assert cells["shared_10"] == pytest.approx(5 + 75 * (5 / 75) ** 2)


def test_too_little_to_compare():
    one = measure(of_pairs([[NAN, NAN], [1, NAN]]))
    flat = measure(np.where(np.isnan(one.cells), NAN, 3.0), "flat")
    table = compare([one], [flat])
    assert table["n"].tolist() == [1, 16]
    assert table["spearman"].isna().all()


def test_recovery_against_counting():
    scores = of_pairs([[NAN, 9, 7], [2, NAN, 8], [1, 3, NAN]])
    planted = np.zeros((3, 3), bool)
    planted[[0, 1], [1, 0]] = True
    blank = measure(np.where(planted[..., None, None], NAN, scores), "blank")
    table = recovery([measure(scores), blank], planted)
    assert table["first"].tolist() == ["FIS"]  # the other knows no planted pair
    # 9 is above all four others, 2 above one of them.
    assert table.loc[0, "auroc"] == (4 + 1) / 8
    assert table.loc[0, ["n", "n_planted", "worst_rank"]].tolist() == [6, 2, 5]
    assert recovery([measure(scores)], None).empty


def test_terms_as_planted_whichever_position_comes_first():
    columns = ["position", "base", "position2", "base2", "energy_kcal_mol"]
    planted = pd.DataFrame(
        [[-5, "A", NAN, "NA", 9.0], [2, "G", -3, "C", -1.6]], columns=columns
    )
    pair = np.zeros_like(models().pair)
    s, t = 2, 6  # positions −3 and +2
    pair[s, t, 1, 2], pair[s, t, 1, 0], pair[s, t, 3, 0], pair[0, 1, 0, 0] = 4, 3, 2, 1
    for a, b in ((s, t), (0, 1)):
        pair[b, a] = pair[a, b].T
    found = strongest_terms(replace(models(), pair=pair), planted, 4)
    assert [term.name for term in found] == ["C−3/G+2", "C−3/A+2", "T−3/A+2", "A−5/A−4"]
    assert [term.planted for term in found] == ["bases", "positions", "positions", ""]
    # −1.6 times (1 − 1/4) or (0 − 1/4) for either base.
    assert [term.truth for term in found] == pytest.approx([-0.9, 0.3, -0.1, 0])


# ---- the scorecard ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("r2", "printed", "apart", "verdict"),
    [
        (0.951, {"r2": "> 0.95"}, "", "agrees"),
        (0.949, {"r2": "> 0.95"}, "", "differs"),
        (0.949, {"r2": "≥ .9"}, "", "agrees"),
        (0.951, {"r2": "> 0.95"}, "synthetic inputs", "not comparable"),
        (0.951, {}, "", "not comparable"),
    ],
)
def test_verdict_of_the_fit(r2, printed, apart, verdict):
    context = replace(CONTEXT, printed=printed, not_comparable=apart)
    row = fit_row(context, replace(models(), r2_single=0.5, r2_pair=r2))
    assert (row.figure, row.verdict) == ("Flank agreement", verdict)
    assert row.ours == f"{r2:.4f} (mononucleotides alone: 0.5000)"
    assert row.paper == printed.get("r2", "not printed")
    assert ("Le et al." in row.why) == bool(printed)
    assert (row.reason == apart) == bool(apart)


def test_rows_of_agreement_and_recovery_say_their_n():
    rng = np.random.default_rng(5)
    fis, terms, exact_cells = rng.random((3, 10, 10, 4, 4))
    fis[range(10), range(10)] = NAN
    own = [measure(fis), measure(fis * 2, flanks="strongest")]
    named = [measure(terms, "distilled pair terms"), measure(exact_cells, "exact epistasis")]
    row = agreement_row(CONTEXT, compare(own, named), "FIS")
    assert row.verdict == "not comparable"
    assert row.why.startswith("n = 90 position pairs, top 10 share ")
    assert "n = 1,440 cells, top 50 share " in row.why
    planted = np.zeros((10, 10), bool)
    planted[3, 5] = planted[5, 3] = True
    fis[3, 5, 0, 0], fis[5, 3, 0, 0] = 3, 2
    row = recovery_row(CONTEXT, recovery(own[:1], planted))
    assert row.ours == "FIS 1.000"
    assert row.why.endswith("rank of the last planted pair: 2 (2 planted of 90)")
