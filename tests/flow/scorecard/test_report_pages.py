"""The pages of a run: order, summary, folds, links, and that they need no network."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote

import pytest
from jinja2 import UndefinedError

from dfim.io.store import read_table
from flow.run.wording import figure_label
from flow.scorecard.page import TEMPLATES, data_uri, read_caption, render
from flow.scorecard.rows import NO_SUCH_STUDY, NOT_PRINTED, Judged, scorecard_row
from helpers.figures import made_context
from helpers.html import by_id, check_links, of_class, parse_page, text_of
from scripts.make_report import main as make_report
from scripts.make_scorecard import main as make_scorecard

CAPTIONS = sorted(TEMPLATES.glob("*.rst"))
SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="9pt" viewBox="0 0 9 9">
<!-- 50 % of it's "A" -->
<path d="M 0 1
L 2 3" style="fill: #ff0000"/></svg>
"""
# As they are declared: ours among the paper's, which are not in order.
DECLARED = (
    "sfig2b",
    "complete_fis",
    "fig3a",
    "fig2b",
    "sfig1",
    "performance_s",
    "fig10",
    "fig1",
)
SHOWN = ("fig1", "fig2b", "fig3a", "fig10", "sfig1", "sfig2b", "complete_fis", "performance_s")
HIDDEN = "performance_t"  # a network without a figure: its rows are in the scorecard alone
FAR = "0.2 < 0.5 & 3 times too small"


def rows_of(context):
    """Three rows of each figure: one that is judged, and two that cannot be."""
    agrees = context.figure.startswith("sfig")
    yield scorecard_row(
        context, "a < b & c", paper="0.5", ours="0.2", why="agrees, as one may say",
        judged=Judged(agrees, "close" if agrees else f"{context.figure}: {FAR}"),
    )  # fmt: skip
    yield scorecard_row(context, "AUROC", paper=NOT_PRINTED, ours="0.9", why="n = 1")
    yield scorecard_row(context, "AUROC of ours", paper=NO_SUCH_STUDY, ours="0.9", why="n = 1")


def facts_of(figure):
    """A context with whatever the captions ask for."""
    return made_context(
        figure=figure, label=figure_label(figure), study_title="Study <1>", method="DeepLIFT",
        mutation="replaced by zeros", planted_effect="joint", run="test", seed=7,
        config_digest="abc123",
        options={
            "compare": "other", "analysis": "a_to_b", "value": "q", "sequences": "all",
            "columns": [{"set": "JUND"}],
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the figures' files and both pages."""
    folder = tmp_path_factory.mktemp("run")
    for name in ("figures", "tables", "stats"):
        (folder / name).mkdir()
    for figure in (*DECLARED, HIDDEN):
        context = facts_of(figure)
        record = context.as_param() | {
            "statistics": {},
            "scorecard": [asdict(row) for row in rows_of(context)],
            "versions": {"python": "3.11", "dfim": "1.2.3"},
        }
        (folder / f"stats/{figure}.json").write_text(json.dumps(record))
        for kind in ("svg", "pdf", "png"):
            (folder / f"figures/{figure}.{kind}").write_text(SVG)
        (folder / f"tables/{figure}.tsv").write_text("x\n")
    stats = [str(folder / f"stats/{figure}.json") for figure in (*DECLARED, HIDDEN)]
    table, report = str(folder / "scorecard.tsv"), str(folder / "report.html")
    make_scorecard(stats, [], table, str(folder / "scorecard.html"), "test", list(DECLARED))
    figures = [str(folder / f"figures/{figure}.svg") for figure in DECLARED]
    captions = [str(CAPTIONS[k % len(CAPTIONS)]) for k in range(len(DECLARED))]
    make_report(figures, stats, captions, [], table, report, "test")
    return folder


@pytest.fixture(scope="module", params=["report.html", "scorecard.html"])
def page(run, request):
    return parse_page((run / request.param).read_text("utf-8"))


@pytest.fixture(scope="module")
def report(run):
    return parse_page((run / "report.html").read_text("utf-8"))


# ---- both pages ----------------------------------------------------------------


def test_links_and_ids_resolve_and_nothing_comes_from_a_network(run, page):
    check_links(page, {str(path.relative_to(run)) for path in run.rglob("*.*")})
    (policy,) = (one.get("content") for one in page.iter("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")
    for style in page.iter("style"):
        assert not re.search(r"url\(|@import", text_of(style))


def test_scorecard_is_the_table(run, page):
    table = read_table(run / "scorecard.tsv")
    assert len(table) == 3 * (len(DECLARED) + 1)
    in_order = [figure_label(figure) for figure in (*SHOWN, HIDDEN)]
    assert list(dict.fromkeys(table["figure"])) == in_order
    shown = [row for row in page.iter("tr") if row.get("id")]
    assert len(shown) == len(table)
    quantities = {(text_of(row[0]), text_of(row[1]), text_of(row[2])) for row in shown}
    assert quantities == set(table[["figure", "quantity", "paper"]].itertuples(index=False))
    assert not table["reason"].isna().any()
    by_page = {row.get("id"): text_of(row[4]) for row in shown}
    for number, row in enumerate(table.itertuples(), 1):
        assert by_page[f"row-{number}"] == f"{row.verdict} {row.reason}"
    (form,) = of_class(page, "search")
    assert text_of(next(form.iter("output"))) == f"{len(table)} rows"


def test_verdicts_are_counted(run, page):
    counts = read_table(run / "scorecard.tsv")["verdict"].value_counts()
    (shown,) = of_class(page, "verdicts")
    assert [text_of(one) for one in shown] == [
        f"{counts['agrees']} agree", f"{counts['differs']} differ",
        f"{counts['not comparable']} are not comparable",
    ]  # fmt: skip


def test_every_differing_row_has_its_reason_in_the_summary(run, page):
    table = read_table(run / "scorecard.tsv")
    differing = table[table["verdict"] == "differs"]
    (summary,) = of_class(by_id(page, "summary"), "differing")
    lines = [text_of(one) for one in summary]
    assert len(lines) == len(differing) == 7
    for line, row in zip(lines, differing.itertuples(), strict=True):
        assert line == f"{row.figure}, {row.quantity}: {row.reason}"
    for line, link in zip(lines, summary.iter("a"), strict=True):
        assert text_of(by_id(page, link.get("href")[1:])[4]).removeprefix("differs ") in line


def test_rows_that_are_not_comparable_are_folded_by_reason(page):
    folds = [one for one in of_class(page, "group") if one.tag == "details"]
    assert all("open" not in fold.attrib for fold in folds)
    for fold in folds:
        verdicts = {text_of(one) for one in of_class(fold, "verdict")}
        assert verdicts == {"not comparable"}
        reasons = {text_of(row[4]).partition("comparable ")[2] for row in fold.iter("tr")
                   if row.get("id")}  # fmt: skip
        (reason,) = reasons
        rows = len(DECLARED) + 1
        assert text_of(fold[0]) == f"{rows} rows not comparable: {reason}"
    (open_rows,) = (one for one in of_class(page, "group") if one.tag != "details")
    assert {text_of(one) for one in of_class(open_rows, "verdict")} == {"agrees", "differs"}


def test_rows_of_a_network_without_a_figure_link_to_none(page):
    linked = {
        text_of(row[0]): list(row[0].iter("a")) for row in page.iter("tr") if row.get("id")
    }
    assert linked.pop(figure_label(HIDDEN)) == []
    assert all(links for links in linked.values())


def test_text_is_escaped(run):
    for name in ("report.html", "scorecard.html"):
        html = (run / name).read_text("utf-8")
        assert "a &lt; b &amp; c" in html
        assert "a < b" not in html


# ---- the report ----------------------------------------------------------------


def test_figures_of_the_paper_come_first_and_in_its_order(report):
    articles = of_class(report, "figure")
    assert tuple(one.get("id").removeprefix("figure-") for one in articles) == SHOWN
    inside = {name: [one.get("id") for one in of_class(by_id(report, name), "figure")]
              for name in ("paper", "own")}  # fmt: skip
    assert inside["own"] == ["figure-complete_fis", "figure-performance_s"]
    (contents,) = report.iter("nav")
    links = [one.get("href") for one in contents.iter("a")]
    assert [one for one in links if one.startswith("#figure-")] == [
        f"#{one.get('id')}" for one in articles
    ]
    assert links[0] == "#summary"
    assert links[-2:] == ["#scorecard", "#run"]


def test_each_picture_is_there_once_with_its_text_and_files(run, report):
    pictures = list(report.iter("img"))
    assert len(pictures) == len(SHOWN)
    for article, picture, figure in zip(
        of_class(report, "figure"), pictures, SHOWN, strict=True
    ):
        kind, _, svg = picture.get("src").partition(",")
        assert kind == "data:image/svg+xml"
        assert unquote(svg) == " ".join(SVG.split()).replace('"', "'")
        title = text_of(article[0])
        assert title.startswith(f"{figure_label(figure)}. ")
        assert picture.get("alt").startswith(title.replace(". ", ": ", 1))
        assert picture.get("alt").endswith("(Study <1>, synthetic inputs)")
        caption = next(article.iter("figcaption"))
        assert len(text_of(caption)) > 150
        links = [one.get("href") for one in caption.iter("a")]
        assert f"tables/{figure}.tsv" in links
        assert f"stats/{figure}.json" in links
        (verdict, *unjudged) = of_class(caption, "own-verdicts")[0].iter("a")
        assert text_of(verdict) == ("agrees" if figure.startswith("sfig") else "differs")
        assert len(unjudged) == 2


def test_summary_says_what_was_run(report):
    facts = of_class(by_id(report, "summary"), "facts")[0]
    assert {text_of(one[0]): text_of(one[1]) for one in facts} == {
        "Run": "test", "Inputs": "synthetic", "Seed": "7", "Version of DFIM": "1.2.3",
        "Digest of the config": "abc123", "Figures": str(len(SHOWN)),
    }  # fmt: skip


def test_a_run_without_figures_or_comparable_numbers_has_a_page(tmp_path):
    make_scorecard([], [], str(tmp_path / "s.tsv"), str(tmp_path / "s.html"), "empty", [])
    make_report([], [], [], [], "", str(tmp_path / "r.html"), "empty")
    page = parse_page((tmp_path / "r.html").read_text("utf-8"))
    assert of_class(page, "figure") == []
    assert "No number of this run can be compared" in text_of(by_id(page, "scorecard"))
    assert len(read_table(tmp_path / "s.tsv")) == 0


# ---- captions and templates ----------------------------------------------------


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_captions_have_a_short_title_and_are_filled_in(path):
    caption = read_caption(path, facts_of("fig2b").as_param())
    assert 15 < len(caption.title) <= 60
    assert "*" not in caption.title
    assert "synthetic" in caption.text
    assert "Study &lt;1&gt;" in caption.text
    assert "system-message" not in caption.text  # docutils found no fault
    assert "{{" not in caption.title + caption.text


def test_caption_with_an_unknown_name_is_an_error(tmp_path):
    (tmp_path / "c.rst").write_text("**{{ snakemake.params.context.titel }}.**")
    with pytest.raises(UndefinedError, match="titel"):
        read_caption(tmp_path / "c.rst", {"title": "x"})


@pytest.mark.parametrize("text", ["No title.\n\nText.", "**A title on\ntwo lines.**\n\nText."])
def test_caption_without_a_title_is_an_error(tmp_path, text):
    (tmp_path / "c.rst").write_text(text)
    with pytest.raises(ValueError, match="expected one line in"):
        read_caption(tmp_path / "c.rst", {})


def test_page_with_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError, match="scorecard"):
        render("scorecard.html.j2", title="x")


def test_picture_of_a_page_is_safe_in_quotes():
    assert not re.search(r'[<>"\n#]', data_uri(SVG))


def test_rules_take_every_template(run):
    # Snakemake makes a page again when one of these changes.
    rules = (Path(TEMPLATES).parent / "rules/report.smk").read_text()
    for path in TEMPLATES.iterdir():
        assert path.suffix == ".rst" or f'{path.name}"' in rules, path.name
