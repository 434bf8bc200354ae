"""Training curve of a study's network, and its figures on held-out sequences."""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd

from dfim.plots import style
from dfim.store import read_json, read_table
from flow.figure import FigureFiles, ScorecardRow

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _scorecard(context: dict[str, Any], test: dict[str, Any]) -> list[ScorecardRow]:
    n = test["n_positive"] + test["n_negative"]
    accuracy = (
        f"{test['accuracy']:.5f} ({test['accuracy_low']:.5f} to {test['accuracy_high']:.5f})"
    )
    auroc = f"{test['auroc']:.6f} ({test['auroc_low']:.6f} to {test['auroc_high']:.6f})"
    why = f"n = {n:,} held-out sequences; 95 % interval from resampling them"
    if context["study"] == "simulated":
        exact = test["accuracy"] == 1
        return [
            ScorecardRow(
                "text 3.1",
                "held-out accuracy",
                "100 %",
                accuracy,
                context["origin"],
                "agrees" if exact else "differs",
                why
                + (
                    ""
                    if exact
                    else "; 100 % cannot be reached by any network that does not see the last "
                    "two pool positions, and the released network itself has 99.3 %"
                ),
            ),
            ScorecardRow(
                "text 3.1", "held-out auROC", "not printed", auroc, context["origin"],
                "not comparable", why,
            ),
        ]  # fmt: skip
    title = f"held-out accuracy, {context['study_title']}"
    return [
        ScorecardRow(
            "ours", title, "no such study", accuracy, context["origin"], "not comparable", why
        )
    ]


def main(
    history: str,
    metrics: str,
    svg: str,
    pdf: str,
    png: str,
    table: str,
    stats: str,
    context: dict[str, Any],
) -> None:
    """Draw loss and accuracy by epoch, with the epoch whose weights are kept."""
    curve, splits = read_table(history), read_json(metrics)["splits"]
    best = int(curve["epoch"][curve["validation_loss"].idxmin()])
    test = splits["test"]
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
        panels = (("loss", "binary cross-entropy"), ("accuracy", "fraction correct"))
        for ax, (what, label) in zip(axes, panels, strict=True):
            train, held_out = curve[f"train_{what}"], curve[f"validation_{what}"]
            ax.plot(curve["epoch"], train, color="#0072B2", label="training (with dropout)")
            ax.plot(curve["epoch"], held_out, color="#D55E00", label="validation")
            ax.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
            ax.set(xlabel="epoch", ylabel=f"{what} ({label})")
        axes[0].set_yscale("log")
        axes[0].legend()
        n = test["n_positive"] + test["n_negative"]
        axes[1].set_title(
            f"test: accuracy {test['accuracy']:.4f}, auROC {test['auroc']:.5f}, "
            f"auPRC {test['auprc']:.5f} (n = {n:,})"
        )
        figure.suptitle(f"{context['study_title']} ({context['origin']} inputs)", fontsize=9)
        rows = pd.DataFrame([{"split": part, **found} for part, found in splits.items()])
        FigureFiles(svg, pdf, png, table, stats).save(
            figure,
            pd.concat([curve.assign(what="epoch"), rows.assign(what="metrics")]),
            {"kept_epoch": best, "epochs": len(curve), "metrics": splits},
            context=context,
            scorecard=_scorecard(context, test),
        )


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
