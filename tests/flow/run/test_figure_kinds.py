"""Every kind of figure has its keys, its script, its caption, and a rule that fits them."""

import importlib
import inspect
import re

import pytest

from flow.declarations.config import load
from flow.declarations.figure_keys import FIGURE_KEYS
from flow.run.figure_kinds import FIGURE_KINDS, asked_of
from flow.run.run import Run
from helpers import ROOT, WORKFLOW

KINDS = {kind.name: kind for kind in FIGURE_KINDS}
OUTPUTS = {"svg", "pdf", "png", "table", "stats"}


@pytest.fixture(scope="module")
def run() -> Run:
    config = load([ROOT / "config/audit.yaml"])
    return Run.start(config, ["audit.yaml"])


def test_kinds_are_those_that_a_config_may_name():
    assert len(KINDS) == len(FIGURE_KINDS)
    assert set(KINDS) == set(FIGURE_KEYS)


@pytest.mark.parametrize("what", ["script", "caption"])
def test_every_kind_has_its_file_and_every_file_its_kind(what):
    named = {WORKFLOW / getattr(kind, what) for kind in FIGURE_KINDS}
    files = "scripts/figures/[!_]*.py" if what == "script" else "report/*.rst"
    assert named == set(WORKFLOW.glob(files))


@pytest.mark.parametrize("name", KINDS)
def test_script_takes_what_its_rule_hands_over(name, run):
    kind = KINDS[name]
    figure = next(figure for figure in run.figures.values() if figure.kind == name)
    handed = [*kind.inputs(run, figure), *kind.params, *OUTPUTS, "context"]
    main = importlib.import_module(f"scripts.figures.{name}").main
    assert sorted(handed) == sorted(inspect.signature(main).parameters)
    for value in kind.params.values():
        # Snakemake compares plain values only; others would never run a figure again.
        assert isinstance(value(run, figure), str | int | list | dict | None)


def test_a_rule_asks_of_the_figure_in_its_wildcards(run):
    class Wildcards:
        figure = "fig8a"

    assert asked_of(run, lambda _, figure: figure.study)(Wildcards) == "cbf1"


def test_rules_of_figures_are_made_from_the_table():
    text = (WORKFLOW / "rules/figures.smk").read_text()
    assert len(re.findall(r"^ *rule\b", text, re.M)) == 1
