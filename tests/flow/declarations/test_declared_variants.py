"""What a study may say of variants and of accessible peaks: every fault is one line."""

import pytest

from flow.declarations.collection import Collection
from flow.declarations.config import ConfigError, load
from flow.declarations.peak_files import accessible_files
from flow.declarations.samples import accessibility_files
from flow.declarations.validation import validate
from flow.declarations.variants import origin_of
from helpers.configs import changed, refusal

A = "studies.accessibility"
B = f"{A}.variants.bqtls"
F = f"{A}.figures"
CONFIG_B = f"config: {B}."
TASKS = ["B", "GM12878"]
SHEET = "task\tassay\tpeaks\nGM12878\tDNase\tg.bed\nB\tATAC\tb.bed\n"
VARIANTS = {"analyses": {"a": {"task": "GM12878"}}}


@pytest.fixture(scope="module")
def default():
    return load([])


@pytest.fixture
def local(default, tmp_path):
    """The study on files of a user's own; they are there, with nothing in them."""
    names = (
        "g.fa",
        "g.bed",
        "b.bed",
        "j.txt",
        "s.txt",
        "c.txt",
        "book.xlsx",
        "v.vcf",
        "net.keras",
    )
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "sheet.tsv").write_text(SHEET)
    files = {"genome": "g.fa", "peaks": {"B": "b.bed", "GM12878": "g.bed"}}
    return changed(default, {
        "inputs": "local", "local_folder": str(tmp_path), "only": ["accessibility"],
        f"{A}.examples.files": files, f"{A}.examples.tasks": TASKS,
        f"{B}.files": {"tables": {"JUND": "j.txt", "SPI1": "s.txt"}},
        f"{B}.sets": ["JUND", "SPI1"],
        f"{F}.sfig1": ...,  # of NFKB
    })  # fmt: skip


# ---- accepted ----------------------------------------------------------------------


ACCEPTED = {
    "tables": {},
    "workbook": {f"{B}.files": {"workbook": "book.xlsx"}},
    "with all": {
        f"{B}.files": {
            "genome": "g.fa", "workbook": "book.xlsx", "controls": {"SPI1": "c.txt"},
            "accessible": "b.bed", "chip": {"JUND": "g.bed"},
        }
    },
    "sheet": {f"{A}.examples.files": {"genome": "g.fa", "samples": "sheet.tsv"}},
    "the window again": {f"{B}.window": 1000},
    "an analysis taken away": {
        f"{B}.analyses.gradient_input": None,
        "studies.accessibility.figures.fig7.compare": ...,
        "studies.accessibility.figures.sfig3": None,
    },
    "own outputs": {f"{B}.analyses.deeplift": {"task_of_set": {"JUND": "B"}}},
    "vcf": {f"{A}.variants.mine": {"files": {"variants": "v.vcf"}, **VARIANTS}},
    "by name": {f"{F}.fig4.columns": [{"name": "rs1", "alt": "A"}, {"pick": "gain"}]},
    "starting": {f"{A}.model.start": "net.keras"},
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(local, case):
    validate(changed(local, ACCEPTED[case]))


def test_origin_of_the_inputs(default):
    for declared, expected in (
        ({"dataset": "blood", "sources": {}, "files": {}}, ("dataset", "files", "sources")),
        ({"files": {}}, ("files",) * 3),
        ({"sources": {}, "dataset": "blood"}, ("dataset", "files", "sources")),
    ):
        for inputs, origin in zip(("synthetic", "local", "download"), expected, strict=True):
            assert origin_of({"inputs": inputs}, declared) == origin


# ---- refused: where variants come from -----------------------------------------------


INPUTS = {
    "no files": ({f"{B}.files": ...}, "expected files or sources, which inputs: local takes"),
    "two": (
        {f"{B}.files.workbook": "book.xlsx"},
        "files: got workbook and tables, expected one of variants",
    ),
    "none": (
        {f"{B}.files": {"genome": "g.fa"}},
        "files: got none, expected one of variants (a VCF, BED or TSV), workbook and tables",
    ),
    "no sets": ({f"{B}.sets": ...}, "sets: missing; bQTLs come in sets, one per factor"),
    "table of no set": (
        {f"{B}.files.tables.NFKB": "c.txt"},
        "files.tables: got JUND, SPI1, NFKB, expected the sets: JUND, SPI1",
    ),
    "set without table": (
        {f"{B}.sets": ["JUND", "SPI1", "NFKB"]},
        "files.tables: got JUND, SPI1, expected the sets: JUND, SPI1, NFKB",
    ),
    "controls of no set": (
        {f"{B}.files.controls": {"RELA": "c.txt"}},
        "files.controls: got RELA, expected the sets: JUND, SPI1",
    ),
    "chip of no set": (
        {f"{B}.files.chip": {"JUND": "b.bed", "RELA": "b.bed"}},
        "files.chip: got JUND, RELA, expected the sets: JUND, SPI1",
    ),
    "no analysis left": (
        {f"{B}.analyses": {"deeplift": None}},
        "analyses: every one is null, expected one at least",
    ),
    "window": ({f"{B}.window": 500}, "window: got 500, but the examples' is 1000; remove it"),
    "set of no task": (
        {f"{B}.analyses.deeplift": {"task_of_set": {"RELA": "B"}}},
        "analyses.deeplift.task_of_set: no set 'RELA'",
    ),
    "task": (
        {f"{B}.analyses.deeplift.task": "Mono"},
        "analyses.deeplift: no task 'Mono'; the study has B, GM12878",
    ),
    "task of a set": (
        {f"{B}.analyses.deeplift.task_of_set": {"JUND": "Mono"}},
        "analyses.deeplift: no task 'Mono'; the study has B, GM12878",
    ),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_refused_in_one_line(local, case):
    changes, message = INPUTS[case]
    told = refusal(changed(local, changes))
    assert told.startswith(CONFIG_B)
    assert message in told


@pytest.mark.parametrize("key", ["controls", "accessible", "chip", "sets"])
def test_only_bqtls_have_controls_peaks_and_sets(local, key):
    files = {"variants": "v.vcf", "genome": "g.fa"}
    mine = {"files": files, **VARIANTS}
    given = {"controls": {"JUND": "c.txt"}, "accessible": "b.bed", "chip": {"JUND": "b.bed"}}
    if key == "sets":
        mine["sets"] = ["JUND"]
    else:
        files[key] = given[key]
    told = refusal(changed(local, {f"{A}.variants.mine": mine}))
    assert told == (
        f"config: {A}.variants.mine.{key}: only bQTLs (workbook or tables) take it; remove it"
    )


def test_sets_of_synthetic_variants_are_needed(default):
    told = refusal(changed(default, {f"{B}.sets": ..., F: {}}))
    assert told.endswith("bqtls.sets: missing; the workbook has one sheet per set")


@pytest.fixture
def finished(local):
    """A study of a finished network and a user's variants, without examples."""
    study = {
        "title": "Mine",
        "model": {"file": "net.keras"},
        "variants": {
            "mine": {
                "files": {"genome": "g.fa", "variants": "v.vcf"}, "window": 60,
                "analyses": {"a": {}},
            }
        },
    }  # fmt: skip
    return {**local, "only": ["mine"], "studies": {**local["studies"], "mine": study}}


M = "studies.mine.variants.mine"


def test_a_finished_network_needs_no_examples(finished):
    validate(finished)
    validate(changed(finished, {"studies.mine.model.heads": {"liver": 0},
                                f"{M}.analyses.a.task": "liver"}))  # fmt: skip


FINISHED = {
    "no window": (
        {f"{M}.window": ...},
        f"{M}.window: missing; expected the length of the network's input (bp)",
    ),
    "no genome": (
        {f"{M}.files.genome": ...},
        f"{M}.files.genome: missing, and the study's examples bring none",
    ),
    "task without heads": (
        {f"{M}.analyses.a.task": "liver"},
        f"{M}.analyses.a: no task 'liver'; the study has none: name the heads (model.heads)",
    ),
    "task": (
        {f"{M}.analyses.a.task": "liver", "studies.mine.model.heads": {"heart": 0}},
        f"{M}.analyses.a: no task 'liver'; the study has heart",
    ),
    "nothing to score": (
        {"studies.mine.variants": ...},
        "studies.mine: expected analyses, variants or flanks: nothing would be scored",
    ),
    "no file": ({f"{M}.files.variants": "no.vcf"}, f"{M}.files.variants: no file"),
    "genome": ({f"{M}.files.genome": "no.fa"}, f"{M}.files.genome: no file"),
    "start": (
        {"studies.mine.model.start": "net.keras"},
        "studies.mine.model.start: a finished network (model.file) is not trained; remove one",
    ),
    "picked": (
        {"studies.mine.figures": {"f": {"kind": "variant_tracks", "variants": "mine",
                                        "analysis": "a", "columns": [{"pick": "loss"}]}}},
        "figures.f.columns: pick: only bQTLs (sets) are picked by rule",
    ),
    "groups": (
        {"studies.mine.figures": {"f": {"kind": "variant_groups", "variants": "mine",
                                        "analysis": "a"}}},
        "figures.f.kind: variant_groups compares significant bQTLs with controls; needs sets",
    ),
    "set of none": (
        {"studies.mine.figures": {"f": {"kind": "variant_reach", "variants": "mine",
                                        "analysis": "a", "set": "JUND"}}},
        "figures.f.set: no set 'JUND'; declared: none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FINISHED)
def test_variants_alone_refused_in_one_line(finished, case):
    changes, message = FINISHED[case]
    assert message in refusal(changed(finished, changes))


# Faults that used to reach the rules: each of these runs must be refused at the door.


def test_a_users_variants_without_genome_where_the_examples_are_simulated(
    default, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.vcf").touch()
    config = changed(default, {
        "only": ["accessibility"],
        f"{A}.variants.mine": {"files": {"variants": "v.vcf"}, **VARIANTS},
    })  # fmt: skip
    told = refusal(config)
    assert f"config: {A}.variants.mine" in told
    assert "genome" in told
    (tmp_path / "g.fa").touch()
    validate(changed(config, {f"{A}.variants.mine.files.genome": "g.fa"}))


def test_a_set_that_synthetic_variants_have_not(default):
    told = refusal(changed(default, {"only": ["accessibility"], f"{B}.sets": ["JUND", "MYC"],
                                     F: {}}))  # fmt: skip
    assert "MYC" in told


def test_variants_of_a_data_set_that_no_examples_make(default, tmp_path):
    (tmp_path / "net.keras").touch()
    study = {
        "title": "Mine",
        "model": {"file": str(tmp_path / "net.keras")},
        "variants": {"b": {"dataset": "blood", "sets": ["JUND"], "window": 60,
                           "analyses": {"a": {}}}},
    }  # fmt: skip
    config = {**default, "only": ["mine"], "studies": {**default["studies"], "mine": study}}
    assert "config: studies.mine.variants.b.dataset" in refusal(config)


# ---- refused: figures of variants ----------------------------------------------------


FIGURES = {
    "collection": ("fig7.variants", "qtls", "variants: no collection 'qtls'; declared: bqtls"),
    "analysis": (
        "fig7.analysis", "deep",
        "analysis: no 'deep' in bqtls; declared: deeplift, gradient_input",
    ),
    "compare": ("fig7.compare", ["deeplift", "deep"], "analysis: no 'deep' in bqtls"),
    "compare one": (
        "fig7.compare", "gradient_input",
        "compare: got 'gradient_input', expected a list of analyses",
    ),
    "no columns": ("fig4.columns", ..., "fig4: key 'columns' is missing"),
    "no collection": ("fig7.variants", ..., "fig7: key 'variants' is missing"),
    "another kind": ("fig7.set", "JUND", "fig7.set: kind variant_groups does not take it"),
    "columns of reach": (
        "fig6a.columns", [{"pick": "loss"}],
        "fig6a.columns: kind variant_reach does not take it",
    ),
    "set": (
        "fig6a.set", "RELA", "set: no set 'RELA'; declared: JUND, NFKB, SPI1, STAT1, POU2F1",
    ),
    "set of a column": (
        "fig4.columns", [{"set": "RELA", "pick": "loss"}], "columns: no set 'RELA'; declared:",
    ),
    "motif": (
        "fig4.columns", [{"pick": "core", "motif": "GATA6"}],
        "columns: no motif 'GATA6'; the collection has AP1, NFKB, SPI1,",
    ),
    "no motif": (
        "fig4.columns", [{"pick": "core"}], "columns: pick core needs 'motif'",
    ),
    "no motif of a flank": (
        "fig4.columns", [{"set": "SPI1", "pick": "flank"}], "columns: pick flank needs 'motif'",
    ),
    "no distance": (
        "fig4.columns", [{"pick": "distant", "motif": "AP1"}],
        "columns: pick distant needs 'distance'",
    ),
    "no rule": (
        "fig4.columns", [{"pick": "loss"}, {"set": "JUND", "motif": "AP1"}],
        "columns: got {'set': 'JUND', 'motif': 'AP1'}, expected a locus, a name or a rule",
    ),
    "pick": ("fig4.columns", [{"pick": "best"}], "got 'best' (str), expected one of gain"),
    "locus": (
        "fig4.columns", [{"locus": "chr1"}], "columns.0.locus: got 'chr1' (str), expected text",
    ),
    "alt": ("fig4.columns", [{"name": "rs1", "alt": "N"}], "columns.0.alt: got 'N'"),
    "no column": ("fig4.columns", [], "fig4.columns: got [] (list), expected at least 1"),
    "column key": (
        "fig4.columns", [{"pik": "loss"}], "columns.0: unknown key 'pik'; did you mean 'pick'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIGURES)
def test_figures_refused_in_one_line(default, case):
    key, value, message = FIGURES[case]
    told = refusal(changed(default, {f"{F}.{key}": value}))
    assert message in told
    assert told.startswith(f"config: {F}.{key.split('.')[0]}")


def test_a_figure_of_variants_in_a_study_without_any(default):
    figure = {"kind": "variant_reach", "variants": "bqtls", "analysis": "deeplift"}
    told = refusal(changed(default, {"studies.tal_gata.figures.f": figure}))
    assert told.endswith("tal_gata.figures.f.variants: no collection 'bqtls'; declared: none")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("significant", 0, "significant: got 0 (int), expected more than 0"),
        ("control_p", 1.5, "control_p: got 1.5 (float), expected at most 1"),
        (
            "controls",
            "some",
            "controls: got 'some' (str), expected one of matched, all, largest",
        ),
        ("limit", 0, "limit: got 0 (int), expected"),
        ("null", True, "null: got True (bool), expected one of none, per_map"),
        ("window", 1, "window: got 1 (int), expected at least 2"),
        ("sets", ["A", "A"], "sets: got ['A', 'A'] (list), expected no entry twice"),
        ("analyses", {}, "analyses: got {} (dict), expected at least 1 keys"),
        ("analyses", ..., "key 'analyses' is missing"),
        ("analyses.deeplift.tail", "upper", "analyses.deeplift: unknown key 'tail'"),
        ("fles", {}, "unknown key 'fles'; did you mean 'files'?"),
        ("dataset", "k562", "dataset: got 'k562' (str), expected one of blood"),
    ],
)
def test_keys_of_a_collection_are_checked(default, key, value, message):
    told = refusal(changed(default, {f"{B}.{key}": value}))
    assert told.startswith(f"config: {B}")
    assert message in told


# ---- refused: accessible peaks of many tasks -------------------------------------------


E = f"{A}.examples"
PEAKS = {"B": "b.bed", "GM12878": "g.bed"}
EXAMPLES = {
    "accessible": (
        {f"{E}.files.accessible": "b.bed"},
        "examples.files.accessible: only builder peaks has it; remove it",
    ),
    "chip": (
        {f"{E}.files.chip": {"B": "b.bed"}},
        "examples.files.chip: only builder peaks has it; remove it",
    ),
    "both": (
        {f"{E}.files.samples": "sheet.tsv"},
        "examples.files: expected either a sheet (samples) or peaks, one file per task",
    ),
    "neither": (
        {f"{E}.files": {"genome": "g.fa"}},
        "examples.files: expected either a sheet (samples) or peaks, one file per task",
    ),
    "no genome": ({f"{E}.files.genome": ...}, "examples.files: key 'genome' is missing"),
    "one less": (
        {f"{E}.files.peaks": {"B": "b.bed"}},
        "examples.files.peaks: got B, expected one per task: B, GM12878",
    ),
    "one more": (
        {f"{E}.files.peaks.NK": "b.bed"},
        "examples.files.peaks: got B, GM12878, NK, expected one per task: B, GM12878",
    ),
    "no tasks": (
        {f"{E}.tasks": ...},
        "examples: key 'tasks' is missing; builder accessibility",
    ),
    "no files": ({f"{E}.files": ...}, "examples: key 'files' is missing, which inputs: local"),
    "label": ({f"{E}.label": "B"}, "examples.label: only builder fasta has it; remove it"),
    "train": (
        {f"{E}.split.train": 10},
        "examples.split.train: builder accessibility trains on the rest; remove it",
    ),
    "split": ({f"{E}.split": None}, "examples: a network to train needs split"),
    "no peaks": ({f"{E}.files.peaks.B": "no.bed"}, "examples.files: peaks of B: no file"),
    "no sheet": (
        {f"{E}.files": {"genome": "g.fa", "samples": "no.tsv"}},
        "examples.files.samples: no file",
    ),
    "start": (
        {f"{A}.model": {"file": "net.keras", "start": "net.keras"}},
        "model.start: a finished network (model.file) is not trained; remove one",
    ),
    "weights of no start": (
        {f"{A}.model.start_weights": "net.keras"},
        "model.start_weights: got a file, but no model.start that it belongs to",
    ),
    "start that is not there": ({f"{A}.model.start": "no.keras"}, "model.start: no file"),
    "heads": (
        {f"{A}.model": {"file": "net.keras", "heads": {"B": 0}}},
        "model.heads: got B, expected one per task: B, GM12878",
    ),
    "options": (
        {f"{A}.model.options": {"dense": 8}, f"{A}.model.architecture": "m2"},
        "model.options: m2 has no 'dense'; it takes dropout",
    ),
    "filters": ({f"{A}.model.options.filters": [1, 2]}, "filters: got [1, 2] (list), expected"),
    "short": (
        {f"{E}.window": 40},
        "examples.window: got 40, expected at least 48, as m3 needs",
    ),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_accessible_peaks_refused_in_one_line(local, case):
    changes, message = EXAMPLES[case]
    told = refusal(changed(local, changes))
    assert told.startswith(f"config: {A}.")
    assert message in told


def test_the_builders_take_their_own_data_sets(default):
    for builder, dataset, known in (
        ("accessibility", "k562", "blood"),
        ("peaks", "blood", "k562, k562_additive"),
        ("accessibility", "embedded_motifs", "blood"),
    ):
        told = refusal(changed(default, {f"{E}.dataset": dataset, f"{E}.builder": builder}))
        assert f"examples.dataset: got {dataset!r}, expected one of {known}" in told
    told = refusal(changed(default, {f"{E}.tasks": ["HSC", "GM12878", "TAL1"]}))
    assert "examples.tasks: 'TAL1' is not in the simulated genome, which has HSC, MPP" in told
    told = refusal(changed(default, {"studies.simulated.examples.dataset": "blood"}))
    assert "'blood' is a genome with peaks; use its builder" in told
    told = refusal(changed(default, {f"{E}.split.test": 0.1}))
    assert "examples.split.test: got 0.1, expected names of contigs" in told


def test_peaks_of_tasks_are_not_for_chip(local):
    chip = {"builder": "peaks", "tasks": TASKS, "window": 1000,
            "split": {"validation": ["1"], "test": ["8"]},
            "files": {"genome": "g.fa", "accessible": "b.bed", "chip": PEAKS}}  # fmt: skip
    config = changed(local, {E: chip})
    config["studies"]["accessibility"]["model"] = {"file": "net.keras"}
    validate(config)
    told = refusal(changed(config, {f"{E}.files.peaks": PEAKS}))
    assert "examples.files.peaks: only builder accessibility has it" in told


# ---- sample sheets -------------------------------------------------------------------


def of_sheet(local, tmp_path, text):
    (tmp_path / "sheet.tsv").write_text(text)
    return changed(local, {f"{E}.files": {"genome": "g.fa", "samples": "sheet.tsv"}})


def test_a_sheet_gives_the_files_in_the_order_of_the_tasks(local, tmp_path):
    config = of_sheet(local, tmp_path, SHEET)
    validate(config)
    found = accessible_files(config, "accessibility")
    assert found == accessible_files(local, "accessibility") == {
        "genome": f"{tmp_path}/g.fa",
        "peaks": [f"{tmp_path}/b.bed", f"{tmp_path}/g.bed"],
    }  # fmt: skip
    assert accessibility_files(tmp_path / "sheet.tsv", TASKS[::-1]) == ["g.bed", "b.bed"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "DNase",
            "ChIP",
            "line 2: assay 'ChIP', expected one of DNase, ATAC: the tasks are cell",
        ),
        ("DNase", "DNASE", "line 2: assay 'DNASE', expected one of ChIP, DNase, ATAC"),
        ("B\tATAC\tb.bed\n", "", "no sample of task 'B'; expected those of examples.tasks: B,"),
        ("B\tATAC", "Mono\tATAC", "no sample of task 'B'"),
        ("B\tATAC", "NK\tATAC\tb.bed\nB\tATAC", "a task 'NK' more; expected those of"),
        (
            "B\tATAC",
            "B\tDNase\tb.bed\nB\tATAC",
            "line 4: task 'B' is there already with another",
        ),
        ("B\tATAC", "B\tATAC\tb.bed\nB\tATAC", "line 4: ATAC of B is in line 3 already"),
        ("assay", "kind", "column 'assay' is missing"),
        ("b.bed", "", "line 3: no peaks"),
        ("b.bed", "no.bed", "files: peaks of B: no file"),
    ],
)
def test_sheets_refused_in_one_line(local, tmp_path, old, new, message):
    told = refusal(of_sheet(local, tmp_path, SHEET.replace(old, new)))
    assert told.startswith(f"config: {E}.files")
    assert message in told


def test_a_sheet_of_a_download_may_be_a_file(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.bed", "g.bed"):
        (tmp_path / name).touch()
    sources = {"genome": "hg19_fasta", "peaks": {"B": "b.bed", "GM12878": "gm12878_dnase"}}
    config = changed(default, {"inputs": "download", f"{E}.tasks": TASKS,
                               f"{E}.sources": sources})  # fmt: skip
    found = accessible_files(config, "accessibility")
    assert found["peaks"][0] == "b.bed"
    assert found["peaks"][1].startswith("resources/downloads/")
    sources["peaks"]["B"] = "gm12878_dnas"
    config = changed(config, {f"{E}.sources": sources})
    with pytest.raises(
        ConfigError, match=r"peaks of B: no source .*did you mean 'gm12878_dnase'"
    ):
        accessible_files(config, "accessibility")


def test_a_collection_of_a_study_that_is_left_out_is_not_checked(local):
    wrong = {f"{B}.files.tables": {"JUND": "no.txt", "SPI1": "s.txt"}}
    assert "files.tables.JUND: no file" in refusal(changed(local, wrong))
    only = {"only": ["simulated"], "inputs": "synthetic"}
    validate(changed(local, wrong | only))
    assert Collection(local, "accessibility", "bqtls", "").files()["tables"]
