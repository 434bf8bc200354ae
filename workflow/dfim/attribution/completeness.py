"""Whether contributions add up to the change of the logit, and what to say where not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakSet

import numpy as np

if TYPE_CHECKING:
    from dfim.attribution.base import Attributor

Array = np.ndarray
TOLERATED = 0.01
log = logging.getLogger(__name__)
_warned: WeakSet[Attributor] = WeakSet()


def relative_gap(gap: Array, change: Array) -> float:
    """Compare completeness errors with what the contributions should add up to.

    Parameters
    ----------
    gap : float32 (...)
        Completeness errors (`Profiles.gap`); NaN where unknown.
    change : float32 (...)
        Logits minus mean logits of the references, of the same rows.

    Returns
    -------
    float
        Median error over median |change|; NaN where no error is known, or nothing changes.
    """
    known = np.isfinite(gap)
    if not known.any():
        return float("nan")
    size = float(np.median(np.abs(change[known])))
    return float(np.median(gap[known])) / size if size > 0 else float("nan")


def warn_of_gap(attributor: Attributor, gap: Array, change: Array) -> None:
    """Say once for an attributor that its contributions do not add up, where they miss 1 %.

    Parameters
    ----------
    attributor : Attributor
    gap, change : float32 (...)
        As for `relative_gap`.
    """
    share = relative_gap(gap, change)
    if not share > TOLERATED or attributor in _warned:
        return
    _warned.add(attributor)
    rule, steps = getattr(attributor, "maxpool_rule", None), getattr(attributor, "steps", None)
    if rule == "winner":
        way_out = "with these references use maxpool_rule 'complete'"
    elif steps is not None:
        way_out = f"use more steps than {steps}"
    else:
        way_out = "compare with method 'gradient_input'"
    log.warning(
        "%s: contributions miss the change of the logit by %.2g %% (median of n = %d); %s",
        attributor.method, 100 * share, int(np.isfinite(gap).sum()), way_out,
    )  # fmt: skip
