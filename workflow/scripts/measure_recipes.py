"""Train the networks of the default run with several seeds and roundings; measure each.

What is varied are initial weights, the order of the data and the rounding of TensorFlow's
kernels; data, recipe and sequences that are scored are those of the default run. By hand,
in some hours of one core (networks that were measured with the recipe and code of now are not
trained again):

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
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.comparators.double_mutants import double_mutant_interactions
from dfim.io.store import read_json, write_json
from dfim.motifs.features import Features
from dfim.pairs.distances import matched_auroc, pair_distance
from dfim.pairs.fis import score_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.examples import SPLITS, Examples
from dfim.statistics.effect_sizes import auroc
from dfim.statistics.metrics import macro_average
from flow.benchmark.recipe_page import write_page
from flow.declarations.config import load
from flow.jobs.digest import config_digest
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import select_rows, spread
from flow.networks.heads import head_attributor, task_heads
from flow.run.run import Run
from flow.scorecard.truth import MATCHING_EDGES, pair_roles

if TYPE_CHECKING:
    import keras

SEEDS = (1, 2, 3, 4, 5)
# Threads and oneDNN, which both change the order of sums.
ROUNDINGS = {"one thread": (1, True), "two threads": (2, True), "Eigen": (1, False)}
# Analyses of which planted pairs are recovered; a study with none is trained and tested.
ANALYSES = {"simulated": ("deeplift",), "tal_gata": ("gata_to_tal", "tal_to_gata")}
_LIMIT = 200  # sequences that an analysis scores


def train_one(
    run: Run, study: str, seed: int, rounding: str, checkpoint: Path
) -> dict[str, Any]:
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
    import keras

    from dfim.attribution.logits import predict_logits
    from dfim.models.classifier_training import TrainingSettings
    from dfim.models.starts import start_files, train_best_start
    from flow.networks.architectures import build

    data = Examples.load(run.path(study, "examples.h5"))
    train_rows, validation, test = (
        np.flatnonzero(data.splits == SPLITS.index(part)) for part in SPLITS
    )
    declared, settings = run.studies[study]["model"], run.training(study)
    train_rows = spread(train_rows, settings.get("limit"))
    names, options = ("threads", "onednn", "limit"), declared.get("options", {})
    choices = TrainingSettings(**{k: v for k, v in settings.items() if k not in names})

    def initial(seed: int) -> "keras.Model":
        keras.utils.set_random_seed(seed)
        return build(declared["architecture"], data.codes.shape[1], len(data.tasks), options)

    progress = Progress(f"{study}, seed {seed}, {rounding}", choices.epochs_in_all)

    def report(_: int, note: str) -> None:
        progress.advance(1, note)

    before = _cpu_seconds()
    network, history = train_best_start(
        initial,
        data.codes[train_rows],
        data.labels[train_rows],
        data.codes[validation],
        data.labels[validation],
        settings=choices,
        seed=seed,
        checkpoint=checkpoint,
        progress=report,
    )
    seconds = _cpu_seconds() - before
    for path in start_files(checkpoint, choices.starts):
        path.unlink()
    heads = task_heads(network, data.tasks, declared)
    logits = predict_logits(network, data.one_hot(test), list(heads.values()))
    macro = macro_average(data.labels[test], logits, rng=np.random.default_rng(0))
    return {
        "study": study,
        "seed": seed,
        "rounding": rounding,
        "seconds": seconds,
        "losses": history["validation_loss"].tolist(),
        "auroc": macro.auroc,
        "analyses": {
            name: _recovered(run, study, name, network, data)
            for name in ANALYSES.get(study, ())
        },
    }


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _recovered(
    run: Run, study: str, analysis: str, network: "keras.Model", data: Examples
) -> dict[str, float]:
    """AUROC of planted pairs by FIS under both rules of max-pooling, and by double mutants."""
    settings, declared = run.scoring(study, analysis), run.studies[study]
    select = declared["analyses"][analysis].get("select", {})
    limit = min(select.get("limit") or _LIMIT, _LIMIT)
    unknown = np.full(data.labels.shape, np.nan)  # none of them selects by the output
    rows = select_rows(data, unknown, {**select, "limit": limit}, task=settings["task"])
    table = run.path(study, "features.tsv.gz")
    features = Features.load(table, data.ids, data.codes.shape[1]).of_sequences(rows)
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


def inputs(run: Run, studies: Sequence[str]) -> list[str]:
    """Files of the run that the measurements read, for Snakemake to make."""
    found = []
    for study in studies:
        found.append(run.path(study, "examples.h5"))
        if study in ANALYSES:
            found += [run.path(study, "features.tsv.gz"), *run.truth_files(study)["sites"]]
    return found


def measure(run: Run, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every network, one process after the other; those measured before are read."""
    found = []
    simulations = [value for key, value in run.config.items() if key.endswith("simulation")]
    for study in options.studies:
        recipe = [run.studies[study][part] for part in ("examples", "model", "analyses")]
        recipe += [run.training(study), run.config["seed"], simulations, study]
        for rounding, seed in product(options.roundings, options.seeds):
            path = Path(options.folder) / f"{config_digest([*recipe, rounding, seed])}.json"
            if not path.exists() and not options.done:
                request = json.dumps([study, seed, rounding, str(path)])
                command = [sys.executable, __file__, "--one", request]
                command += ["--configfile", *options.configfile] if options.configfile else []
                subprocess.run(command, check=True)
            if path.exists():
                found.append(read_json(path))
    return found


def _one(run: Run, request: str) -> None:
    """Measure one network in this process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    study, seed, rounding, path = json.loads(request)
    write_json(path, train_one(run, study, seed, rounding, Path(path).with_suffix(".h5")))


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and write the page of all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="results/recipes", help="of finished measurements")
    parser.add_argument("--page", default="docs/training.md")
    parser.add_argument("--configfile", nargs="+", default=[], help="laid over the default")
    parser.add_argument("--studies", nargs="+", help="every classifier that the run trains")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--roundings", nargs="+", default=list(ROUNDINGS), choices=ROUNDINGS)
    parser.add_argument("--done", action="store_true", help="write up what there is, no more")
    parser.add_argument("--inputs", action="store_true", help="print what it reads, and end")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    run = Run.start(load(options.configfile), options.configfile)
    trained = [study for study in run.trained() if study not in run.of_flanks()]
    options.studies = options.studies or trained
    unknown = sorted(set(options.studies) - set(trained))
    if unknown:
        parser.error(f"--studies: got {unknown[0]}, expected some of {', '.join(trained)}")
    if options.inputs:
        sys.stdout.write(" ".join(inputs(run, options.studies)) + "\n")
    elif options.one:
        _one(run, options.one)
    else:
        Path(options.folder).mkdir(parents=True, exist_ok=True)
        table = table_of(measure(run, options))
        recipes = {study: run.training(study) for study in options.studies}
        asked = len(options.studies) * len(options.seeds) * len(options.roundings)
        cores = os.cpu_count()
        write_page(options.page, table, recipes, cores=cores, limit=_LIMIT, asked=asked)


if __name__ == "__main__":
    main()
