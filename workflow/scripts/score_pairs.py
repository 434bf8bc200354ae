"""Score the pairs of one chunk of sequences, and of their shuffles, block by block.

A block is the unit of resuming and of randomness: its references and shuffles
follow from the seed and the block's number, so that the number of chunks and an
interruption leave the result as it is.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.store import read_arrays
from dfim.motifs.features import Features
from dfim.pairs.fis import score_pairs
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings, draw_references, profiles_of_mutants
from dfim.sequences.examples import Examples
from dfim.sequences.shuffle import dinucleotide_shuffle
from flow.jobs.digest import code_digest, config_digest
from flow.jobs.progress import Progress
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import select_rows
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

log = logging.getLogger(__name__)

_GAP_SAMPLE = 20  # sequences whose completeness is measured over their whole length


def _permute(X: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Plain permutations of each sequence's bases (N, n, L, 4): the notebook's null."""
    order = np.argsort(rng.random((len(X), n, X.shape[1])), axis=2)
    return np.take_along_axis(X[:, None], order[..., None], axis=2)


def _score_block(
    attributor: Attributor,
    X: NDArray[np.uint8],
    features: Features,
    world: str,
    settings: dict[str, Any],
    rng: np.random.Generator,
) -> PairScores:
    """Scores of one block; for the null, of its shuffles at the same positions."""
    choices = ScoringSettings.choose(settings)
    shuffling, scoring = rng.spawn(2)
    copies = [X]
    if world == "null":
        shuffle = dinucleotide_shuffle if settings["null_shuffle"] == "dinuc" else _permute
        shuffled = shuffle(X, settings["n_null_shuffles"], shuffling)
        copies = [shuffled[:, number] for number in range(shuffled.shape[1])]
    return PairScores.concatenate(
        [
            score_pairs(
                attributor,
                copy,
                features,
                settings=choices,
                same_name=settings["same_name_pairs"],
                sources=settings.get("sources"),
                targets=settings.get("targets"),
                max_distance=settings.get("max_distance"),
                windowed=None if settings["windowed"] == "auto" else False,
                rng=scoring,
            )
            for copy in copies
        ]
    )


def _whole_gaps(
    attributor: Attributor, X: NDArray[np.uint8], settings: dict[str, Any], seed: int
) -> list[float]:
    """Completeness error of whole sequences; a score from crops knows that of its crop."""
    choices, rng = ScoringSettings.choose(settings), np.random.default_rng(seed)
    references, rows = draw_references(X, choices, rng), np.arange(len(X))
    profiles = profiles_of_mutants(attributor, X, rows, references, choices, rng, None)
    return [float(gap) for gap in profiles.gap if np.isfinite(gap)]


def _blocks_of(n_rows: int, block: int, chunks: int, chunk: int) -> list[NDArray[np.int64]]:
    """Row numbers of each block of one chunk; chunks are whole blocks."""
    starts = np.array_split(np.arange(0, n_rows, block), chunks)[chunk]
    return [np.arange(start, min(start + block, n_rows)) for start in starts]


def _own_folder(blocks: str, inputs: list[str], *settings: object) -> Path:
    """Where finished blocks of exactly these inputs, settings and code are kept."""
    stats = [Path(path).stat() for path in inputs]
    files = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
    return Path(blocks) / config_digest(
        [code_digest("scripts/score_pairs.py"), settings, files]
    )


def _score_world(
    score: Callable[[NDArray[np.int64], np.random.Generator], PairScores],
    blocks: list[NDArray[np.int64]],
    folder: Path,
    world: str,
    seed: int,
) -> PairScores:
    """Score the blocks that are not there yet, then join them all."""
    paths = [folder / f"{block[0]:09d}.h5" for block in blocks]
    done = sum(path.exists() for path in paths)
    if done:
        log.info("resuming: %d of %d blocks are there", done, len(blocks))
    with Progress(f"score pairs ({world})", len(blocks), done) as progress:
        for path, block in zip(paths, blocks, strict=True):
            if not path.exists():
                score(block, np.random.default_rng([seed, int(block[0])])).save(path)
                progress.advance(1)
    # A chunk may have no block at all.
    return PairScores.concatenate([PairScores.empty(), *map(PairScores.load, paths)])


def main(
    examples: str,
    features: str,
    model: str,
    predictions: str,
    real: str,
    null: str,
    blocks: str,
    chunk: int,
    settings: dict[str, Any],
    select: dict[str, Any],
    declared: dict[str, Any],
    seeds: dict[str, int],
) -> None:
    """Score the blocks of this chunk in both worlds; finished blocks are not redone."""
    configure_tensorflow(settings["threads"], seeds["real"])
    # Loads TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model

    data, network = Examples.load(examples), load_model(model)
    task = settings["task"]
    head = task_heads(network, data.tasks, declared)[task or ""]
    logits = read_arrays(predictions, ("logits",))[0]["logits"]
    rows = select_rows(data, logits, select, task=task)
    chosen = Features.load(features, data.ids, data.codes.shape[1]).of_sequences(rows)
    attributor = head_attributor(network, head, settings)
    inputs = [examples, features, model, predictions]
    folder = _own_folder(blocks, inputs, settings, select, declared, seeds)
    mine = _blocks_of(len(rows), settings["block"], settings["chunks"], chunk)
    sample = data.one_hot(rows[:_GAP_SAMPLE])
    attributes = {
        "settings": settings,
        "structural_reach": attributor.structural_reach(),
        "whole_gaps": _whole_gaps(attributor, sample, settings, seeds["real"]),
    }
    for world, path in (("real", real), ("null", null)):

        def score(
            block: NDArray[np.int64], rng: np.random.Generator, world: str = world
        ) -> PairScores:
            X, found = data.one_hot(rows[block]), chosen.of_sequences(block)
            return _score_block(attributor, X, found, world, settings, rng).of_rows(rows[block])

        _score_world(score, mine, folder / world, world, seeds[world]).save(path, attributes)
    shutil.rmtree(blocks, ignore_errors=True)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
