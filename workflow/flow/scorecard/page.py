"""HTML pages that need no network: tables, captions and one style."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
from docutils.core import publish_parts

from flow.scorecard.figure_files import ScorecardRow

__all__ = ["caption_html", "escape", "page", "scorecard_html", "table_html"]

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 1080px;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
figure { margin: 1.5rem 0 2.5rem; } figure img { max-width: 100%; }
figcaption { max-width: 46rem; } figcaption p { display: inline; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
         border-bottom: 1px solid #d0d0d0; }
td:nth-child(2) { min-width: 14rem; } td.verdict { white-space: nowrap; font-weight: 600; }
td.agrees { color: #00694c; } td.differs { color: #a33c00; } td.not { color: #555; }
"""


def page(title: str, body: str) -> str:
    """A whole HTML page; no script, no outside file."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def table_html(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text cells."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>\n{body}</table></div>'


def scorecard_html(rows: Sequence[ScorecardRow]) -> str:
    """The scorecard as a table, its verdicts marked by word and colour."""
    names = [field.name for field in fields(ScorecardRow)]
    html = table_html(names, [[str(v) for v in asdict(row).values()] for row in rows])
    for verdict in ("agrees", "differs", "not comparable"):
        cell = f'<td class="verdict {verdict.split()[0]}">{verdict}</td>'
        html = html.replace(f"<td>{verdict}</td>", cell)
    return html


def caption_html(path: str | Path, context: Mapping[str, Any]) -> str:
    """Render a caption (reStructuredText with Jinja) as Snakemake's report does."""
    text = Path(path).read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    params = SimpleNamespace(context=context)
    filled = environment.from_string(text).render(snakemake=SimpleNamespace(params=params))
    return publish_parts(filled, writer="html5", settings_overrides={"report_level": 3})[
        "fragment"
    ]
