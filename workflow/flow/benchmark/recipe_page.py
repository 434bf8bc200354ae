"""The page of the recipes: how each network is trained, and what several seeds learnt."""

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dfim.io.store import whole_file

_DIGITS = {"seconds": 0, "loss": 4, "auroc": 3, "fall": 1}
_HEADINGS = {
    "rounding": "rounding",
    "seed": "seed",
    "seconds": "CPU s",
    "loss": "validation loss",
    "fall": "last fall, %",
    "auroc": "test auROC",
}
_MEASURES = {
    "winner": ("winner", 3),
    "complete": ("complete", 3),
    "exact": ("exact", 3),
    "median": ("median e", 2),
    "median_chance": ("chance", 3),
}
_INTRODUCTION = """# Training: the recipes of the default run

Written by `make recipes` (`workflow/scripts/measure_recipes.py`). Every classifier of the
default run is trained with several seeds (initial weights and order of the data) and roundings
of the same recipe: oneDNN's kernels with one and with two threads, and Eigen's. Data are those
of the default run. Recipes were chosen by validation loss and time, and then measured. Here are
{here} networks of {asked} that a whole measurement has; `make recipes` trains the missing ones.

* `CPU s`: of training, start-up of TensorFlow not counted, on {cores} cores.
* `validation loss`: the lowest of all epochs; `last fall`: of the last epoch, in per cent of
  the one before it (below 0 where it rose).
* `test auROC`: of the labels, the mean over the outputs.
* `winner`, `complete`: AUROC of |FIS|, planted against chance pairs, under both rules of
  max-pooling (`maxpool_rule`), on {limit} sequences of the analysis; GATA and TAL1 at equal
  distances.
* `exact`: the same AUROC by exact interactions of double mutants,
  e = f(original) - f(a mutated) - f(b mutated) + f(both mutated) of the logit, what FIS could
  find at best; `median e`: median of |e| of planted pairs within reach, in logits; `chance`:
  of chance pairs.
"""
# Measured once, while the recipes were chosen.
_TRIED = """## What was tried

Validation loss after each epoch, one thread; batch, learning rate, decay over so many epochs.

* GATA and TAL1, 10,324 training windows (`genome_simulation.scale` 1), 32, 0.003, cosine over
  8: seed 1 .328, .187, .136, .139, .128, .128, .123, .124; seed 2 .255, .166, .157, .168, .164,
  .180 (training loss .060: it memorises, and was stopped).
* The same windows, 64, 0.003, the first 4 epochs of a cosine over 9, seed 1: .402, .196, .171,
  .149. Planted pairs .948 and .954 under `complete`, .880 and .952 under `winner`, .964 exact.
* 20,697 windows (scale 2), 32, 0.003, cosine over 5, seed 2: .180, .130, .119, .118, .118.
  Planted pairs .974 and .983 under `complete`, .987 and .987 exact (400 sequences).
* Simulated, 128, 0.003, cosine over 8, seed 1: .528, .435, .393, .374, .361, .354 (a plateau;
  stopped).
* Simulated, 128, 0.001, cosine over 10, seed 2: .274, .234, .098, .028, .016, .011, .009, .008,
  .007, .007. Without decay and with a patience of 3 epochs: 18 epochs, .006 at best. Two
  more networks of the cosine over 10 end at .013 and .024, with AUROCs of planted pairs of
  .976 and .986: hence 20 epochs. With these and a patience of 3 epochs one of four (seed 3)
  was stopped on its plateau, after 8 epochs at .232 (planted pairs .914, exact .966). With a
  patience of 20 it was still there after 18 epochs (.237). After four epochs the others were
  at .078 or below: hence three starts of four epochs, of which the one with the lowest
  validation loss is trained to its end.
* Accessibility, 20,000 of the 41,705 windows, 32, 0.01, cosine over 5, seed 1: .472, .309,
  .239, .211, .210 (209 s of CPU). All windows, cosine over 2: .285, .218 (157 s).

At scale 1 the two seeds of GATA and TAL1 leave the plateau in the first epoch alike and have
like training losses; the second one memorises. Twice the windows, seen half as often, cost the
same and do not, in four seeds of four.
"""


def write_page(
    page: str | os.PathLike[str],
    table: pd.DataFrame,
    recipes: Mapping[str, Mapping[str, Any]],
    *,
    cores: int | None,
    limit: int,
    asked: int,
) -> None:
    """Write recipes and tables in Markdown.

    Parameters
    ----------
    page
        The file.
    table
        One row per network: study, rounding, seed, seconds, epochs, loss, auroc, fall, and
        columns `<analysis>_<measure>`.
    recipes
        Training settings of each study.
    cores, limit, asked
        Of the machine, sequences that were scored, and networks of a whole measurement: for
        the introduction.
    """
    parts = [_INTRODUCTION.format(cores=cores, limit=limit, here=len(table), asked=asked)]
    for study, rows in table.groupby("study", sort=False):
        parts += [f"## `{study}`\n", _recipe(recipes[str(study)]), _networks(rows)]
        parts += [_analysis(rows, name) for name in _analyses(rows)]
    parts.append(_TRIED)
    with whole_file(page) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def _recipe(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}` {value}" for key, value in settings.items()) + "\n"


def _analyses(rows: pd.DataFrame) -> list[str]:
    """Names of the analyses that these networks have figures of."""
    measured = rows.dropna(axis=1, how="all").columns
    return [name.removesuffix("_exact") for name in measured if name.endswith("_exact")]


def _networks(rows: pd.DataFrame) -> str:
    shown = rows.assign(fall=100 * rows["fall"])
    return _markdown(
        shown, {name: (_HEADINGS[name], _DIGITS.get(name, 0)) for name in _HEADINGS}
    )


def _analysis(rows: pd.DataFrame, analysis: str) -> str:
    """AUROCs of an analysis, a row per network, and their lowest value and spread."""
    columns = {
        f"{analysis}_{name}": shown
        for name, shown in _MEASURES.items()
        if f"{analysis}_{name}" in rows
    }
    lines = [
        f"{rows[f'{analysis}_{name}'].min():.3f} to {rows[f'{analysis}_{name}'].max():.3f} "
        f"(spread {rows[f'{analysis}_{name}'].max() - rows[f'{analysis}_{name}'].min():.3f}) "
        f"`{name}`"
        for name in ("winner", "complete", "exact")
    ]
    keys = {name: (_HEADINGS[name], 0) for name in ("rounding", "seed")}
    heading = f"### `{analysis}`\n\nAUROC of planted pairs over {len(rows)} networks: "
    return heading + "; ".join(lines) + ".\n\n" + _markdown(rows, keys | columns)


def _markdown(rows: pd.DataFrame, columns: Mapping[str, tuple[str, int]]) -> str:
    """A table of some columns under headings, numbers with so many digits."""
    lines = ["| " + " | ".join(heading for heading, _ in columns.values()) + " |"]
    lines.append("|" + "---|" * len(columns))
    for _, row in rows.iterrows():
        cells = [_cell(row[name], digits) for name, (_, digits) in columns.items()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: Any, digits: int) -> str:  # noqa: ANN401 - a cell of any column
    if isinstance(value, str):
        return value
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"
