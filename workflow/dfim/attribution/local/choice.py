"""Choose how mutants are scored (cones, crops, whole sequences) by counting operations.

For a network of 12 bases (a convolution of width 3, a max pooling by 2, a dense output) and
a mutated base at position 5 (s: the cone of the source, what the mutation changes):

    input         . . . . . s . . . . . .      1 of 12 positions
    convolution   . . . s s s . . . .          3 of 10
    max pooling   .   s   s   .   .            2 of  5
    output        s                            joins all positions

A target of one base has a cone of the same sizes. With E targets, the convolution is computed
forward at 3 positions, and back at 3 for each target and, as the targets of an original are
shared by its mutants, 3 for those: 3 + 3 (E + 1) positions instead of 2 x 10 (there and back
over the whole sequence). That saves work for few targets. For many it is cheaper to take one
target, all bases that the mutation can interact with: here the 6 bases 2 to 7 (`reach_of`),
whose cone has 8 positions of the convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from dfim.attribution.engine.costs import flops_per_profile
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.cones import cone, reach_of
from dfim.attribution.local.crop_geometry import obstacle, saves_work
from dfim.attribution.local.spans import Span, size_class

# Half of the operations must be saved: cutting positions out and putting them together costs
# about as much as it costs to compute them (docs/benchmark.md).
WORTHWHILE = 0.5


@dataclass(frozen=True)
class Choice:
    """A way to score mutants of one width, and the importance of which bases.

    Attributes
    ----------
    width : int
        Bases of the mutated interval, rounded up (`dfim.attribution.local.spans.CLASSES`).
    size : int
        Bases of a target, rounded up.
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

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for choices that one scorer serves."""
        return self.crops, self.width, self.size, self.reach is None


def all_in_reach(engine: Engine, width: int) -> Choice:
    """Make the choice to score all that a mutation can change, as one target.

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


def given_targets(engine: Engine, width: int, size: int, each: int) -> Choice:
    """Make the choice to score given targets only.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.
    size : int
        Bases of the widest target.
    each : int
        Targets of the mutant.

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
    targets: tuple[tuple[int, int], ...],
    *,
    changes_only: bool = False,
    always: bool = False,
) -> dict[int, Choice]:
    """Find the cheapest exact way to score a mutant, by operations and never by a timing.

    Parameters
    ----------
    engine : Engine
    width : int
        Bases of the mutated interval.
    targets : tuple of (int, int)
        Bases of the mutant's targets, each size once, and the number of targets of that size.
    changes_only : bool
        Whether the importance in the original is not wanted.
    always : bool
        Whether whole profiles are no choice, even where they cost less.

    Returns
    -------
    dict of int to Choice
        How the targets of each size are scored; empty where profiles of whole sequences cost
        less.
    """
    key = choose, width, targets, changes_only, always
    if key not in engine.made:
        engine.made[key] = _chosen(engine, width, targets, changes_only, always)
    return engine.made[key]


def _chosen(
    engine: Engine,
    width: int,
    targets: tuple[tuple[int, int], ...],
    changes_only: bool,
    always: bool,
) -> dict[int, Choice]:
    if changes_only and obstacle(engine.plan) is None and saves_work(engine.plan, width):
        # The whole original is never looked at, so few mutants per sequence pay off too.
        width = int(size_class(width, engine.length))
        crops = Choice(width, engine.length, None, 0.0, crops=True)
        return dict.fromkeys((size for size, _ in targets), crops)
    key = all_in_reach, width
    if key not in engine.made:
        engine.made[key] = all_in_reach(engine, width)
    reach: Choice = engine.made[key]
    choices = {size: given_targets(engine, width, size, each) for size, each in targets}
    flops = sum(choice.flops for choice in choices.values())
    if reach.flops <= flops:
        choices, flops = dict.fromkeys(choices, reach), reach.flops
    whole = flops_per_profile(engine.plan, reveal_cancel=engine.method == "deeplift")
    return choices if always or flops < WORTHWHILE * whole else {}


def _flops(engine: Engine, width: int, size: int, targets: int) -> float:
    source, target = _cone_sizes(engine, width), _cone_sizes(engine, size)
    positions = {i: source[i] + targets * target[i] for i in source}
    reveal = engine.method == "deeplift"
    return flops_per_profile(engine.plan, reveal_cancel=reveal, positions=positions)


def _cone_sizes(engine: Engine, width: int) -> dict[int, int]:
    """Positions of each local node that an interval of the input can change."""
    key = _cone_sizes, width
    if key not in engine.made:
        spans = cone(engine.plan, width, "anywhere")
        engine.made[key] = {i: span.size for i, span in spans.items()}
    return engine.made[key]
