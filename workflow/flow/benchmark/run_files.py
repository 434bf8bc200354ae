"""Read what Snakemake recorded of the jobs of a run: benchmark tables, and its log."""

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from dfim.io.store import read_table

_COLUMNS = ["rule", "study", "wall_s", "cpu_s"]
_TIME = re.compile(r"\[(\w{3} \w{3} +\d+ [\d:]{8} \d{4})\]")
_RULE = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):")
_JOB = re.compile(r" +jobid: (\d+)")
_DONE = re.compile(r"Finished jobid: (\d+)")


def read_measured(run: str | Path) -> pd.DataFrame:
    """Read the benchmark tables of a run.

    Parameters
    ----------
    run
        Results folder, with tables at benchmarks/[STUDY/[ANALYSIS/]]RULE[.WILDCARD...].tsv.

    Returns
    -------
    DataFrame
        One row per job: rule, study (empty where the job belongs to none), wall_s, cpu_s
        (NaN where the job ended before Snakemake looked at it).

    Raises
    ------
    ValueError
        Without tables, or for a table that lacks s or cpu_time.
    """
    folder = Path(run) / "benchmarks"
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        table = read_table(path, ("s", "cpu_time"))
        parents = path.relative_to(folder).parts[:-1]
        cpu = pd.to_numeric(table["cpu_time"], errors="coerce")
        seconds = table["s"].sum(), cpu.sum(min_count=1)  # one row per repetition
        rows.append((path.name.partition(".")[0], parents[0] if parents else "", *seconds))
    if not rows:
        raise ValueError(f"{folder}: no benchmark tables; expected those of a finished run")
    return pd.DataFrame(rows, columns=_COLUMNS)


def read_log(path: str | Path) -> pd.DataFrame:
    """Read when jobs began and ended, to the second, from a log of Snakemake.

    Parameters
    ----------
    path
        What `snakemake` wrote to the terminal, or a file of .snakemake/log.

    Returns
    -------
    DataFrame
        Columns as in `read_measured`, one row per finished job; cpu_s is NaN.

    Raises
    ------
    ValueError
        When no job has finished in it.
    """
    now, rule = datetime.min, ""
    begun: dict[str, tuple[str, datetime]] = {}
    rows = []
    for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        if found := _TIME.fullmatch(line):
            now = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y")
        elif found := _RULE.fullmatch(line):
            rule = found[1]
        elif found := _JOB.fullmatch(line):
            begun[found[1]] = rule, now
        elif (found := _DONE.match(line)) and found[1] in begun:
            name, start = begun.pop(found[1])
            rows.append((name, "", (now - start).total_seconds(), np.nan))
    if not rows:
        raise ValueError(f"{path}: no finished job; expected a log of Snakemake")
    return pd.DataFrame(rows, columns=_COLUMNS)
