"""What attribution methods deliver: profiles, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Array = np.ndarray
Wanted = Literal["scores", "contributions", "hypothetical"]


@dataclass(frozen=True)
class Profiles:
    """Importance of every position of N sequences, a mean over their references.

    Attributes
    ----------
    scores : float32 (N, L)
        In units of the logit.
    target : float32 (N,)
        Logit of each sequence.
    gap : float32 (N,)
        Completeness: |sum of all contributions - (target - mean target of the
        references)|, without the observed-base mask; NaN without references.
    """

    scores: Array
    target: Array
    gap: Array


@dataclass(frozen=True)
class Block:
    """The results of consecutive rows, as a method delivers them.

    Attributes
    ----------
    rows : slice
    values : float32 (n, L) or (n, L, 4)
        Scores, or the (hypothetical) contributions where those were asked for.
    target, gap : float32 (n,)
        Of use only beside scores.
    """

    rows: slice
    values: Array
    target: Array
    gap: Array
