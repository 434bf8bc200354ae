"""Deep Feature Interaction Maps of DNA sequence models.

Mutate one feature of a sequence and see how the importance of every other
feature, as a trained network sees it, changes: that change is the Feature
Interaction Score (Greenside, Shimko, Fordyce and Kundaje, Bioinformatics 2018).

What most analyses need is here by name (`__all__`); everything else is in the modules
(`dfim.pwms`, ...), which are named with the field's words. Names and modules are imported when
they are first used, so that reading a table or drawing a logo never loads TensorFlow.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "attribution.factory": ("Head", "make_attributor"),
    "maps.every_kmer": ("score_factorial",),
    "sequences.fasta": ("read_fasta",),
    "motifs.features": ("Features",),
    "genome.genome": ("read_genome",),
    "pairs.fis": ("score_pairs", "score_pairs_by_task"),
    "maps.files": ("score_maps",),
    "maps.maps": ("InteractionMap", "score_map", "score_map_by_task"),
    "models.loading": ("load_model", "model_digest"),
    "motifs.patterns": ("scan_patterns",),
    "pairs.files": ("score_pairs_file",),
    "pairs.scores": ("PairScores",),
    "motifs.pwms": ("scan_pwms",),
    "scoring.settings": ("ScoringSettings",),
    "sequences.encoding": ("base_codes", "one_hot", "one_hot_encode"),
    "variants.files": ("read_variants",),
    "variants.fis": ("score_variants",),
    "variants.null": ("score_variant_null",),
    "variants.scores": ("VariantScores",),
    "variants.tables": ("variant_table",),
    "variants.cut_windows": ("cut_variant_windows",),
    "variants.variants": ("check_variants",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes and functions of many kinds
    if name in _HOME_OF:
        return getattr(import_module(f"dfim.{_HOME_OF[name]}"), name)
    try:
        return import_module(f"dfim.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"dfim.{name}":
            raise
        message = f"module 'dfim' has no attribute {name!r}; it has modules and {__all__}"
        raise AttributeError(message) from None


def __dir__() -> list[str]:
    return [*globals(), *__all__]
