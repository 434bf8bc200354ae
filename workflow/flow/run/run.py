"""One run of the workflow: its folder, its seeds, and what its figures say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow.declarations.collection import Collection
from flow.declarations.config import (
    Config,
    Figure,
    analysis_settings,
    chosen_studies,
    figures,
    local_path,
    performance_page,
    run_name,
)
from flow.declarations.flank_study import FlankStudy
from flow.declarations.peak_files import accessible_files, peak_files
from flow.declarations.study import SYNTHETIC_GENOMES, has_labels, is_of_flanks, tasks_of
from flow.declarations.validation import validate
from flow.jobs.digest import rule_seed

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

    def without_page(self) -> list[str]:
        """Studies with labels whose network no figure shows."""
        shown = [self.figures[name].study for name in self.figures_of("performance")]
        return [n for n, s in self.studies.items() if has_labels(s) and n not in shown]

    def statistics(self) -> list[str]:
        """Statistics files of the run: of its figures, and of networks without a page."""
        pages = [performance_page(study).id for study in self.without_page()]
        return [self.path("stats", f"{name}.json") for name in [*self.figures, *pages]]

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
        return [n for n, s in self.studies.items() if s["examples"].get("builder") == builder]

    def of_flanks(self) -> list[str]:
        """Studies of flanks."""
        return [n for n, s in self.studies.items() if is_of_flanks(s)]

    def flanks(self, study: str) -> FlankStudy:
        """The flanks of a study."""
        return FlankStudy(self.config, study, self.path(study), self.path("inputs"))

    def collection(self, study: str, name: str) -> Collection:
        """A collection of variants."""
        return Collection(self.config, study, name, self.path("inputs"))

    def collections(self) -> list[str]:
        """Names of the collections of variants of all studies of the run."""
        return sorted({name for study in self.studies.values() for name in study["variants"]})

    def variant_tables(self) -> list[str]:
        """The annotated variants of every analysis, whether a figure shows them or not."""
        return [
            self.path(name, "variants", collection, analysis, "annotated.tsv.gz")
            for name, study in self.studies.items()
            for collection, declared in study["variants"].items()
            for analysis in declared["analyses"]
        ]

    def path(self, *parts: str) -> str:
        """A path in the run's folder."""
        return "/".join(["results", self.name, *parts])

    def score_files(self, study: str, analysis: str, kind: str) -> list[str]:
        """Files of one kind (real, null, measured) of all shards of an analysis."""
        chunks = range(self.analysis(study, analysis)["chunks"])
        return [self.path(study, analysis, "scores", f"{kind}.{k}.h5") for k in chunks]

    def seed(self, *names: str) -> int:
        """The seed of a rule and its wildcards."""
        return rule_seed(self.config["seed"], *names)

    def options_of(self, figure: str) -> Config:
        """The keys of a figure's own declaration; a performance figure has none."""
        return self.studies[self.figures[figure].study]["figures"].get(figure, {})

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
        found = {name for study in self.studies.values() for name in study["analyses"]}
        for study in self.studies.values():
            found |= {
                n for declared in study["variants"].values() for n in declared["analyses"]
            }
            found |= set(study["flanks"].get("analyses", ()))
        return sorted(found)

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

    def accessible_files(self, study: str) -> dict[str, Any]:
        """Genome, and accessible peaks in the order of the tasks."""
        if self.config["inputs"] != "synthetic":
            return accessible_files(self.config, study)
        examples = self.studies[study]["examples"]
        folder = self.path("inputs", examples["dataset"])
        peaks = [f"{folder}/{task}.narrowPeak.gz" for task in examples["tasks"]]
        return {"genome": f"{folder}/genome.fa.gz", "peaks": peaks}

    def planted_effect(self, study: str) -> str | None:
        """How planted pairs act (joint, additive) where the genome is the workflow's own."""
        if self.config["inputs"] != "synthetic":
            return None
        return SYNTHETIC_GENOMES.get(self.studies[study]["examples"].get("dataset", ""))

    def truth_files(self, study: str) -> dict[str, list[str]]:
        """What was planted, where the inputs are a genome of our own."""
        if self.planted_effect(study) is None:
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

    def starting_files(self, study: str) -> list[str]:
        """The trained network that training starts from, if the study names one."""
        model = self.studies[study]["model"]
        named = [model.get("start"), model.get("start_weights")]
        return [str(local_path(self.config, file)) for file in named if file is not None]

    def feature_table(self, study: str) -> list[str]:
        """The file a study's features come from, if they come from one."""
        declared = self.studies[study]
        source = declared["features"]["source"]
        if source == "truth":
            return [self.path("inputs", declared["examples"]["dataset"], "embeddings.tsv.gz")]
        if source in ("table", "pwms"):
            return [str(local_path(self.config, declared["features"]["file"]))]
        return []
