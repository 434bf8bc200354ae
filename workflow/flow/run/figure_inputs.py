"""The files that figures of several analyses read."""

from typing import Any

from flow.run.run import Run


def distance_files(run: Run, figure: str) -> dict[str, Any]:
    """What a figure of FIS against distance reads; the truth where there is one."""
    found, options = run.figures[figure], run.options_of(figure)
    folder, analysis = run.path(found.study), str(found.analysis)
    compare, other = options.get("compare"), options.get("contrast")
    contrast = []
    if other is not None and run.truth_files(other)["sites"]:
        truth, there = run.truth_files(other), run.path(other)
        contrast = [f"{there}/{analysis}/pairs.h5", f"{there}/examples.h5"]
        contrast += [*truth["sites"], *truth["oracle"], f"{there}/model/metrics.json"]
    return {
        "pairs": f"{folder}/{analysis}/pairs.h5",
        "summary": f"{folder}/{analysis}/summary.json",
        "metrics": f"{folder}/model/metrics.json",
        "examples": f"{folder}/examples.h5",
        "compare": [f"{folder}/{compare}/{file}" for file in ("pairs.h5", "summary.json")]
        if compare
        else [],
        "contrast": contrast,
        "interactions": [f"{folder}/{analysis}/double_mutants.h5"]
        if run.truth_files(found.study)["sites"]
        else [],
        **run.truth_files(found.study),
    }


def contrast_title(run: Run, figure: str) -> str | None:
    """Title of the study that a figure is contrasted with."""
    other = run.options_of(figure).get("contrast")
    return None if other is None else str(run.studies[other]["title"])


def variant_files(run: Run, figure: str) -> dict[str, Any]:
    """What a figure of groups of variants reads; the truth where there is one."""
    found = run.figures[figure]
    own = run.collection(found.study, str(found.variants))
    folder = run.path(found.study, "variants", own.name)
    compared = run.options_of(figure).get("compare") or []
    return {
        "results": f"{folder}/{found.analysis}/results.tsv.gz",
        "panels": f"{folder}/{found.analysis}/panels.h5",
        "compared": [f"{folder}/{analysis}/results.tsv.gz" for analysis in compared],
        "truth": own.truth(),
    }
