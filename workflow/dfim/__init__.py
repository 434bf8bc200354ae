"""Deep Feature Interaction Maps of DNA sequence models.

Mutate one feature of a sequence and see how the importance of every other
feature, as a trained network sees it, changes: that change is the Feature
Interaction Score (Greenside, Shimko, Fordyce and Kundaje, Bioinformatics 2018).

What most analyses need is here by name (`__all__`); everything else is in the packages
(`dfim.motifs`, `dfim.pairs`, ...). Names and modules are imported when they are first used, so
that reading a table or drawing a logo never loads TensorFlow; `__init__.pyi` lists them.
"""

import warnings
from importlib import import_module
from types import ModuleType

import lazy_loader

_lazy, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Modules of version 0.1, which stood side by side: to be removed in 0.3.
_MOVED = {
    "affected_motifs": "variants.affected_motifs",
    "base_pair_maps": "maps.base_pair_maps",
    "bedpe": "pairs.bedpe",
    "block_file": "scoring.blocks",
    "calibration": "statistics.calibration",
    "change_scoring": "scoring.change_scoring",
    "changes": "scoring.changes",
    "checkpoints": "models.checkpoints",
    "distances": "pairs.distances",
    "distillation": "comparators.linear_models",
    "effect_sizes": "statistics.effect_sizes",
    "epistasis": "comparators.epistasis",
    "factorial": "maps.every_kmer",
    "fasta": "sequences.fasta",
    "features": "motifs.features",
    "hdf5": "io.hdf5",
    "interactions": "pairs.fis",
    "intervals": "genome.intervals",
    "keras0": "models.keras0",
    "keras2": "models.keras2",
    "map_file": "maps.files",
    "meme": "motifs.meme",
    "metrics": "statistics.metrics",
    "mutations": "sequences.mutations",
    "numbering": "sequences.kmers",
    "pair_agreement": "statistics.agreement",
    "pair_file": "pairs.files",
    "pair_scores": "pairs.scores",
    "pair_tests": "pairs.p_values",
    "prediction": "models.prediction",
    "pwms": "motifs.pwms",
    "records": "io.records",
    "references": "sequences.references",
    "regression_training": "models.regression_training",
    "shuffle": "sequences.shuffle",
    "significance": "statistics.significance",
    "splits": "genome.splits",
    "store": "io.store",
    "training": "models.classifier_training",
    "variant_alleles": "variants.alleles",
    "variant_files": "variants.files",
    "variant_interactions": "variants.fis",
    "variant_null": "variants.null",
    "variant_scores": "variants.scores",
    "variant_tables": "variants.tables",
    "variant_vcf": "variants.vcf",
    "variant_windows": "variants.windows",
    "windows": "genome.peak_windows",
}


def __getattr__(name: str) -> object:
    if name in _MOVED:
        return _moved(name)
    if name not in __all__:
        raise AttributeError(f"module 'dfim' has no attribute {name!r}; it has {__all__}")
    return _lazy(name)


def _moved(name: str) -> ModuleType:
    """Import a module of version 0.1 from where it is now, with a warning."""
    target = f"dfim.{_MOVED[name]}"
    warnings.warn(f"dfim.{name} is now {target}", DeprecationWarning, stacklevel=3)
    return import_module(target)
