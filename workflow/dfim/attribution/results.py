"""What attribution methods deliver: profiles, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Array = np.ndarray
Wanted = Literal["scores", "contributions", "hypothetical"]


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
    """

    output: int | str = 0
    unit: int = 0


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
    gap : float32 (N,)
        Completeness: |sum of all contributions - (target - base)|, without the
        observed-base mask; NaN without references.
    """

    scores: Array
    target: Array
    base: Array
    gap: Array


@dataclass(frozen=True)
class Block:
    """The results of some rows and all T tasks, as a method delivers them.

    Attributes
    ----------
    rows : slice or int (n,)
    values : float32 (T, n, L) or (T, n, L, 4)
        Scores, or the (hypothetical) contributions where those were asked for.
    target, base, gap : float32 (T, n)
        Of use only beside scores.
    """

    rows: slice | Array
    values: Array
    target: Array
    base: Array
    gap: Array
