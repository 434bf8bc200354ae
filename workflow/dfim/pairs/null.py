"""Shuffled copies of sequences, on which the null of pair scores is made."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfim.sequences.shuffle import dinucleotide_shuffle

NullShuffle = Literal["dinuc", "permutation"]


@dataclass(frozen=True)
class NullShuffles:
    """How sequences are shuffled for the null (paper section 2.4).

    Attributes
    ----------
    kind
        `dinuc`: dinucleotide counts are kept; `permutation`: those of the bases only, as in
        the authors' notebook.
    n
        Shuffles of each sequence.
    """

    kind: NullShuffle = "dinuc"
    n: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(NullShuffle):
            raise ValueError(
                f"kind: got {self.kind!r}, expected one of {', '.join(get_args(NullShuffle))}"
            )
        if self.n < 1:
            raise ValueError(f"n: got {self.n}, expected at least 1")

    def copies(self, X: NDArray[np.uint8], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
        """Make n shuffled copies of all sequences, each (N, L, 4)."""
        shuffle = dinucleotide_shuffle if self.kind == "dinuc" else permute_bases
        shuffled = shuffle(X, self.n, rng)
        return [shuffled[:, number] for number in range(self.n)]


def permute_bases(X: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Permute the bases of each sequence.

    Parameters
    ----------
    X
        (N, L, 4) sequences.
    n
        Permutations of each.
    rng
        Draws them.

    Returns
    -------
    (N, n, L, 4) uint8
    """
    order = np.argsort(rng.random((len(X), n, X.shape[1])), axis=2)
    return np.take_along_axis(X[:, None], order[..., None], axis=2)
