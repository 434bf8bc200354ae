"""Input sequences of variants: checks, exchanged alleles, logits, references, shuffles."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.scoring.settings import ScoringSettings, draw_references
from dfim.sequences.encoding import UNKNOWN, base_codes, decode, require_one_hot
from dfim.sequences.shuffle import dinucleotide_shuffle
from dfim.variants.variants import Texts
from dfim.variants.windows import allele_codes

if TYPE_CHECKING:
    import keras

    from dfim.attribution.results import Head


def variant_deltas(
    model: "keras.Model",
    X: NDArray[np.uint8],
    alleles: Texts,
    heads: "Sequence[Head]",
    *,
    position: int | None = None,
) -> NDArray[np.float32]:
    """Return the change of the logit by each ALT, ALT − REF, for every head.

    Parameters
    ----------
    model
        As loaded by `dfim.load_model`.
    X, alleles, position
        As for `dfim.score_variants`.
    heads
        T outputs, such as those of all tasks.

    Returns
    -------
    ndarray of float32, shape (N, T)
        logit(ALT) − logit(REF), as in `VariantScores.delta`: positive where ALT raises it.
    """
    from dfim.attribution.logits import predict_logits  # loads TensorFlow

    position = require_variant_inputs(X, position)
    both = np.concatenate([X, with_base(X, position, alt_codes(X, position, alleles))])
    ref, alt = np.split(predict_logits(model, both, heads), 2)
    return alt - ref


def with_base(
    X: NDArray[np.uint8], position: int, codes: NDArray[np.integer]
) -> NDArray[np.uint8]:
    """Copy sequences (N, L, 4) with other bases (N,) at one position; 0 to 3 for A, C, G, T."""
    made = X.copy()
    made[:, position] = np.eye(4, dtype=X.dtype)[codes]
    return made


def alt_codes(X: NDArray[np.uint8], position: int, alleles: Texts) -> NDArray[np.int64]:
    """Check ALT bases against the input sequences; return 0 to 3 for A, C, G, T.

    Raises
    ------
    ValueError
        With the entry: no base, or the base of the sequence itself.
    """
    if len(alleles) != len(X):
        raise ValueError(f"alleles: got {len(alleles)}, expected one for each of {len(X)}")
    codes, size = allele_codes(alleles)
    wrong = (size != 1) | (codes == base_codes(X[:, position, None])[:, 0])
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"alleles: entry {at} is {alleles[at]!r}, expected A, C, G or T and not the "
            f"sequence's own base, {decode(X[at, None, position, None])[0]}"
        )
    return codes.astype(np.int64)


def require_variant_inputs(X: NDArray[np.uint8], position: int | None) -> int:
    """Check input sequences of variants; return the index of the variants in them.

    Raises
    ------
    ValueError
        No uint8 one-hot sequences, an index outside them, or (with the row) no base there.
    """
    X = require_one_hot(X)
    position = X.shape[1] // 2 if position is None else position
    if X.dtype != np.uint8:
        raise ValueError(f"X: got {X.dtype}, expected uint8 one-hot sequences")
    if not 0 <= position < X.shape[1]:
        raise ValueError(f"position: got {position}, expected 0 to {X.shape[1] - 1}")
    unknown = base_codes(X[:, position, None])[:, 0] >= UNKNOWN
    if unknown.any():
        raise ValueError(
            f"X: row {int(np.argmax(unknown))} has no base at the variant (index {position}); "
            "expected A, C, G or T: leave it out"
        )
    return position


def distinct_sequences(
    X: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """Find equal sequences, as `np.unique` does for numbers.

    Returns
    -------
    first : (D,) int64
        First row of each distinct sequence, in the order in which they come.
    inverse : (N,) int64
        Which of the D a row is.
    digests : D whole numbers
        Each depends on the bases of the sequence alone, so it can seed what is random
        about the sequence.
    """
    digests = [int.from_bytes(hashlib.blake2b(x.tobytes(), digest_size=16).digest()) for x in X]
    inverse, distinct = pd.factorize(np.array(digests, object))
    return np.unique(inverse, return_index=True)[1], inverse, distinct.tolist()


def references_by_sequence(
    inputs: NDArray[np.uint8], settings: ScoringSettings, keys: list[tuple[int, int]]
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Draw references for n sequences, each from a generator of its own.

    Parameters
    ----------
    inputs
        (n, k, L, 4) reference sequence, then its mutants if they have their own references.
    settings
        Scoring choices.
    keys
        n seeds, such as a number for all with the digest of the sequence.

    Returns
    -------
    references : ndarray of shape (1, 1, L, 4) or (n * k, R, L, 4)
    reference_of : (n * k,) int64 or None
        Group of references of each input; None where all share one.
    """
    rngs = [np.random.default_rng(key) for key in keys]
    if settings.constant:
        return draw_references(inputs[:1, 0], settings, rngs[0]), None
    n, k, *column = inputs.shape
    if settings.references == "dinuc":
        repeated = [rng for rng in rngs for _ in range(k)]
        inputs = inputs.reshape(n * k, *column)
        drawn = dinucleotide_shuffle(inputs, settings.n_refs, repeated)
    else:
        each = zip(inputs, rngs, strict=True)
        drawn = np.concatenate([draw_references(x, settings, rng) for x, rng in each])
    return drawn, np.arange(n * k)


def shuffle_around(
    X: NDArray[np.uint8],
    position: int,
    n: int,
    rng: np.random.Generator | Sequence[np.random.Generator],
) -> NDArray[np.uint8]:
    """Shuffle the dinucleotides on each side of one position, whose base stays.

    Parameters
    ----------
    X
        (N, L, 4) one-hot sequences.
    position
        Index of the base that stays. It ends one side and begins the other, so the
        dinucleotides that it is part of keep their counts too.
    n
        Shuffles per sequence.
    rng
        As for `dfim.sequences.shuffle.dinucleotide_shuffle`.

    Returns
    -------
    ndarray of uint8, shape (N, n, L, 4)
    """
    left = dinucleotide_shuffle(X[:, : position + 1], n, rng)
    right = dinucleotide_shuffle(X[:, position:], n, rng)
    return np.concatenate([left, right[:, :, 1:]], axis=2)
