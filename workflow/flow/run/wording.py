"""What figures, captions and the scorecard call a run's inputs, methods and figures."""

import re
from collections.abc import Mapping
from typing import Any

from flow.declarations.study import Study, is_from_peaks, is_of_flanks

Config = Mapping[str, Any]

_METHODS = {
    "deeplift": "DeepLIFT (genomics default)",
    "deeplift_rescale": "DeepLIFT (Rescale)",
    "gradient_input": "gradient × input",
    "integrated_gradients": "integrated gradients",
    "mutagenesis": "in silico mutagenesis",
    "deeplift_package": "DeepLIFT (deeplift package)",
}


def origin(config: Config, study: Study) -> str:
    """What titles call the inputs of a study, with the contigs where some were chosen."""
    names = {"synthetic": "synthetic", "local": "real", "download": "real"}
    examples, name = study["examples"], names[config["inputs"]]
    own = "dataset" in examples or is_from_peaks(study)
    own = own or (is_of_flanks(study) and config["inputs"] != "synthetic")
    if config["inputs"] == "synthetic" and not own:
        own = any("dataset" in declared for declared in study["variants"].values())
    if not own and (examples or config["inputs"] == "synthetic"):
        name = "the user's"
    if (
        config["inputs"] == "download"
        and "dataset" in examples
        and examples["builder"] == "fasta"
    ):
        name = "synthetic"  # nothing to download: the paper simulated it as well
    return " ".join([config["origin"] or name, ", ".join(_contigs(study))]).strip()


def not_comparable(config: Config, study: Study) -> str:
    """Why the paper's numbers are no yardstick for a study's; empty where they are."""
    own_biology = is_from_peaks(study) or (is_of_flanks(study) and study["examples"])
    if config["inputs"] == "synthetic" and own_biology:
        return "synthetic inputs, with a biology of their own"
    contigs = _contigs(study)
    return f"{', '.join(contigs)} only, a small part of the paper's genome" if contigs else ""


def _contigs(study: Study) -> list[str]:
    """The contigs that a study's inputs were limited to; none where they were not."""
    of_variants = (declared.get("contigs") for declared in study["variants"].values())
    return study["examples"].get("contigs") or next(filter(None, of_variants), [])


def method(settings: Mapping[str, Any], n_tasks: int) -> str:
    """What titles call an analysis: importance, references, and whose output."""
    name, kind = _METHODS[settings["attribution"]], settings["references"]
    parts = [name]
    if settings["attribution"] not in ("gradient_input", "mutagenesis"):
        gc = settings["gc"]
        uniform = "uniform reference" if gc == 0.5 else f"GC {gc} reference"
        constant = {"gc": uniform, "zeros": "zero reference"}
        parts.append(constant.get(kind, f"{settings['n_refs']} {kind} references"))
        if settings["maxpool_rule"] == "complete" and "deeplift" in settings["attribution"]:
            parts.append("max-pooling complete")
    if n_tasks > 1:
        heads = sorted(set(settings.get("task_of_set", {"": settings["task"]}).values()))
        parts.append(f"{heads[0]} output" if len(heads) == 1 else "each set's own output")
    return ", ".join(parts)


def paper_order(figure: str) -> tuple[bool, int, str] | None:
    """Return the sorting key of a figure of the paper by its id; None for any other.

    Figures come before supplementary figures, then by number and panel.
    """
    found = re.fullmatch(r"(s?)fig(\d+)([a-z]?)", figure)
    return (found[1] == "s", int(found[2]), found[3]) if found else None


def figure_label(figure: str) -> str:
    """A figure's id as people cite it: fig2b is Fig 2B, sfig2a is SFig 2A."""
    order = paper_order(figure)
    if order is None:
        return figure.replace("_", " ").capitalize()
    in_supplement, number, panel = order
    return f"{'SFig' if in_supplement else 'Fig'} {number}{panel.upper()}"
