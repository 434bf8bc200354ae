"""How well a network predicts measured flanks, beside what their replicates allow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.flanks.betseq import Measurements


@dataclass(frozen=True)
class FlankMetrics:
    """Predicted against measured ΔΔG of some flanks, both centred on them.

    Attributes
    ----------
    n_flanks, n_values
        Flanks, and measurements of them in all replicates.
    rmse
        Of the prediction against single measurements, kcal/mol.
    noise
        Standard deviation of single measurements within a flank, pooled; None without
        replicates. The RMSE to expect of a network without error.
    r2
        Squared correlation of the prediction with the mean of the replicates; None where
        either is constant.
    r2_ceiling
        The same for a network without error: the share of the variance of those means
        that is not noise. None without replicates.
    """

    n_flanks: int
    n_values: int
    rmse: float
    noise: float | None
    r2: float | None
    r2_ceiling: float | None


def flank_metrics(
    predicted: NDArray[np.floating], measured: Measurements, rows: NDArray[np.bool_]
) -> FlankMetrics:
    """Measure a prediction on some of the flanks.

    Parameters
    ----------
    predicted
        (4^10,) ΔΔG of every flank.
    measured
        Measurements of M flanks.
    rows
        (M,) mask: which of them.

    Raises
    ------
    ValueError
        Fewer than three flanks.
    """
    if rows.sum() < 3:
        raise ValueError(
            f"flanks: got {rows.sum()} to measure a network on, expected at least 3"
        )
    values = measured.centred()[rows].astype(np.float64)
    n = np.isfinite(values).sum(axis=1)
    means = np.nansum(values, axis=1) / n
    of_flank = predicted[measured.index[rows]].astype(np.float64)
    of_flank -= of_flank.mean() - means.mean()
    errors = (values - of_flank[:, None])[np.isfinite(values)]
    within = np.nansum((values - means[:, None]) ** 2)
    freedom = int((n - 1).sum())
    noise = float(np.sqrt(within / freedom)) if freedom else None
    ceiling = None
    if noise is not None and np.var(means) > 0:
        ceiling = float(1 - noise**2 * np.mean(1 / n) / np.var(means))
    return FlankMetrics(
        n_flanks=int(rows.sum()),
        n_values=int(n.sum()),
        rmse=float(np.sqrt(np.mean(errors**2))),
        noise=noise,
        r2=squared_correlation(of_flank, means),
        r2_ceiling=ceiling,
    )


def squared_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float | None:
    """Squared Pearson correlation; None where either is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1] ** 2)
