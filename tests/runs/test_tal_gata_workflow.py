"""The studies of a genome through the workflow: synthetic, tiny; and what it refuses."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dfim.genome.genome import read_genome
from dfim.io.store import read_arrays, read_json, read_table
from dfim.pairs.scores import PairScores
from dfim.sequences.encoding import background
from dfim.sequences.examples import SPLITS, Examples
from flow.declarations.config import ConfigError, figures, load
from flow.declarations.validation import validate
from flow.run.run import Run
from flow.scorecard.truth import LEARNED_WITHIN
from helpers import CONFIGS
from helpers.workflow_runs import WorkflowRun

TINY = CONFIGS / "tiny_tal_gata.yaml"
FIGURES = sorted(figures(load([TINY])))
STUDIES = ("tal_gata", "tal_gata_negative")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> WorkflowRun:
    made = WorkflowRun(tmp_path_factory.mktemp("tal_gata"), TINY)
    done = made.run()
    assert done.returncode == 0, done.stderr
    return made


def test_every_figure_with_table_and_statistics(run):
    assert {"fig3a", "fig3b", "sfig4", "performance_tal_gata"} <= set(FIGURES)
    for figure in FIGURES:
        for kind in ("svg", "pdf", "png"):
            assert (run.results / f"figures/{figure}.{kind}").stat().st_size > 5000
        assert len(read_table(run.results / f"tables/{figure}.tsv")) > 2
        record = read_json(run.results / f"stats/{figure}.json")
        assert record["origin"] == "synthetic"
        assert record["scorecard"]
        assert {row["verdict"] for row in record["scorecard"]} <= {"not comparable", "agrees"}
        for row in record["scorecard"]:  # only what the architecture decides can agree here
            assert row["verdict"] == "not comparable" or "largest distance" in row["quantity"]


def test_paper_values_stand_beside_ours(run):
    rows = read_table(run.results / "scorecard.tsv", text=("paper", "ours"))
    printed = " ".join(rows["paper"].astype(str))
    for value in ("0.953", "0.459", "13,004; 18,898; 28,684; 21,1154", "< 1e-16", "70 bp"):
        assert value in printed
    recovery = rows[rows["quantity"].str.contains("recovery of planted|AUROC of")]
    assert len(recovery) >= 2


def test_what_did_not_learn_says_so(run):
    for figure in ("fig3b", "sfig4"):
        record = read_json(run.results / f"stats/{figure}.json")
        found = record["statistics"]
        far = found["oracle_auroc"] - found["auroc"] > LEARNED_WITHIN
        said = any(row["ours"] == "did not learn" for row in record["scorecard"])
        assert far == said


def test_split_follows_the_chromosomes_and_sites_match_the_truth(run):
    for study, dataset in zip(STUDIES, ("k562", "k562_additive"), strict=True):
        data = Examples.load(run.results / study / "examples.h5")
        held = {"chr1": 1, "chr8": 2, "chr9": 2}
        expected = [held.get(contig, 0) for contig in data.contigs]
        assert data.splits.tolist() == expected
        assert set(data.splits) == set(range(len(SPLITS)))
        genome = read_genome(run.results / "inputs" / dataset / "genome.fa.gz")
        places = genome.contigs.index(data.contigs)
        np.testing.assert_array_equal(genome.windows(places, data.starts, 1000), data.codes)


def test_both_worlds_have_one_genome_and_other_binding(run):
    files = [run.results / "inputs" / name for name in ("k562", "k562_additive")]
    for name in ("genome.fa.gz", "sites.tsv.gz"):
        assert (files[0] / name).read_bytes() == (files[1] / name).read_bytes()
    assert (files[0] / "TAL1.narrowPeak.gz").read_bytes() != (
        files[1] / "TAL1.narrowPeak.gz"
    ).read_bytes()


def test_exact_interactions_are_those_of_double_mutants(run):
    from dfim.attribution.results import Head
    from dfim.models.loading import load_model
    from flow.networks.heads import head_attributor

    folder = run.results / "tal_gata"
    data = Examples.load(folder / "examples.h5")
    scores = PairScores.load(folder / "gata_to_tal/pairs.h5")
    arrays, attributes = read_arrays(folder / "gata_to_tal/double_mutants.h5")
    found = arrays["interaction"]
    assert found.shape == scores.fis.shape
    assert (found[~scores.reachable] == 0).all()
    head = Head(0, data.tasks.index("TAL1"))
    logit = head_attributor(
        load_model(folder / "model/model.keras"), head, attributes["settings"]
    ).predict_logit
    f = scores.features
    for pair in np.flatnonzero(scores.reachable)[:: scores.reachable.sum() // 5]:
        sites = scores.source[pair], scores.target[pair]
        X = np.repeat(data.one_hot(f.sequence[[sites[0]]]).astype(np.float32), 4, axis=0)
        for site, rows in zip(sites, ([1, 3], [2, 3]), strict=True):
            X[rows, f.start[site] : f.end[site]] = background(0.46)
        original, first, second, both = logit(X).astype(np.float64)
        assert found[pair] == pytest.approx(original - first - second + both, abs=1e-5)
    for figure in ("fig3b", "sfig4"):
        record = read_json(run.results / f"stats/{figure}.json")
        (row,) = [r for r in record["scorecard"] if "|exact interaction|" in r["quantity"]]
        assert row["ours"].startswith(f"{record['statistics']['exact']['auroc']:.3f} (")


def test_pairs_are_those_that_were_asked_for(run):
    folder = run.results / "tal_gata"
    data = Examples.load(folder / "examples.h5")
    for analysis, source, target in (
        ("gata_to_tal", "GATA", "EBOX"),
        ("tal_to_gata", "EBOX", "GATA"),
    ):
        scores = PairScores.load(folder / analysis / "pairs.h5")
        table = scores.table(data.ids)
        assert set(table["source"]) == {source}
        assert set(table["target"]) == {target}
        assert table["distance"].max() <= 200
        rows = np.unique(scores.features.sequence[scores.source])
        assert (data.splits[rows] == 2).all()
        columns = [data.tasks.index(task) for task in ("GATA1", "TAL1")]
        assert (data.labels[rows][:, columns] == 1).any(axis=1).all()
        summary = read_json(folder / analysis / "summary.json")
        assert summary["structural_reach"] == 69
        beyond = table["distance"] > 73  # reach - 1 and half of both widths
        assert beyond.any()
        assert (table.loc[beyond, "fis_max_abs"] == 0).all()
        assert np.isnan(read_arrays(folder / analysis / "pairs.h5")[0]["p"][beyond]).all()


def test_example_tracks_add_up_to_the_fis_that_is_printed(run):
    chosen = read_json(run.results / "stats/fig3a.json")["statistics"]
    table = read_table(run.results / "tables/fig3a.tsv").set_index("position")
    target = table.loc[chosen["target"]["start"] : chosen["target"]["end"] - 1]
    assert target["difference"].sum() == pytest.approx(chosen["fis"], abs=1e-6)
    assert "".join(
        table.loc[chosen["source"]["start"] : chosen["source"]["end"] - 1, "base"]
    ) == "GATA"  # fmt: skip
    assert len(table) == 100


def test_nothing_to_do_a_second_time(run):
    done = run.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


# ---- what is refused before anything runs ---------------------------------------

T = "studies.tal_gata"


def changed(config, changes):
    found = json.loads(json.dumps(config))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = found
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
        if value is ...:
            del place[last]
    return found


REFUSED = {
    "reads": ({"raw": "reads"}, "raw: got 'reads', which does not exist yet; use raw: peaks"),
    "overlap": (
        {f"{T}.examples.split": {"validation": ["8"], "test": ["chr8", "chr9"]}},
        "examples.split: contig '8' is in both validation and test",
    ),
    "chosen": (
        {f"{T}.examples.contigs": ["chr1", "chr8"]},
        "examples.split.test: contig '9' is not among examples.contigs (chr1, chr8)",
    ),
    "nothing left": (
        {f"{T}.examples.contigs": ["1", "chr8", "chr9"]},
        "examples.split: no contig is left for training",
    ),
    "train": (
        {f"{T}.examples.split.train": 5},
        "examples.split.train: builder peaks trains on the rest",
    ),
    "number": (
        {f"{T}.examples.split.validation": 100},
        "examples.split.validation: got 100, expected names of contigs, or a fraction",
    ),
    "no split": ({f"{T}.examples.split": None}, "expected names of contigs"),
    "label": ({f"{T}.examples.label": "TAL1"}, "examples.label: only builder fasta has it"),
    "tasks": ({f"{T}.examples.tasks": ...}, "examples: key 'tasks' is missing"),
    "factor": (
        {f"{T}.examples.tasks": ["GATA1", "MYC"]},
        "examples.tasks: 'MYC' is not in the simulated genome",
    ),
    "dataset": (
        {f"{T}.examples.dataset": "embedded_motifs"},
        "examples.dataset: got 'embedded_motifs', expected one of k562, k562_additive",
    ),
    "files": (
        {"inputs": "local", "local_folder": "."},
        "examples: key 'files' is missing, which inputs: local needs",
    ),
    "heads": (
        {f"{T}.model": {"file": "net.keras", "heads": {"GATA1": 0}}},
        "model.heads: got GATA1, expected one per task: GATA1, GATA2, TAL1",
    ),
    "heads of our own": (
        {f"{T}.model.heads": {"GATA1": 0}},
        "model.heads: only a finished network (model.file) has them; remove it",
    ),
    "options": ({f"{T}.model.options": {"dense": 3}}, "model.options: m2 has no 'dense'"),
    "short": ({f"{T}.examples.window": 60}, "examples.window: got 60, expected at least 70"),
    "other test set": (
        {f"{T}.examples.dataset": "k562_additive", f"{T}.examples.split.test": ["chr8"]},
        "of the same dataset; expected the same",
    ),
    "both sources": (
        {f"{T}.features.file": "m.meme"},
        "features.file: source 'patterns' does not take it; remove it",
    ),
    "key of another kind": (
        {f"{T}.figures.fig3a.bins": [0, 1, 2]},
        "figures.fig3a.bins: kind pair_tracks does not take it; remove it",
    ),
    "task": (
        {f"{T}.analyses.gata_to_tal.task": "MYC"},
        "analyses.gata_to_tal: no task 'MYC'; the study has GATA1, GATA2, TAL1",
    ),
    "source": (
        {f"{T}.analyses.gata_to_tal.sources": ["RUNX"]},
        "analyses.gata_to_tal.sources: no feature 'RUNX'; there are GATA, EBOX",
    ),
    "bins": ({f"{T}.figures.fig3b.bins": [0, 50, 20]}, "figures.fig3b.bins: got [0, 50, 20]"),
    "contrast": (
        {f"{T}.figures.fig3b.contrast": "nothing"},
        "figures.fig3b.contrast: no study 'nothing' in this run",
    ),
    "compare": ({f"{T}.figures.fig3b.compare": "deep"}, "no analysis 'deep'"),
    "fasta": (
        {f"{T}.examples.builder": "fasta"},
        "examples.tasks: only builders of peaks have it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case):
    changes, message = REFUSED[case]
    with pytest.raises(ConfigError) as error:
        validate(changed(load([TINY]), changes))
    text = str(error.value)
    assert message in text
    assert text.startswith("config: studies.tal_gata")
    assert "\n" not in text


def test_unknown_source_of_a_download_is_named():
    config = changed(
        load([TINY]),
        {
            "inputs": "download",
            "only": ["tal_gata"],
            f"{T}.figures.fig3b.contrast": None,
            f"{T}.figures.sfig4.contrast": None,
        },
    )
    files = Run.start(config, []).peak_files("tal_gata")
    assert files["genome"] == "resources/downloads/genome/hg19.fa.gz"
    assert [Path(path).name[:12] for path in files["chip"]] == ["wgEncodeAwgT"] * 3
    config["studies"]["tal_gata"]["examples"]["sources"]["genome"] = "hg19_fast"
    with pytest.raises(ConfigError, match=r"no source .hg19_fast.*did you mean .hg19_fasta"):
        Run.start(config, [])


# ---- bad files, through the workflow --------------------------------------------


@pytest.fixture(scope="module")
def local(run, tmp_path_factory):
    """A folder with the tiny genome's files under a user's own names, and its config."""
    folder = tmp_path_factory.mktemp("local")
    made = run.results / "inputs/k562"
    for name in ("genome.fa.gz", "dnase.narrowPeak.gz", "TAL1.narrowPeak.gz"):
        (folder / name.removesuffix(".gz")).write_bytes(
            gzip.decompress((made / name).read_bytes())
        )
    config = {
        "inputs": "local",
        "only": ["tal_gata"],
        "studies": {
            "tal_gata": {
                "examples": {
                    "tasks": ["TAL1"],
                    "files": {
                        "genome": "genome.fa",
                        "accessible": "dnase.narrowPeak",
                        "chip": {"TAL1": "TAL1.narrowPeak"},
                    },
                },
                "analyses": {
                    name: {"task": "TAL1", "select": {"positive_tasks": ["TAL1"]}}
                    for name in load([TINY])["studies"]["tal_gata"]["analyses"]
                },
                "figures": {name: {"contrast": None} for name in ("fig3b", "sfig4")},
            },
        },
    }
    return folder, config


def build(local, tmp_path, *, change=None, **examples):
    """Build the examples of a copy of the folder; what the run wrote and said."""
    folder, config = local
    shutil.copytree(folder, tmp_path / "in")
    if change:
        change(tmp_path / "in")
    config = json.loads(json.dumps(config))
    config["studies"]["tal_gata"]["examples"] |= examples
    config["local_folder"] = str(tmp_path / "in")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    made = WorkflowRun(tmp_path / "run", TINY, tmp_path / "mine.yaml", cores=1)
    target = "results/mine/tal_gata/examples.h5"
    done = made.run(target, options=["--quiet", "all"])
    logs = "".join(path.read_text() for path in made.results.rglob("build_peak_examples.log"))
    return done, made.folder / target, logs


def test_names_without_chr_and_windows_with_n(local, tmp_path):
    def change(folder: Path) -> None:
        genome = (folder / "genome.fa").read_text()
        at = genome.index(">chr8") + 3000
        genome = genome[:at] + "N" * 200 + genome[at + 200 :]
        (folder / "genome.fa").write_text(genome.replace(">chr", ">"))

    contigs = ["chr2", "1", "8", "chr9"]
    done, target, logs = build(local, tmp_path, change=change, contigs=contigs)
    assert done.returncode == 0, done.stderr
    data = Examples.load(target)
    assert set(data.contigs) == {"1", "2", "8", "9"}
    assert (data.codes < 4).all()
    assert "on other contigs left out" in logs
    whole = pd.Series(Examples.load(target).contigs).value_counts()
    assert whole.min() > 5
