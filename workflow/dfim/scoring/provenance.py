"""How scores were made: method, model, settings, units and sign, kept with every result."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from dfim.attribution.base import Attributor
from dfim.scoring.settings import ScoringSettings

_KEY = "score_info"  # the attribute of a file


@dataclass(frozen=True)
class ScoreInfo:
    """What tells scores of one run from those of another.

    Attributes
    ----------
    method
        Importance method, as given to `dfim.make_attributor`.
    model
        Digest of the model (`dfim.models.loading.model_digest`); "" where unknown.
    importance
        Further choices of the method: max-pooling rule, heads, additional inputs, batch size.
    settings
        The fields of `ScoringSettings`.
    index
        Name of the score: "FIS", Feature Interaction Score.
    units
        Of the scores.
    sign
        What is subtracted from what.

    Examples
    --------
    >>> info = ScoreInfo("deeplift", "0123456789abcdef", settings={"references": "gc"})
    >>> print(info)
    FIS (logit, original - mutant) by deeplift, model 0123456789abcdef, references gc
    >>> ScoreInfo.from_record(info.record()) == info
    True
    """

    method: str
    model: str = ""
    importance: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    index: str = "FIS"
    units: str = "logit"
    sign: str = "original - mutant"

    @classmethod
    def of(
        cls,
        attributor: Attributor,
        settings: ScoringSettings,
        *,
        model: str | None = None,
        task: int | None = None,
    ) -> "ScoreInfo":
        """Describe scores by an attributor.

        Parameters
        ----------
        attributor
            Importance method on a model.
        settings
            Scoring choices.
        model
            Digest of the model; by default the one that `dfim.make_attributor` took.
        task
            Which of the attributor's tasks the scores are of; all of them where None.
        """
        described = _json({**attributor.describe()})
        if task is not None and len(described["heads"]) > task:
            described["heads"] = described["heads"][task : task + 1]
        return cls(
            method=described.pop("method", type(attributor).__name__),
            model=attributor.model_digest if model is None else model,
            importance=described,
            settings=_json(asdict(settings)),
        )

    def record(self) -> dict[str, Any]:
        """Give the fields as JSON values, for tables (`DataFrame.attrs`) and files."""
        return _json(asdict(self))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ScoreInfo":
        """Undo `record`; a `ValueError` where that is not what was given."""
        names = {one.name for one in fields(cls)}
        if set(record) != names:
            raise ValueError(f"score info: got {sorted(record)}, expected {sorted(names)}")
        return cls(**record)

    def attributes(self) -> dict[str, Any]:
        """Give the attributes under which a file of scores keeps this record."""
        return {_KEY: self.record()}

    @classmethod
    def from_attributes(
        cls, attributes: Mapping[str, Any], path: str | os.PathLike[str]
    ) -> "ScoreInfo":
        """Read the record of a file of scores.

        Raises
        ------
        ValueError
            A file without it, as older versions wrote.
        """
        if not isinstance(attributes.get(_KEY), Mapping):
            raise ValueError(
                f"{path}: does not say by which method and model its scores were made "
                f"(attribute {_KEY!r} is missing, as in files of older versions); score again"
            )
        return cls.from_record(attributes[_KEY])

    def differences(self, other: "ScoreInfo") -> list[str]:
        """Name the fields in which two records differ, with the entries of a mapping.

        Examples
        --------
        >>> one = ScoreInfo("deeplift", "0123456789abcdef", settings={"references": "gc"})
        >>> other = ScoreInfo("mutagenesis", "0123456789abcdef")
        >>> one.differences(other)
        ['method', 'settings (references)']
        """
        names = []
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if mine == theirs:
                continue
            entries = ""
            if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
                differ = (n for n in sorted({*mine, *theirs}) if mine.get(n) != theirs.get(n))
                entries = f" ({', '.join(differ)})"
            names.append(one.name + entries)
        return names

    def __str__(self) -> str:
        rule = self.importance.get("maxpool_rule")
        parts = [
            f"{self.index} ({self.units}, {self.sign}) by {self.method}"
            + (f" ({rule})" if rule else ""),
            f"model {self.model or 'unknown'}",
        ]
        if "references" in self.settings:
            parts.append(f"references {self.settings['references']}")
        return ", ".join(parts)


UNRECORDED = ScoreInfo("unrecorded")
"""Of scores that were put together by hand."""


def require_same_info(infos: Iterable[ScoreInfo], action: str) -> ScoreInfo:
    """Return the record that all share.

    Parameters
    ----------
    infos
        At least one.
    action
        What is to be done with the scores, for the message: "join", "compare".

    Raises
    ------
    ValueError
        Scores of different methods, models or settings.
    """
    first, *others = infos
    for other in others:
        names = first.differences(other)
        if names:
            raise ValueError(
                f"scores: cannot {action} scores that differ in {', '.join(names)}: got "
                f"{first}, and {other}; expected one method, model and settings"
            )
    return first


def _json(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Give a value as JSON reads it back: tuples as lists, NumPy's numbers as Python's."""
    return json.loads(json.dumps(value, default=lambda number: number.item()))
