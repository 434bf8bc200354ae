"""Records of attribution: heads, profiles, how they were made, and the convergence delta."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol
from weakref import WeakSet

import numpy as np

Array = np.ndarray
Wanted = Literal["scores", "contributions", "hypothetical"]
TOLERATED = 0.01  # median convergence delta, as a fraction of the median change of the logit
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Head:
    """One number of one output of a network: a task.

    Attributes
    ----------
    output : int or str
        Index of the output, its name, or the name of a layer to be taken as the output.
    unit : int
        Column of that output; where it is not one row of numbers, counted over its
        positions and channels in row order.

    Examples
    --------
    >>> from dfim.attribution import Head
    >>> Head()
    Head(output=0, unit=0)
    >>> [Head("profile", unit) for unit in range(2)]
    [Head(output='profile', unit=0), Head(output='profile', unit=1)]
    """

    output: int | str = 0
    unit: int = 0


@dataclass(frozen=True)
class Description:
    """How an attributor scores: what a file of its results records.

    Attributes
    ----------
    method : str
    maxpool_rule : str or None
        "winner" or "complete"; None where the method has no rule of its own.
    observed : bool
        Whether profiles keep the contribution of the observed base only.
    steps : int or None
        Gradients between a reference and a sequence; None where the method has no path.
    batch_size : int
        Another one may change the last bits of results.
    heads : tuple of Head
        What is scored, one per task.
    held : dict of str to str
        Digests of additional (fixed) inputs whose values were given.
    """

    method: str
    maxpool_rule: str | None
    observed: bool
    steps: int | None
    batch_size: int
    heads: tuple[Head, ...]
    held: dict[str, str]

    def values(self) -> dict[str, object]:
        """Give the fields as JSON values; those that are None left out, heads as pairs."""
        heads = [(head.output, head.unit) for head in self.heads]
        values = {**vars(self), "heads": heads, "held": dict(self.held)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Profiles:
    """Importance of every position of N sequences, a mean over their references.

    Where several tasks are scored (`Attributor.tasks`), each array has them as a first axis.

    Attributes
    ----------
    scores : float32 (N, L)
        In units of the logit.
    target : float32 (N,)
        Logit of each sequence.
    base : float32 (N,)
        Mean logit of its references; NaN without references.
    convergence_delta : float32 (N,)
        Completeness error: |sum of all contributions - (target - base)|, without the
        observed-base mask; NaN without references.
    """

    scores: Array
    target: Array
    base: Array
    convergence_delta: Array


@dataclass(frozen=True)
class Block:
    """Results of some rows and all T tasks.

    Attributes
    ----------
    rows : slice or int (n,)
    values : float32 (T, n, L) or (T, n, L, 4)
        Scores, or the (hypothetical) contributions where those were asked for.
    target, base, convergence_delta : float32 (T, n)
        Of use only beside scores.
    """

    rows: slice | Array
    values: Array
    target: Array
    base: Array
    convergence_delta: Array


class Method(Protocol):
    """The fields of an attributor that decide the advice of a warning."""

    @property
    def method(self) -> str:
        """As given to `make_attributor`."""

    @property
    def maxpool_rule(self) -> str | None:
        """Rule of max pooling."""

    @property
    def steps(self) -> int | None:
        """Gradients between a reference and a sequence."""


_warned: WeakSet[Method] = WeakSet()


def relative_convergence_delta(delta: Array, change: Array) -> float:
    """Compare convergence deltas with what the contributions should add up to.

    Parameters
    ----------
    delta : float32 (...)
        Convergence deltas (`Profiles.convergence_delta`); NaN where unknown.
    change : float32 (...)
        Logits minus mean logits of the references, of the same rows.

    Returns
    -------
    float
        Median delta over median |change|; NaN where no delta is known, or nothing changes.
    """
    measured = np.isfinite(delta)
    if not measured.any():
        return float("nan")
    size = float(np.median(np.abs(change[measured])))
    return float(np.median(delta[measured])) / size if size > 0 else float("nan")


def warn_of_convergence_delta(attributor: Method, delta: Array, change: Array) -> None:
    """Log, once per attributor, that contributions miss the change of the logit by over 1 %.

    Parameters
    ----------
    attributor : Attributor
    delta, change : float32 (...)
        As for `relative_convergence_delta`.
    """
    share = relative_convergence_delta(delta, change)
    if not share > TOLERATED or attributor in _warned:
        return
    _warned.add(attributor)
    if attributor.maxpool_rule == "winner":
        advice = "with these references use maxpool_rule 'complete'"
    elif attributor.steps is not None:
        advice = f"use more steps than {attributor.steps}"
    else:
        advice = "compare with method 'gradient_input'"
    log.warning(
        "%s: contributions miss the change of the logit by %.2g %% (median of n = %d); %s",
        attributor.method, 100 * share, int(np.isfinite(delta).sum()), advice,
    )  # fmt: skip
