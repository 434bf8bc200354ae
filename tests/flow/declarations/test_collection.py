"""A collection of variants as the rules ask for it, and what its figures are told."""

import json

import pytest

from flow.declarations.collection import Collection, check_collections
from flow.declarations.config import ConfigError, load
from flow.run.context import figure_context
from flow.run.figure_context import FigureContext, NamedMethod
from flow.run.figure_inputs import contrast_title, distance_files, variant_files
from flow.run.run import Run
from helpers import ROOT
from helpers.configs import changed

A = "studies.accessibility"
B = f"{A}.variants.bqtls"
SETS = ["JUND", "NFKB", "SPI1", "STAT1", "POU2F1"]


@pytest.fixture(scope="module")
def default():
    return load([ROOT / "config/audit.yaml"])


@pytest.fixture
def run(default):
    return Run(default, "x")


@pytest.fixture
def local(default, tmp_path):
    """The study on files of a user's own: tables of two sets, one with controls and peaks."""
    for name in ("g.fa", "a.txt", "b.txt", "c.txt", "dnase.bed", "j.bed", "own.fa", "m.meme"):
        (tmp_path / name).touch()
    files = {
        "tables": {"SPI1": "b.txt", "JUND": "a.txt"}, "controls": {"JUND": "c.txt"},
        "accessible": "dnase.bed", "chip": {"JUND": "j.bed"},
    }  # fmt: skip
    return changed(default, {
        "inputs": "local", "local_folder": str(tmp_path), "only": ["accessibility"],
        f"{A}.examples.files": {"genome": "g.fa", "peaks": {"K562": "dnase.bed"}},
        f"{A}.examples.contigs": ["chr20"],
        f"{B}.files": files, f"{B}.sets": ["JUND", "SPI1"],
    })  # fmt: skip


def of(config, **own) -> Collection:
    config = changed(config, {f"{B}.{key}": value for key, value in own.items()})
    return Collection(config, "accessibility", "bqtls", "results/x/inputs")


# ---- files ---------------------------------------------------------------------------


def test_files_of_synthetic_data(run):
    found = run.collection("accessibility", "bqtls").files()
    folder = "results/x/inputs/blood"
    assert found == {
        "genome": f"{folder}/genome.fa.gz",
        "variants": [], "tables": [], "controls": [],
        "workbook": [f"{folder}/bqtls.xlsx"],
        "accessible": [f"{folder}/GM12878.narrowPeak.gz"],
        "binding": [f"{folder}/{name}.narrowPeak.gz" for name in SETS],
    }  # fmt: skip
    collection = run.collection("accessibility", "bqtls")
    assert collection.sets_with("chip") == SETS
    assert collection.sets_with("controls") == []
    assert collection.truth() == [f"{folder}/truth.tsv.gz"]


def test_files_of_a_user_are_in_the_order_of_the_sets(local, tmp_path):
    found = of(local).files()
    assert found == {
        "genome": f"{tmp_path}/g.fa",  # that of the examples
        "variants": [], "workbook": [],
        "tables": [f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"],
        "controls": [f"{tmp_path}/c.txt"],
        "accessible": [f"{tmp_path}/dnase.bed"],
        "binding": [f"{tmp_path}/j.bed"],
    }  # fmt: skip
    assert of(local, sets=["SPI1", "JUND"]).files()["tables"] == found["tables"][::-1]
    assert [of(local).sets_with(kind) for kind in ("chip", "controls")] == [["JUND"]] * 2
    assert of(local).truth() == []
    own = of(local, **{"files.genome": "own.fa"}).files()
    assert own["genome"] == f"{tmp_path}/own.fa"


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("files.tables", {"JUND": "a.txt", "SPI1": "none.txt"}, "files.tables.SPI1"),
        ("files.controls", {"JUND": "none.txt"}, "files.controls.JUND"),
        ("files.chip", {"JUND": "none.txt"}, "files.chip.JUND"),
        ("files.accessible", "none.txt", "files.accessible"),
        ("files.genome", "none.txt", "files.genome"),
        ("motif_file", "none.txt", "motif_file"),
    ],
)
def test_a_file_that_is_not_there_is_named(local, tmp_path, key, value, where):
    with pytest.raises(ConfigError) as error:
        check_collections(of(local, **{key: value}).config)
    told = str(error.value)
    assert told.startswith("config: studies.accessibility.variants.")
    assert told.endswith(f"{where}: no file '{tmp_path}/none.txt'; check the path")
    check_collections(local)


def test_downloads_are_those_of_the_table_of_sources(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = changed(default, {"inputs": "download"})
    sources = config["studies"]["accessibility"]["variants"]["bqtls"]["sources"]
    genome = {f"{A}.examples.sources": {"genome": "hg19_fasta"}}
    found = of(changed(config, genome)).files()
    assert found["genome"].startswith("resources/downloads/genome/hg19")
    for kind in ("workbook", "accessible"):
        assert len(found[kind]) == 1
        assert found[kind][0].startswith("resources/downloads/")
    assert len(found["binding"]) == len(sources["chip"]) == 5
    assert len({*found["binding"]}) == 5
    with pytest.raises(
        ConfigError, match=r"workbook: no source 'tehranchi_bqtl'.*did you mean"
    ):
        of(changed(config, genome), **{"sources.workbook": "tehranchi_bqtl"}).files()
    (tmp_path / "mine.txt").touch()  # not everything can be downloaded
    mine = of(changed(config, genome), **{"sources.workbook": "mine.txt"}).files()
    assert mine["workbook"] == ["mine.txt"]


def test_a_users_variants_in_a_run_of_synthetic_data(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.vcf", "g.fa"):
        (tmp_path / name).touch()
    mine = {"files": {"variants": "mine.vcf", "genome": "g.fa"}, "analyses": {"a": {}}}
    config = changed(default, {f"{A}.variants.mine": mine})
    found = Collection(config, "accessibility", "mine", "i")
    assert (found.files()["genome"], found.files()["variants"]) == ("g.fa", ["mine.vcf"])
    assert found.sets == [""]
    assert [found.sets_with(kind) for kind in ("chip", "controls")] == [[], []]
    assert found.truth() == []


# ---- settings --------------------------------------------------------------------------


def test_settings_lie_over_the_defaults(default):
    found = of(default, significant=1e-3, limit=7)
    assert found.choice() == {
        "significant": 1e-3, "control_p": 0.9, "controls": "matched", "limit": 7,
    }  # fmt: skip
    assert found.settings["half_width"] == default["variants"]["half_width"]
    assert found.window == 1000
    assert found.contigs is None
    assert found.tasks() == default["studies"]["accessibility"]["examples"]["tasks"]


def test_contigs_and_window_are_the_examples_unless_said(local):
    assert of(local).contigs == ["chr20"]
    assert of(local, contigs=["chr21"]).contigs == ["chr21"]
    alone = changed(local, {f"{A}.examples": ..., f"{A}.model": {"file": "m.keras"}})
    assert of(alone, window=60).window == 60
    assert of(alone).contigs is None
    assert of(alone).tasks() == []
    assert of(alone).analysis("deeplift")["task"] == "GM12878"


def test_each_set_has_the_task_it_is_scored_with(default):
    found = of(default)
    assert found.analysis("deeplift")["task_of_set"] == dict.fromkeys(SETS, "GM12878")
    own = of(default, analyses={"a": {"task_of_set": {"SPI1": "K562"}, "n_refs": 2}})
    settings = own.analysis("a")
    assert settings["task"] == "HSC"  # the first
    assert settings["task_of_set"] == dict.fromkeys(SETS, "HSC") | {"SPI1": "K562"}
    assert (settings["n_refs"], settings["gc"]) == (2, default["scoring"]["gc"])
    mine = of(default, sets=...)
    assert mine.analysis("deeplift")["task_of_set"] == {"": "GM12878"}


def test_motif_choice_takes_the_gc_of_the_analysis(default):
    found = of(default, analyses={"a": {"gc": 0.3}}, motif_p=1e-3, min_abs_fis=0.5)
    assert found.motif_choice("a") == {"gc": 0.3, "motif_p": 1e-3, "min_abs_fis": 0.5}


def test_score_files_are_one_a_chunk(default):
    analyses = {"a": {"chunks": 2}, "b": {}}
    found = of(default, analyses=analyses).score_files("r/s", "a")
    assert found == {
        "scores": ["r/s/variants/bqtls/a/scores.0.h5", "r/s/variants/bqtls/a/scores.1.h5"],
        "deltas": ["r/s/variants/bqtls/a/deltas.0.h5", "r/s/variants/bqtls/a/deltas.1.h5"],
        "nulls": [],
    }
    found = of(default, analyses=analyses, null="per_map").score_files("r/s", "b")
    assert found["nulls"] == ["r/s/variants/bqtls/b/null.0.h5"]


def test_motif_file(default, local, tmp_path):
    assert of(default).motif_file() == "results/x/inputs/encode_motifs.meme"
    assert of(local, motif_file="m.meme").motif_file() == f"{tmp_path}/m.meme"
    assert of(local, motif_file=None).motif_file().endswith("encode_motifs.meme")


# ---- figures ---------------------------------------------------------------------------


def test_figures_of_single_variants(default):
    drawn = {"fig4", "fig5a", "fig5b", "sfig1", "fig6b", "sfig5"}
    found = of(default)
    assert {figure.id for figure in found.figures()} == drawn
    assert {figure.id for figure in found.figures("deeplift")} == drawn
    assert found.figures("gradient_input") == []
    other = changed(default, {f"{A}.figures.fig4.analysis": "gradient_input"})
    assert [figure.id for figure in of(other).figures("gradient_input")] == ["fig4"]
    assert {figure.id for figure in of(other).figures("deeplift")} == drawn - {"fig4"}


def test_variants_that_figures_name_are_listed(default):
    assert [column["locus"] for column in of(default).listed()] == [
        "chr22:42925130", "chr1:94169843", "chr11:30344883",
    ]  # fmt: skip
    more = [{"name": "rs5"}, {"pick": "loss"}, {"locus": "1:5", "set": "JUND"}]
    found = of(changed(default, {f"{A}.figures.fig4.columns": more})).listed()
    assert found[:2] == [more[0], more[2]]
    # Those of another collection are not this one's.
    elsewhere = changed(default, {
        f"{A}.variants.mine": default["studies"]["accessibility"]["variants"]["bqtls"],
        f"{A}.figures.fig4": {"kind": "variant_tracks", "variants": "mine",
                              "analysis": "deeplift", "columns": more},
    })  # fmt: skip
    assert len(of(elsewhere).listed()) == 3
    assert len(Collection(elsewhere, "accessibility", "mine", "").listed()) == 2


def test_files_of_a_figure_of_groups(run, default):
    folder = "results/x/accessibility/variants/bqtls"
    assert variant_files(run, "fig7") == {
        "results": f"{folder}/deeplift/results.tsv.gz",
        "panels": f"{folder}/deeplift/panels.h5",
        "compared": [f"{folder}/gradient_input/results.tsv.gz"],
        "truth": ["results/x/inputs/blood/truth.tsv.gz"],
    }
    assert variant_files(run, "sfig3")["compared"] == []
    local = Run(changed(default, {"inputs": "local"}), "x")
    assert variant_files(local, "fig7")["truth"] == []


def test_files_of_a_figure_of_distances(run, default):
    found = distance_files(run, "fig3b")
    folder, other = "results/x/tal_gata", "results/x/tal_gata_negative"
    assert found["pairs"] == f"{folder}/gata_to_tal/pairs.h5"
    assert found["compare"] == [
        f"{folder}/gata_to_tal_complete/{name}" for name in ("pairs.h5", "summary.json")
    ]
    assert found["contrast"] == [
        f"{other}/gata_to_tal/pairs.h5", f"{other}/examples.h5",
        "results/x/inputs/k562_additive/sites.tsv.gz",
        "results/x/inputs/k562_additive/oracle.tsv",
        f"{other}/model/metrics.json",
    ]  # fmt: skip
    assert found["sites"] == ["results/x/inputs/k562/sites.tsv.gz"]
    assert "additive" in contrast_title(run, "fig3b")
    alone = distance_files(run, "negative_gata_to_tal")
    assert (alone["compare"], alone["contrast"]) == ([], [])
    assert contrast_title(run, "negative_gata_to_tal") is None


def test_context_of_a_figure_of_variants(run, default):
    found = figure_context(run, "fig7")
    assert (found.figure, found.label) == ("fig7", "Fig 7")
    assert found.method == ("DeepLIFT (genomics default), 10 dinuc references, GM12878 output")
    assert found.compared == (
        NamedMethod("gradient_input", "gradient × input, GM12878 output"),
    )
    assert found.origin == "synthetic"
    assert found.not_comparable
    # What a figure prints lies over what its study does.
    printed = default["studies"]["accessibility"]["printed"]
    assert found.printed == printed | found.options["printed"]
    assert figure_context(run, "fig5a").printed["p"] == "1.71e-140"
    own = changed(default, {f"{A}.figures.fig7.printed.place": "Fig. 7"})
    assert figure_context(Run(own, "x"), "fig7").printed["place"] == "Fig. 7"
    assert figure_context(run, "sfig3").compared == ()
    # As it travels through a rule's params, and through a file.
    assert FigureContext.from_param(found.as_param()) == found
    assert FigureContext.from_param(json.loads(json.dumps(found.as_param()))) == found
    with pytest.raises(TypeError, match="colour"):
        FigureContext.from_param(found.as_param() | {"colour": "red"})


def test_context_of_variants_scored_with_their_own_outputs(default):
    analyses = {"own": {"task_of_set": {"JUND": "K562", "SPI1": "GM12878"}}}
    figures = {"f": {"kind": "variant_reach", "variants": "bqtls", "analysis": "own"}}
    config = changed(default, {f"{B}.analyses": analyses, f"{A}.figures": figures})
    assert figure_context(Run(config, "x"), "f").method.endswith(", each set's own output")


def test_context_of_a_network_without_examples(default, tmp_path):
    for name in ("net.keras", "g.fa", "v.vcf"):
        (tmp_path / name).touch()
    study = {
        "title": "Mine",
        "model": {"file": "net.keras", "heads": {"liver": 1, "heart": 0}},
        "variants": {"mine": {
            "files": {"genome": "g.fa", "variants": "v.vcf"}, "window": 60,
            "contigs": ["chr20"], "analyses": {"a": {"task": "heart", "references": "gc"}},
        }},
        "figures": {"f": {"kind": "variant_reach", "variants": "mine", "analysis": "a"}},
    }  # fmt: skip
    config = {**default, "studies": {"mine": study}, "inputs": "local"}
    run = Run.start({**config, "local_folder": str(tmp_path)}, ["x.yaml"])
    found = figure_context(run, "f")
    assert found.method == "DeepLIFT (genomics default), GC 0.46 reference, heart output"
    assert "chr20" in found.origin
    assert "chr20 only" in found.not_comparable
    assert found.compared == ()
    assert not found.trained
    assert run.collections() == ["mine"]
    assert run.analyses() == ["a"]
    assert "performance_mine" not in run.figures
