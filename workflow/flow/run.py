"""One run of the workflow: its folder, its seeds, and what its figures say of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow.config import (
    Config,
    Figure,
    analysis_settings,
    enabled_studies,
    figures,
    local_path,
    run_name,
    validate,
)
from flow.digest import config_digest, rule_seed

_METHODS = {
    "deeplift": "DeepLIFT (genomics default)",
    "deeplift_rescale": "DeepLIFT (Rescale)",
    "gradient_input": "gradient × input",
    "deeplift_package": "DeepLIFT (deeplift package)",
}

_MUTATIONS = {
    "gc": "replaced by background",
    "zeros": "replaced by zeros",
    "shuffle": "put in random order",
}

# What is done with scores once they are there.
_TEST_KEYS = {"motif_target_reduce", "null_pool", "tail", "fdr", "alpha"}


@dataclass(frozen=True)
class Run:
    """A checked configuration, as the rules ask it.

    Attributes
    ----------
    config
        The configuration.
    name
        Folder below results/.
    """

    config: Config
    name: str

    @classmethod
    def start(cls, config: Config, configfiles: Sequence[str | Path]) -> "Run":
        """Check a configuration; `ConfigError` with one line if it cannot run."""
        validate(config)
        return cls(config, run_name(config, configfiles))

    @property
    def studies(self) -> dict[str, Config]:
        """Enabled studies by name."""
        return enabled_studies(self.config)

    @property
    def figures(self) -> dict[str, Figure]:
        """Figures by id."""
        return figures(self.config)

    def figures_of(self, kind: str) -> list[str]:
        """Ids of the figures of one kind."""
        return [figure.id for figure in self.figures.values() if figure.kind == kind]

    def trained(self) -> list[str]:
        """Studies whose network this run trains."""
        return [n for n, s in self.studies.items() if s["model"].get("file") is None]

    def imported(self) -> list[str]:
        """Studies that bring a finished network."""
        return [n for n, s in self.studies.items() if s["model"].get("file") is not None]

    def path(self, *parts: str) -> str:
        """A path in the run's folder."""
        return "/".join(["results", self.name, *parts])

    def score_files(self, study: str, analysis: str, world: str) -> list[str]:
        """Score files of all chunks of an analysis in one world."""
        chunks = range(self.analysis(study, analysis)["chunks"])
        return [self.path(study, analysis, "scores", f"{world}.{k}.h5") for k in chunks]

    def declaration_of(self, figure: str) -> Config:
        """The declaration of the study that a figure belongs to."""
        return self.studies[self.figures[figure].study]

    def file_of(self, figure: str, *parts: str) -> str:
        """A file of the study that a figure belongs to."""
        return self.path(self.figures[figure].study, *parts)

    def analysis_file_of(self, figure: str, file: str) -> str:
        """A file of the analysis that a figure shows."""
        return self.file_of(figure, str(self.figures[figure].analysis), file)

    def seed(self, *names: str) -> int:
        """The seed of a rule and its wildcards."""
        return rule_seed(self.config["seed"], *names)

    def analysis(self, study: str, name: str) -> dict[str, Any]:
        """All settings of an analysis."""
        return analysis_settings(self.config, study, name)

    def scoring(self, study: str, name: str) -> dict[str, Any]:
        """The settings of an analysis that its scores depend on; the rest is for tests."""
        settings = self.analysis(study, name)
        return {key: value for key, value in settings.items() if key not in _TEST_KEYS}

    def analyses(self) -> list[str]:
        """Names of the analyses of all enabled studies."""
        return sorted({name for study in self.studies.values() for name in study["analyses"]})

    def training(self, study: str) -> dict[str, Any]:
        """Training settings of a study."""
        return {**self.config["training"], **self.studies[study]["model"].get("training", {})}

    def example_files(self, study: str) -> dict[str, Any]:
        """The files that a study's examples are built from."""
        examples = self.studies[study]["examples"]
        if "dataset" in examples:
            folder = self.path("inputs", examples["dataset"])
            sequences, labels = f"{folder}/sequences.fa.gz", [f"{folder}/labels.txt.gz"]
        else:
            sequences = str(local_path(self.config, examples["fasta"]))
            named = examples.get("labels")
            labels = [str(local_path(self.config, named))] if named else []
        return {"sequences": sequences, "labels": labels}

    def model_files(self, study: str) -> dict[str, Any]:
        """The finished network that a study brings."""
        model = self.studies[study]["model"]
        weights = model.get("weights")
        return {
            "source": str(local_path(self.config, model["file"])),
            "weights": [str(local_path(self.config, weights))] if weights else [],
        }

    def feature_table(self, study: str) -> list[str]:
        """The table a study's features come from, if they come from one."""
        declared = self.studies[study]
        source = declared["features"]["source"]
        if source == "truth":
            return [self.path("inputs", declared["examples"]["dataset"], "embeddings.tsv.gz")]
        if source == "table":
            return [str(local_path(self.config, declared["features"]["file"]))]
        return []

    def origin(self, study: str) -> str:
        """What titles call the inputs of a study."""
        if "dataset" not in self.studies[study]["examples"]:
            return self.config["origin"] or "the user's"
        return (
            self.config["origin"]
            or {"synthetic": "synthetic", "local": "real"}[self.config["inputs"]]
        )

    def method(self, study: str, analysis: str) -> str:
        """What titles call an analysis."""
        settings = self.analysis(study, analysis)
        name = _METHODS[settings["attribution"]]
        if settings["attribution"] == "gradient_input":
            return name
        kind = settings["references"]
        constant = {"gc": f"GC {settings['gc']} reference", "zeros": "zero reference"}
        many = f"{settings['n_refs']} {kind} references"
        rule = ", max-pooling complete" if settings["maxpool_rule"] == "complete" else ""
        return f"{name}, {constant.get(kind, many)}{rule}"

    def context(self, figure: str) -> dict[str, Any]:
        """What a figure's statistics file says of the run."""
        found = self.figures[figure]
        study = self.studies[found.study]
        analysis = study["map"]["analysis"] if found.kind == "map_steps" else found.analysis
        settings = self.analysis(found.study, analysis) if analysis else {}
        return {
            "figure": figure,
            "label": figure_label(figure),
            "study": found.study,
            "study_title": study["title"],
            "about": study.get("about", ""),
            "printed": study.get("printed", {}),
            "trained": found.study in self.trained(),
            "map_split": study.get("map", {}).get("split"),
            "mutation": _MUTATIONS.get(settings.get("motif_mutation", "")),
            "method": self.method(found.study, analysis) if analysis else None,
            "origin": self.origin(found.study),
            "run": self.name,
            "seed": self.config["seed"],
            "config_digest": config_digest({**self.config, "run": None}),
        }


def figure_label(figure: str) -> str:
    """A figure's id as people cite it: fig2b is Fig 2B, sfig2a is SFig 2A."""
    found = re.fullmatch(r"(s?)fig(\d+)([a-z]?)", figure)
    if not found:
        return figure.replace("_", " ").capitalize()
    supplement, number, panel = found.groups()
    return f"{'SFig' if supplement else 'Fig'} {number}{panel.upper()}"
