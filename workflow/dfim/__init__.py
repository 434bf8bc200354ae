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
    "attribution": ("Head", "make_attributor"),
    "factorial": ("score_factorial",),
    "fasta": ("read_fasta",),
    "features": ("Features",),
    "genome": ("read_genome",),
    "interactions": ("score_pairs", "score_pairs_by_task"),
    "map_file": ("score_maps",),
    "maps": ("InteractionMap", "score_map", "score_map_by_task"),
    "models": ("load_model", "model_digest"),
    "motifs": ("scan_patterns",),
    "pair_file": ("score_pairs_file",),
    "pair_scores": ("PairScores",),
    "pwms": ("scan_pwms",),
    "scoring": ("ScoringSettings",),
    "sequences": ("base_codes", "one_hot", "one_hot_encode"),
    "variant_files": ("read_variants",),
    "variant_interactions": ("score_variants",),
    "variant_null": ("score_variant_null",),
    "variant_scores": ("VariantScores",),
    "variant_tables": ("variant_table",),
    "variant_windows": ("cut_variant_windows",),
    "variants": ("check_variants",),
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
