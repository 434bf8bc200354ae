"""Mutants for tests of windows, and their differences by whole profiles."""

from dataclasses import dataclass

import numpy as np

from dfim.attribution.local.choice import Choice
from dfim.attribution.local.cones import reach_of
from helpers.small_models import one_hot

KINDS = ("gc", "shared", "own", "groups")


def reach_choice(engine, width):
    """All that a mutation of exactly so many bases can change (classes are coarse)."""
    reach = reach_of(engine.plan, width)
    return Choice(width, reach.size, reach, 1.0)


def target_choice(engine, width, size):
    """Given targets of exactly so many bases."""
    return Choice(width, size, None, 1.0)


def references_for(kind, rng, n, length):
    """References and the group of each of n sequences."""
    match kind:
        case "gc":
            constant = np.float32([0.27, 0.23, 0.23, 0.27])
            return np.tile(constant, (1, 1, length, 1)), None
        case "shared":
            return one_hot(rng, 2, length)[None], None
        case "own":
            return one_hot(rng, 2 * n, length).reshape(n, 2, length, 4), np.arange(n)
        case "groups":
            return one_hot(rng, 2, length)[:, None], np.arange(n) % 2


@dataclass(frozen=True)
class Mutants:
    """Mutated intervals, what stands in them, and targets."""

    X: np.ndarray
    rows: np.ndarray
    start: np.ndarray
    end: np.ndarray
    columns: np.ndarray
    of: np.ndarray
    first: np.ndarray

    @classmethod
    def draw(cls, rng, *, width, size, length, n=3, m=14):
        """Intervals up to `width` and targets of `size` at both ends and anywhere.

        Sequences have N, a run of one base and a repeat (ties of poolings); some mutants
        are of one interval, some targets overlap, and some mutants have several.
        """
        X = one_hot(rng, n, length)
        X[0, 5:9] = 0
        X[-1, 4 : length // 2] = np.eye(4, dtype=np.uint8)[0]
        X[n // 2, length // 2 : length - length % 2] = np.eye(4, dtype=np.uint8)[
            np.tile([1, 3], length)[: length - length % 2 - length // 2]
        ]
        rows = np.sort(rng.integers(0, n, m))
        wide = rng.integers(1, width + 1, m)
        wide[:2] = width
        start = rng.integers(0, length + 1 - wide)
        start[0], start[1] = 0, length - width
        start[-1], wide[-1], rows[-1] = start[-2], wide[-2], rows[-2]
        columns = rng.dirichlet(np.ones(4), (m, width)).astype(np.float32)
        columns[::3] = np.eye(4, dtype=np.float32)[rng.integers(0, 4, columns[::3].shape[:2])]
        columns[1] = 0
        of = np.sort(np.append(np.arange(m), rng.integers(0, m, m // 2)))
        first = rng.integers(0, length + 1 - size, len(of))
        first[:3] = length - size, 0, length - size
        return cls(X, rows, start, start + wide, columns, of, first)

    @property
    def whole(self):
        """Originals, then mutants (N + M, L, 4)."""
        mutants = self.X[self.rows].astype(np.float32)
        for mutant, start, end, columns in zip(
            mutants, self.start, self.end, self.columns, strict=True
        ):
            mutant[start:end] = columns[: end - start]
        return np.concatenate([self.X.astype(np.float32), mutants])

    def chosen(self, which):
        """Some of the mutants, renumbered, with their targets."""
        asked, number = self.targets_of(which, self.of)
        return Mutants(
            self.X, self.rows[which], self.start[which], self.end[which], self.columns[which],
            number, self.first[asked],
        )  # fmt: skip

    @staticmethod
    def targets_of(which, of):
        """Targets of the mutants `which` in their order, and the new numbers of these."""
        asked = [np.flatnonzero(of == mutant) for mutant in which]
        number = np.repeat(np.arange(len(which)), [len(part) for part in asked])
        return np.concatenate([np.arange(0), *asked]), number


@dataclass(frozen=True)
class Compared:
    """Differences by windows and by whole profiles, tasks first."""

    found: object
    whole: object
    delta: np.ndarray
    expected: np.ndarray
    importance: np.ndarray
    scale: np.ndarray

    @property
    def error(self):
        """Largest error of a mutant (T, S), as a fraction of its sequence's largest score."""
        error = np.abs(self.delta - self.expected).max(axis=-1)
        return error / np.maximum(self.scale, np.finfo(np.float32).tiny)

    @property
    def effect(self):
        return self.found.effect.reshape(len(self.delta), -1)


def compare(windowed, mutants, references, group):
    """Differences from windows, and the same from whole profiles.

    Where windows give all that is in reach, whole sequences are compared, zeros beyond.
    """
    engine, n = windowed.engine, len(mutants.X)
    tasks, length = engine.tasks, engine.length
    found = windowed.differences(
        mutants.X, mutants.rows, mutants.columns, mutants.start, mutants.end, references,
        reference_of=group,
        targets=None if windowed.reaches else (mutants.of, mutants.first),
    )  # fmt: skip
    rows = np.append(np.arange(n), mutants.rows)
    whole = engine.profiles(
        mutants.whole, references, reference_of=None if group is None else group[rows]
    )
    scores = whole.scores.reshape(tasks, -1, length)
    importance = scores[:, mutants.rows]
    expected = importance - scores[:, n:]
    scale = np.abs(scores).max(axis=(1, 2))[:, None]
    delta = found.delta.reshape(tasks, -1, windowed.size)
    place = found.offset[:, None] + np.arange(windowed.size)
    if windowed.reaches:
        filled = np.zeros_like(expected)
        filled[:, np.arange(len(place))[:, None], place] = delta
        delta = filled
    else:
        index = slice(None), found.mutant[:, None], place
        expected, importance = expected[index], importance[index]
    return Compared(found, whole, delta, expected, importance, scale)
