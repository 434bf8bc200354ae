"""What leaves a figure script: picture, table, and the numbers that were printed."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure

from dfim.io.store import read_json, whole_file, write_json, write_table
from flow.run.figure_context import FigureContext

Verdict = Literal["agrees", "differs", "not comparable"]

_PACKAGES = (
    "dfim",
    "numpy",
    "scipy",
    "pandas",
    "h5py",
    "matplotlib",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "deeplift",
    "simdna",
    "snakemake",
)


@dataclass(frozen=True)
class ScorecardRow:
    """One number of the paper beside ours.

    Attributes
    ----------
    figure
        Where the paper prints it.
    quantity
        What it is, with its unit.
    paper
        The paper's value, as it prints it.
    ours
        Our value, as measured in this run.
    origin
        Where the inputs come from.
    verdict
        agrees, differs, or not comparable.
    why
        The reason, and the n behind our value.
    """

    figure: str
    quantity: str
    paper: str
    ours: str
    origin: str
    verdict: Verdict
    why: str


def scorecard_row(
    context: FigureContext,
    quantity: str,
    *,
    paper: str,
    ours: str,
    why: str,
    verdict: Verdict = "not comparable",
) -> ScorecardRow:
    """A row of a figure by its context.

    Without a verdict where the study's inputs are no yardstick for the paper's; the reason
    is told, and so is the study's note.
    """
    apart = context.not_comparable
    reasons = [text for text in (apart, why, context.note) if text]
    shown: Verdict = "not comparable" if apart else verdict
    origin, why = context.origin, "; ".join(reasons)
    return ScorecardRow(context.label, quantity, paper, ours, origin, shown, why)


@dataclass(frozen=True)
class FigureFiles:
    """Where a figure's files go."""

    svg: str
    pdf: str
    png: str
    table: str
    stats: str

    def save(
        self,
        figure: Figure,
        table: pd.DataFrame,
        statistics: Mapping[str, Any],
        *,
        context: FigureContext,
        scorecard: Sequence[ScorecardRow] = (),
    ) -> None:
        """Write the picture three times, the table behind it, and its statistics.

        Parameters
        ----------
        figure
            The drawing; saved without time stamps, so that equal drawings give
            equal files.
        table
            Tidy values that the picture shows.
        statistics
            n's, effect sizes, tests; NaN becomes null.
        context
            From the rule; all its fields go into the statistics file.
        scorecard
            The paper's numbers that this figure has values for.
        """
        no_date = {
            "svg": {"Date": None},
            "pdf": {"CreationDate": None, "ModDate": None},
            "png": {},
        }
        for kind, stamp in no_date.items():
            with whole_file(getattr(self, kind)) as temporary:
                figure.savefig(temporary, metadata=stamp, bbox_inches="tight")
        write_table(self.table, table)
        write_statistics(self.stats, statistics, context=context, scorecard=scorecard)


def write_statistics(
    path: str,
    statistics: Mapping[str, Any],
    *,
    context: FigureContext,
    scorecard: Sequence[ScorecardRow],
) -> None:
    """Write a statistics file (JSON); its parameters are those of `FigureFiles.save`."""
    record = {
        **context.as_param(),
        "statistics": statistics,
        "scorecard": [asdict(row) for row in scorecard],
        "versions": versions(),
    }
    write_json(path, without_nan(record))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    installed = {d.metadata["Name"].lower().replace("_", "-") for d in metadata.distributions()}
    return found | {name: metadata.version(name) for name in _PACKAGES if name in installed}


def without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace NaN and infinities by None, and NumPy scalars by Python's."""
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_scorecard(stats: Sequence[str]) -> list[ScorecardRow]:
    """Rows of several figures' statistics files, in their order."""
    return [ScorecardRow(**row) for path in stats for row in read_json(path)["scorecard"]]
