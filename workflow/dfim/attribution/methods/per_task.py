"""Score several tasks by a method of one task: one attributor per task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dfim.attribution.base import Attributor
from dfim.attribution.checks import ReferenceGroups
from dfim.attribution.results import Array, Block, Wanted


class PerTask(Attributor):
    """Scores several tasks by attributors of one model and method, one per task.

    Parameters
    ----------
    attributors : sequence of Attributor
        Of one task each.

    Notes
    -----
    Cost: that of all of them; `dfim.attribution.engine.engine.Engine` shares the forward pass.
    """

    def __init__(self, attributors: Sequence[Attributor]) -> None:
        first = attributors[0]
        self.attributors, self.tasks = attributors, len(attributors)
        self.method, self.length, self.batch_size = first.method, first.length, first.batch_size
        self.needs_references, self.observed = first.needs_references, first.observed
        self.maxpool_rule, self.steps = first.maxpool_rule, first.steps

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        return np.stack([one.predict_logit(X) for one in self.attributors])

    def reachable(  # noqa: D102 (see Attributor)
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        spans = source_start, source_end, target_start, target_end
        return np.any([one.reachable(*spans) for one in self.attributors], axis=0)

    def structural_reach(self) -> int | None:  # noqa: D102 (see Attributor)
        largest = 0
        for one in self.attributors:
            reach = one.structural_reach()
            if reach is None:
                return None
            largest = max(largest, reach)
        return largest

    def _blocks(
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        arguments = X, references, wanted
        for parts in zip(*(one._blocks(*arguments) for one in self.attributors), strict=True):
            names = ("values", "target", "base", "convergence_delta")
            joined = (np.concatenate([getattr(part, n) for part in parts]) for n in names)
            yield Block(parts[0].rows, *joined)
