"""Builds the context of a figure from the run it belongs to."""

from typing import Any

from flow.declarations.collection import Collection
from flow.declarations.config import Config, Figure, performance_page
from flow.declarations.flank_study import FlankStudy
from flow.jobs.digest import config_digest
from flow.run.figure_context import FigureContext, NamedMethod
from flow.run.run import Run
from flow.run.wording import figure_label, method, not_comparable, origin

_MUTATIONS = {
    "gc": "replaced by background",
    "zeros": "replaced by zeros",
    "shuffle": "put in random order",
}


def figure_context(run: Run, figure: str) -> FigureContext:
    """Collect the facts of a run that a figure states; `figure` is its id."""
    return _context(run, run.figures[figure])


def performance_context(run: Run, study: str) -> FigureContext:
    """Collect what the page of a study's network would state, were it drawn."""
    return _context(run, performance_page(study))


def _context(run: Run, found: Figure) -> FigureContext:
    figure, options = found.id, run.studies[found.study]["figures"].get(found.id, {})
    study, tasks = run.studies[found.study], run.tasks(found.study)
    settings = _settings(run, found)
    return FigureContext(
        figure=figure,
        label=figure_label(figure),
        study=found.study,
        study_title=study["title"],
        about=study.get("about", ""),
        printed=study.get("printed", {}) | options.get("printed", {}),
        trained=found.study in run.trained(),
        map_split=study.get("map", {}).get("split", "test"),
        mutation=_MUTATIONS.get(settings.get("motif_mutation", "")),
        method=method(settings, len(tasks)) if settings else None,
        compared=_compared(run, found, options),
        origin=origin(run.config, study),
        note=study.get("note", ""),
        not_comparable=not_comparable(run.config, study),
        planted_effect=run.planted_effect(found.study),
        whole=not study["examples"].get("split"),
        options=options,
        run=run.name,
        seed=run.config["seed"],
        config_digest=config_digest({**run.config, "run": None}),
    )


def _settings(run: Run, found: Figure) -> dict[str, Any]:
    """Scoring settings of what a figure shows; none where it shows no scores."""
    if found.variants is not None:
        return run.collection(found.study, found.variants).analysis(str(found.analysis))
    if found.study in run.of_flanks():
        return run.flanks(found.study).analysis(found.analysis) if found.analysis else {}
    analysis = found.analysis
    if found.kind == "map_steps":
        analysis = run.studies[found.study]["map"]["analysis"]
    return run.analysis(found.study, analysis) if analysis else {}


def _compared(run: Run, found: Figure, options: Config) -> tuple[NamedMethod, ...]:
    """Name and method of the other analyses that a figure of variants or flanks shows."""
    tasks = run.tasks(found.study)
    own: Collection | FlankStudy
    if found.variants is not None:
        own = run.collection(found.study, found.variants)
    elif found.study in run.of_flanks():
        own = run.flanks(found.study)
    else:
        return ()
    names = options.get("compare") or []
    return tuple(NamedMethod(n, method(own.analysis(n), len(tasks))) for n in names)
