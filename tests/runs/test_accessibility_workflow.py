"""Accessibility and binding QTLs through the workflow, and a user's own variants."""

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest

from dfim.genome.genome import read_genome
from dfim.io.store import read_arrays, read_json, read_table
from dfim.sequences.examples import Examples
from dfim.sequences.fasta import write_fasta
from flow.declarations.config import figures, load
from flow.declarations.study import ACCESSIBLE_TASKS
from flow.variants.rows import TEXT
from flow.variants.score_files import VariantScoresFile
from helpers import CONFIGS, ROOT
from helpers.small_models import conv_net
from helpers.workflow_runs import WorkflowRun
from synthetic.accessibility import TASKS

TINY = CONFIGS / "tiny_accessibility.yaml"
FIGURES = sorted(figures(load([TINY])))
SETS = ["JUND", "NFKB", "SPI1", "STAT1", "POU2F1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> WorkflowRun:
    made = WorkflowRun(tmp_path_factory.mktemp("accessibility"), TINY)
    done = made.run()
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def folder(run):
    return run.results / "accessibility/variants/bqtls"


def test_cell_types_of_the_configuration_are_those_of_the_world():
    assert ACCESSIBLE_TASKS == TASKS


def test_every_figure_with_table_and_statistics(run):
    assert {"fig4", "fig5a", "fig5b", "fig6a", "fig6b", "fig7", "sfig1", "sfig3", "sfig5",
            "performance_accessibility"} == set(FIGURES)  # fmt: skip
    for figure in FIGURES:
        for kind in ("svg", "pdf", "png"):
            assert (run.results / f"figures/{figure}.{kind}").stat().st_size > 5000
        record = read_json(run.results / f"stats/{figure}.json")
        assert record["origin"] == "synthetic"
        # Synthetic data are no yardstick for the paper's numbers.
        assert {row["verdict"] for row in record["scorecard"]} == {"not comparable"}
    rows = read_table(run.results / "scorecard.tsv", text=("paper", "ours"))
    printed = " ".join(rows["paper"].astype(str))
    for value in ("0.91", "0.69", "within 10 bp", "all five factors"):
        assert value in printed
    assert rows["quantity"].str.contains("core").any()  # what the truth says, by class
    assert "GM12878 output" in (run.results / "report.html").read_text()


def test_windows_are_of_the_union_of_peaks(run):
    data = Examples.load(run.results / "accessibility/examples.h5")
    assert data.tasks == ACCESSIBLE_TASKS
    assert (data.labels.sum(axis=1) > 0).all()  # open somewhere
    assert (data.labels >= 0).all()  # none is masked
    held = {"chr1": 1, "chr8": 2, "chr9": 2}
    assert data.splits.tolist() == [held.get(contig, 0) for contig in data.contigs]


def test_variants_stand_on_the_genome_and_are_counted(run, folder):
    table = read_table(folder / "variants.tsv.gz", text=TEXT)
    chosen = table[table["chosen"] == 1]
    assert list(table["set"].unique()) == SETS
    genome = read_genome(run.results / "inputs/blood/genome.fa.gz")
    place = genome.contigs.index(table["chrom"])
    base = genome.windows(place, table["pos"].to_numpy() - 1, 1)[:, 0]
    assert ["ACGT"[b] for b in base] == table["ref"].tolist()
    codes = read_arrays(folder / "windows.h5")[0]["codes"]
    assert ["ACGT"[b] for b in codes[:, 500]] == chosen["ref"].tolist()
    counts = read_json(folder / "counts.json")
    for name, part in table.groupby("set"):
        assert counts[name]["read"] == len(part)
        assert counts[name]["group"] == {"significant": 6, "control": 6}
    assert (chosen.loc[chosen["group"] == "significant", "p_value"] < 5e-5).all()
    assert (chosen.loc[chosen["group"] == "control", "p_value"] > 0.9).all()


def test_tables_say_what_the_scores_say(run, folder):
    scores = VariantScoresFile(folder / "deeplift/scores.0.h5").load()
    found = read_table(folder / "deeplift/results.tsv.gz", text=TEXT)
    rows, alt = np.arange(len(found)), scores.alt
    fis = scores.fis
    near = np.abs(fis[:, :, 485:516])
    np.testing.assert_allclose(found["max_abs_fis"], np.nanmax(near, axis=(1, 2)), rtol=1e-6)
    own = np.nan_to_num(fis[rows, alt, 485:516]).sum(axis=1)
    np.testing.assert_allclose(found["sum_fis"], own, rtol=1e-4, atol=1e-6)
    strongest = np.nanmax(np.abs(fis), axis=(1, 2))
    np.testing.assert_allclose(found["peak_fis"].abs(), strongest, rtol=1e-6)
    annotated = read_table(folder / "deeplift/annotated.tsv.gz")
    shown = annotated.dropna(subset=["delta"])
    np.testing.assert_allclose(shown["delta"], shown["delta_GM12878"], atol=1e-4)
    np.testing.assert_allclose(shown["delta"], found["delta"], rtol=1e-6)
    assert [f"delta_{task}" in annotated for task in TASKS] == [True] * 18


def test_panels_are_of_the_rules(run):
    tracks = read_table(run.results / "tables/fig4.tsv", text=("what",))
    assert set(tracks["column"]) == {0, 1}
    record = read_json(run.results / "stats/fig5a.json")
    assert "chr22:42925130 is not among these variants" in str(record)


def test_nothing_to_do_a_second_time(run):
    done = run.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_more_chunks_give_the_same_bits(run, tmp_path):
    (tmp_path / "results").mkdir()
    chunks = tmp_path / f"{TINY.stem}.yaml"  # the same name: the same folder below results
    chunks.write_text(
        "studies: {accessibility: {variants: {bqtls: {analyses: {deeplift: {chunks: 2}}}}}}"
    )
    again = WorkflowRun(tmp_path / "again", TINY, chunks)
    shutil.copytree(run.folder, again.folder, dirs_exist_ok=True)
    wanted = "accessibility/variants/bqtls/deeplift/results.tsv.gz"
    done = again.run(f"results/{TINY.stem}/{wanted}")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = sorted(again.results.glob("accessibility/variants/bqtls/deeplift/scores.*.h5"))
    assert [len(VariantScoresFile(part).load()) for part in parts] == [30, 30]
    assert (again.results / wanted).read_bytes() == (run.results / wanted).read_bytes()


# ---- a user's network and VCF --------------------------------------------------

MINE = """
only: [mine]
scoring: {n_refs: 2}
studies:
  mine:
    title: My variants
    model: {file: net.keras}
    variants:
      candidates:
        files: {genome: genome.fa, variants: candidates.vcf}
        window: 60
        half_width: 10
        "null": per_map
        motifs: {GATA: GATA_known8}
        motif_p: 0.01
        analyses: {deeplift: {references: gc}}
    figures:
      my_variants:
        kind: variant_tracks
        variants: candidates
        analysis: deeplift
        columns: [{name: rs1}, {locus: "1:199", alt: A}]
      my_reach: {kind: variant_reach, variants: candidates, analysis: deeplift}
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> WorkflowRun:
    folder = tmp_path_factory.mktemp("mine")
    letters = np.random.default_rng(2).choice(list("ACGT"), 400)
    letters[[9, 99, 199, 299]] = list("TACG")
    write_fasta(folder / "genome.fa", ["chr1"], ["".join(letters)])
    rows = [(100, "rs1", "a", "g"), (200, "rs2", "C", "T,A"), (300, "rs3", "G", "GA"),
            (300, "rs4", "T", "G"), (10, "rs5", "T", "C")]  # fmt: skip
    lines = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"chr1\t{p}\t{n}\t{r}\t{a}\t.\tPASS\tAC=1" for p, n, r, a in rows]
    (folder / "candidates.vcf").write_text("\n".join(lines) + "\n")
    conv_net(4, length=60).save(folder / "net.keras")
    (folder / "mine.yaml").write_text(MINE)
    made = WorkflowRun(folder, ROOT / "config/config.yaml", folder / "mine.yaml")
    done = made.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_a_users_vcf_comes_back_with_what_was_found(mine):
    folder = mine.results / "mine/variants/candidates"
    counts = read_json(folder / "counts.json")[""]
    assert counts["status"] == {"ok": 3, "indel": 1, "swapped": 1, "window_leaves_contig": 1}
    assert counts["multi_allelic"] == 4  # rs2 has two ALTs; rs3 and rs4 share a place
    table = read_table(folder / "deeplift/annotated.tsv.gz", text=("name",))
    assert table["name"].tolist() == ["rs1", "rs2", "rs2", "rs3", "rs4", "rs5"]
    assert table["max_abs_fis"].notna().tolist() == [True] * 3 + [False] * 3
    assert table["peak_p"].dropna().between(0, 1).all()
    text = gzip.decompress((folder / "deeplift/annotated.vcf.gz").read_bytes()).decode()
    body = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert [line[2] for line in body] == ["rs1", "rs2", "rs3", "rs4", "rs5"]
    assert all(line[7].startswith("AC=1;") for line in body)
    assert "DFIM_status=ok,ok" in body[1][7]
    assert "DFIM_status=swapped" in body[3][7]
    pairs = read_table(folder / "deeplift/sites.bedpe.gz")
    assert set(pairs["motif"]) <= {"GATA"}


def test_a_users_variants_are_drawn(mine):
    assert {path.stem for path in (mine.results / "figures").iterdir()} == {
        "my_variants", "my_reach",
    }  # fmt: skip
    tracks = pd.read_csv(mine.results / "tables/my_variants.tsv", sep="\t")
    assert set(tracks["column"]) == {0, 1}
    assert read_json(mine.results / "stats/my_variants.json")["origin"] == "the user's"
