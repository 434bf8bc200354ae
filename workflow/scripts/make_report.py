"""Write one page with every figure, captioned, and the scorecard; no network needed."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfim.io.store import read_json, whole_file
from flow.scorecard.figure_files import read_scorecard
from flow.scorecard.page import caption_html, escape, page, scorecard_html, table_html

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _figure_html(svg: str, caption: str, record: dict[str, Any]) -> str:
    picture = base64.b64encode(Path(svg).read_bytes()).decode()
    files = ", ".join(
        f'<a href="{folder}/{record["figure"]}.{kind}">{kind}</a>'
        for folder, kind in (
            ("figures", "svg"),
            ("figures", "pdf"),
            ("figures", "png"),
            ("tables", "tsv"),
            ("stats", "json"),
        )
    )
    label = escape(record["label"])
    return (
        f'<figure id="{escape(record["figure"])}">'
        f'<img alt="{label}" src="data:image/svg+xml;base64,{picture}">'
        f"<figcaption><b>{label}.</b> {caption_html(caption, record)} "
        f"<small>Files: {files}</small></figcaption></figure>"
    )


def _run_html(record: dict[str, Any]) -> str:
    facts = {
        "run": record["run"],
        "inputs": record["origin"],
        "seed": record["seed"],
        "config digest": record["config_digest"],
        **record["versions"],
    }
    return table_html(["what", "value"], [[k, str(v)] for k, v in facts.items()])


def main(
    figures: list[str],
    stats: list[str],
    captions: list[str],
    scorecard: str,
    report: str,
    run: str,
) -> None:
    """Join figures by study, their captions, the scorecard and the versions."""
    records = [read_json(path) for path in stats]
    parts = []
    for study in dict.fromkeys(record["study"] for record in records):
        mine = [i for i, record in enumerate(records) if record["study"] == study]
        parts.append(f"<h2>{escape(records[mine[0]]['study_title'])}</h2>")
        parts += [_figure_html(figures[i], captions[i], records[i]) for i in mine]
    parts.append("<h2>Scorecard</h2>" + scorecard_html(read_scorecard(stats)))
    if records:
        parts.append("<h2>This run</h2>" + _run_html(records[0]))
    with whole_file(report) as temporary:
        title = f"Deep Feature Interaction Maps, run {run}"
        temporary.write_text(page(title, "\n".join(parts)), "utf-8")


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
