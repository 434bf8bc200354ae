"""Which sequences of a study an analysis scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.store import SPLITS, Examples


def select_rows(
    examples: Examples, logits: NDArray[np.floating], select: Mapping[str, Any]
) -> NDArray[np.int64]:
    """Rows of the examples that a `select` declaration asks for, in their order.

    Parameters
    ----------
    examples
        All sequences of the study.
    logits
        (N,) the network's output for them.
    select
        `groups`, `splits`, `positive_only`, `correct_only`, `limit`; each is
        optional and narrows the choice.

    Raises
    ------
    ValueError
        For a group that no sequence has, or when nothing is left.
    """
    kept = np.ones(len(examples), bool)
    if "groups" in select:
        unknown = sorted(set(select["groups"]) - set(examples.groups.tolist()))
        if unknown:
            raise ValueError(
                f"select.groups: no sequence in group {unknown[0]!r}; "
                f"there are {sorted(set(examples.groups.tolist()))}"
            )
        kept &= np.isin(examples.groups, select["groups"])
    if "splits" in select:
        kept &= np.isin(examples.splits, [SPLITS.index(part) for part in select["splits"]])
    if select.get("positive_only"):
        kept &= _labels(examples, "positive_only") == 1
    if select.get("correct_only"):
        kept &= (logits > 0) == (_labels(examples, "correct_only") == 1)
    rows = np.flatnonzero(kept)[: select.get("limit")]
    if not rows.size:
        raise ValueError(f"select: {dict(select)} leaves no sequence of {len(examples):,}")
    return rows


def _labels(examples: Examples, key: str) -> NDArray[np.int8]:
    if not examples.tasks:
        raise ValueError(f"select.{key}: needs labels, and the examples have none")
    return examples.labels[:, 0]
