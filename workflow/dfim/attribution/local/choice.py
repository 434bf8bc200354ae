"""Which mutants are scored in windows, and how: decided by counting operations."""

from __future__ import annotations

from dataclasses import dataclass

from dfim.attribution.engine.costs import flops_per_profile
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.cones import Span, cone, local_nodes, reach_of, size_class
from dfim.attribution.local.crop_geometry import obstacle, saves_work

# Windows must save half of the operations: cutting them out and putting them together costs
# about as much as it costs to compute them (docs/benchmark.md).
WORTHWHILE = 0.5


@dataclass(frozen=True)
class Choice:
    """How mutants of a width are scored, and the importance of which bases.

    Attributes
    ----------
    width : int
        Class of the mutated interval (`dfim.attribution.local.cones.CLASSES`).
    size : int
        Class of a target.
    reach : Span or None
        The target of each source, where that is all that it can change; None where targets
        are given.
    flops : float
        Operations of a mutant's matrix products.
    crops : bool
        Whether sequences are cut (`dfim.attribution.local.cropped`).
    """

    width: int
    size: int
    reach: Span | None
    flops: float
    crops: bool = False


def all_in_reach(engine: Engine, width: int) -> Choice:
    """Score all that a mutation can change.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.

    Returns
    -------
    Choice
    """
    width = int(size_class(width, engine.length))
    reach = reach_of(engine.plan, width)
    # The original's importance there is another target, unless it is the same for all.
    flops = _flops(engine, width, reach.size, 1 if reach.size == engine.length else 2)
    return Choice(width, reach.size, reach, flops)


def given_targets(engine: Engine, width: int, size: int, each: float) -> Choice:
    """Score given targets only.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.
    size : int
        Bases of the widest target.
    each : float
        Targets of a mutant, about.

    Returns
    -------
    Choice
    """
    width, size = (int(size_class(n, engine.length)) for n in (width, size))
    # Targets of the original are shared by the mutants of a sequence.
    return Choice(width, size, None, _flops(engine, width, size, each + 1))


def choose(
    engine: Engine,
    width: int,
    size: int | None = None,
    each: float = 1,
    *,
    changes_only: bool = False,
    always: bool = False,
) -> Choice | None:
    """Find the cheapest exact way to score mutants, by operations and never by a timing.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.
    size, each : optional
        As `given_targets`; the importance of all bases is wanted where not given.
    changes_only : bool
        Whether the importance in the original is not wanted.
    always : bool
        Whether windows are used even where that saves nothing.

    Returns
    -------
    Choice or None
        None where profiles of whole sequences cost less.
    """
    key = choose, width, size, each, changes_only, always
    if key not in engine.made:
        engine.made[key] = _chosen(engine, width, size, each, changes_only, always)
    return engine.made[key]


def _chosen(
    engine: Engine,
    width: int,
    size: int | None,
    each: float,
    changes_only: bool,
    always: bool,
) -> Choice | None:
    if changes_only and obstacle(engine.plan) is None and saves_work(engine.plan, width):
        # The whole original is never looked at, so few mutants a sequence pay off too.
        width = int(size_class(width, engine.length))
        return Choice(width, engine.length, None, 0.0, crops=True)
    choices = [all_in_reach(engine, width)]
    if size is not None:
        choices.append(given_targets(engine, width, size, each))
    best = min(choices, key=lambda choice: choice.flops)
    whole = flops_per_profile(engine.plan, reveal_cancel=engine.method == "deeplift")
    return best if always or best.flops < WORTHWHILE * whole else None


def _flops(engine: Engine, width: int, size: int, targets: float) -> float:
    plan, local = engine.plan, local_nodes(engine.plan)
    source, target = cone(plan, local, width, "source"), cone(plan, local, size, "target")
    positions = {i: source[i].size + targets * target[i].size for i in source}
    reveal = engine.method == "deeplift"
    return flops_per_profile(plan, reveal_cancel=reveal, positions=positions)
