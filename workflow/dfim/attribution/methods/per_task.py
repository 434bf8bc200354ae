"""Several tasks by a method that knows only one: an attributor for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dfim.attribution.base import Array, Attributor, Block, Wanted


class PerTask(Attributor):
    """Attributors of one model and method, one a task.

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
        self.method, self.plan, self.length = first.method, first.plan, first.length
        self.batch_size, self.needs_references = first.batch_size, first.needs_references
        if hasattr(first, "steps"):
            self.steps = first.steps

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        return np.stack([one.predict_logit(X) for one in self.attributors])

    def describe(self) -> dict[str, object]:  # noqa: D102 (see Attributor)
        own = super().describe()
        return self.attributors[0].describe() | {n: own[n] for n in ("heads", "held")}

    def reachable(  # noqa: D102 (see Attributor)
        self, source_start: Array, source_end: Array, target_start: Array, target_end: Array
    ) -> Array:
        spans = source_start, source_end, target_start, target_end
        return np.any([one.reachable(*spans) for one in self.attributors], axis=0)

    def structural_reach(self) -> int | None:  # noqa: D102 (see Attributor)
        reaches = [one.structural_reach() for one in self.attributors]
        return None if None in reaches else max(reaches)

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        arguments = X, references, reference_of, wanted
        for parts in zip(*(one._blocks(*arguments) for one in self.attributors), strict=True):
            names = ("values", "target", "base", "gap")
            joined = (np.concatenate([getattr(part, n) for part in parts]) for n in names)
            yield Block(parts[0].rows, *joined)
