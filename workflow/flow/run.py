"""One run of the workflow: its folder, its seeds, and what its figures say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow.config import (
    Config,
    Figure,
    analysis_settings,
    chosen_studies,
    figures,
    local_path,
    run_name,
)
from flow.declarations import WORLDS, tasks_of
from flow.digest import config_digest, rule_seed
from flow.peak_files import peak_files
from flow.validation import validate
from flow.wording import figure_label, method, not_comparable, origin

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
        """Studies of the run by name."""
        return chosen_studies(self.config)

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

    def built_from(self, builder: str) -> list[str]:
        """Studies whose examples one builder makes."""
        return [n for n, s in self.studies.items() if s["examples"]["builder"] == builder]

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

    def distance_files(self, figure: str) -> dict[str, Any]:
        """What a figure of FIS against distance reads; the truth where there is one."""
        found, options = self.figures[figure], self.options_of(figure)
        folder, analysis = self.path(found.study), str(found.analysis)
        compare, other = options.get("compare"), options.get("contrast")
        contrast = []
        if other is not None and self.truth_files(other)["sites"]:
            truth, there = self.truth_files(other), self.path(other)
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
            **self.truth_files(found.study),
        }

    def contrast_title(self, figure: str) -> str | None:
        """Title of the study that a figure is contrasted with."""
        other = self.options_of(figure).get("contrast")
        return None if other is None else str(self.studies[other]["title"])

    def seed(self, *names: str) -> int:
        """The seed of a rule and its wildcards."""
        return rule_seed(self.config["seed"], *names)

    def options_of(self, figure: str) -> Config:
        """The keys of a figure's own declaration; a performance figure has none."""
        return self.declaration_of(figure).get("figures", {}).get(figure, {})

    def tasks(self, study: str) -> list[str]:
        """Names of the labels of a study."""
        return list(tasks_of(self.studies[study]))

    def analysis(self, study: str, name: str) -> dict[str, Any]:
        """All settings of an analysis, with the task whose output it scores."""
        first = next(iter(self.tasks(study)), None)
        return {"task": first, **analysis_settings(self.config, study, name)}

    def scoring(self, study: str, name: str) -> dict[str, Any]:
        """The settings of an analysis that its scores depend on; the rest is for tests."""
        settings = self.analysis(study, name)
        return {key: value for key, value in settings.items() if key not in _TEST_KEYS}

    def analyses(self) -> list[str]:
        """Names of the analyses of all studies of the run."""
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

    def genome_file(self, dataset: str, name: str) -> str:
        """A file of one of the workflow's own genomes with peaks."""
        return self.path("inputs", dataset, name)

    def user_of(self, dataset: str) -> Config:
        """The examples of the first study that uses a data set."""
        every = (study["examples"] for study in self.studies.values())
        return next(examples for examples in every if examples.get("dataset") == dataset)

    def peak_files(self, study: str) -> dict[str, Any]:
        """Genome, accessible peaks, and ChIP peaks in the order of the tasks."""
        if self.config["inputs"] != "synthetic":
            return peak_files(self.config, study)
        examples = self.studies[study]["examples"]
        folder = self.path("inputs", examples["dataset"])
        return {
            "genome": f"{folder}/genome.fa.gz",
            "accessible": f"{folder}/dnase.narrowPeak.gz",
            "chip": [f"{folder}/{task}.narrowPeak.gz" for task in examples["tasks"]],
        }

    def world(self, study: str) -> str | None:
        """Which world the study's genome is of (joint, additive), where it is our own."""
        if self.config["inputs"] != "synthetic":
            return None
        return WORLDS.get(self.studies[study]["examples"].get("dataset", ""))

    def truth_files(self, study: str) -> dict[str, list[str]]:
        """What was planted, where the inputs are a genome of our own."""
        if self.world(study) is None:
            return {"sites": [], "oracle": []}
        dataset = self.studies[study]["examples"]["dataset"]
        return {
            "sites": [self.genome_file(dataset, "sites.tsv.gz")],
            "oracle": [self.genome_file(dataset, "oracle.tsv")],
        }

    def model_files(self, study: str) -> dict[str, Any]:
        """The finished network that a study brings."""
        model = self.studies[study]["model"]
        weights = model.get("weights")
        return {
            "source": str(local_path(self.config, model["file"])),
            "weights": [str(local_path(self.config, weights))] if weights else [],
        }

    def feature_table(self, study: str) -> list[str]:
        """The file a study's features come from, if they come from one."""
        declared = self.studies[study]
        source = declared["features"]["source"]
        if source == "truth":
            return [self.path("inputs", declared["examples"]["dataset"], "embeddings.tsv.gz")]
        if source in ("table", "pwms"):
            return [str(local_path(self.config, declared["features"]["file"]))]
        return []

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
            "printed": study.get("printed", {}) | self.options_of(figure).get("printed", {}),
            "trained": found.study in self.trained(),
            "map_split": study.get("map", {}).get("split", "test"),
            "mutation": _MUTATIONS.get(settings.get("motif_mutation", "")),
            "method": method(settings, len(self.tasks(found.study))) if analysis else None,
            "origin": origin(self.config, study),
            "note": study.get("note", ""),
            "not_comparable": not_comparable(self.config, study),
            "world": self.world(found.study),
            "whole": not study["examples"].get("split"),
            "options": self.options_of(figure),
            "run": self.name,
            "seed": self.config["seed"],
            "config_digest": config_digest({**self.config, "run": None}),
        }
