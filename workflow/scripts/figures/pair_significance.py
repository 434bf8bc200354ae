"""Draw p- or q-values by pair class as boxes (SFig 2A to D)."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dfim.io.store import read_arrays, read_table
from dfim.pairs.p_values import pair_classes
from dfim.pairs.scores import PairScores
from dfim.plots.static import OTHER_COLOUR, PLANTED_COLOUR, class_boxes, style
from dfim.statistics.effect_sizes import box_statistics
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import NOT_PRINTED, Judged, ScorecardRow, scorecard_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _share(calls: pd.DataFrame, reduce: str, tail: str, fdr: str, value: str) -> pd.Series:
    """Return the fraction of each class that is called, for one way of testing."""
    mine = calls[
        (calls["reduce"] == reduce) & (calls["tail"] == tail) & (calls["fdr"] == fdr)
    ].set_index(["name_a", "name_b"])
    return mine[f"fraction_{value}"]


def _scorecard(
    context: FigureContext,
    calls: pd.DataFrame,
    settings: dict[str, Any],
    planted: list[list[str]],
    value: str,
) -> list[ScorecardRow]:
    """Test the paper's claim with the settings drawn and with the authors' notebook's."""
    rows = []
    marked = [tuple(sorted(names)) for names in planted]
    ways = {
        (settings["motif_target_reduce"], settings["tail"], settings["fdr"]): "as drawn",
        ("max_abs", "upper", "joint"): "max |difference| and upper tail, as the notebook",
        ("max_abs", "empirical", "joint"): "max |difference| and empirical p",
    }
    for (reduce, tail, fdr), name in ways.items():
        share = _share(calls, reduce, tail, fdr, value)
        others = share.drop(index=marked).dropna()
        if others.empty:  # nothing to compare with
            continue
        called = ", ".join(f"{100 * share[pair]:.1f} %" for pair in marked)
        rows.append(
            scorecard_row(
                context,
                f"{' and '.join('–'.join(pair) for pair in marked)} called at {value} < "
                f"{settings['alpha']}, other classes not ({context.method}; {name})",
                paper="most below 0.05; no other class's median",
                ours=f"{called}; others at most {100 * others.max():.1f} % "
                f"({'–'.join(others.idxmax())})",
                why="the shuffled null is narrow, so small real effects of other motifs are "
                "called too: read effect sizes first",
                judged=_judge(share[marked], others),
            )
        )
    return rows


def _judge(planted: pd.Series, others: pd.Series) -> Judged:
    """Judge whether most pairs are called in every planted class, and in no other class."""
    few, many = planted[~(planted > 0.5)], others[~(others < 0.5)]
    if few.empty and many.empty:
        return Judged(True, "most pairs of the planted class are called, and of no other")
    faults = [
        *(
            f"only {100 * share:.1f} % of {'–'.join(pair)} are called"
            for pair, share in few.items()
        ),
        *(
            f"{100 * share:.1f} % of {'–'.join(pair)} are called too"
            for pair, share in many.items()
        ),
    ]
    return Judged(False, " and ".join(faults))


def _null_row(
    context: FigureContext, calls: pd.DataFrame, settings: dict[str, Any]
) -> list[ScorecardRow]:
    tests = calls[
        (calls["reduce"] == settings["motif_target_reduce"]) & (calls["fdr"] == settings["fdr"])
    ]
    parts = []
    for tail, mine in tests.groupby("tail", sort=False):
        known = mine[mine["n_null"] > 0]
        if known.empty:
            return []  # one sequence alone cannot be halved
        rate = np.average(known["null_fraction_p"], weights=known["n_null"])
        parts.append(f"{tail} {100 * rate:.1f} %")
    n = int(mine["n_null"].sum())
    row = scorecard_row(
        context,
        f"realised false-positive rate of p < {settings['alpha']} on held-out null pairs "
        f"({context.method})",
        paper=NOT_PRINTED,
        ours=", ".join(parts),
        why=f"null sequences fitted on one half and tested on the other; n = {n:,} pairs",
    )
    return [row]


def _false_calls(
    context: FigureContext,
    calls: pd.DataFrame,
    settings: dict[str, Any],
    unrelated: list[list[str]],
    value: str,
) -> list[ScorecardRow]:
    """Return the calls among pairs that the label does not join, one row per way of testing."""
    rows = []
    for names in unrelated:
        a, b = sorted(names)
        mine = calls[
            (calls["name_a"] == a) & (calls["name_b"] == b) & (calls["fdr"] == settings["fdr"])
        ]
        for _, test in mine.iterrows():
            rows.append(
                scorecard_row(
                    context,
                    f"calls of {a}–{b}, which the label does not join: {value} < "
                    f"{settings['alpha']} ({context.method}; {test['reduce']}, "
                    f"{test['tail']})",
                    paper=NOT_PRINTED,
                    ours=f"{100 * test[f'fraction_{value}']:.1f} %",
                    why=f"{context.about} n = {test['n']:,} pairs",
                )
            )
    return rows


def main(
    pairs: str,
    calls: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    value: str,
    planted: list[list[str]],
    unrelated: list[list[str]],
    settings: dict[str, Any],
    context: FigureContext,
) -> None:
    """Draw p or q of every pair class, and the level."""
    classes = pair_classes(PairScores.load(pairs))
    values = read_arrays(pairs, (value,))[0][value]
    all_calls = read_table(calls)
    marked = {classes.index_of(names) for names in planted}
    rows = []
    for index in range(len(classes.names)):
        mine = values[classes.of_pair == index]
        tested = mine[np.isfinite(mine)]
        rows.append(
            {
                "class": classes.label(index),
                "planted": index in marked,
                "n": len(tested),
                "n_untested": len(mine) - len(tested),
                "fraction_below": float((tested < settings["alpha"]).mean())
                if len(tested)
                else np.nan,
                **(box_statistics(tested) if len(tested) else {}),
            }
        )
    boxes = pd.DataFrame(rows).sort_values(
        ["planted", "fraction_below"], ascending=False, kind="stable"
    )
    drawn = boxes[boxes["n"] > 0]
    name = {"p": "p-value", "q": "q-value (Benjamini–Hochberg)"}[value]
    with style():
        figure, ax = plt.subplots(figsize=(5.2, 0.42 * len(drawn) + 1.0), layout="constrained")
        labels = [
            f"{r['class']}\nn = {r['n']:,}, {100 * r['fraction_below']:.1f} % "
            f"below {settings['alpha']}"
            for _, r in drawn.iterrows()
        ]
        colours = [PLANTED_COLOUR if planted else OTHER_COLOUR for planted in drawn["planted"]]
        columns = ["med", "q1", "q3", "whislo", "whishi"]
        class_boxes(ax, drawn[columns].to_dict("records"), labels, colours)
        ax.axvline(settings["alpha"], color="black", linestyle="--", linewidth=0.9)
        ax.set(
            xlim=(-0.02, 1.02),
            xlabel=f"{name}; dashed line {settings['alpha']}",
        )
        scorecard = []
        if planted:
            scorecard = _scorecard(context, all_calls, settings, planted, value)
        if value == "p":
            scorecard += _null_row(context, all_calls, settings)
        scorecard += _false_calls(context, all_calls, settings, unrelated, value)
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            boxes,
            {"settings": settings, "ways_of_testing": all_calls.to_dict("records")},
            context=context,
            scorecard=scorecard,
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
