"""The flanks of a study, as the rules ask for them."""

from dataclasses import dataclass
from typing import Any

from flow.declarations.config import Config, chosen_studies
from flow.declarations.flanks import LAYOUTS, flank_analysis, flank_settings, origin_of_flanks
from flow.declarations.peak_files import place
from flow.declarations.study import SYNTHETIC_FLANKS


@dataclass(frozen=True)
class FlankStudy:
    """A study of flanks.

    Attributes
    ----------
    config
        The run's configuration.
    study
        Its name.
    folder, inputs
        Folder of the study's results, and of the run's own inputs.
    """

    config: Config
    study: str
    folder: str
    inputs: str

    @property
    def declared(self) -> Config:
        """The declaration of the study."""
        return chosen_studies(self.config)[self.study]

    @property
    def settings(self) -> dict[str, Any]:
        """All keys of its flanks."""
        return flank_settings(self.config, self.declared)

    @property
    def is_measured(self) -> bool:
        """Whether there are measurements."""
        return bool(self.declared["examples"])

    def analysis(self, name: str) -> dict[str, Any]:
        """All settings of an analysis."""
        return flank_analysis(self.config, self.declared, name)

    def path(self, *parts: str) -> str:
        """A file of its flanks."""
        return "/".join([self.folder, "flanks", *parts])

    def measurements(self) -> list[str]:
        """The collected measurements, if there are any."""
        return [self.path("measurements.h5")] if self.is_measured else []

    def files(self) -> dict[str, list[str]]:
        """What measurements are read from: tables or their archive, and lists of splits.

        Raises
        ------
        ConfigError
            A file or source that is not there.
        """
        if self._is_world:
            return {"tables": synthetic_tables(self.config, self.inputs), "splits": []}
        named = self._named
        key = f"config: studies.{self.study}.examples.{origin_of_flanks(self.config)}"
        if "archive" in named:
            archive = place(self.config, f"{key}.archive", named["archive"])
            return {"tables": [archive], "splits": []}
        tables = [place(self.config, f"{key}.{self._kind}", file) for file in self._tables]
        splits = named.get("splits", {})
        return {
            "tables": tables,
            "splits": [place(self.config, f"{key}.splits.{p}", splits[p]) for p in splits],
        }

    def layout(self) -> dict[str, Any]:
        """How the tables are laid out, and which members of an archive they are."""
        if self._is_world:
            return {"kind": "replicates", "members": [], "parts": [], "split_members": []}
        named, packed = self._named, "archive" in self._named
        splits = named.get("splits", {})
        return {
            "kind": self._kind,
            "members": self._tables if packed else [],
            "parts": list(splits),
            "split_members": list(splits.values()) if packed else [],
            **{key: named[key] for key in LAYOUTS[self._kind]},
        }

    def history(self) -> list[str]:
        """The training history, where the network was trained here."""
        trained = self.declared["model"].get("file") is None
        return [f"{self.folder}/model/history.tsv"] if trained else []

    def compared(self, options: Config) -> list[str]:
        """Maps over all flanks of the analyses that a figure compares with its own."""
        return [self.path(name, "maps.all.h5") for name in options.get("compare") or []]

    def truth(self) -> dict[str, list[str]]:
        """What was planted, where the flanks are of the synthetic data set."""
        here = f"{self.inputs}/{SYNTHETIC_FLANKS}"
        own = self._is_world and self.is_measured
        return {
            "terms": [f"{here}/terms.tsv"] if own else [],
            "truth": [f"{here}/truth.h5"] if own else [],
        }

    @property
    def _is_world(self) -> bool:
        return self.config["inputs"] == "synthetic" and self.is_measured

    @property
    def _named(self) -> Config:
        return self.declared["examples"][origin_of_flanks(self.config)]

    @property
    def _kind(self) -> str:
        return next(layout for layout in LAYOUTS if layout in self._named)

    @property
    def _tables(self) -> list[str]:
        given = self._named[self._kind]
        return [given] if isinstance(given, str) else list(given)


def synthetic_tables(config: Config, inputs: str) -> list[str]:
    """Counts of each replicate of the synthetic data set, named as the real files are."""
    numbers = range(1, config["flank_simulation"]["replicates"] + 1)
    return [f"{inputs}/{SYNTHETIC_FLANKS}/cbf1_rep{number}_counts.txt.gz" for number in numbers]
