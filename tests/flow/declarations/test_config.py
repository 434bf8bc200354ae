"""The configuration: what cannot run is refused in one line, before anything is written."""

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from flow.declarations import config as flow_config
from flow.declarations.config import (
    analysis_settings,
    chosen_studies,
    figures,
    load,
    run_name,
)
from flow.declarations.validation import validate
from flow.run import list_figures
from flow.run.context import figure_context
from flow.run.run import Run
from flow.run.wording import figure_label
from helpers import ROOT
from helpers.configs import changed, refusal

SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
FILES = sorted((ROOT / "config").glob("*.yaml"))


@pytest.fixture(scope="module")
def default():
    return load([])


# ---- accepted ------------------------------------------------------------------


def test_default_is_valid(default):
    validate(default)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_shipped_files_are_valid(file, tmp_path):
    config = load([file])
    if config["inputs"] == "local":  # a folder of the user's, with every file that is named
        for study in chosen_studies(config).values():
            groups = [study["examples"], *study["variants"].values()]
            files = [group["files"] for group in groups if "files" in group]
            named = [study["model"].get("file"), study["model"].get("weights")]
            for value in [value for group in files for value in group.values()]:
                named += value.values() if isinstance(value, dict) else [value]
            for name in filter(None, named):
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text("")
        config["local_folder"] = str(tmp_path)
    validate(config)


# ---- refused -------------------------------------------------------------------

S = "studies.simulated"
REFUSED = {
    # a key that does not exist, at every depth
    "sede": ({"sede": 1}, "the top level: unknown key 'sede'; did you mean 'seed'?"),
    "nonsense": (
        {"qqqq": 1},
        "the top level: unknown key 'qqqq'; allowed: accessibility_simulation",
    ),
    "refrences": (
        {"scoring.refrences": "gc"},
        "scoring: unknown key 'refrences'; did you mean 'references'?",
    ),
    "analysis key": (
        {f"{S}.analyses.deeplift.nrefs": 3},
        f"{S}.analyses.deeplift: unknown key 'nrefs'; did you mean 'n_refs'?",
    ),
    "select": ({f"{S}.analyses.deeplift.select.group": ["a"]}, "did you mean 'groups'?"),
    "training key": ({"training.epochs": 3}, "did you mean 'max_epochs'?"),
    # a wrong type or value
    "seed text": ({"seed": "one"}, "seed: got 'one' (str), expected type integer"),
    "seed bool": ({"seed": True}, "seed: got True (bool), expected type integer"),
    "seed float": ({"seed": 2.0}, "seed: got 2.0 (float), expected type integer"),
    "seed below": ({"seed": -1}, "seed: got -1 (int), expected at least 0"),
    "inputs": (
        {"inputs": "nonsense"},
        "inputs: got 'nonsense' (str), expected one of synthetic, local, download",
    ),
    "fraction": ({"scoring.gc": 46}, "scoring.gc: got 46 (int), expected at most 1"),
    "alpha": ({"scoring.alpha": 1}, "scoring.alpha: got 1 (int), expected"),
    "null": (
        {"scoring.block": None},
        "scoring.block: got null, expected type integer",
    ),
    "method": (
        {f"{S}.analyses.deeplift.attribution": "ism"},
        "expected one of deeplift, deeplift_rescale, gradient_input",
    ),
    "run": (
        {"run": "../elsewhere"},
        "run: got '../elsewhere' (str), expected text that matches",
    ),
    "studies": ({"studies": {}}, "studies: got {} (dict), expected"),
    "study name": (
        {"studies.Bad-Name": {}},
        "got 'Bad-Name' (str), expected text that matches",
    ),
    "split": ({f"{S}.examples.split": {"train": 10, "test": 5}}, "key 'validation' is missing"),
    # a key that is missing
    "missing": ({"seed": ...}, "the top level: key 'seed' is missing; see config/README.md"),
    "no map": ({f"{S}.map": ...}, f"{S}: figure fig1 needs the key 'map'"),
    "no value": ({f"{S}.figures.sfig2a.value": ...}, "figures.sfig2a: key 'value' is missing"),
    "patterns": ({f"{S}.features.source": "patterns"}, "features: key 'patterns' is missing"),
    "table": ({f"{S}.features.source": "table"}, "features: key 'file' is missing"),
    "model": ({f"{S}.model.architecture": None}, "model: expected an architecture or a file"),
    "no split": ({f"{S}.examples.split": None}, "a network to train needs label and split"),
    # files and folders
    "no folder": (
        {
            "inputs": "local",
            f"{S}.features": {"source": "table", "file": "x"},
            "only": ["simulated"],
        },
        "local_folder: got null, expected a folder",
    ),
    "bad folder": (
        {
            "inputs": "local",
            "local_folder": "/nowhere",
            f"{S}.features": {"source": "table", "file": "x"},
            "only": ["simulated"],
        },
        "local_folder: no folder '/nowhere'; check the path",
    ),
    "model file": ({f"{S}.model.file": "none.keras"}, f"{S}.model.file: no file 'none.keras'"),
    "table file": (
        {f"{S}.features": {"source": "table", "file": "none.tsv"}},
        f"{S}.features.file: no file 'none.tsv'",
    ),
    "truth": (
        {"inputs": "local", "local_folder": "."},
        "features.source: got 'truth', which only synthetic inputs have",
    ),
    # settings that contradict each other
    "max_abs": (
        {"scoring.motif_target_reduce": "max_abs"},
        f"{S}.analyses.deeplift: tail two_sided has no meaning for max_abs",
    ),
    "max_abs here": (
        {f"{S}.analyses.gradient_input.motif_target_reduce": "max_abs"},
        f"{S}.analyses.gradient_input: tail two_sided has no meaning",
    ),
    "two sources": (
        {f"{S}.examples.fasta": "a.fa"},
        "expected exactly one of dataset and fasta",
    ),
    "no source": ({f"{S}.examples.dataset": ...}, "expected exactly one of dataset and fasta"),
    "label alone": (
        {
            f"{S}.examples": {
                "builder": "fasta",
                "fasta": "a.fa",
                "label": "y",
                "split": {"train": 1, "validation": 1, "test": 1},
            }
        },
        "examples: got one of label and labels",
    ),
    "analysis": (
        {f"{S}.figures.fig2b.analysis": "deep"},
        f"{S}: no analysis 'deep'; declared: deeplift, gradient_input",
    ),
    "map analysis": ({f"{S}.map.analysis": "deep"}, "no analysis 'deep'"),
    "two figures": (
        {
            "studies.tal_gata.figures.fig2b": {
                "kind": "pair_scores",
                "analysis": "gata_to_tal",
            }
        },
        "figure 'fig2b' is declared twice",
    ),
    "own performance": (
        {f"{S}.figures.performance_simulated": {"kind": "map_steps"}},
        "figure 'performance_simulated' has the name of a study's page of performance",
    ),
    "no study": ({"only": []}, "only: got [] (list), expected"),
    "start epochs": (
        {f"{S}.model.training.max_epochs": 3},
        f"{S}.model.training.start_epochs: got 4, expected at most max_epochs, 3",
    ),
    "one study": (
        {"only": "simulated"},
        "only: got 'simulated' (str), expected type null or type array",
    ),
    "unknown study": (
        {"only": ["simulatd"]},
        "config: only: no study 'simulatd'; did you mean 'simulated'?",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(default, case):
    changes, message = REFUSED[case]
    assert message in refusal(changed(default, changes))


def test_studies_left_out_are_not_checked_for_files_or_figures(default):
    off = {"only": ["simulated", "cbf1"]}
    wrong = {"studies.tal_gata.model.file": "none.keras",
             "studies.tal_gata.figures.fig2b": {"kind": "map_steps"}}  # fmt: skip
    refusal(changed(default, wrong))
    validate(changed(default, off | wrong))


@pytest.mark.parametrize("tail", ["empirical", "upper", "min_tail"])
def test_other_tails_are_allowed_for_max_abs(default, tail):
    validate(changed(default, {"scoring.motif_target_reduce": "max_abs", "scoring.tail": tail}))


# ---- read ----------------------------------------------------------------------


def test_analysis_lies_over_the_defaults(default):
    settings = analysis_settings(default, "simulated", "deeplift")
    assert settings == {**default["scoring"], "references": "gc"}


def test_run_is_named_after_the_last_file(default):
    assert run_name(default, []) == "default"
    assert run_name(default, ["a/first.yaml", "b/mine.yaml"]) == "mine"
    assert run_name({**default, "run": "given"}, ["mine.yaml"]) == "given"


def test_files_lie_over_the_default(tmp_path):
    (tmp_path / "a.yaml").write_text("seed: 5\nscoring: {gc: 0.5}\n")
    (tmp_path / "b.yaml").write_text("scoring: {n_refs: 3}\n")
    (tmp_path / "empty.yaml").write_text("")
    config = load([tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "empty.yaml"])
    assert (config["seed"], config["scoring"]["gc"], config["scoring"]["n_refs"]) == (5, 0.5, 3)
    assert config["scoring"]["alpha"] == load([])["scoring"]["alpha"]


# What each file that trains on real or full-size data must keep, whatever the default has.
PAPER = {"batch_size": 128, "learning_rate": 0.001, "max_epochs": 100, "decay": "none"}
RECIPES = {
    ("paper", "simulated"): PAPER | {"patience": 3, "starts": 1, "start_epochs": 1},
    ("paper", "simulated_negative"): PAPER | {"patience": 3, "starts": 1, "start_epochs": 1},
    ("paper", "tal_gata"): PAPER | {"patience": 5},
    ("paper", "accessibility"): PAPER | {"patience": 5, "limit": None},
    ("paper", "cbf1"): {
        "optimizer": "sgd", "batch_size": 256, "learning_rate": 0.001, "max_epochs": 100,
        "patience": 5, "drop_after": 3, "min_improvement": 0.0001, "weight_decay": 0.01,
        "target_noise": 0.5,
    },
    ("accessibility_local", "accessibility"): {
        "batch_size": 32, "learning_rate": 0.001, "max_epochs": 8, "patience": 3,
        "decay": "none", "limit": None, "threads": 2,
    },
    ("tal_gata_local", "tal_gata"): {
        "batch_size": 64, "learning_rate": 0.003, "max_epochs": 18, "patience": 8,
        "decay": "none", "threads": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "study"), RECIPES)
def test_quick_recipes_stay_out_of_the_files_laid_over_them(name, study):
    config = load([ROOT / f"config/{name}.yaml"]) | {"only": None}
    merged = Run(config, name).training(study)
    assert merged == {"threads": 1, "onednn": True} | RECIPES[name, study]


@pytest.mark.parametrize("name", ["paper", "accessibility_local", "tal_gata_local"])
def test_options_of_the_quick_networks_stay_out_of_the_files_laid_over_them(name):
    wanted = {
        ("paper", "simulated"): {"dense": 200},
        ("paper", "tal_gata"): {"dropout": 0.2},
        ("paper", "accessibility"): {
            "filters": [300, 200, 200], "dense": 1000, "dropout": 0.3,
        },
        ("accessibility_local", "accessibility"): {
            "filters": [64, 32, 32], "dense": 32, "dropout": 0.2,
        },
        ("tal_gata_local", "tal_gata"): {"dropout": 0.2},
    }  # fmt: skip
    studies = load([ROOT / f"config/{name}.yaml"])["studies"]
    mine = {study: options for (file, study), options in wanted.items() if file == name}
    assert {study: studies[study]["model"]["options"] for study in mine} == mine


def test_relative_files_are_looked_up_in_the_local_folder(default, tmp_path):
    local = {"inputs": "local", "local_folder": str(tmp_path)}
    for config, expected in (
        (default, "m.keras"),
        ({**default, **local}, f"{tmp_path}/m.keras"),
    ):
        assert str(flow_config.local_path(config, "m.keras")) == expected
    assert str(flow_config.local_path({**default, **local}, "/a/m.keras")) == "/a/m.keras"


PAPER = {
    "fig1", "fig2a", "fig2b", "fig3a", "fig3b", "fig4", "fig5a", "fig5b", "fig6a", "fig6b",
    "fig7", "fig8a", "fig8b", "fig8c", "sfig1", "sfig2a", "sfig2b", "sfig2c", "sfig2d", "sfig3",
    "sfig4", "sfig5", "sfig6",
}  # fmt: skip
CONTROLS = {
    "complete_fis", "negative_fis", "negative_p", "negative_p_gradient", "negative_gata_to_tal",
    "negative_tal_to_gata", "flank_map_all", "flank_agreement", "flank_fit",
    "performance_simulated", "performance_simulated_negative", "performance_tal_gata",
    "performance_tal_gata_negative", "performance_accessibility",
}  # fmt: skip


def test_default_draws_the_paper_and_audit_our_controls_too(default):
    assert figures(default).keys() == PAPER
    assert figures(load([ROOT / "config/audit.yaml"])).keys() == PAPER | CONTROLS


def test_default_scores_nothing_that_only_controls_need(default):
    run = Run(default, "x")
    assert set(run.studies) == {"simulated", "tal_gata", "accessibility", "cbf1"}
    assert run.analyses() == ["deeplift", "gata_to_tal", "gradient_input", "tal_to_gata"]
    # Its networks are measured for the scorecard all the same.
    pages = [f"results/x/stats/performance_{name}.json" for name in run.without_page()]
    assert len(pages) == 3
    assert set(pages) < set(run.statistics())
    audit = Run(load([ROOT / "config/audit.yaml"]), "x")
    assert audit.without_page() == []
    assert set(audit.statistics()) > set(run.statistics())


def test_controls_lie_below_the_file_that_asks_for_them(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "controls: true\nstudies: {simulated: {figures: {complete_fis: null}}, "
        "tal_gata: {analyses: {gata_to_tal_complete: {select: {limit: 7}}}}}"
    )
    config = load([mine])
    assert "complete_fis" not in figures(config)
    complete = config["studies"]["tal_gata"]["analyses"]["gata_to_tal_complete"]
    assert complete["select"]["limit"] == 7
    assert complete["maxpool_rule"] == "complete"


def test_page_of_performance_comes_with_labels_unless_null(default):
    page = f"{S}.figures.performance_simulated"
    assert "performance_simulated" in figures(changed(default, {page: ...}))
    assert "performance_simulated" in figures(changed(default, {page: {"kind": "performance"}}))
    assert "performance_cbf1" not in figures(default)
    declared = {"studies.cbf1.figures.mine": {"kind": "performance"}}
    assert "a study of flanks has" in refusal(changed(default, declared))


def test_list_of_figures_for_scripts(capsys, tmp_path, default):
    (tmp_path / "mine.yaml").write_text("only: [simulated]\n")
    list_figures.main([str(tmp_path / "mine.yaml")])
    folder, *ids = capsys.readouterr().out.split()
    assert folder == "results/mine"
    assert "fig2b" in ids
    assert not any(figures(default)[figure].study != "simulated" for figure in ids)


@pytest.mark.parametrize(
    ("figure", "label"),
    [("fig1", "Fig 1"), ("fig2b", "Fig 2B"), ("sfig2d", "SFig 2D"), ("my_own", "My own")],
)
def test_figure_label(figure, label):
    assert figure_label(figure) == label


def test_seeds_differ_by_rule_and_wildcards(default):
    run = Run(default, "x")
    names = [
        ("train_model", "simulated"),
        ("train_model", "other"),
        ("score_pairs", "simulated"),
        ("score_pairs", "simulated", "a", "real"),
        ("score_pairs", "simulated", "a", "null"),
        ("score_pairs", "simulateda", "", "null"),
    ]
    seeds = [run.seed(*name) for name in names]
    assert len(set(seeds)) == len(names)
    assert seeds == [run.seed(*name) for name in names]
    assert run.seed("a") != Run({**default, "seed": 2}, "x").seed("a")


def test_digest_in_the_figures_follows_the_config_and_not_its_name(default):
    digest = figure_context(Run(default, "x"), "fig2b").config_digest
    assert (
        figure_context(Run({**default, "run": "other"}, "other"), "fig2b").config_digest
        == digest
    )
    other = changed(default, {"scoring.alpha": 0.01})
    assert figure_context(Run(other, "x"), "fig2b").config_digest != digest


# ---- schema, config and their description --------------------------------------


def schema_keys(schema, root) -> set[str]:
    """Every property name of a schema, through references."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return schema_keys(root["$defs"][name], root)
    found = set(schema.get("properties", {}))
    parts = [*schema.get("properties", {}).values(), *schema.get("oneOf", [])]
    if isinstance(schema.get("additionalProperties"), dict):
        parts.append(schema["additionalProperties"])
    for part in parts:
        found |= schema_keys(part, root)
    return found


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "config/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def schema():
    return yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def test_schema_is_a_schema_that_allows_nothing_else(schema):
    jsonschema.Draft202012Validator.check_schema(schema)

    def objects(part):
        if isinstance(part, dict):
            if part.get("type") == "object":
                yield part
            for value in part.values():
                yield from objects(value)
        elif isinstance(part, list):
            for value in part:
                yield from objects(value)

    free = [part for part in objects(schema) if part.get("additionalProperties", True) is True]
    assert free == []


def test_every_top_level_key_is_in_the_default(schema, default):
    assert schema["properties"].keys() == default.keys()
    sections = "scoring flanks training simulation genome_simulation flank_simulation"
    for section in sections.split():
        assert schema["properties"][section]["properties"].keys() == default[section].keys()


def test_every_key_is_described(schema, readme):
    # In code: between backticks, or a key of the example.
    inline = " ".join(re.findall(r"`([^`\n]+)`", readme.replace("```", "")))
    described = set(re.findall(r"\w+", inline))
    described |= set(
        re.findall(r"(\w+):", "".join(re.findall(r"```yaml\n(.*?)```", readme, re.S)))
    )
    keys = schema_keys(schema, schema)
    assert {"seed", "n_refs", "groups", "validation", "unit", "value"} <= keys
    assert keys - described == set()


def test_example_studies_of_the_description_are_valid(default, readme, tmp_path):
    files = "enhancers.fa labels.tsv my_model.keras hg19.fa.gz candidates.vcf motifs.meme"
    files += " counts.txt.gz"
    examples = re.findall(r"```yaml\n(.*?)```", readme, re.S)
    lacking = (
        "no file 'enhancers.fa'",
        "no file 'my_model.keras'",
        "examples: key 'dataset' is missing, which inputs: synthetic needs",
    )
    found = {}
    for example, absent in zip(examples, lacking, strict=True):
        (tmp_path / "mine.yaml").write_text(example)
        for name in files.split():
            (tmp_path / name).write_text("")
        (tmp_path / "motifs.meme").write_text(
            "MEME version 4\nMOTIF MA0035.4\nletter-probability matrix: w= 1\n1 0 0 0\n"
        )
        config = load([tmp_path / "mine.yaml"])
        assert absent in refusal(config)
        config |= {"inputs": "local", "local_folder": str(tmp_path)}
        config["studies"] = {"mine": config["studies"]["mine"]}
        validate(config)
        found[absent] = config
    config = found[lacking[1]]
    config["studies"]["mine"]["variants"]["candidates"]["motifs"]["GATA"] = "MA0035"
    assert "motifs.GATA: no motif 'MA0035' in the file; it has MA0035.4" in refusal(config)


@pytest.mark.parametrize("section", ["scoring", "variants", "flanks", "training"])
def test_described_defaults_are_the_defaults(default, readme, section):
    (text,) = re.findall(rf"^## `{section}`: defaults.*?(?=^## )", readme, re.M | re.S)
    stated = dict(re.findall(r"^\| `(\w+)` \|.*\| `?([^|`]+)`? \|$", text, re.MULTILINE))
    assert stated.keys() == default[section].keys()
    for key, value in default[section].items():
        shown = f"{value:.5f}" if key == "significant" else yaml.safe_dump(value).split("\n")[0]
        assert stated[key] == str(shown), key


# ---- through the command line --------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inputs=nonsense"], "config: inputs: got 'nonsense' (str), expected one of"),
        (["sed=4"], "config: the top level: unknown key 'sed'; did you mean 'seed'?"),
    ],
)
def test_bad_config_through_snakemake(tmp_path, arguments, message):
    done = subprocess.run(
        [SNAKEMAKE, "-n", "-s", ROOT / "workflow/Snakefile", "--directory", tmp_path / "d",
         "--config", *arguments],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "profile" not in line]
    assert [line[: len(message)] for line in lines] == [message]
    assert "Traceback" not in done.stderr + done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
