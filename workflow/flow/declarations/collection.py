"""One collection of variants of a study, as the rules ask for it."""

from dataclasses import dataclass
from typing import Any

from dfim.motifs.meme import read_meme
from flow.declarations.config import Config, ConfigError, Figure, chosen_studies, figures
from flow.declarations.peak_files import place
from flow.declarations.study import tasks_of
from flow.declarations.variants import collection_settings, origin_of, variant_settings

# What a figure's columns say of where a variant is; such variants are always scored.
_LISTED = ("locus", "name")


@dataclass(frozen=True)
class Collection:
    """A collection of variants.

    Attributes
    ----------
    config
        The run's configuration.
    study, name
        Whose it is, and its name.
    inputs
        Folder of the run's own inputs.
    """

    config: Config
    study: str
    name: str
    inputs: str

    @property
    def declared(self) -> Config:
        """The declaration of the study."""
        return chosen_studies(self.config)[self.study]

    @property
    def settings(self) -> dict[str, Any]:
        """All keys of the collection."""
        return collection_settings(self.config, self.declared, self.name)

    @property
    def window(self) -> int:
        """Length of the windows, in bp."""
        return self.declared["examples"].get("window") or self.settings["window"]

    @property
    def contigs(self) -> list[str] | None:
        """The contigs that variants may be on; None: all of the genome."""
        return self.settings.get("contigs") or self.declared["examples"].get("contigs")

    @property
    def sets(self) -> list[str]:
        """Names of the sets; one without name where the variants come in none."""
        return list(self.settings.get("sets", [""]))

    def tasks(self) -> list[str]:
        """The tasks whose outputs' changes are reported."""
        return list(tasks_of(self.declared))

    def analysis(self, name: str) -> dict[str, Any]:
        """All settings of an analysis."""
        return variant_settings(self.config, self.declared, self.name, name)

    def files(self) -> dict[str, Any]:
        """What the variants are read from; a list for each kind of file, maybe empty.

        Raises
        ------
        ConfigError
            A file or source that is not there.
        """
        origin = origin_of(self.config, self.settings)
        if origin == "dataset":
            folder = f"{self.inputs}/{self.settings['dataset']}"
            return {
                "genome": f"{folder}/genome.fa.gz",
                "variants": [],
                "workbook": [f"{folder}/bqtls.xlsx"],
                "tables": [],
                "controls": [],
                "accessible": [f"{folder}/GM12878.narrowPeak.gz"],
                "binding": [f"{folder}/{factor}.narrowPeak.gz" for factor in self.sets],
            }
        named = self.settings[origin]
        key = f"config: studies.{self.study}.variants.{self.name}.{origin}"
        genome = named.get("genome") or self.declared["examples"][origin]["genome"]
        return {
            "genome": place(self.config, f"{key}.genome", genome),
            **{
                kind: [place(self.config, f"{key}.{kind}", file) for file in given]
                for kind in ("variants", "workbook", "accessible")
                for given in [[named[kind]] if kind in named else []]
            },
            **{
                kind: [
                    place(self.config, f"{key}.{given}.{name}", named[given][name])
                    for name in self.sets
                    if name in named.get(given, {})
                ]
                for kind, given in (
                    ("tables", "tables"), ("controls", "controls"), ("binding", "chip")
                )
            },
        }  # fmt: skip

    def most_chunks(self) -> int:
        """Chunks of the analysis that has most."""
        return max(self.analysis(name)["chunks"] for name in self.settings["analyses"])

    def choice(self) -> dict[str, Any]:
        """What decides which bQTLs and controls are scored."""
        keys = ("significant", "control_p", "controls", "limit")
        return {key: self.settings[key] for key in keys}

    def motif_choice(self, analysis: str) -> dict[str, float]:
        """What makes a word a motif site, and which sites are reported."""
        gc = self.analysis(analysis)["gc"]
        return {"gc": gc, **{key: self.settings[key] for key in ("motif_p", "min_abs_fis")}}

    def score_files(self, folder: str, analysis: str) -> dict[str, list[str]]:
        """Files of all chunks of an analysis; nulls where every variant has one."""
        chunks = range(self.analysis(analysis)["chunks"])
        where = f"{folder}/variants/{self.name}/{analysis}"
        nulls = chunks if self.settings["null"] == "per_map" else ()
        return {
            "scores": [f"{where}/scores.{k}.h5" for k in chunks],
            "deltas": [f"{where}/deltas.{k}.h5" for k in chunks],
            "nulls": [f"{where}/null.{k}.h5" for k in nulls],
        }

    def sets_with(self, kind: str) -> list[str]:
        """The sets that have a file of a kind (controls, chip), in order."""
        origin = origin_of(self.config, self.settings)
        if origin == "dataset":
            return self.sets if kind == "chip" else []
        return [name for name in self.sets if name in self.settings[origin].get(kind, {})]

    def truth(self) -> list[str]:
        """The truth of the variants, where they are our own."""
        if origin_of(self.config, self.settings) != "dataset":
            return []
        return [f"{self.inputs}/{self.settings['dataset']}/truth.tsv.gz"]

    def figures(self, analysis: str | None = None) -> list[Figure]:
        """Figures of single variants, of all analyses or of one."""
        return [
            figure
            for figure in figures(self.config).values()
            if (figure.study, figure.variants) == (self.study, self.name)
            and figure.kind == "variant_tracks"
            and analysis in (None, figure.analysis)
        ]

    def listed(self) -> list[dict[str, Any]]:
        """Variants that figures name (set, locus, name): scored whatever else is chosen."""
        columns = [
            column
            for figure in self.figures()
            for column in self.declared["figures"][figure.id]["columns"]
        ]
        return [column for column in columns if set(_LISTED) & set(column)]

    def motif_file(self) -> str:
        """The MEME file of the motifs that are named."""
        own = self.settings.get("motif_file")
        if own is None:
            return f"{self.inputs}/encode_motifs.meme"
        return place(
            self.config, f"config: studies.{self.study}.variants.{self.name}.motif_file", own
        )


def check_collections(config: Config) -> None:
    """Raise `ConfigError` unless every file that collections of variants name is there."""
    for name, study in chosen_studies(config).items():
        for key in study["variants"]:
            Collection(config, name, key, "").files()
            if study["variants"][key].get("motif_file"):
                _check_motifs(Collection(config, name, key, ""))


def _check_motifs(collection: Collection) -> None:
    """Whether a MEME file of the user's has the motifs that are asked for."""
    key = f"config: studies.{collection.study}.variants.{collection.name}"
    try:
        known = [pwm.name for pwm in read_meme(collection.motif_file())]
    except ValueError as error:
        raise ConfigError(f"{key}.motif_file: {error}") from error
    for name, motif in collection.settings.get("motifs", {}).items():
        if motif not in known:
            raise ConfigError(
                f"{key}.motifs.{name}: no motif {motif!r} in the file; it has "
                f"{', '.join(known[:10])}"
            )
