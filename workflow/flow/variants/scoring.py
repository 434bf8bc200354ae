"""Scoring of a collection of variants: each set with the output of its own task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.scoring.provenance import ScoreInfo, require_same_info
from dfim.scoring.settings import Progress, ScoringSettings
from dfim.sequences.encoding import one_hot
from dfim.variants.fis import score_variants
from dfim.variants.null import VariantNull, score_variant_null
from dfim.variants.scores import VariantScores
from flow.networks.heads import head_attributor, task_heads

if TYPE_CHECKING:
    import keras

    from dfim.attribution.base import Attributor

Part = TypeVar("Part", VariantScores, VariantNull)


@dataclass(frozen=True)
class VariantScorer:
    """A network with the settings of an analysis of variants.

    Attributes
    ----------
    network
        Network of the study.
    declared, tasks
        Its declaration in the config, and the names of its tasks.
    settings
        Settings of the analysis, with `task_of_set`.
    seed
        Seed of references and shuffles, the same for every part of the variants.
    """

    network: "keras.Model"
    declared: Mapping[str, Any]
    tasks: Sequence[str]
    settings: Mapping[str, Any]
    seed: int
    _attributors: dict[str, "Attributor"] = field(default_factory=dict, repr=False)

    @property
    def info(self) -> ScoreInfo:
        """How all scores of the collection are made; its heads are those of all sets."""
        settings = ScoringSettings.choose(self.settings)
        infos = [
            ScoreInfo.of(self.attributor(name), settings)
            for name in self.settings["task_of_set"]
        ]
        return _joint_info(infos)

    def scores(
        self, codes: NDArray[np.uint8], rows: pd.DataFrame, progress: Progress | None = None
    ) -> VariantScores:
        """Score variants; results are in their order.

        Parameters
        ----------
        codes
            (n, L) codes of the input sequences.
        rows
            Table of n rows with the columns set and alt.
        progress
            As for `score_variants`.
        """

        def score(attributor: "Attributor", chosen: NDArray[np.int64]) -> VariantScores:
            if attributor.length != codes.shape[1]:
                raise ValueError(
                    f"variants: window is {codes.shape[1]} bp, but the network reads "
                    f"{attributor.length}; make them equal"
                )
            return score_variants(
                attributor,
                one_hot(codes[chosen]),
                alleles=rows["alt"].to_numpy()[chosen].tolist(),
                settings=ScoringSettings.choose(self.settings),
                rng=np.random.default_rng(self.seed),
                progress=progress,
            )

        return self._by_task(rows, score)

    def null(
        self,
        codes: NDArray[np.uint8],
        rows: pd.DataFrame,
        scores: VariantScores,
        *,
        n: int,
        half_width: int | None,
        progress: Progress | None = None,
    ) -> VariantNull:
        """Test the FIS of each variant with `score_variant_null`."""

        def score(attributor: "Attributor", chosen: NDArray[np.int64]) -> VariantNull:
            return score_variant_null(
                attributor,
                one_hot(codes[chosen]),
                scores.select(chosen),
                n=n,
                half_width=half_width,
                settings=ScoringSettings.choose(self.settings),
                rng=np.random.default_rng([self.seed, 1]),
                progress=progress,
            )

        return self._by_task(rows, score)

    def attributor(self, name: str) -> "Attributor":
        """Return the importance method on the output that a set is scored with, made once."""
        task = self.settings["task_of_set"][name] or ""
        if task not in self._attributors:
            heads = task_heads(self.network, self.tasks, self.declared)
            self._attributors[task] = head_attributor(self.network, heads[task], self.settings)
        return self._attributors[task]

    def rows_a_batch(self, rows: pd.DataFrame) -> int:
        """Count the variants whose four inputs each fill whole batches of the network."""
        return self.attributor(str(rows["set"].iloc[0])).batch_size

    def _by_task(
        self, rows: pd.DataFrame, score: Callable[["Attributor", NDArray[np.int64]], Part]
    ) -> Part:
        """Score the rows of each task and put the results into the order of `rows`."""
        task = rows["set"].map(self.settings["task_of_set"]).fillna("")
        parts, places = [], []
        for _, members in rows.groupby(task.to_numpy(), sort=False):
            chosen = rows.index.get_indexer(members.index)
            parts.append(score(self.attributor(str(members["set"].iloc[0])), chosen))
            places.append(chosen)
        parts = [replace(part, info=self.info) for part in parts]
        order = np.argsort(np.concatenate(places), kind="stable")
        return type(parts[0]).concatenate(parts).select(order)


def _joint_info(infos: Sequence[ScoreInfo]) -> ScoreInfo:
    """Describe scores of several tasks together: the heads of all, in order of appearance."""
    heads: list[Any] = []
    for info in infos:
        heads += [head for head in info.importance.get("heads", []) if head not in heads]
    joint = [replace(i, importance={**i.importance, "heads": heads}) for i in infos]
    return require_same_info(joint, "join")
