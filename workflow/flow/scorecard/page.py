"""Render HTML pages from the templates of `workflow/report`, one file each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import jinja2
from docutils.core import publish_parts
from markupsafe import Markup

TEMPLATES = Path(__file__).parents[2] / "report"
# Characters that may stand in a data URI in double quotes as they are.
_PLAIN = " /:;=,()'!*?[]{}@$+~"


def render(template: str, **values: object) -> str:
    """Fill in a template of `TEMPLATES`; the style and the script are put into the page.

    Text is escaped. A name that the template uses and `values` lack is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((TEMPLATES / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    page = environment.get_template(template)
    return page.render(values, css=Markup(style), script=Markup(script)).lstrip()


@dataclass(frozen=True)
class Caption:
    """Hold what is written beside a figure.

    Attributes
    ----------
    title
        One line of plain text.
    text
        HTML.
    """

    title: str
    text: Markup


def read_caption(path: str | Path, context: Mapping[str, Any]) -> Caption:
    """Fill in a caption, reStructuredText with Jinja, as Snakemake's report does.

    Parameters
    ----------
    path
        The caption. Its first paragraph is the title, in bold.
    context
        What the caption knows as `snakemake.params.context`.

    Raises
    ------
    ValueError
        If the first paragraph is not one bold line.
    jinja2.UndefinedError
        If the caption uses a name that the context lacks.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    source = environment.from_string(Path(path).read_text(encoding="utf-8"))
    filled = source.render(snakemake=SimpleNamespace(params=SimpleNamespace(context=context)))
    title, _, text = filled.strip().partition("\n\n")
    if not (title.startswith("**") and title.endswith("**")) or "\n" in title:
        raise ValueError(
            f"{path}: got first paragraph {title!r}, expected one line in **bold**"
        )
    parts = publish_parts(text, writer="html5", settings_overrides={"report_level": 3})
    return Caption(title.strip("*").rstrip("."), Markup(parts["fragment"]))


def data_uri(svg: str) -> Markup:
    """Return a data URI of an SVG picture, safe within double quotes.

    Percent-encoded, which takes a quarter less space than base64. Line breaks become
    spaces, as a browser would drop them.
    """
    text = quote(" ".join(svg.split()).replace('"', "'"), safe=_PLAIN)
    return Markup(f"data:image/svg+xml,{text}")
