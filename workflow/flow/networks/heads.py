"""Which column of a network's outputs answers for which task, and its importance method."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from dfim.attribution.base import Attributor
    from dfim.attribution.results import Head


def task_heads(
    model: "keras.Model", tasks: Sequence[str], declared: Mapping[str, Any]
) -> dict[str, "Head"]:
    """The head of each task.

    Parameters
    ----------
    model
        The study's network.
    tasks
        Names of the labels; none where the examples have no labels.
    declared
        The study's `model`: `heads` (task: column, counted over all outputs) for
        several tasks, `output` and `unit` for one.

    Returns
    -------
    dict
        By task, in the order of the labels; "" stands for the one head of a study
        without labels. Without `heads`, column k belongs to task k.

    Raises
    ------
    ValueError
        When the network has no such column.
    """
    from dfim.attribution.logits import columns_of
    from dfim.attribution.results import Head

    columns, given = columns_of(model), declared.get("heads")
    if len(tasks) < 2 and given is None:
        head = Head(declared.get("output", 0), declared.get("unit", 0))
        return {(tasks[0] if tasks else ""): head}
    numbers = [given[task] for task in tasks] if given else list(range(len(tasks)))
    if max(numbers) >= len(columns):
        raise ValueError(
            f"model.heads: task {tasks[numbers.index(max(numbers))]!r} is column "
            f"{max(numbers)}, but the network has {len(columns)} columns in "
            f"{len(model.outputs)} outputs; expected one per task"
        )
    return {task: columns[number] for task, number in zip(tasks, numbers, strict=True)}


def head_attributor(
    network: "keras.Model", head: "Head", settings: Mapping[str, Any]
) -> "Attributor":
    """The importance method of an analysis on one head of a network."""
    from dfim.attribution.factory import make_attributor

    return make_attributor(
        network,
        settings["attribution"],
        output=head.output,
        unit=head.unit,
        maxpool_rule=settings["maxpool_rule"],
        steps=settings["ig_steps"],
        observed=settings["mask_observed"],
    )
