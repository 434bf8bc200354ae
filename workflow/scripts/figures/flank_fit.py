"""Draw how well the network of flanks fits measured and true ΔΔG."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dfim.io.store import read_arrays, read_json, read_table
from dfim.plots.static import style
from dfim.sequences.examples import SPLITS
from flow.flanks.betseq import Measurements
from flow.run.figure_context import FigureContext
from flow.scorecard.figure_files import FigureFiles
from flow.scorecard.rows import NOT_PRINTED, ScorecardRow, scorecard_row

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_TRAINING, _VALIDATION, _NOISE = "#009E73", "black", "#D55E00"
_WIDTH = 2.4  # inches a panel


@dataclass(frozen=True)
class _Cloud:
    """Hold predicted ΔΔG of flanks and measured or true ones, both centred.

    Attributes
    ----------
    what, label
        Its name in the table, and that of its other axis.
    predicted, other
        (N,) kcal/mol.
    title
        n and r².
    """

    what: str
    label: str
    predicted: NDArray[np.floating]
    other: NDArray[np.floating]
    title: str


def _centred(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return values - values.mean(dtype=np.float64)


def _test_cloud(path: str, ddg: NDArray[np.floating], test: dict[str, Any]) -> _Cloud:
    """Compare predictions of the test flanks with the means of their replicates."""
    measured = Measurements.load(path)
    split = read_arrays(path, ("split",))[0]["split"]
    rows = split == SPLITS.index("test")
    title = f"n = {test['n_flanks']:,} test flanks, RMSE {test['rmse']:.3f}"
    title += f"\nr² = {_number(test['r2'], 3)}"
    if test["r2_ceiling"] is not None:
        title += f" (without error ≈ {test['r2_ceiling']:.3f})"
    label = "measured ΔΔG,\nmean of replicates (kcal/mol)"
    if measured.ddg.shape[1] == 1:
        label = "measured ΔΔG (kcal/mol)"
    predicted, mean = ddg[measured.index[rows]], measured.mean()[rows]
    return _Cloud("test", label, _centred(predicted), _centred(mean), title)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _draw_history(ax: Axes, curve: pd.DataFrame, noise: float | None) -> int:
    """Draw RMSE by epoch and the noise; return the epoch whose weights are kept."""
    best = int(curve["epoch"][curve["validation_rmse"].idxmin()])
    for part, colour in (("train", _TRAINING), ("validation", _VALIDATION)):
        ax.plot(curve["epoch"], curve[f"{part}_rmse"], "o-", markersize=3, linewidth=1,
                color=colour, label="training" if part == "train" else part)  # fmt: skip
    if noise is not None:
        ax.axhline(noise, color=_NOISE, linestyle="--", linewidth=1,
                   label="noise of a single\nmeasurement")  # fmt: skip
    ax.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
    ax.set(xlabel="epoch", ylabel="RMSE (kcal/mol)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(y=0.1)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.6 * (high - low))  # room for the legend
    ax.set_title("training", fontsize=8)
    ax.legend(loc="upper left", fontsize=6, frameon=True, framealpha=1, edgecolor="white")
    return best


def _draw_cloud(figure: Figure, ax: Axes, cloud: _Cloud) -> pd.DataFrame:
    """Draw numbers of flanks by both values; return them by the centre of their hexagon."""
    fine = int(np.clip(np.sqrt(len(cloud.other)) / 2, 10, 40))
    drawn = ax.hexbin(cloud.predicted, cloud.other, gridsize=fine, mincnt=1, cmap="viridis",
                      norm=LogNorm(), linewidths=0.1)  # fmt: skip
    ax.axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle="--")
    ax.set(xlabel="predicted ΔΔG (kcal/mol)", ylabel=cloud.label)
    ax.set_title(cloud.title, fontsize=8)
    predicted, other = drawn.get_offsets().T
    flanks = np.asarray(drawn.get_array(), np.int64)
    bar = figure.colorbar(drawn, ax=ax, label="flanks a hexagon", location="bottom", aspect=30)
    most = int(flanks.max())
    ticks = sorted({1, most} | {10**k for k in range(len(str(most))) if 3 * 10**k < most})
    bar.set_ticks(ticks, labels=[f"{tick:,}" for tick in ticks], minor=False)
    bar.minorticks_off()
    return pd.DataFrame(
        {"what": cloud.what, "predicted": predicted, "other": other, "flanks": flanks}
    )


def _row(context: FigureContext, test: dict[str, Any]) -> ScorecardRow:
    """Put the error on held-out flanks beside the printed one, which is of other flanks."""
    why = "no replicates to measure the noise by"
    if test["noise"] is not None:
        why = (
            f"single measurements have a noise of {test['noise']:.4f}, the error expected of a "
            "network without error of its own"
        )
    return scorecard_row(
        context,
        "RMSE of the network on held-out flanks (kcal/mol)",
        paper=context.printed.get("rmse", NOT_PRINTED),
        ours=f"{test['rmse']:.4f} (n = {test['n_values']:,} measurements of "
        f"{test['n_flanks']:,} flanks)",
        why=why,
        unjudged="other flanks are held out here",
    )


def main(
    measurements: str,
    predictions: str,
    metrics: str,
    history: list[str],
    truth: list[str],
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: FigureContext,
) -> None:
    """Draw the training, where there was one, and predictions against measurements and truth.

    `history` and `truth` are empty, or a file each.
    """
    record, ddg = read_json(metrics), read_arrays(predictions, ("ddg",))[0]["ddg"]
    if "test" not in record["parts"]:
        raise ValueError(
            f"{metrics}: got parts {sorted(record['parts'])}, expected test among them; give "
            "the study's split at least three measured flanks to test on"
        )
    test, validation = record["parts"]["test"], record["parts"].get("validation", {})
    clouds = [_test_cloud(measurements, ddg, test)]
    for path in truth:
        true = read_arrays(path, ("ddg",))[0]["ddg"]
        title = f"n = {len(ddg):,}, all flanks\nr² = {_number(record['r2_with_truth'], 3)}"
        label = "true ΔΔG (kcal/mol)"
        clouds.append(_Cloud("truth", label, _centred(ddg), _centred(true), title))
    parts = [pd.DataFrame([{"what": "metrics", "part": k, **v}
                           for k, v in record["parts"].items()])]  # fmt: skip
    names, kept = [*["training"] * len(history), *(cloud.what for cloud in clouds)], None
    with style():
        figure, axes = plt.subplot_mosaic(
            [names], figsize=(max(_WIDTH * len(names), 3.6), 3.5), layout="constrained"
        )
        for path in history:
            curve = read_table(path, ("epoch", "train_rmse", "validation_rmse"))
            kept = _draw_history(axes["training"], curve, validation.get("noise"))
            parts.append(curve.assign(what="epoch"))
        parts += [_draw_cloud(figure, axes[cloud.what], cloud) for cloud in clouds]
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            pd.concat(parts),
            {"kept_epoch": kept, "metrics": record},
            context=context,
            scorecard=[_row(context, test)],
        )


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake, context=FigureContext.from_param)
