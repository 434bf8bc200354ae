"""Box plots of pair scores by class (Fig 2B), with each direction's median beside."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_json
from dfim.pairs.p_values import PairClasses, pair_classes
from dfim.pairs.scores import PairScores
from dfim.plots.static import OTHER_COLOUR, PLANTED_COLOUR, class_boxes, style
from dfim.statistics.effect_sizes import (
    auroc_by_group,
    bootstrap_by_group,
    box_statistics,
    mann_whitney,
)
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles, ScorecardRow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _summary(
    values: NDArray[np.floating], owner: NDArray[np.integer], rng: np.random.Generator
) -> dict[str, float | int]:
    """Median with its interval over whole sequences, box, and n's of some pairs."""
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
    """One row a class: |FIS|, and its effect size below the planted classes."""
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
    """One row a direction: signed FIS, and what the mutation does to the logit."""
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


def _draw(classes: pd.DataFrame, directions: pd.DataFrame, title: str) -> plt.Figure:
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
    figure.suptitle(title, fontsize=9)
    return figure


def _recovery(
    scores: PairScores,
    of_pair: NDArray[np.int64],
    planted: set[int],
    rng: np.random.Generator,
) -> dict[str, float | int]:
    """How well |FIS| ranks planted pairs above the others."""
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
    clear = recovery["median_ratio"] >= 5
    names, figure = ", ".join(classes.loc[classes["planted"], "class"]), context.label
    method = context.method
    n = (
        f"n = {recovery['n_planted']:,} against {recovery['n_other']:,} pairs of "
        f"{recovery['n_sequences']:,} sequences"
    )
    worst = float(others["planted_p"].max())
    return [
        ScorecardRow(
            figure,
            f"only {names} clearly away from 0: its median |FIS| over the largest other median "
            f"({method})",
            "only this class (a plot)",
            f"{recovery['median_planted']:.3f} / {recovery['largest_other_median']:.3f} "
            f"= {recovery['median_ratio']:.1f}",
            context.origin,
            "agrees" if clear else "differs",
            f"called clear from a ratio of 5; {n}",
        ),
        ScorecardRow(
            figure,
            f"Mann–Whitney, {names} above every other class: largest p "
            f"(smallest rank-biserial; {method})",
            "not printed",
            f"{_p_text(worst)} ({others['planted_rank_biserial'].min():.4f})",
            context.origin,
            "not comparable",
            f"the paper prints no test here; one-sided, pairs taken as independent; {n}",
        ),
        ScorecardRow(
            figure,
            f"recovery of the planted interaction: AUROC of |FIS|, planted against other pairs "
            f"({method})",
            "not printed",
            f"{recovery['auroc_planted']:.5f} ({recovery['auroc_low']:.5f} to "
            f"{recovery['auroc_high']:.5f})",
            context.origin,
            "not comparable",
            f"the paper has no such figure; 95 % interval from resampling sequences; {n}",
        ),
    ]


def _p_text(p: float) -> str:
    """A p-value as text; one that underflowed is a bound."""
    return f"{p:.3g}" if p > 0 else "< 1e-300"


def _completeness_row(
    context: FigureContext, gap: dict[str, float | int]
) -> list[ScorecardRow]:
    """How far the contributions are from adding up; a gradient's need not."""
    if not gap["n"]:
        return []
    return [
        ScorecardRow(
            context.label,
            f"convergence delta of the mutants' profiles, logit: median, largest "
            f"({context.method})",
            "not printed",
            f"{gap['median']:.2g}, {gap['max']:.2g}",
            context.origin,
            "not comparable",
            "|sum of contributions - (logit of the mutant - logit of the reference)|; "
            f"n = {gap['n']:,} mutants",
        )
    ]


def _unrelated_rows(
    context: FigureContext, classes: pd.DataFrame, unrelated: list[int]
) -> list[ScorecardRow]:
    """How far from 0 the scores of pairs are that the data keep apart."""
    return [
        ScorecardRow(
            context.label,
            f"median |FIS| of {row['class']}, which the label does not join",
            "no such study",
            f"{row['med']:.3f} ({row['median_low']:.3f} to {row['median_high']:.3f})",
            context.origin,
            "not comparable",
            "a network is never exactly additive; compare with the same class where it does "
            f"interact; n = {row['n_pairs']:,} pairs of {row['n_sequences']:,} sequences",
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
    rows += _completeness_row(context, statistics["summary"]["convergence_delta"])
    rows += _unrelated_rows(context, classes, [groups.index_of(names) for names in unrelated])
    with style():
        title = f"{context.study_title} ({context.origin} inputs), {context.method}"
        FigureFiles(svg, pdf, png, table, stats).save(
            _draw(classes, directions, title),
            pd.concat([classes, directions]),
            statistics,
            context=context,
            scorecard=rows,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
