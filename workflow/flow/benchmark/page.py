"""Write the page of the benchmark, and its picture."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dfim.io.store import whole_file

_DIGITS = {
    **dict.fromkeys(["profiles", "rate", "mutants", "originals", "sequences"], 0),
    **dict.fromkeys(["seconds", "to_package", "of_sgemm", "whole_s", "windows_s"], 2),
    **dict.fromkeys(["windows", "chosen", "to_engine", "cost", "chosen_s", "reachable"], 2),
}
# Columns of the times of runs; of several runs with the run's name before it.
_DIGITS |= dict.fromkeys(["wall_s", "cpu_s", "jobs", "epochs", "gflop_s", "gflop_cpu_s"], 0)
_DIGITS |= dict.fromkeys(["share", "tflop"], 2)
TIMES = "## Where the time goes"  # the section that `flow.benchmark.run_times` writes
_COLOURS = {"package, batch 10": "#999999", "engine": "#0072B2", "engine, complete": "#56B4E9"}


def markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown; missing numbers as a dash."""
    digits_of = [_DIGITS.get(column.rpartition(" ")[2]) for column in table.columns]
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    for row in table.itertuples(index=False):
        cells = [
            str(value)
            if digits is None
            else ("–" if pd.isna(value) else f"{value:,.{digits}f}")
            for digits, value in zip(digits_of, row, strict=True)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(
    picture: str, profiles: pd.DataFrame, windows: pd.DataFrame, growth: pd.DataFrame
) -> None:
    """Draw shares of the machine's rate, what windows save, and how cost grows."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    networks = list(dict.fromkeys(profiles["network"]))
    for offset, (what, colour) in zip((-0.27, 0, 0.27), _COLOURS.items(), strict=True):
        share = profiles[profiles["what"] == what]["of_sgemm"]
        left.bar(np.arange(len(networks)) + offset, share, 0.25, color=colour, label=what)
    left.set_xticks(range(len(networks)), [n.replace(", ", "\n") for n in networks], fontsize=7)
    left.set_ylabel("share of the machine's sgemm rate")
    left.set_title("One DeepLIFT profile", fontsize=10)
    left.legend(fontsize=8, frameon=False)
    place = np.arange(len(windows))[::-1]
    names = windows["network"].str.split(",").str[0] + ": " + windows["what"]
    middle.barh(place + 0.2, windows["windows"], 0.38, color="#E69F00", label="windows")
    middle.barh(place - 0.2, windows["chosen"], 0.38, color="#0072B2", label="chosen by itself")
    middle.axvline(1, color="black", linewidth=0.8)
    middle.set_yticks(place, names, fontsize=7)
    middle.set_xlabel("times as fast as whole sequences")
    middle.set_title("Whole calls, in windows", fontsize=10)
    middle.legend(fontsize=8, frameon=False, loc="upper right")
    growth = growth.assign(each=growth["mutants"] / growth["sequences"])
    constant = growth["references"] == "gc"
    for column, label, chosen, colour in (
        ("sequences", "sequences", constant & (growth["each"] == 4), "#0072B2"),
        ("each", "mutants a sequence", constant & (growth["sequences"] == 1000), "#E69F00"),
        ("n_refs", "references", ~constant, "#009E73"),
    ):
        rows = growth[chosen].sort_values(column)
        times = rows[["seconds", column]] / rows[["seconds", column]].iloc[0]
        right.plot(times[column], times["seconds"], "o-", color=colour, label=label)
    right.plot(
        [1, 10], [1, 10], color="black", linewidth=0.8, linestyle=":", label="in proportion"
    )
    right.set_xscale("log", base=2)
    right.set_yscale("log", base=2)
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter("{x:g}")
    right.set_xlabel("times as many")
    right.set_ylabel("times as long")
    right.set_title("Mutants to FIS, simulated network", fontsize=10)
    right.legend(fontsize=8, frameon=False)
    with whole_file(picture) as part:
        figure.savefig(part, dpi=150)


def write_page(
    page: str,
    picture: str,
    profiles: pd.DataFrame,
    windows: pd.DataFrame,
    growth: pd.DataFrame,
    *,
    machine: str,
) -> None:
    """Write docs/benchmark.md and its picture; `machine` says what ran.

    The section on the times of runs stays as it is.
    """
    draw(picture, profiles, windows, growth)
    sizes = profiles.drop_duplicates("network")
    facts = "; ".join(
        f"{row.network}: {row.mflop:,.1f} MFLOP a profile, batches of {row.batch}, "
        f"sgemm {row.sgemm:,.0f} GFLOP/s"
        for row in sizes.itertuples()
    )
    text = f"""# How fast

Written by `make bench` (`workflow/scripts/benchmark_engine.py`), in some minutes. The
paper's networks by their shapes, random weights and sequences; the cases of a network take
turns in one process, best of 3 (2) rounds. Rates belong to the machine and to what else ran
on it; the ratios are the result. Compiling graphs (1 to 7 s a model and kind of mutation,
once) is not in them.

{machine}, float32. sgemm (3,000 x 3,000) is one of the cases of each network.
{facts}.

![Rates, windows and growth](benchmark.png)

## Profiles of whole sequences

`rate` is profiles a second against one constant reference; `to_package` its ratio to the
`deeplift` package at batch 10, as the original code ran it; `of_sgemm` the rate of a profile's
matrix products (counted, docs/rules.md) as a share of sgemm's. The package is timed for
contributions alone, the engine with logits and convergence deltas too.

{markdown(profiles.drop(columns=["mflop", "batch", "sgemm"]))}

## Mutants in windows

Whole calls of `score_pairs`, `score_map` and `score_variants`: with whole sequences
(`windowed=False`), in windows (`True`), and as chosen by counting operations (the default).
`windows` and `chosen` are times as fast as whole. One constant reference. `reachable` is the
share of the pairs that some unit of the network joins; the FIS of the others is 0. The sites of
the TAL/GATA network (reach 69 bp) stand in a row, 20 bp from start to start, at a place drawn
for each sequence; those of the other networks, which join all positions, are spread evenly.

{markdown(windows)}

What an original's activations, the layers that join all positions, and cutting windows cost
bounds the gain. In the simulated network convolutions are a half of the operations, and most of
the time goes into the rest, so windows are not chosen there.

## Mutants to FIS

Whole calls of `score_pairs` on the simulated network. `to_engine`: profiles a second,
mutants and originals counted once for each reference, as a share of what the engine does with
sequences alone (with `dinuc` references: each with a reference of its own). `cost`: of a
mutant, in such profiles a reference, its share of originals included.

{markdown(growth)}
"""
    _, times = _split(page)
    _write(page, text, times)


def replace_times(page: str, times: str) -> None:
    """Put a section on the times of runs at the end of a page, for the one that is there."""
    benchmark, _ = _split(page)
    _write(page, benchmark, times)


def _split(page: str) -> tuple[str, str]:
    """Return what stands before the section on the times of runs, and that section."""
    path = Path(page)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, title, after = text.partition(TIMES)
    return before, title + after


def _write(page: str, *sections: str) -> None:
    text = "\n\n".join(section.strip("\n") for section in sections if section)
    with whole_file(page) as part:
        part.write_text(text + "\n", encoding="utf-8")
