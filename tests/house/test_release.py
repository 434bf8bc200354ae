"""The version, the changelog, the citation and the licence say the same."""

import re
import tomllib

import yaml

import dfim
from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_newest_entry_of_the_changelog_is_the_version():
    assert re.search(r"^## \[(.*?)\]", CHANGELOG, re.MULTILINE)[1] == PROJECT["version"]


def test_changelog_names_every_module_that_moved():
    moved = dict(
        re.findall(r"^\| `dfim\.(\w+)` \| `dfim\.([\w.]+)` \|$", CHANGELOG, re.MULTILINE)
    )
    assert moved == dfim._MOVED


def test_citation_is_complete_and_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    for key in ("version", "license"):
        assert citation[key] == PROJECT[key]
    paper = citation["preferred-citation"]
    assert paper["doi"] == "10.1093/bioinformatics/bty575"
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Greenside", "Shimko", "Fordyce", "Kundaje"]


def test_licence():
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n\nCopyright (c) 2026 The DFIM developers\n")
    assert PROJECT["license"] == "MIT"
