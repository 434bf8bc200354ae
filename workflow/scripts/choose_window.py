"""Choose, by rule, the window whose full map Fig 1 shows.

Among correctly classified sequences of one split, the pair of the declared
source and target that fits into the window and has the largest |FIS|; the
window is centred on the pair. Chosen by strength, so an example, not an average.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from dfim.io.store import read_arrays, write_json
from dfim.pairs.scores import PairScores
from dfim.sequences.examples import SPLITS, Examples
from flow.jobs.selection import is_correct

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    examples: str,
    predictions: str,
    pairs: str,
    window: str,
    choice: dict[str, Any],
    task: str | None = None,
) -> None:
    """Write the sequence, the window and what is in it."""
    data, scores = Examples.load(examples), PairScores.load(pairs)
    split = choice.get("split", "test")
    logits = read_arrays(predictions, ("logits",))[0]["logits"]
    f, s, t = scores.features, scores.source, scores.target
    first, last = np.minimum(f.start[s], f.start[t]), np.maximum(f.end[s], f.end[t])
    correct = is_correct(data, logits, task) if data.tasks else np.ones(len(data), bool)
    column = data.tasks.index(task) if task else 0
    fits = (
        (f.name[s] == choice["source"])
        & (f.name[t] == choice["target"])
        & (last - first <= choice["width"])
        & correct[f.sequence[s]]
        & (data.splits[f.sequence[s]] == SPLITS.index(split))
    )
    if not fits.any():
        raise ValueError(
            f"map: no correctly classified {split} sequence has "
            f"{choice['source']} and {choice['target']} within {choice['width']} bp; "
            "make map.width larger"
        )
    best = np.flatnonzero(fits)[np.abs(scores.fis[fits]).argmax()]
    row, length = int(f.sequence[s[best]]), data.codes.shape[1]
    start = int((first[best] + last[best] - choice["width"]) // 2)
    start = min(max(start, 0), length - choice["width"])
    end = start + choice["width"]
    inside = (f.sequence == row) & (f.start < end) & (f.end > start)
    features = [
        {"name": str(f.name[i]), "start": int(f.start[i]), "end": int(f.end[i])}
        for i in np.flatnonzero(inside)
    ]
    record = {
        "row": row,
        "sequence": str(data.ids[row]),
        "logit": float(logits[row, column]),
        "start": start,
        "end": end,
        "n_candidates": int(fits.sum()),
        "features": features,
        "names": np.unique(f.name).tolist(),
    }
    write_json(window, record)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
