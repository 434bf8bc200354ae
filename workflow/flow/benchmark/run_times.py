"""Report where the time of finished runs goes: by rule, and of training beside sgemm.

    python -m flow.benchmark.run_times before=results/default after=results/other

Each run is a results folder, with a name for its columns where one is given. The tables are
Markdown, written to the terminal, or with `--page docs/benchmark.md` into that page.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from flow.benchmark.page import TIMES, markdown, replace_times
from flow.benchmark.run_files import read_log, read_measured
from flow.benchmark.training import training_work

_ABOUT = """\
Written by `make times` (`workflow/flow/benchmark/run_times.py`) from what Snakemake measured
of finished runs. `wall_s` adds up the jobs of a rule, of which several run side by side;
`share` is its share of all wall seconds. `cpu_s` is CPU time of all threads. Snakemake looks
at it twice a second for half a minute and then every 30 s, so that up to 30 s of a longer job
are missing. Rules that measure nothing (figures, the report) come from Snakemake's log,
without CPU time."""

_TRAINING = """\
Work of training is counted from the network's shapes: 2 operations for each multiply-add of
the forward pass, and twice that for the backward pass (once where a layer reads the input
sequence, which needs no gradient), times training sequences, times epochs; validation is left
out. `gflop_s` is this work a wall second, `gflop_cpu_s` a CPU second (too high where the last
seconds of a short training are missing), `of_sgemm` the latter as a share of a matrix product
(3,000 x 3,000, one thread) of the same machine and call: {rate:,.0f} GFLOP a CPU second."""


def rule_times(jobs: pd.DataFrame) -> pd.DataFrame:
    """Add up jobs by rule.

    Parameters
    ----------
    jobs
        One row per job: rule, wall_s, cpu_s (NaN where not measured).

    Returns
    -------
    DataFrame
        rule, jobs, wall_s, cpu_s, share of all wall seconds; the longest first, all jobs last.
    """
    rules = jobs.groupby("rule").agg(
        jobs=("wall_s", "size"),
        wall_s=("wall_s", "sum"),
        cpu_s=("cpu_s", lambda seconds: seconds.sum(min_count=1)),
    )
    rules = rules.sort_values("wall_s", ascending=False, kind="stable")
    rules.loc["all"] = rules.sum()
    share = rules["wall_s"] / rules.loc["all", "wall_s"]
    return rules.assign(share=share).reset_index().astype({"jobs": int})


def side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join `rule_times` of several runs by rule.

    Parameters
    ----------
    tables
        By the name of the run; one table is returned as it is.

    Returns
    -------
    DataFrame
        rule, and the columns of each run with its name in front. Rules in the order of the
        first run, then those that only later runs have; NaN where a run lacks a rule.
    """
    if len(tables) == 1:
        return next(iter(tables.values()))
    order = list(dict.fromkeys(rule for table in tables.values() for rule in table["rule"]))
    order = [rule for rule in order if rule != "all"] + ["all"]
    parts = [
        table.set_index("rule").reindex(order).add_prefix(f"{name} ")
        for name, table in tables.items()
    ]
    return pd.concat(parts, axis=1).reset_index()


def training_rates(run: str | Path, jobs: pd.DataFrame, sgemm: float) -> pd.DataFrame:
    """Compare the rate of a run's trainings with that of a matrix product.

    Parameters
    ----------
    run
        Results folder.
    jobs
        Of that run: rule, study, wall_s, cpu_s; rules that begin with `train_` count.
    sgemm
        GFLOP a CPU second of a matrix product.

    Returns
    -------
    DataFrame
        One row per training: study, sequences, epochs, tflop, wall_s, cpu_s, gflop_s (a wall
        second), gflop_cpu_s (a CPU second), of_sgemm.
    """
    rows = []
    for job in jobs[jobs["rule"].str.startswith("train_")].itertuples():
        sequences, epochs, gflop = training_work(Path(run) / job.study)
        rate, cpu_rate = (gflop / s if s else np.nan for s in (job.wall_s, job.cpu_s))
        rows.append(
            (job.study, sequences, epochs, gflop / 1e3, job.wall_s, job.cpu_s, rate, cpu_rate,
             cpu_rate / sgemm)
        )  # fmt: skip
    columns = ["study", "sequences", "epochs", "tflop", "wall_s", "cpu_s", "gflop_s",
               "gflop_cpu_s", "of_sgemm"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).sort_values("study", ignore_index=True)


def write_times(
    jobs: Mapping[str, pd.DataFrame],
    trainings: Mapping[str, pd.DataFrame],
    sgemm: float,
    note: str = "",
) -> str:
    """Write the Markdown section; both tables by the name of the run."""
    rules = side_by_side({name: rule_times(of_run) for name, of_run in jobs.items()})
    runs = [table.assign(run=name) for name, table in trainings.items()]
    training = pd.concat(runs, ignore_index=True)
    training = training[["run", *training.columns.drop("run")]]
    about = "\n\n".join([_ABOUT, *([note] if note else [])])
    work = _TRAINING.format(rate=sgemm)
    parts = TIMES, about, markdown(rules), "### Training", work, markdown(training)
    return "\n\n".join(parts) + "\n"


def main(runs: Sequence[str], logs: Sequence[str], page: str | None, note: str) -> None:
    """Read runs, measure sgemm, and write the section to the terminal or into a page."""
    from flow.benchmark.timing import best_seconds, sgemm
    from flow.jobs.runtime import configure_tensorflow

    folders = {name or Path(folder).name: folder for name, folder in map(_named, runs)}
    if len(logs) not in (0, len(folders)):
        raise ValueError(f"--log: got {len(logs)}, expected none or one for each run")
    jobs = {name: read_measured(folder) for name, folder in folders.items()}
    for name, log in zip(folders, logs, strict=False):
        logged = read_log(log)
        others = logged[~logged["rule"].isin(jobs[name]["rule"])]
        jobs[name] = pd.concat([jobs[name], others], ignore_index=True)
    configure_tensorflow(threads=1, seed=0)
    product, gflop = sgemm()
    rate = gflop / best_seconds({"sgemm": product}, clock=time.process_time)["sgemm"]
    trainings = {
        name: training_rates(folder, jobs[name], rate) for name, folder in folders.items()
    }
    text = write_times(jobs, trainings, rate, note)
    if page is None:
        sys.stdout.write(text)
    else:
        replace_times(page, text)


def _named(run: str) -> tuple[str, str]:
    """Split NAME=FOLDER; the name is empty where there is none."""
    name, _, folder = run.rpartition("=")
    return name, folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="results folders, as FOLDER or NAME=FOLDER")
    parser.add_argument(
        "--log", dest="logs", action="append", default=[],
        help="Snakemake's log of each run, for the rules that measure nothing",
    )  # fmt: skip
    parser.add_argument("--note", default="", help="a sentence on the runs or the machine")
    parser.add_argument("--page", help="a page whose section on times is replaced")
    try:
        main(**vars(parser.parse_args()))
    except ValueError as error:
        parser.error(str(error))
