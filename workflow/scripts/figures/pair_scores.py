"""Draw pair scores by class as boxes, and each direction's median (Fig 2B)."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_json
from dfim.pairs.p_values import PairClasses, pair_classes
from dfim.pairs.scores import PairScores
from dfim.plots.static import OTHER_COLOUR, PLANTED_COLOUR, class_boxes, style
from dfim.statistics.bootstrap import auroc_by_group, bootstrap_by_group
from dfim.statistics.effect_sizes import box_statistics, mann_whitney
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import (
    NO_SUCH_STUDY,
    NOT_PRINTED,
    Judged,
    ScorecardRow,
    p_text,
    scorecard_row,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# A planted class is clearly away from 0 from so many times the largest other median.
_CLEAR = 5


def _summary(
    values: NDArray[np.floating], owner: NDArray[np.integer], rng: np.random.Generator
) -> dict[str, float | int]:
    """Return median, its interval from resampling sequences, box and n's of some pairs."""
    n_sequences = len(np.unique(owner))
    low = high = float("nan")  # one sequence alone has no spread
    if n_sequences > 1:
        interval = bootstrap_by_group(values, owner, rng=rng)
        low, high = interval.low, interval.high
    counts = {"n_pairs": len(values), "n_sequences": n_sequences}
    return {**counts, "median_low": low, "median_high": high, **box_statistics(values)}


def _median(values: NDArray[np.floating]) -> float:
    """Median of known values: a source that reaches none of its targets has no effect."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _class_table(
    scores: PairScores, classes: PairClasses, planted: set[int], rng: np.random.Generator
) -> pd.DataFrame:
    """Return one row per class: |FIS|, and the effect size of the planted classes above it."""
    size = np.abs(scores.fis)
    owner = scores.features.sequence[scores.source]
    strong = size[np.isin(classes.of_pair, sorted(planted))]
    rows = []
    for index in range(len(classes.names)):
        mine = classes.of_pair == index
        row = {"what": "|FIS| of class", "class": classes.label(index)}
        row |= {"planted": index in planted, **_summary(size[mine], owner[mine], rng)}
        if strong.size and index not in planted:
            test = mann_whitney(strong, size[mine], "greater")
            row |= {"planted_rank_biserial": test.rank_biserial, "planted_p": test.p}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("med", ascending=False)


def _direction_table(
    scores: PairScores, classes: PairClasses, rng: np.random.Generator
) -> pd.DataFrame:
    """Return one row per direction: signed FIS, and the mutation's effect on the logit."""
    names = scores.features.name
    owner = scores.features.sequence[scores.source]
    key = pd.DataFrame({"source": names[scores.source], "target": names[scores.target]})
    rows = []
    for (source, target), mine in key.groupby(["source", "target"]).indices.items():
        row = {"what": "FIS of direction", "class": classes.label(classes.of_pair[mine[0]])}
        row |= {"source": source, "target": target}
        row |= _summary(scores.fis[mine], owner[mine], rng)
        row["median_fis_max_abs"] = float(np.median(scores.fis_max_abs[mine]))
        row["median_source_effect"] = _median(scores.effect[scores.source[mine]])
        rows.append(row)
    return pd.DataFrame(rows)


def _draw(classes: pd.DataFrame, directions: pd.DataFrame) -> plt.Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 0.32 * max(len(directions), 8) + 0.9), layout="constrained"
    )
    columns = ["med", "q1", "q3", "whislo", "whishi"]
    labels = [
        f"{row['class']}\nn = {row['n_pairs']:,}, median {row['med']:.3f}"
        for _, row in classes.iterrows()
    ]
    colours = [PLANTED_COLOUR if planted else OTHER_COLOUR for planted in classes["planted"]]
    class_boxes(left, classes[columns].to_dict("records"), labels, colours)
    left.set(xlabel="|FIS| (logit), both directions pooled", title="Pair class")
    left.set_xlim(left=0)
    at = np.arange(len(directions))
    middle = directions["med"]
    spread = [middle - directions["median_low"], directions["median_high"] - middle]
    right.errorbar(middle, at, xerr=spread, fmt="o", markersize=4, color="black", capsize=2)
    right.axvline(0, color="grey", linewidth=0.7)
    right.set_yticks(
        at,
        [
            f"{s} → {t} (n = {n:,})"
            for s, t, n in zip(
                directions["source"], directions["target"], directions["n_pairs"], strict=True
            )
        ],
    )
    right.invert_yaxis()
    right.set(xlabel="median signed FIS (logit), 95 % interval", title="Source → target")
    return figure


def _recovery(
    scores: PairScores,
    of_pair: NDArray[np.int64],
    planted: set[int],
    rng: np.random.Generator,
) -> dict[str, float | int]:
    """Measure how well |FIS| ranks planted pairs above the others."""
    size, owner = np.abs(scores.fis), scores.features.sequence[scores.source]
    mine = np.isin(of_pair, sorted(planted))
    interval = auroc_by_group(size, mine, owner, rng=rng)
    medians = [np.median(size[of_pair == k]) for k in np.unique(of_pair) if k not in planted]
    return {
        "auroc_planted": interval.estimate,
        "auroc_low": interval.low,
        "auroc_high": interval.high,
        "n_sequences": interval.n_groups,
        "n_planted": int(mine.sum()),
        "n_other": int((~mine).sum()),
        "median_planted": float(np.median(size[mine])),
        "largest_other_median": float(max(medians)),
        "median_ratio": float(np.median(size[mine]) / max(medians)),
    }


def _scorecard(
    context: FigureContext, classes: pd.DataFrame, recovery: dict[str, float | int]
) -> list[ScorecardRow]:
    others = classes[~classes["planted"]]
    names = ", ".join(classes.loc[classes["planted"], "class"])
    n = (
        f"n = {recovery['n_planted']:,} against {recovery['n_other']:,} pairs of "
        f"{recovery['n_sequences']:,} sequences"
    )
    worst, ratio = float(others["planted_p"].max()), recovery["median_ratio"]
    return [
        scorecard_row(
            context,
            f"only {names} clearly away from 0: its median |FIS| over the largest other median "
            f"({context.method})",
            paper="only this class (a plot)",
            ours=f"{recovery['median_planted']:.3f} / {recovery['largest_other_median']:.3f} "
            f"= {ratio:.1f}",
            why=n,
            judged=Judged(
                ratio >= _CLEAR,
                f"{ratio:.1f} times the largest other median; clear is {_CLEAR} times",
            ),
        ),
        scorecard_row(
            context,
            f"Mann–Whitney, {names} above every other class: largest p "
            f"(smallest rank-biserial; {context.method})",
            paper=NOT_PRINTED,
            ours=f"{p_text(worst)} ({others['planted_rank_biserial'].min():.4f})",
            why=f"one-sided, pairs taken as independent; {n}",
        ),
        scorecard_row(
            context,
            f"recovery of the planted interaction: AUROC of |FIS|, planted against other pairs "
            f"({context.method})",
            paper=NOT_PRINTED,
            ours=f"{recovery['auroc_planted']:.5f} ({recovery['auroc_low']:.5f} to "
            f"{recovery['auroc_high']:.5f})",
            why=f"95 % interval from resampling sequences; {n}",
        ),
    ]


def _convergence_row(context: FigureContext, gap: dict[str, float | int]) -> list[ScorecardRow]:
    """Return the convergence deltas; importance by gradients has none."""
    if not gap["n"]:
        return []
    return [
        scorecard_row(
            context,
            f"convergence delta of the mutants' profiles, logit: median, largest "
            f"({context.method})",
            paper=NOT_PRINTED,
            ours=f"{gap['median']:.2g}, {gap['max']:.2g}",
            why="|sum of contributions - (logit of the mutant - logit of the reference)|; "
            f"n = {gap['n']:,} mutants",
        )
    ]


def _unrelated_rows(
    context: FigureContext, classes: pd.DataFrame, unrelated: list[int]
) -> list[ScorecardRow]:
    """Return how far from 0 the scores are of pairs that the label does not join."""
    return [
        scorecard_row(
            context,
            f"median |FIS| of {row['class']}, which the label does not join",
            paper=NO_SUCH_STUDY,
            ours=f"{row['med']:.3f} ({row['median_low']:.3f} to {row['median_high']:.3f})",
            why="a network is never exactly additive; compare with the same class where it "
            f"does interact; n = {row['n_pairs']:,} pairs of {row['n_sequences']:,} sequences",
        )
        for _, row in classes.loc[classes.index.isin(unrelated)].iterrows()
    ]


def main(
    pairs: str,
    summary: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    planted: list[list[str]],
    unrelated: list[list[str]],
    context: FigureContext,
    seed: int,
) -> None:
    """Draw |FIS| by class and signed FIS by direction."""
    scores, rng = PairScores.load(pairs), np.random.default_rng(seed)
    groups = pair_classes(scores)
    marked = {groups.index_of(names) for names in planted}
    classes = _class_table(scores, groups, marked, rng)
    directions = _direction_table(scores, groups, rng)
    statistics = {"summary": read_json(summary)}
    rows: list[ScorecardRow] = []
    if 0 < len(marked) < len(groups.names):
        statistics["recovery"] = _recovery(scores, groups.of_pair, marked, rng)
        rows = _scorecard(context, classes, statistics["recovery"])
    rows += _convergence_row(context, statistics["summary"]["convergence_delta"])
    rows += _unrelated_rows(context, classes, [groups.index_of(names) for names in unrelated])
    with style():
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(classes, directions),
            pd.concat([classes, directions]),
            statistics,
            context=context,
            scorecard=rows,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
