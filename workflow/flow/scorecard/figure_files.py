"""Write what a figure script makes: pictures, a table, and a record of statistics."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from dfim.io.store import whole_file, write_json, write_table
from flow.run.figure_context import FigureContext
from flow.scorecard.rows import ScorecardRow

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
class FigureFiles:
    """Save a figure's files at these paths."""

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
        """Title the picture and write it three times, the table behind it, and its statistics.

        Parameters
        ----------
        figure
            The drawing; gets the context's title unless it has one. Saved without time
            stamps, so that equal drawings give equal files.
        table
            Tidy values that the picture shows.
        statistics
            n's, effect sizes, tests; NaN becomes null.
        context
            From the rule; all its fields go into the statistics file.
        scorecard
            The paper's numbers that this figure has values for.
        """
        if not figure.get_suptitle():
            figure.suptitle(context.title, fontsize=9)
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
    """Return the versions of Python and of the packages that a result depends on."""
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
