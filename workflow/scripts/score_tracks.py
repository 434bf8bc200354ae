"""Choose, by rule, the pair that a figure shows, and score its sequence around it.

Among correctly predicted sequences of one split that are positive for the scored
task, the pair closer than a limit with the largest FIS. Chosen by strength, so an
example, not an average.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import read_arrays, write_arrays
from dfim.pairs.distances import pair_distance
from dfim.pairs.scores import PairScores
from dfim.scoring.changes import Mutations
from dfim.scoring.settings import ScoringSettings, draw_references, profiles_of_mutants
from dfim.sequences.examples import SPLITS, Examples
from flow.jobs.runtime import configure_tensorflow
from flow.jobs.selection import is_correct
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def choose_pair(
    data: Examples,
    logits: NDArray[np.floating],
    scores: PairScores,
    *,
    task: str | None,
    split: str,
    within: float,
) -> tuple[int, int, str]:
    """Index of the pair with the largest FIS, how many it was chosen from, and of what.

    Where no such sequence is predicted correctly (a network that learned little), any
    positive one of the split will do, and what the pair was chosen from says so.
    """
    kept, kind = data.splits == SPLITS.index(split), f"{split} sequences"
    choices = [(kept, kind)]
    if data.tasks:
        positive = kept & (data.labels[:, data.tasks.index(task) if task else 0] == 1)
        right = positive & is_correct(data, logits, task)
        choices = [
            (right, f"correctly predicted positive {kind}"),
            (positive, f"positive {kind}"),
        ]
    near = pair_distance(scores) < within
    for rows, name in choices:
        candidates = np.flatnonzero(near & rows[scores.features.sequence[scores.source]])
        if candidates.size:
            best = candidates[scores.fis[candidates].argmax()]
            return int(best), len(candidates), name
    raise ValueError(
        f"no pair closer than {within:g} bp in any of the {choices[-1][1]}; make the figure's "
        "within larger, or choose another split"
    )


def main(
    examples: str,
    model: str,
    predictions: str,
    pairs: str,
    tracks: str,
    settings: dict[str, Any],
    declared: dict[str, Any],
    flank: int,
    within: float,
    split: str,
    seed: int,
) -> None:
    """Write importance before and after the mutation, and what was chosen."""
    configure_tensorflow(settings["threads"], seed)
    # Loads TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model

    data, scores, network = Examples.load(examples), PairScores.load(pairs), load_model(model)
    logits = read_arrays(predictions, ("logits",))[0]["logits"]
    task = settings["task"]
    best, n, kind = choose_pair(data, logits, scores, task=task, split=split, within=within)
    head = task_heads(network, data.tasks, declared)[task or ""]
    f, s, t = scores.features, scores.source[best], scores.target[best]
    x = data.one_hot(f.sequence[[s]])
    rng = np.random.default_rng(seed)
    choices = ScoringSettings.choose(settings)
    at = np.zeros(1, np.int64), f.start[[s]], f.end[[s]]
    mutant = Mutations.of_intervals(x, *at, choices, rng).mutants(x)
    attributor = head_attributor(network, head, settings)
    profiles = profiles_of_mutants(
        attributor,
        np.concatenate([x.astype(np.float32), mutant]),
        np.zeros(2, np.int64),
        draw_references(x, choices, rng),
        choices,
        rng,
        None,
    )
    centre = int(f.start[s] + f.end[s] + f.start[t] + f.end[t]) // 4
    start = max(0, min(centre - flank, data.codes.shape[1] - 2 * flank))
    window = slice(start, start + 2 * flank)
    delta = profiles.scores[0] - profiles.scores[1]
    chosen = {
        "sequence": str(data.ids[f.sequence[s]]),
        "n_candidates": n,
        "chosen_from": kind,
        "start": start,
        "source": {"name": str(f.name[s]), "start": int(f.start[s]), "end": int(f.end[s])},
        "target": {"name": str(f.name[t]), "start": int(f.start[t]), "end": int(f.end[t])},
        "fis": float(delta[f.start[t] : f.end[t]].sum()),
        "fis_in_table": float(scores.fis[best]),
        "logit": float(profiles.target[0]),
        "mutant_logit": float(profiles.target[1]),
    }
    arrays = {
        "one_hot": x[0, window],
        "original": profiles.scores[0, window],
        "mutant": profiles.scores[1, window],
    }
    write_arrays(tracks, arrays, {"chosen": chosen, "settings": settings})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
