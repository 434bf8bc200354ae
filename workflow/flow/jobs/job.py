"""Runs a script's main() as a Snakemake job: log, one clear error line, exit code."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flow.jobs.progress import TERMINAL_FD

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake as Snakemake  # noqa: N812 - it is a class in all but name

log = logging.getLogger(__name__)

# Params that only Snakemake reads: `code`, a digest, runs a rule again when its code
# changes, and `kind` of a figure names its script.
_FOR_SNAKEMAKE = ("code", "kind")


def _arguments(
    job: "Snakemake", records: Mapping[str, Callable[[Any], object]]
) -> dict[str, Any]:
    """Return named inputs, outputs and params of the job as keyword arguments of main."""
    arguments: dict[str, Any] = {}
    for group in (job.input, job.output, job.params):
        for name, value in group.items():
            if name in arguments:
                raise TypeError(f"rule {job.rule}: {name!r} is named twice")
            arguments[name] = records.get(name, _plain)(value)
    return {name: value for name, value in arguments.items() if name not in _FOR_SNAKEMAKE}


def _plain(value: object) -> object:
    """Lists of files and strings without Snakemake's own classes."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):  # Snakemake's Namedlist is a list
        return [_plain(item) for item in value]
    return value


def run_job(
    main: Callable[..., None], job: "Snakemake", **records: Callable[[Any], object]
) -> None:
    """Call `main` with the job's named files and params; send all output to its log.

    Standard output and error, those of C++ libraries included, go to the rule's
    log; the terminal keeps progress lines and, on failure, one line that says
    what is wrong and where the traceback is. The process then exits with 1.

    Parameters
    ----------
    main
        The script's own.
    job
        What Snakemake hands to a script.
    records
        By name of a param, what makes a record of its plain values: Snakemake compares
        plain values only, so a record travels as a dict.
    """
    path = Path(str(job.log[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    os.environ[TERMINAL_FD] = str(terminal)
    with path.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr
        )
        logging.captureWarnings(True)
        start = time.monotonic()
        try:
            main(**_arguments(job, records))
        except Exception as error:
            # Not swallowed: logged with its traceback, reported in a line, and the job fails.
            log.exception("rule %s failed", job.rule)
            line = " ".join(str(error).split()) or type(error).__name__
            if not isinstance(error, ValueError | OSError):
                line = f"{type(error).__name__}: {line}"
            os.write(terminal, f"dfim: rule {job.rule}: {line} (log: {path})\n".encode())
            raise SystemExit(1) from None
        log.info("rule %s done in %.1f s", job.rule, time.monotonic() - start)
