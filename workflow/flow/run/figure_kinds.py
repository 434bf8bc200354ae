"""How each kind of figure is drawn: the files it reads, its parameters and its memory.

A kind is declared once here and once, with the keys that a config may give it, in
`flow.declarations.figure_keys`; its script is scripts/figures/<name>.py and its caption
report/<name>.rst. rules/figures.smk makes a rule of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow.declarations.config import Figure
from flow.run.figure_inputs import contrast_title, distance_files, variant_files
from flow.run.run import Run

Inputs = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure.

    Attributes
    ----------
    name
        As configs give it under `kind`; also the name of the script and of the caption.
    inputs
        Files that a figure's script reads, by argument of its `main`.
    params
        Its other arguments beside `context`, by name: plain values of a figure.
    mem_mb
        Memory of the job in MB, at the first attempt.
    """

    name: str
    inputs: Callable[[Run, Figure], Inputs]
    params: Mapping[str, Callable[[Run, Figure], Any]] = field(default_factory=dict)
    mem_mb: int = 1000

    @property
    def script(self) -> str:
        """Path of the script below workflow/."""
        return f"scripts/figures/{self.name}.py"

    @property
    def caption(self) -> str:
        """Path of the caption below workflow/."""
        return f"report/{self.name}.rst"


def _in_study(**files: str) -> Callable[[Run, Figure], Inputs]:
    """Files of the figure's study, by their paths in its folder."""
    return lambda run, figure: {n: run.path(figure.study, file) for n, file in files.items()}


def _in_analysis(**files: str) -> Callable[[Run, Figure], Inputs]:
    """Files of the figure's analysis, by their names; {id} stands for the figure's."""

    def inputs(run: Run, figure: Figure) -> Inputs:
        folder = run.path(figure.study, str(figure.analysis))
        return {name: f"{folder}/{file.format(id=figure.id)}" for name, file in files.items()}

    return inputs


def _of_variants(*names: str) -> Callable[[Run, Figure], Inputs]:
    """Some of the files of `variant_files`."""
    return lambda run, figure: {name: variant_files(run, figure.id)[name] for name in names}


def _declared_pairs(key: str) -> Callable[[Run, Figure], list[list[str]]]:
    """Pairs of motifs that the figure's study declares under a key."""
    return lambda run, figure: run.studies[figure.study].get(key, [])


def _seed(run: Run, figure: Figure) -> int:
    return run.seed(f"draw_{figure.kind}", figure.id)


def _min_n(run: Run, figure: Figure) -> int:
    return run.flanks(figure.study).settings["min_n"]


def _settings(run: Run, figure: Figure) -> dict[str, Any]:
    return run.analysis(figure.study, str(figure.analysis))


def _performance_inputs(run: Run, figure: Figure) -> Inputs:
    model = run.path(figure.study, "model")
    return {
        "history": [f"{model}/history.tsv"] if figure.study in run.trained() else [],
        "examples": run.path(figure.study, "examples.h5"),
        "predictions": f"{model}/predictions.h5",
        "metrics": f"{model}/metrics.json",
    }


def _flank_fit_inputs(run: Run, figure: Figure) -> Inputs:
    folder, flanks = run.path(figure.study, "flanks"), run.flanks(figure.study)
    files = {"measurements": "measurements.h5", "predictions": "predictions.h5"}
    return {
        **{name: f"{folder}/{file}" for name, file in files.items()},
        "metrics": f"{folder}/metrics.json",
        "history": flanks.history(),
        "truth": flanks.truth()["truth"],
    }


def _base_pair_map_inputs(run: Run, figure: Figure) -> Inputs:
    folder = run.path(figure.study, "flanks", str(figure.analysis))
    maps = {name: f"{folder}/maps.{name}.h5" for name in ("all", "strongest", "weakest")}
    return {**maps, "terms": run.flanks(figure.study).truth()["terms"]}


def _flank_agreement_inputs(run: Run, figure: Figure) -> Inputs:
    folder, flanks = run.path(figure.study, "flanks"), run.flanks(figure.study)
    return {
        "maps": f"{folder}/{figure.analysis}/maps.all.h5",
        "strongest": f"{folder}/{figure.analysis}/maps.strongest.h5",
        "linear": f"{folder}/linear.h5",
        "epistatic": f"{folder}/epistasis.h5",
        "compared": flanks.compared(run.options_of(figure.id)),
        "terms": flanks.truth()["terms"],
    }


_PAIRS = {"planted": _declared_pairs("planted"), "unrelated": _declared_pairs("unrelated")}

FIGURE_KINDS = (
    FigureKind(
        "map_steps",
        _in_study(interaction_map="map/map.h5", window="map/window.json"),
        {"source": lambda run, figure: run.studies[figure.study]["map"]["source"]},
        mem_mb=700,
    ),
    FigureKind(
        "simulation_design",
        _in_study(examples="examples.h5", features="features.tsv.gz"),
        mem_mb=700,
    ),
    FigureKind(
        "pair_scores",
        _in_analysis(pairs="pairs.h5", summary="summary.json"),
        {**_PAIRS, "seed": _seed},
        mem_mb=700,
    ),
    FigureKind(
        "pair_significance",
        _in_analysis(pairs="pairs.h5", calls="calls.tsv"),
        {"value": lambda _, figure: figure.value, **_PAIRS, "settings": _settings},
        mem_mb=700,
    ),
    FigureKind("performance", _performance_inputs, mem_mb=700),
    FigureKind("pair_tracks", _in_analysis(tracks="tracks/{id}.h5")),
    FigureKind(
        "pair_distance",
        lambda run, figure: distance_files(run, figure.id),
        {
            "bins": lambda run, figure: run.options_of(figure.id)["bins"],
            "task": lambda run, figure: _settings(run, figure)["task"],
            "contrast_title": lambda run, figure: contrast_title(run, figure.id),
            "seed": _seed,
        },
    ),
    FigureKind("variant_groups", _of_variants("results", "compared", "truth"), {"seed": _seed}),
    FigureKind("variant_reach", _of_variants("results")),
    FigureKind("variant_tracks", _of_variants("panels")),
    FigureKind(
        "network_layers",
        _in_study(layers="flanks/layers.tsv", metrics="flanks/metrics.json"),
        mem_mb=700,
    ),
    FigureKind("flank_fit", _flank_fit_inputs),
    FigureKind(
        "flank_map",
        lambda run, figure: {
            "factorial": run.path(figure.study, f"flanks/{figure.analysis}/factorial.h5"),
            "chosen": run.path(figure.study, "flanks/chosen.h5"),
        },
        mem_mb=1500,
    ),
    FigureKind("base_pair_map", _base_pair_map_inputs, {"min_n": _min_n}, mem_mb=700),
    FigureKind("flank_agreement", _flank_agreement_inputs, {"min_n": _min_n}),
)


def asked_of(run: Run, question: Callable[[Run, Figure], Any]) -> Callable[[Any], Any]:
    """Return a question about a figure as a rule asks it: of a job's wildcards."""
    return lambda wildcards: question(run, run.figures[wildcards.figure])
