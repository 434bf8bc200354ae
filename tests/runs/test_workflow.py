"""The whole workflow on a tiny config: what comes out, again, in parts, after kills.

`tiny_run` is an unbroken run on two cores. `killed_run` is the same with other chunks on
one core, killed in training and in scoring and resumed: all its results must be equal.
"""

import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from urllib.parse import unquote

import h5py
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from dfim.io.store import read_arrays, read_json, read_table, write_table
from dfim.pairs.files import PairFile
from dfim.pairs.scores import PairScores
from dfim.sequences.fasta import read_fasta, write_fasta
from flow.declarations.config import figures, load
from flow.jobs.digest import config_digest
from helpers import CONFIGS, WORKFLOW
from helpers.html import by_id, check_links, of_class, parse_page
from helpers.html import text_of as text_in
from helpers.small_models import conv_net
from helpers.workflow_runs import WorkflowRun

TINY = CONFIGS / "tiny.yaml"
FIGURES = sorted(figures(load([TINY])))
PAPER = {"fig1", "fig2a", "fig2b", "sfig2a", "sfig2b", "sfig2c", "sfig2d"}
IDLE = "Nothing to be done"


def text_of(done) -> str:
    return done.stdout + done.stderr


# ---- what comes out ------------------------------------------------------------


def test_figures_of_the_paper_are_among_them():
    assert PAPER | {"complete_fis", "performance_simulated"} == set(FIGURES)


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_in_three_formats(tiny_run, figure):
    base = tiny_run.results / "figures" / figure
    root = ElementTree.parse(base.with_suffix(".svg")).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20
    pdf = base.with_suffix(".pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    pixels = imread(base.with_suffix(".png"))
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05  # something is drawn


@pytest.mark.parametrize("figure", FIGURES)
def test_table_and_statistics_of_a_figure(tiny_run, figure):
    table = read_table(tiny_run.results / "tables" / f"{figure}.tsv")
    assert len(table) > 2
    record = read_json(tiny_run.results / "stats" / f"{figure}.json")
    config = load([TINY])
    assert record["figure"] == figure
    assert record["run"] == "tiny"
    assert record["seed"] == config["seed"]
    assert record["config_digest"] == config_digest({**config, "run": None})
    assert {"python", "dfim", "numpy", "keras", "snakemake"} <= record["versions"].keys()
    assert any(name.startswith("tensorflow") for name in record["versions"])
    flat = json.dumps(record["statistics"])
    if figure != "fig1":  # one example, which says so
        assert re.search(r'"n(_\w+)?": [1-9]', flat), flat
    else:
        assert record["statistics"]["window"]["n_candidates"] > 0


def test_scorecard_is_complete(tiny_run):
    table = read_table(tiny_run.results / "scorecard.tsv")
    columns = ["figure", "quantity", "paper", "ours", "origin", "verdict", "reason", "why"]
    assert list(table.columns) == columns
    assert not table.isna().any().any()
    assert (table.map(len) > 0).all().all()
    assert set(table["verdict"]) <= {"agrees", "differs", "not comparable"}
    assert set(table["origin"]) == {"synthetic"}
    assert not table["ours"].str.contains("nan").any()
    assert {"Fig 2B", "SFig 2A", "SFig 2B", "SFig 2C", "SFig 2D"} <= set(table["figure"])
    for quantity in ("AUROC of |FIS|", "calls of AP1–TAL1", "accuracy"):
        assert table["quantity"].str.contains(quantity, regex=False).any(), quantity
    rows = [row for f in FIGURES for row in _record(tiny_run, f)["scorecard"]]
    assert len(rows) == len(table)
    page = parse_page((tiny_run.results / "scorecard.html").read_text())
    assert sum(row.get("id", "").startswith("row-") for row in page.iter("tr")) == len(table)


def _record(run, figure):
    return read_json(run.results / "stats" / f"{figure}.json")


def test_report_has_every_figure_and_needs_no_network(tiny_run):
    results = tiny_run.results
    page = parse_page((results / "report.html").read_text())
    check_links(page, {str(path.relative_to(results)) for path in results.rglob("*.*")})
    shown = {one.get("id").removeprefix("figure-"): one for one in of_class(page, "figure")}
    ours = [figure for figure in shown if figure not in PAPER]
    assert list(shown) == [*sorted(PAPER), *ours]  # here the paper's order is that of the ids
    assert set(shown) == set(FIGURES)
    for figure, article in shown.items():
        svg = (results / "figures" / f"{figure}.svg").read_text()
        (picture,) = article.iter("img")
        assert unquote(picture.get("src").partition(",")[2]) == (
            " ".join(svg.split()).replace('"', "'")
        )
        ElementTree.fromstring(unquote(picture.get("src").partition(",")[2]))
        # A picture must not fetch anything either: fonts and images are inside it.
        found = re.findall(r'(?:href|src)\s*=\s*"([^"]*)"', svg)
        assert all(link.startswith(("#", "data:")) for link in found)
        assert "url(http" not in svg
        assert len(text_in(next(article.iter("figcaption")))) > 150
    table = read_table(results / "scorecard.tsv")
    summary = text_in(by_id(page, "summary"))
    differing = table[table["verdict"] == "differs"]
    assert f"{len(differing)} differ" in summary
    assert all(reason in summary for reason in differing["reason"])


def test_pairs_are_whole_and_agree_with_each_other(tiny_run):
    folder = tiny_run.results / "simulated/deeplift"
    table = read_table(folder / "pairs.tsv.gz")
    scores = PairScores.load(folder / "pairs.h5")
    tests = read_arrays(folder / "pairs.h5", ("p", "q", "null_fis"))[0]
    assert len(table) == len(scores) == len(tests["p"]) > 500
    np.testing.assert_array_equal(table["fis"].astype(np.float32), scores.fis)
    np.testing.assert_array_equal(table["q"], tests["q"])
    assert (tests["q"] >= tests["p"]).all()
    assert (table["source"] != table["target"]).all()
    assert table["sequence"].str.startswith("cls3_").all()
    assert len(tests["null_fis"]) == len(scores)  # one shuffle of each sequence
    gradient = read_arrays(tiny_run.results / "simulated/gradient_input/pairs.h5")[0]
    assert len(gradient["null_fis"]) == 2 * len(gradient["fis"])  # two
    summary = read_json(folder / "summary.json")
    assert summary["n_sequences"] == table["sequence"].nunique() == 200
    assert summary["n_pairs"] == len(table)


def test_logs_and_benchmarks_are_kept(tiny_run):
    logs = sorted((tiny_run.results / "logs").rglob("*.log"))
    assert len(logs) > 20
    for log in logs:
        assert re.search(r"rule \w+ done in [\d.]+ s", log.read_text()), log
    training = (tiny_run.results / "logs/simulated/train_model.log").read_text()
    assert "train m1: 100 %" in training
    assert {p.parent.name for p in (tiny_run.results / "benchmarks").rglob("score_*.tsv")} == {
        "complete", "deeplift", "gradient_input",
    }  # fmt: skip


def test_nothing_unfinished_is_left(tiny_run):
    assert [p.name for p in tiny_run.folder.rglob("*") if ".part" in p.name] == []
    assert list((tiny_run.results / "simulated/checkpoints").iterdir()) == []


# ---- again ---------------------------------------------------------------------


def test_second_run_has_nothing_to_do(tiny_run):
    done = tiny_run.run()
    assert done.returncode == 0, done.stderr
    assert IDLE in text_of(done)


def rules_to_run(done) -> set[str]:
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^(?:local)?rule (\w+):$", text_of(done), re.M))


def test_changed_setting_runs_what_depends_on_it_and_no_more(tiny_run, tmp_path):
    changed = tmp_path / "changed.yaml"
    changed.write_text("run: tiny\nstudies: {simulated: {model: {training: {patience: 5}}}}\n")
    again = WorkflowRun(tiny_run.folder, TINY, changed)
    rules = rules_to_run(again.run(options=["-n"]))
    assert {"train_model", "evaluate_model", "score_pairs", "draw_pair_scores"} <= rules
    assert not {"simulate_sequences", "build_examples", "locate_features"} & rules
    changed.write_text("run: tiny\nseed: 2\n")
    assert "simulate_sequences" in rules_to_run(again.run(options=["-n"]))


def test_unknown_target_is_refused(tiny_run):
    target = "results/tiny/figures/fig99.svg"
    done = tiny_run.run(target)
    assert done.returncode == 1
    assert target in text_of(done)
    assert "Traceback" not in text_of(done)


# ---- killed, resumed, in other chunks ------------------------------------------


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory):
    """Killed in training, then in scoring; resumed by a target's name, then as a whole."""
    overlay = tmp_path_factory.mktemp("overlay") / "chunks.yaml"
    overlay.write_text(
        "run: tiny\nscoring: {chunks: 3}\n"
        "studies: {simulated: {analyses: {gradient_input: {chunks: 1}}}}\n"
    )
    run = WorkflowRun(tmp_path_factory.mktemp("killed"), TINY, overlay, cores=1)
    run.results = run.folder / "results/tiny"
    seen = {"checkpoints": run.kill_when("simulated/checkpoints/training.*.h5")}
    seen["model after kill"] = (run.results / "simulated/model/model.keras").exists()
    for _ in range(6):  # a chunk may have ended just as its block was seen
        run.unlock()
        seen["blocks"] = run.kill_when("simulated/*/blocks/*/*.blocks/[0-9]*.h5")
        if seen["blocks"]:
            break
    run.unlock()
    before = set(names(run, "figures/*", "simulated/*"))
    one = run.run("results/tiny/figures/fig2b.svg")
    assert one.returncode == 0, one.stderr
    seen["new with fig2b"] = set(names(run, "figures/*", "simulated/*")) - before
    rest = run.run()
    assert rest.returncode == 0, rest.stderr
    return run, seen


def test_training_went_on_from_its_checkpoint(killed_run):
    run, seen = killed_run
    assert len(seen["checkpoints"]) == 1
    assert not seen["model after kill"]
    log = (run.results / "logs/simulated/train_model.log").read_text()
    assert re.search(r"resuming after epoch [1-5] from \S*/training\.\w+\.h5", log)
    assert list((run.results / "simulated/checkpoints").iterdir()) == []


def test_scoring_went_on_from_its_blocks(killed_run):
    run, seen = killed_run
    chunk = seen["blocks"][0].parents[1]
    analysis = chunk.parent.parent.name
    log = run.results / f"logs/simulated/{analysis}/score_pairs.{chunk.name}.log"
    (done, of), *_ = re.findall(r"resuming: (\d+) of (\d+) blocks are there", log.read_text())
    assert int(done) == len(seen["blocks"]) <= int(of)
    assert list((run.results / "simulated").glob("*/blocks/*")) == []


def test_a_target_by_name_builds_what_it_needs_only(killed_run):
    wanted = {f"figures/fig2b.{kind}" for kind in ("svg", "pdf", "png")}
    # The analysis that the figure shows is new too, unless it was the one that was killed.
    assert killed_run[1]["new with fig2b"] - {"simulated/deeplift"} == wanted
    assert (killed_run[0].results / "simulated/map").is_dir()  # which came with the rest


def same_values(a, b, path=""):
    """Equal but for what says how the run was cut: chunks, and the digest of the config."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            if key not in ("chunks", "config_digest"):
                same_values(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            same_values(x, y, f"{path}[{i}]")
    else:
        assert a == b, path


def names(run, *patterns):
    found = {str(p.relative_to(run.results)) for g in patterns for p in run.results.glob(g)}
    return sorted(found)


def test_every_table_and_picture_is_the_same_to_the_byte(tiny_run, killed_run):
    patterns = ("**/*.tsv", "**/*.tsv.gz", "inputs/**/*.gz", "figures/*", "scorecard.html")
    found = [n for n in names(tiny_run, *patterns) if not n.startswith("benchmarks/")]
    others = names(killed_run[0], *patterns)
    assert found == [n for n in others if not n.startswith("benchmarks/")]
    assert len(found) > 40
    different = [
        name
        for name in found
        if (tiny_run.results / name).read_bytes() != (killed_run[0].results / name).read_bytes()
    ]
    assert different == []


def test_every_statistic_is_the_same(tiny_run, killed_run):
    found = names(tiny_run, "**/*.json")
    assert len(found) >= 8 + 4
    assert found == names(killed_run[0], "**/*.json")
    for name in found:
        records = [read_json(run.results / name) for run in (tiny_run, killed_run[0])]
        same_values(*records, name)
    digests = [_record(run, "fig2b")["config_digest"] for run in (tiny_run, killed_run[0])]
    assert digests[0] != digests[1]


def test_every_array_is_the_same(tiny_run, killed_run):
    found = [n for n in names(tiny_run, "**/*.h5") if "/scores/" not in n]
    assert {"simulated/deeplift/pairs.h5", "simulated/map/map.h5"} <= set(found)
    for name in found:
        (a, _), (b, _) = (read_arrays(run.results / name) for run in (tiny_run, killed_run[0]))
        assert a.keys() == b.keys(), name
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"{name}: {key}")


def weights(path: Path) -> dict[str, np.ndarray]:
    found = {}
    with zipfile.ZipFile(path) as archive:
        data = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(data) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[...]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def test_the_network_is_the_same(tiny_run, killed_run):
    a, b = (
        weights(r.results / "simulated/model/model.keras") for r in (tiny_run, killed_run[0])
    )
    assert a.keys() == b.keys()
    assert sum(array.size for array in a.values()) > 10_000
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_shards_of_a_killed_run_join_to_the_bytes_of_one(tiny_run, killed_run):
    for kind in ("real", "null"):
        whole, joined = (
            r.results / "simulated/deeplift/scores" for r in (tiny_run, killed_run[0])
        )
        assert (joined / f"{kind}.h5").read_bytes() == (whole / f"{kind}.h5").read_bytes()
        assert len(list(whole.glob(f"{kind}.?.h5"))) == 1
        parts = [PairFile(path) for path in sorted(joined.glob(f"{kind}.?.h5"))]
        assert [part.shard for part in parts] == [(0, 3), (1, 3), (2, 3)]
        assert (
            sum(part.n_pairs.sum() for part in parts)
            == PairFile(joined / f"{kind}.h5").n_pairs.sum()
        )
        assert all(part.n_pairs.sum() > 50 for part in parts)


def test_results_say_by_which_method_and_model(tiny_run):
    folder = tiny_run.results / "simulated"
    pairs = PairScores.load(folder / "gradient_input/pairs.h5")
    assert pairs.info.method == "gradient_input"
    assert pairs.info.index == "FIS"
    assert pairs.info == PairFile(folder / "gradient_input/scores/null.h5").info
    assert read_json(folder / "gradient_input/summary.json")["scores"] == pairs.info.record()
    assert PairScores.load(folder / "deeplift/pairs.h5").info.model == pairs.info.model
    with pytest.raises(ValueError, match="cannot join scores that differ in method"):
        PairScores.concatenate([pairs, PairScores.load(folder / "deeplift/pairs.h5")])


# ---- the user's files ----------------------------------------------------------


LOCAL = """
inputs: local
local_folder: {folder}
only: [simulated]
studies:
  simulated:
    examples: {{split: {{train: 1, validation: 1, test: 1}}}}
    features: {{source: patterns, patterns: {{ELF1: AACCCGG, SIX5: TATCAT}}}}
"""


@pytest.fixture
def local(tmp_path):
    """A folder with the raw files of the simulation, and a run that reads it."""
    folder = tmp_path / "raw"
    folder.mkdir()
    labels = pd.DataFrame({"name": ["cls1_1", "cls3_1", "cls3_2"], "task3": [0, 1, 1]})
    write_table(folder / "labels.txt.gz", labels)
    (tmp_path / "local.yaml").write_text(LOCAL.format(folder=folder))
    run = WorkflowRun(tmp_path / "run", tmp_path / "local.yaml", cores=1)
    return folder / "sequences.fa.gz", run


def test_bad_local_file_is_one_line_and_leaves_nothing_and_a_good_one_works(local):
    fasta, run = local
    target = "results/local/simulated/features.tsv.gz"
    # Not gzip, whatever its name says: told by content.
    fasta.write_text(">cls1_1\nAACCCGGTTTATCAT\n>cls3_1\nAACCXGGTTTATCAT\n")
    done = run.run(target)
    assert done.returncode == 1
    lines = [line for line in text_of(done).splitlines() if line.startswith("dfim: rule ")]
    assert len(lines) == 1
    assert "build_examples" in lines[0]
    assert "sequences.fa.gz: sequences: row 1 (cls3_1) has 'X'" in lines[0]
    assert lines[0].endswith("(log: results/local/logs/simulated/build_examples.log)")
    left = {p.name for p in run.results.rglob("*") if p.is_file()}
    assert left == {"sequences.fa.gz", "labels.txt.gz", "build_examples.log",
                    "place_local_inputs.log"}  # fmt: skip
    sequences = ["AACCCGGTTTATCAT", "aacccggnntatcat", "NNNNNNNNNNAACCCGG"[:15]]
    ids = ["cls1_1", "cls3_1", "cls3_2"]
    lines = [f">{i}\r\n{s}\r\n" for i, s in zip(ids, sequences, strict=True)]
    fasta.write_bytes("".join(lines).encode())
    done = run.run(target)
    assert done.returncode == 0, text_of(done)
    found = read_table(run.folder / target)
    assert found["sequence"].tolist() == ["cls1_1"] * 2 + ["cls3_1"] * 2
    assert found["name"].tolist() == ["ELF1", "SIX5"] * 2
    assert found["start"].tolist() == [0, 9] * 2


# ---- a study of the user's own, declared in a config only ----------------------

MINE = """
only: [mine]
studies:
  mine:
    title: My own <study>
    examples: {builder: fasta, fasta: seqs.fa, labels: labels.tsv, label: active}
    model: {file: net.keras}
    features: {source: table, file: sites.tsv}
    planted: [[GATA, TAL]]
    analyses:
      deeplift: {references: gc, select: {positive_only: true}}
    figures:
      my_pairs: {kind: pair_scores, analysis: deeplift}
"""


@pytest.fixture(scope="module")
def own_study(tmp_path_factory):
    """Thirty sequences with N, lower case and Windows newlines, sites and a network."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGTacgt"), 60)) for _ in range(30)]
    sequences[4] = sequences[4][:20] + "NNNn" + sequences[4][24:]
    ids = [f"{i:03d}" for i in range(30)]  # names that look like numbers
    fasta = "".join(
        f">{i} chr1\r\n{s[:40]}\r\n{s[40:]}\r\n" for i, s in zip(ids, sequences, strict=True)
    )
    (folder / "seqs.fa").write_bytes(fasta.encode())
    labels = pd.DataFrame({"name": ids[::-1], "active": [1, 0] * 15})
    labels.to_csv(folder / "labels.tsv", sep="\t", index=False, lineterminator="\r\n")
    starts = {"GATA": 5, "TAL": 22, "EBOX": 40}
    sites = [
        (i, start + int(rng.integers(0, 5)), name)
        for i in ids
        for name, start in starts.items()
    ]
    table = pd.DataFrame(sites, columns=["sequence", "start", "name"])
    table.assign(end=table["start"] + 8, strand="+").to_csv(
        folder / "sites.tsv", sep="\t", index=False
    )
    conv_net(2).save(folder / "net.keras")
    (folder / "mine.yaml").write_text(MINE)
    run = WorkflowRun(folder, folder / "mine.yaml")
    done = run.run()
    assert done.returncode == 0, text_of(done)
    return run, labels, table


def test_own_study_scores_every_pair_of_the_positives(own_study):
    run, labels, sites = own_study
    pairs = pd.read_csv(
        run.results / "mine/deeplift/pairs.tsv.gz", sep="\t", dtype={"sequence": str}
    )
    positive = set(labels.loc[labels["active"] == 1, "name"])
    assert set(pairs["sequence"]) == positive
    assert len(pairs) == 15 * 6
    assert pairs["fis"].abs().gt(1e-4).mean() > 0.5
    starts = sites.set_index(["sequence", "name"])["start"]
    for _, pair in pairs.iloc[::7].iterrows():
        assert pair["source_start"] == starts[pair["sequence"], pair["source"]]
        assert pair["target_end"] == starts[pair["sequence"], pair["target"]] + 8


def test_own_study_has_its_figures_and_report(own_study):
    run, *_ = own_study
    drawn = {p.name for p in (run.results / "figures").iterdir()}
    assert drawn == {f"{f}.{kind}" for f in ("my_pairs", "performance_mine")
                     for kind in ("svg", "pdf", "png")}  # fmt: skip
    html = (run.results / "report.html").read_text()
    assert "My own &lt;study&gt;" in html
    assert "<study>" not in html
    table = read_table(run.results / "tables/my_pairs.tsv")
    classes = table["class"].dropna().unique().tolist()
    assert sorted(classes) == ["EBOX–GATA", "EBOX–TAL", "GATA–TAL"]
    assert read_table(run.results / "scorecard.tsv")["figure"].str.len().gt(0).all()


def test_own_study_keeps_its_sequences(own_study, tmp_path):
    run, *_ = own_study
    codes = read_arrays(run.results / "mine/examples.h5")[0]["codes"]
    records = read_fasta(run.folder / "seqs.fa")
    assert ["".join("ACGTN"[c] for c in row) for row in codes] == list(records.sequences)
    assert (codes == 4).sum() == 4
    write_fasta(tmp_path / "again.fa", records.ids, records.sequences)
    assert read_fasta(tmp_path / "again.fa") == records


# ---- the other choices of the method -------------------------------------------

OPTIONS = """
run: options
controls: true
only: [simulated_negative]
studies:
  simulated_negative:
    examples: {split: {train: 400, validation: 100, test: 100}}
    model: {options: {dense: 20}}
    analyses:
      deeplift:
        attribution: deeplift_package
        references: zeros
        motif_mutation: shuffle
        same_name_pairs: true
        select: {groups: [cls3], limit: 60}
      gradient_input:
        motif_target_reduce: max_abs
        tail: empirical
        fdr: per_class
        null_pool: per_map
        n_null_shuffles: 20
        select: {groups: [cls3, cls1], splits: [test]}
"""


@pytest.mark.long
def test_other_choices_of_the_method_run(tmp_path):
    (tmp_path / "options.yaml").write_text(OPTIONS)
    run = WorkflowRun(tmp_path / "run", TINY, tmp_path / "options.yaml")
    done = run.run()
    assert done.returncode == 0, text_of(done)
    package = read_table(run.results / "simulated_negative/deeplift/pairs.tsv.gz")
    assert package["sequence"].nunique() == 60
    assert (package["source"] == package["target"]).any()
    gradient = read_table(run.results / "simulated_negative/gradient_input/pairs.tsv.gz")
    assert gradient["p"].min() > 0  # counted, not fitted
    assert gradient["p"].between(0, 1).all()
    scorecard = read_table(run.results / "scorecard.tsv")
    assert scorecard["quantity"].str.contains("calls of ELF1–SIX5").any()


def test_a_recipe_is_measured_from_training_to_its_page(tiny_run, tmp_path):
    command = [sys.executable, str(WORKFLOW / "scripts/measure_recipes.py")]
    command += ["--configfile", str(TINY), "--seeds", "7", "--roundings", "one thread"]
    command += ["--folder", str(tmp_path / "measured"), "--page", str(tmp_path / "page.md")]
    pages = []
    for more in ([], ["--done"]):
        subprocess.run(
            [*command, *more],
            cwd=tiny_run.folder,
            env={**os.environ, "PYTHONPATH": str(WORKFLOW)},
            check=True,
            timeout=300,
        )
        pages.append((tmp_path / "page.md").read_text())
    assert pages[0] == pages[1]
    (record,) = map(read_json, (tmp_path / "measured").iterdir())
    assert (record["study"], record["seed"], len(record["losses"])) == ("simulated", 7, 6)
    found = record["analyses"]["deeplift"]
    assert all(0 <= found[name] <= 1 for name in ("winner", "complete", "exact"))
    assert found["median"] > 0
    assert f"| one thread | 7 | {found['winner']:.3f} |" in pages[0]
