"""Studies of flanks in the configuration: accepted, resolved, refused in a line."""

import pytest

from flow.declarations.config import chosen_studies, load
from flow.declarations.flank_study import FlankStudy
from flow.declarations.validation import validate
from flow.run.context import figure_context
from flow.run.figure_context import NamedMethod
from flow.run.run import Run
from flow.run.wording import not_comparable, origin
from helpers.configs import changed, refusal

S = "studies.cbf1"


@pytest.fixture(scope="module")
def default():
    config = load(["config/audit.yaml"])
    config["only"] = ["cbf1"]
    return config


def local(config, folder, **files):
    """The study with real files of a folder, all of which are there."""
    for value in files.values():
        named = value.values() if isinstance(value, dict) else value
        for name in [named] if isinstance(named, str) else named:
            (folder / name).write_text("")
    changes = {
        "inputs": "local",
        "local_folder": str(folder),
        f"{S}.examples.files": files,
    }
    return changed(config, changes)


# ---- resolved ------------------------------------------------------------------


def test_settings_come_from_three_places(default):
    config = changed(default, {f"{S}.flanks.analyses.deeplift.gc": 0.4})
    flanks = FlankStudy(config, "cbf1", "f", "i")
    assert flanks.analysis("gradient_input")["references"] == "gc"  # flanks, not scoring
    assert flanks.analysis("gradient_input")["gc"] == 0.5
    assert flanks.analysis("deeplift")["gc"] == 0.4
    assert flanks.analysis("deeplift")["mask_observed"] is True
    assert flanks.settings["extremes"] == 5000


def test_files_of_the_synthetic_world(default):
    flanks = FlankStudy(default, "cbf1", "f", "i")
    assert flanks.files()["tables"] == [f"i/cbf1/cbf1_rep{k}_counts.txt.gz" for k in (1, 2, 3)]
    assert flanks.truth() == {"terms": ["i/cbf1/terms.tsv"], "truth": ["i/cbf1/truth.h5"]}
    assert flanks.history() == ["f/model/history.tsv"]
    assert flanks.layout()["kind"] == "replicates"


def test_local_tables(default, tmp_path):
    config = local(default, tmp_path, replicates=["a.txt", "b.txt"])
    validate(config)
    flanks = FlankStudy(config, "cbf1", "f", "i")
    assert flanks.files()["tables"] == [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    assert flanks.truth() == {"terms": [], "truth": []}
    assert origin(config, chosen_studies(config)["cbf1"]) == "real"
    assert not_comparable(config, chosen_studies(config)["cbf1"]) == ""


def test_members_of_an_archive(default, tmp_path):
    splits = {"train": "t", "validation": "v", "test": "e"}
    config = local(default, tmp_path, archive="all.tar.gz", counts="counts.txt", protein="Cbf1",
                   splits=splits)  # fmt: skip
    config = changed(config, {f"{S}.examples.split": ...})
    validate(config)
    flanks = FlankStudy(config, "cbf1", "f", "i")
    assert flanks.files() == {"tables": [str(tmp_path / "all.tar.gz")], "splits": []}
    layout = flanks.layout()
    assert (layout["members"], layout["protein"]) == (["counts.txt"], "Cbf1")
    assert dict(zip(layout["parts"], layout["split_members"], strict=True)) == splits


def test_paper_run_takes_the_archive():
    config = load(["config/paper.yaml"])
    validate(config)
    flanks = FlankStudy(config, "cbf1", "f", "i")
    assert flanks.files()["tables"] == [
        "resources/downloads/betseq/BETseq_processed_data.tar.gz"
    ]
    assert flanks.layout()["members"][0] == "cbf1_rep1_counts.txt"
    training = Run(config, "paper").training("cbf1")
    assert training == {
        "optimizer": "sgd", "batch_size": 256, "max_epochs": 100, "patience": 5,
        "drop_after": 3, "learning_rate": 0.001, "weight_decay": 0.01, "target_noise": 0.5,
        "min_improvement": 0.0001, "threads": 1, "onednn": True,
    }  # fmt: skip


def test_finished_network_without_measurements(tmp_path):
    config = load(["config/cbf1_released.yaml"])
    (tmp_path / "betseq").mkdir()
    (tmp_path / "betseq/BET-seq_cbf1_model_params.npz").write_text("")
    config["local_folder"] = str(tmp_path)
    validate(config)
    run = Run(config, "released")
    assert run.flanks("cbf1").measurements() == []
    assert run.flanks("cbf1").history() == []
    assert "flank_fit" not in run.figures
    assert figure_context(run, "fig8c").origin == "real"
    assert (
        figure_context(run, "fig8c").method == "DeepLIFT (genomics default), uniform reference"
    )
    assert figure_context(run, "flank_agreement").compared == (
        NamedMethod("gradient_input", "gradient × input"),
    )


# ---- refused -------------------------------------------------------------------

E, M, F = f"{S}.examples", f"{S}.model", f"{S}.figures"
REFUSED = {
    "pairs beside flanks": (
        {f"{S}.features": {"source": "truth"}},
        "features: a study of flanks has its own analyses",
    ),
    "another builder": ({f"{E}.builder": "fasta"}, "expected m4 for builder betseq"),
    "measurements without flanks": ({f"{S}.flanks": ...}, "flanks: missing; builder betseq is"),
    "another architecture": ({f"{M}.architecture": "m2"}, "got m2, expected m4 for builder"),
    "m4 elsewhere": (
        {"only": ["simulated"], "studies.simulated.model.architecture": "m4"},
        "studies.simulated.model.architecture: got m4",
    ),
    "one dropout": ({f"{M}.options.dropout": 0.2}, "got 0.2, expected a list, one rate"),
    "option": ({f"{M}.options.dense": 3}, "model.options: m4 has no 'dense'; it takes units"),
    "regression key": (
        {"only": ["simulated"], "studies.simulated.model.training": {"target_noise": 0.5}},
        "model.training.target_noise: only m4",
    ),
    "key of classes": (
        {f"{M}.training.decay": "cosine"},
        "model.training.decay: m4, which learns a quantity, does not take it; remove it",
    ),
    "dataset": ({f"{E}.dataset": "blood"}, "examples.dataset: got 'blood', expected cbf1"),
    "key of another builder": ({f"{E}.window": 10}, "examples.window: builder betseq does not"),
    "no split": ({f"{E}.split": ...}, "examples: a network to train needs split"),
    "split in numbers": (
        {f"{E}.split": {"validation": 10, "test": 0.1}},
        "examples.split.validation: got 10, expected a fraction below 1",
    ),
    "nothing to train on": (
        {f"{E}.split": {"validation": 0.5, "test": 0.5}},
        "examples.split: validation and test leave nothing to train on",
    ),
    "train is the rest": ({f"{E}.split.train": 3}, "examples.split.train: builder betseq"),
    "no inputs": ({f"{E}.dataset": ...}, "examples: key 'dataset' is missing, which"),
    "untrained": ({E: None}, "model: a network to train needs examples"),
    "nothing is measured": (
        {E: None, M: {"file": "net.keras"}, f"{F}.flank_fit": None},
        "flanks.rank_by: got 'measured', but without examples nothing is",
    ),
    "references of a sequence": (
        {f"{S}.flanks.analyses.deeplift.references": "dinuc"},
        "got 'dinuc' (str), expected one of gc, zeros",
    ),
    "no analysis left": (
        {f"{S}.flanks.analyses": {"deeplift": None, "gradient_input": None}},
        "flanks.analyses: every one is null, expected one at least",
    ),
    "analysis of a figure": ({f"{F}.fig8c.analysis": "ism"}, "no 'ism' in flanks; declared"),
    "compared analysis": ({f"{F}.flank_agreement.compare": ["ism"]}, "no 'ism' in flanks"),
    "compared text": ({f"{F}.flank_agreement.compare": "ism"}, "expected a list of analyses"),
    "key of a figure": ({f"{F}.fig8a.analysis": "deeplift"}, "kind network_layers does not"),
    "figure of pairs": (
        {f"{F}.x": {"kind": "pair_scores", "analysis": "deeplift"}},
        "figures.x.kind: got pair_scores, a study of flanks has network_layers",
    ),
    "one position": ({f"{F}.fig8b.cell": ["T-1", "A-1"]}, "T-1 and A-1 are one position"),
    "cells of one position": ({f"{F}.fig8c.cells": [["T-1", "T-1"]]}, "are one position"),
    "printed share": ({f"{F}.flank_agreement.printed.r2": "high"}, "got 'high' (str)"),
    "output": ({f"{M}.output": 1}, "model.output: a network of flanks has one output"),
    "dropout rates": ({f"{M}.options.units": [5, 5]}, "got 3 rates, expected 2"),
    "too little noise": ({"flank_simulation.noise": 0}, "got 0 (int), expected at least 0.005"),
    "extremes of few": (
        {"flank_simulation.flanks": 5000},
        "flanks.extremes: got 5000, expected at most half of the 5000 flanks",
    ),
    "extremes that are all blank": (
        {f"{S}.flanks.extremes": 9},
        "flanks.extremes: got 9, expected at least min_n (10)",
    ),
    "cell": ({f"{F}.fig8b.cell": ["T-1", "A+6"]}, "got 'A+6' (str), expected text that"),
    "figure without flanks": (
        {"only": ["simulated"], "studies.simulated.figures.x": {"kind": "network_layers"}},
        "kind: network_layers shows flanks; the study has none",
    ),
    "fit without measurements": (
        {E: None, M: {"file": "net.keras"}, f"{S}.flanks.rank_by": "predicted"},
        "kind: flank_fit shows measurements; the study has no examples",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(default, name):
    changes, message = REFUSED[name]
    assert message in refusal(changed(default, changes))


FILES = {
    "none": ({}, "got none, expected one of replicates, counts, ddg"),
    "two": ({"ddg": "a", "column": "b", "counts": "c", "protein": "d"}, "got counts and ddg"),
    "no protein": ({"counts": "a"}, "files.protein: counts needs it"),
    "column of counts": ({"counts": "a", "protein": "b", "column": "c"}, "only ddg takes it"),
    "genome": (
        {"genome": "a", "ddg": "b", "column": "c"},
        "files.genome: builder betseq takes",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_refused_files(default, tmp_path, name):
    files, message = FILES[name]
    assert message in refusal(local(default, tmp_path, **files))


def test_lists_and_fractions_exclude_each_other(default, tmp_path):
    splits = {"train": "t", "validation": "v", "test": "e"}
    config = local(default, tmp_path, replicates=["a"], splits=splits)
    assert "the files bring their own lists" in refusal(config)


def test_file_that_is_not_there(default, tmp_path):
    config = local(default, tmp_path, replicates=["a.txt"])
    (tmp_path / "a.txt").unlink()
    assert "examples.files.replicates: no file" in refusal(config)


def test_files_of_flanks_for_peaks_are_refused(default, tmp_path):
    files = {"genome": "g", "ddg": "d", "accessible": "a", "chip": {"GATA1": "c"}}
    changes = {
        "only": ["tal_gata_negative"],
        "inputs": "local",
        "local_folder": str(tmp_path),
        "studies.tal_gata_negative.examples.files": files,
    }
    found = refusal(changed(default, changes))
    assert "examples.files.ddg: only builder betseq has it" in found
