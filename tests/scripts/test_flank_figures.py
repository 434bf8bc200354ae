"""Figures of flanks: the network's layers, its fit, and the map of one flank."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_json, read_table, write_arrays, write_json, write_table
from dfim.maps.every_kmer import Factorial
from dfim.sequences.kmers import sequence_codes, sequence_index
from flow.flanks.betseq import Measurements
from flow.flanks.metrics import flank_metrics, squared_correlation
from flow.flanks.positions import N_FLANKS, flank_codes
from flow.scorecard.figure_files import without_nan
from helpers.figures import made_context
from scripts.figures import flank_fit, flank_map, network_layers

CONTEXT = made_context(
    figure="fig8b", label="Fig 8B", method="DeepLIFT", options={"cell": ["T-1", "A+1"]}
)
ENDS = {"svg": "svg", "pdf": "pdf", "png": "png", "table": "tsv", "stats": "json"}


def drawn(script, folder: Path, inputs, **context):
    """Record and table of a figure, after a look that its pictures are there."""
    folder.mkdir(exist_ok=True)
    files = {name: str(folder / f"f.{end}") for name, end in ENDS.items()}
    script.main(**inputs, **files, context=replace(CONTEXT, **context))
    assert all(Path(files[kind]).stat().st_size > 5000 for kind in ("svg", "pdf", "png"))
    return read_json(files["stats"]), read_table(files["table"])


def contents(folder: Path):
    return {end: (folder / f"f.{end}").read_bytes() for end in ENDS.values()}


def words(folder: Path) -> str:
    """Texts of the picture, as its SVG file comments them."""
    lines = (folder / "f.svg").read_text().splitlines()
    return "\n".join(line.strip()[5:-4] for line in lines if line.strip().startswith("<!--"))


# ---- layers ----------------------------------------------------------------------

NORM, RELU = ("BatchNormalization", None), ("ReLU", None)
ORDERS = {"norm_relu": [NORM, RELU], "relu_norm": [RELU, NORM]}


def layer_table(units, order, rate=0.25):
    rows, before = [("input", "Input", "10 × 4", None, 0), ("f", "Flatten", "40", None, 0)], 40
    for number, n in enumerate(units):
        rows.append((f"dense{number}", "Dense", str(n), None, (before + 1) * n))
        rows += [(kind, kind, str(n), r, 4 * n * (kind == NORM[0]))
                 for kind, r in (*ORDERS[order], ("Dropout", rate))]  # fmt: skip
        before = n
    rows.append(("output", "Dense", "1", None, before + 1))
    return pd.DataFrame(rows, columns=["name", "kind", "shape", "rate", "parameters"])


def layer_inputs(folder, layers, parts=None):
    write_table(folder / "layers.tsv", layers)
    metrics = {"n_predicted": N_FLANKS, "sd": 0.25, "parts": parts or {}}
    write_json(folder / "metrics.json", metrics)
    return {"layers": str(folder / "layers.tsv"), "metrics": str(folder / "metrics.json")}


@pytest.mark.parametrize(
    ("units", "order"),
    [((500, 500, 250), "norm_relu"), ((8,), "relu_norm"), ((90, 20, 9, 7, 5, 2), "norm_relu")],
)
def test_every_layer_is_written_in_its_order(tmp_path, units, order):
    layers = layer_table(units, order)
    record, table = drawn(network_layers, tmp_path / "a", layer_inputs(tmp_path, layers))
    pd.testing.assert_frame_equal(table, read_table(tmp_path / "layers.tsv"))
    n, text = layers["parameters"].sum(), words(tmp_path / "a").splitlines()
    assert record["statistics"]["n_parameters"] == n
    assert record["scorecard"] == []
    assert any(f"{n:,} parameters" in line for line in text)
    steps = [t for t in text if t in ("batch normalisation", "ReLU") or "dropout" in t]
    first = {"norm_relu": "batch normalisation", "relu_norm": "ReLU"}[order]
    assert steps[::3] == [first] * len(units)
    assert steps[2::3] == ["dropout 0.25"] * len(units)
    assert [t for t in text if t.startswith("dense, ")] == [
        *(f"dense, {n:,} units" for n in units),
        "dense, 1 unit",
    ]


def test_a_network_without_measurements_tells_how_its_output_varies(tmp_path):
    layers = layer_table([30], "norm_relu")
    drawn(network_layers, tmp_path / "a", layer_inputs(tmp_path, layers))
    assert "sd of its ΔΔG of 1,048,576 flanks 0.250 kcal/mol" in words(tmp_path / "a")
    test = {"rmse": 0.3, "n_flanks": 1234}
    drawn(network_layers, tmp_path / "b", layer_inputs(tmp_path, layers, {"test": test}))
    assert "RMSE 0.300 kcal/mol on 1,234 test flanks" in words(tmp_path / "b")


def test_layers_without_a_dense_one_are_refused(tmp_path):
    layers = layer_table([], "norm_relu").iloc[:2]
    with pytest.raises(ValueError, match=r"layers\.tsv: got layers \['Input', 'Flatten'\]"):
        drawn(network_layers, tmp_path / "a", layer_inputs(tmp_path, layers))


# ---- fit -------------------------------------------------------------------------


def fit_inputs(folder, *, replicates=3, trained=True, known=True, part=(0.6, 0.2)):
    """A prediction that is the truth plus noise, and noisy measurements of 3,000 flanks."""
    rng = np.random.default_rng(5)
    true = rng.normal(0, 0.2, N_FLANKS).astype(np.float32)
    ddg = true + rng.normal(0, 0.05, N_FLANKS).astype(np.float32)
    index = np.sort(rng.choice(N_FLANKS, 3000, replace=False))
    noisy = true[index, None] + rng.normal(7, 0.3, (3000, replicates)).astype(np.float32)
    names = np.array([f"rep{k}" for k in range(replicates)])
    measured = Measurements(index, noisy, names)
    split = np.digitize(rng.random(3000), np.cumsum(part)).astype(np.int8)
    write_arrays(folder / "m.h5", {**vars(measured), "split": split})
    write_arrays(folder / "p.h5", {"ddg": ddg})
    parts = {name: asdict(flank_metrics(ddg, measured, split == number))
             for number, name in enumerate(("train", "validation", "test"))
             if (split == number).sum() > 2}  # fmt: skip
    record = {"n_predicted": N_FLANKS, "sd": float(ddg.std()), "parts": parts}
    if known:
        write_arrays(folder / "t.h5", {"ddg": true})
        record["r2_with_truth"] = squared_correlation(ddg, true)
    write_json(folder / "m.json", without_nan(record))
    curve = {"epoch": [1, 2, 3], "learning_rate": 0.1, "train_rmse": [0.5, 0.4, 0.3],
             "validation_rmse": [0.5, 0.35, 0.4]}  # fmt: skip
    write_table(folder / "h.tsv", pd.DataFrame(curve))
    return {
        "measurements": str(folder / "m.h5"),
        "predictions": str(folder / "p.h5"),
        "metrics": str(folder / "m.json"),
        "history": [str(folder / "h.tsv")] * trained,
        "truth": [str(folder / "t.h5")] * known,
    }


def test_fit_counts_every_flank_once(tmp_path):
    inputs = fit_inputs(tmp_path)
    record, table = drawn(flank_fit, tmp_path / "a", inputs)
    test = record["statistics"]["metrics"]["parts"]["test"]
    flanks = table.groupby("what")["flanks"].sum()
    assert flanks["test"] == test["n_flanks"]
    assert flanks["truth"] == N_FLANKS
    of_test = table[table["what"] == "test"]
    for column in ("predicted", "other"):  # centred, to the width of a hexagon
        assert np.average(of_test[column], weights=of_test["flanks"]) == pytest.approx(
            0, abs=0.02
        )
    assert record["statistics"]["kept_epoch"] == 2
    assert table.loc[table["what"] == "epoch", "validation_rmse"].tolist() == [0.5, 0.35, 0.4]
    listed = table[table["what"] == "metrics"].set_index("part")
    assert listed.at["test", "rmse"] == test["rmse"]
    text = words(tmp_path / "a")
    assert f"r² = {test['r2']:.3f} (without error ≈ {test['r2_ceiling']:.3f})" in text
    assert "noise of a single" in text
    drawn(flank_fit, tmp_path / "b", inputs)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_fit_of_a_finished_network_on_one_replicate_without_truth(tmp_path):
    inputs = fit_inputs(tmp_path, replicates=1, trained=False, known=False)
    record, table = drawn(flank_fit, tmp_path / "a", inputs)
    assert set(table["what"]) == {"metrics", "test"}
    assert record["statistics"]["kept_epoch"] is None
    assert record["statistics"]["metrics"]["parts"]["test"]["noise"] is None
    assert "without error" not in words(tmp_path / "a")
    assert "no replicates to measure the noise by" in record["scorecard"][0]["why"]


def test_a_handful_of_test_flanks_can_be_drawn(tmp_path):
    inputs = fit_inputs(tmp_path, known=False, part=(0.5, 0.498))
    record, table = drawn(flank_fit, tmp_path / "a", inputs)
    n = record["statistics"]["metrics"]["parts"]["test"]["n_flanks"]
    assert 3 <= n < 12
    assert table["flanks"].sum() == n


def test_training_on_one_replicate_has_no_noise_line(tmp_path):
    drawn(flank_fit, tmp_path / "a", fit_inputs(tmp_path, replicates=1, known=False))
    text = words(tmp_path / "a")
    assert "kept: epoch 2" in text
    assert "noise of a single" not in text


def test_fit_needs_test_flanks(tmp_path):
    inputs = fit_inputs(tmp_path, known=False, part=(0.5, 0.5))
    with pytest.raises(ValueError, match=r"m\.json: got parts \['train', 'validation'\], exp"):
        drawn(flank_fit, tmp_path / "a", inputs)


@pytest.mark.parametrize("printed", [{"rmse": "0.31 (validation)"}, {}])
@pytest.mark.parametrize("apart", ["", "another biology"])
def test_error_stands_beside_the_printed_one_without_a_verdict(printed, apart):
    test = {"rmse": 0.3, "noise": 0.29, "n_values": 3000, "n_flanks": 1000}
    context = replace(CONTEXT, printed=printed, not_comparable=apart)
    row = flank_fit._row(context, test)
    assert row.verdict == "not comparable"
    assert row.paper == printed.get("rmse", "not printed")
    assert row.ours == "0.3000 (n = 3,000 measurements of 1,000 flanks)"
    assert "noise of 0.2900" in row.why
    why_not = apart if printed else "other flanks are held out here"
    assert row.reason == (why_not or "other flanks are held out here")


# ---- map of one flank --------------------------------------------------------------

# The planted FIS of T-1 on A+1 grows with the base at -5; mutating to G tells the most.
BEST, LESS = "TCCCTACCCC", "GCCCTACCCC"
OTHERS = ("TCCCAACCCC", "TCCCTCCCCC")  # strong, but each lacks a base


def index_of(*flanks):
    return sequence_index(flank_codes(flanks, source="here"))


def planted() -> Factorial:
    codes = sequence_codes(10)
    gain = np.where(codes[:, 4] == 3, -0.1 * (1 + codes[:, 0]), 0) + 0.05 * (codes[:, 4] == 2)
    importance = np.zeros((N_FLANKS, 10), np.float32)
    importance[:, 5] = np.where(codes[:, 5] == 0, gain, 0)
    target = importance.sum(axis=1)
    return Factorial(importance, target, np.full(N_FLANKS, np.nan, np.float32))


def map_inputs(folder, *strongest):
    if not (folder / "factorial.h5").exists():
        planted().save(folder / "factorial.h5")
    ends = {"strongest": index_of(*strongest)}
    write_arrays(folder / "chosen.h5", ends, {"rank_by": "measured"})
    return {"factorial": str(folder / "factorial.h5"), "chosen": str(folder / "chosen.h5")}


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Folder with the planted factorial, which is written once."""
    folder = tmp_path_factory.mktemp("planted")
    map_inputs(folder, BEST)
    return folder


def test_map_is_of_the_strong_flank_with_the_largest_cell(scored, tmp_path):
    inputs = map_inputs(scored, *OTHERS, LESS, BEST)
    record, table = drawn(flank_map, tmp_path / "a", inputs)
    found = record["statistics"]
    assert (found["flank"], found["among"], found["n_candidates"]) == (BEST, "strongest", 2)
    assert (found["source"], found["target"], found["mutant"]) == ("T−1", "A+1", "G")
    assert found["fis"] == pytest.approx(-0.45)
    assert (found["rank"], found["rank_of_mutants"], found["n_cells"]) == (1, [2, 2, 1], 270)
    assert found["median_rank"] == 1  # in either flank nothing else interacts
    assert len(table) == 300
    expected = planted().map_of(int(index_of(BEST)[0]))
    np.testing.assert_array_equal(table["fis"].to_numpy(np.float32), expected.fis.ravel())
    cell = table.query("source_position == -1 and mutant_base == 'G' and target_position == 1")
    assert cell[["source_base", "target_base"]].to_numpy().tolist() == [["T", "A"]]
    assert cell["source_effect"].item() == pytest.approx(-0.45)
    own = table["source_position"] == table["target_position"]
    assert (table["fis"].isna() == own).all()
    text = words(tmp_path / "a")
    flank = "TCCCT·CACGTG·ACCCC, one of 2 of the 4 with the lowest measured ΔΔG that have T−1"
    assert flank in text
    assert "outlined: T−1 changed to G, on A+1: FIS" in text
    assert {"T−1→A", "T−1→C", "T−1→G", "A+1"} <= set(text.splitlines())
    drawn(flank_map, tmp_path / "b", inputs)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_map_says_that_no_strong_flank_has_both_bases(scored, tmp_path):
    record, _ = drawn(flank_map, tmp_path / "a", map_inputs(scored, *OTHERS))
    found = record["statistics"]
    assert (found["among"], found["n_candidates"]) == ("all", 4**8)
    assert found["flank"] == "TAAATAAAAA"  # the first of those with the largest
    assert found["fis"] == pytest.approx(-0.45)
    assert "65,536 of all (none of the 2 with the lowest measured ΔΔG)" in words(tmp_path / "a")


def test_a_cell_needs_two_positions(scored, tmp_path):
    inputs = map_inputs(scored, BEST)
    with pytest.raises(ValueError, match=r"cell: got \['T-1', 'A-1'\], expected bases at two"):
        drawn(flank_map, tmp_path, inputs, options={"cell": ["T-1", "A-1"]})


@pytest.mark.parametrize("printed", [{"strength": "strong"}, {}])
@pytest.mark.parametrize("apart", ["", "another biology"])
def test_cell_of_an_example_has_no_verdict(printed, apart):
    rank = 27
    record = {
        "flank": BEST, "n_candidates": 9, "source": "T−1", "target": "A+1", "mutant": "G",
        "fis": -0.45, "rank": rank, "n_cells": 270, "mutants": ["A", "C", "G"],
        "fis_of_mutants": [-0.4, 0.4, -0.45], "rank_of_mutants": [rank + 1, rank + 1, rank],
        "median_rank": 54.0,
    }  # fmt: skip
    row = flank_map._row(replace(CONTEXT, printed=printed, not_comparable=apart), record)
    assert (row.figure, row.verdict) == ("Fig 8B", "not comparable")
    assert row.paper == printed.get("strength", "not printed")
    assert row.ours == f"−0.450 (mutated to G), rank {rank} of 270 cells of its map by |FIS|"
    assert f"to C +0.400 (rank {rank + 1}), to G −0.450 (rank {rank}); flank" in row.why
    assert "of 9 with both bases, whose median rank is 54" in row.why
    why_not = apart if printed else "an example chosen by rule, and no test"
    assert row.reason == (why_not or "an example chosen by rule, and no test")
