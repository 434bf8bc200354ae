"""Train the networks of the default run with several seeds and roundings; measure each.

What is varied are initial weights, the order of the data and the rounding of TensorFlow's
kernels; data, recipe and sequences that are scored are those of the default run. By hand,
after the examples are there (about half an hour of one core for GATA and TAL1; networks that
were measured with the recipe and code of now are not trained again):

    make recipes
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.comparators.double_mutants import double_mutant_interactions
from dfim.genome.peak_windows import loci_of
from dfim.io.store import SPLITS, Examples, read_json, write_json, write_table
from dfim.motifs.features import Features
from dfim.pairs.distances import matched_auroc, pair_distance
from dfim.pairs.fis import score_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings
from dfim.statistics.effect_sizes import auroc
from dfim.statistics.metrics import macro_average
from flow.benchmark.recipe_page import write_page
from flow.declarations.config import load
from flow.jobs.digest import code_digest, config_digest
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import select_rows
from flow.networks.heads import head_attributor, task_heads
from flow.run.run import Run
from flow.scorecard.truth import MATCHING_EDGES, pair_roles

if TYPE_CHECKING:
    import keras

SEEDS = (1, 2, 3, 4, 5)
# Threads and oneDNN, which both change the order of sums.
ROUNDINGS = {"one thread": (1, True), "two threads": (2, True), "Eigen": (1, False)}
# Analyses of which planted pairs are recovered; a study with none is trained and tested.
ANALYSES = {
    "simulated": ("deeplift",),
    "tal_gata": ("gata_to_tal", "tal_to_gata"),
    "tal_gata_negative": (),
    "simulated_negative": (),
    "accessibility": (),
}
_LIMIT = 200  # sequences that an analysis scores


def train_one(run: Run, study: str, seed: int, rounding: str, folder: Path) -> dict[str, Any]:
    """Train and measure one network, in a process that has not loaded TensorFlow.

    Returns
    -------
    dict
        What was asked for, CPU `seconds` of training (start-up not counted), `losses` (of
        validation, an epoch each), test `auroc` (macro average of the tasks), and for each
        analysis a dictionary of AUROCs of planted pairs.
    """
    threads, onednn = ROUNDINGS[rounding]
    configure_tensorflow(threads, seed, onednn=onednn)
    from dfim.attribution.logits import predict_logits
    from dfim.models.classifier_training import TrainingSettings, train
    from flow.networks.architectures import build

    data = Examples.load(run.path(study, "examples.h5"))
    train_rows, validation, test = (
        np.flatnonzero(data.splits == SPLITS.index(part)) for part in SPLITS
    )
    declared, settings = run.studies[study]["model"], run.training(study)
    network = build(
        declared["architecture"],
        data.codes.shape[1],
        len(data.tasks),
        declared.get("options", {}),
    )
    progress = Progress(f"{study}, seed {seed}, {rounding}", settings["max_epochs"])

    def report(_: int, note: str) -> None:
        progress.advance(1, note)

    before = _cpu_seconds()
    history = train(
        network,
        data.codes[train_rows],
        data.labels[train_rows],
        data.codes[validation],
        data.labels[validation],
        settings=TrainingSettings(
            **{k: v for k, v in settings.items() if k not in ("threads", "onednn")}
        ),
        seed=seed,
        checkpoint=folder / f"{study}.{seed}.{rounding.replace(' ', '_')}.state.h5",
        progress=report,
    )
    seconds = _cpu_seconds() - before
    heads = task_heads(network, data.tasks, declared)
    logits = predict_logits(network, data.one_hot(), list(heads.values()))
    groups = loci_of(data)
    rng = np.random.default_rng(0)
    macro = macro_average(
        data.labels[test],
        logits[test],
        rng=rng,
        groups=None if groups is None else groups[test],
    )
    return {
        "study": study,
        "seed": seed,
        "rounding": rounding,
        "seconds": seconds,
        "losses": history["validation_loss"].tolist(),
        "auroc": macro.auroc,
        "analyses": {
            name: _recovered(run, study, name, network, data, logits)
            for name in ANALYSES[study]
        },
    }


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _recovered(
    run: Run,
    study: str,
    analysis: str,
    network: "keras.Model",
    data: Examples,
    logits: NDArray[Any],
) -> dict[str, float]:
    """AUROC of planted pairs by FIS under both rules of max-pooling, and by double mutants."""
    settings, declared = run.scoring(study, analysis), run.studies[study]
    select = declared["analyses"][analysis].get("select", {})
    limit = min(select.get("limit") or _LIMIT, _LIMIT)
    rows = select_rows(data, logits, {**select, "limit": limit}, task=settings["task"])
    table = run.feature_table(study) or [run.path(study, "features.tsv.gz")]
    features = Features.load(table[0], data.ids, data.codes.shape[1]).of_sequences(rows)
    head = task_heads(network, data.tasks, declared["model"])[settings["task"]]
    X, choices = data.one_hot(rows), ScoringSettings.choose(settings)
    found: dict[str, float] = {}
    for rule in ("winner", "complete"):
        attributor = head_attributor(network, head, {**settings, "maxpool_rule": rule})
        scores = score_pairs(
            attributor,
            X,
            features,
            settings=choices,
            sources=settings.get("sources"),
            targets=settings.get("targets"),
            max_distance=settings.get("max_distance"),
            rng=np.random.default_rng(1),
        )
        planted, chance, edges = _roles(run, study, scores.of_rows(rows), data)
        found[rule] = _auroc(np.abs(scores.fis), scores, planted, chance, edges)
    size = np.zeros(len(scores))
    near = scores.reachable & (planted | chance)
    size[near] = np.abs(
        double_mutant_interactions(
            attributor.predict_logit,
            X,
            scores.features,
            scores.source[near],
            scores.target[near],
            settings=choices,
        )
    )
    found["exact"] = _auroc(size, scores, planted, chance, edges)
    found["median"] = float(np.median(size[planted & scores.reachable]))
    found["median_chance"] = float(np.median(size[chance & scores.reachable]))
    return found


def _roles(
    run: Run, study: str, scores: PairScores, data: Examples
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], tuple[float, ...] | None]:
    """Planted pairs, chance pairs, and bins of distance at which they are compared."""
    truth = run.truth_files(study)["sites"]
    if truth:
        roles = pair_roles(scores, data, truth[0])
        return roles.planted, roles.chance, MATCHING_EDGES
    names = scores.features.name
    of_pair = zip(names[scores.source], names[scores.target], strict=True)
    planted = {frozenset(pair) for pair in run.studies[study]["planted"]}
    joined = np.array([frozenset(pair) in planted for pair in of_pair], bool)
    return joined, ~joined, None


def _auroc(
    size: NDArray[Any],
    scores: PairScores,
    planted: NDArray[np.bool_],
    chance: NDArray[np.bool_],
    edges: tuple[float, ...] | None,
) -> float:
    parts = size[planted].astype(np.float64), size[chance].astype(np.float64)
    if edges is None:
        return float(auroc(*parts))
    distance = pair_distance(scores)
    return matched_auroc(*parts, distance[planted], distance[chance], edges)[0]


def measure(
    studies: Sequence[str], seeds: Sequence[int], roundings: Sequence[str], folder: Path
) -> list[dict[str, Any]]:
    """Measure every network, one process after the other; those measured before are read."""
    run, found = Run.start(load([]), []), []
    for study in studies:
        recipe = [run.studies[study]["model"], run.training(study), run.config["seed"]]
        recipe += [run.config["simulation"], run.config["genome_simulation"]]
        recipe += [code_digest("scripts/train_model.py"), run.studies[study]["analyses"]]
        for rounding in roundings:
            for seed in seeds:
                path = folder / f"{config_digest([*recipe, study, rounding, seed])}.json"
                if not path.exists():
                    request = json.dumps([study, seed, rounding, str(path)])
                    subprocess.run([sys.executable, __file__, "--one", request], check=True)
                found.append(read_json(path))
    return found


def _one(request: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    study, seed, rounding, path = json.loads(request)
    run = Run.start(load([]), [])
    write_json(path, train_one(run, study, seed, rounding, Path(path).parent))


def table_of(measured: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row per network: losses, AUROCs and seconds, and the AUROCs of each analysis."""
    rows = []
    for record in measured:
        losses = record["losses"]
        row = {name: record[name] for name in ("study", "rounding", "seed", "seconds")}
        row |= {"epochs": len(losses), "loss": min(losses), "auroc": record["auroc"]}
        row["fall"] = 1 - losses[-1] / losses[-2] if len(losses) > 1 else np.nan
        for analysis, recovered in record["analyses"].items():
            row |= {f"{analysis}_{name}": value for name, value in recovered.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def main(options: argparse.Namespace) -> None:
    """Measure, add to the table of what was measured before, and write the page."""
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    measured = measure(options.studies, options.seeds, options.roundings, folder)
    table = table_of(measured)
    write_table(folder / "recipes.tsv", table)
    run = Run.start(load([]), [])
    recipes = {study: run.training(study) for study in table["study"].unique()}
    write_page(options.page, table, recipes, cores=os.cpu_count(), limit=_LIMIT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="results/recipes")
    parser.add_argument("--page", default="docs/training.md")
    parser.add_argument("--studies", nargs="+", default=list(ANALYSES), choices=ANALYSES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--roundings", nargs="+", default=list(ROUNDINGS), choices=ROUNDINGS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        _one(parsed.one)
    else:
        main(parsed)
