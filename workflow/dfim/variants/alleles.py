"""Windows of variants: checked, alleles exchanged, logits of both, references of each."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.scoring.settings import ScoringSettings, draw_references
from dfim.sequences.encoding import UNKNOWN, base_codes, decode, require_one_hot
from dfim.sequences.shuffle import dinucleotide_shuffle
from dfim.variants.variants import allele_codes

if TYPE_CHECKING:
    import keras

    from dfim.attribution.logits import Head


def variant_effects(
    model: "keras.Model",
    X: NDArray[np.uint8],
    alleles: Sequence[str],
    heads: "Sequence[Head]",
    *,
    position: int | None = None,
) -> NDArray[np.float32]:
    """Logit of the reference window minus logit of the ALT window, a head each.

    Parameters
    ----------
    model
        As loaded by `dfim.models.loading.load_model`.
    X, alleles, position
        As for `score_variants`.
    heads
        The T heads, such as those of all tasks.

    Returns
    -------
    (N, T) float32
        Sign as in `VariantScores.effect`: positive where ALT lowers the logit.
    """
    from dfim.attribution.logits import predict_logits  # loads TensorFlow

    position = require_windows(X, position)
    both = np.concatenate([X, with_base(X, position, alt_codes(X, position, alleles))])
    before, after = np.split(predict_logits(model, both, heads), 2)
    return before - after


def with_base(
    X: NDArray[np.uint8], position: int, codes: NDArray[np.integer]
) -> NDArray[np.uint8]:
    """Copy windows with another base (0 to 3 for A, C, G, T) at one position."""
    made = X.copy()
    made[:, position] = np.eye(4, dtype=X.dtype)[codes]
    return made


def alt_codes(X: NDArray[np.uint8], position: int, alleles: Sequence[str]) -> NDArray[np.int64]:
    """Check ALT bases against the windows; 0 to 3 for A, C, G, T."""
    if len(alleles) != len(X):
        raise ValueError(f"alleles: got {len(alleles)}, expected one for each of {len(X)}")
    codes, size = allele_codes(alleles)
    wrong = (size != 1) | (codes == base_codes(X[:, position, None])[:, 0])
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"alleles: entry {at} is {alleles[at]!r}, expected A, C, G or T and not the "
            f"window's own base, {decode(X[at, None, position, None])[0]}"
        )
    return codes.astype(np.int64)


def require_windows(X: NDArray[np.uint8], position: int | None) -> int:
    """Check windows of variants; return the variants' index in them."""
    X = require_one_hot(X)
    position = X.shape[1] // 2 if position is None else position
    if X.dtype != np.uint8:
        raise ValueError(f"X: got {X.dtype}, expected uint8 one-hot windows")
    if not 0 <= position < X.shape[1]:
        raise ValueError(f"position: got {position}, expected 0 to {X.shape[1] - 1}")
    unknown = base_codes(X[:, position, None])[:, 0] >= UNKNOWN
    if unknown.any():
        raise ValueError(
            f"X: row {int(np.argmax(unknown))} has no base at the variant (index {position}); "
            "expected A, C, G or T: leave it out"
        )
    return position


def distinct_windows(
    X: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """First row of each distinct window, which one a row has, and a number that names each.

    The number depends on the window's bases alone, so it can seed what is random
    about the window.
    """
    names = [int.from_bytes(hashlib.blake2b(x.tobytes(), digest_size=16).digest()) for x in X]
    of, distinct = pd.factorize(np.array(names, object))
    return np.unique(of, return_index=True)[1], of, distinct.tolist()


def window_references(
    inputs: NDArray[np.uint8], settings: ScoringSettings, keys: list[tuple[int, int]]
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Draw references for n windows, each from a generator of its own.

    Parameters
    ----------
    inputs
        (n, k, L, 4) reference window and its mutants, if they draw their own.
    settings
        Scoring choices.
    keys
        (n,) seeds, such as a number for all with `distinct_windows`' name of the window.

    Returns
    -------
    references : (1, 1, L, 4) or (n * k, R, L, 4)
    reference_of : (n * k,) int64 or None
        Group of each input; None where all share one.
    """
    rngs = [np.random.default_rng(key) for key in keys]
    if settings.constant:
        return draw_references(inputs[:1, 0], settings, rngs[0]), None
    n, k, *column = inputs.shape
    if settings.references == "dinuc":
        own = [rng for rng in rngs for _ in range(k)]
        drawn = dinucleotide_shuffle(inputs.reshape(n * k, *column), settings.n_refs, own)
    else:
        each = zip(inputs, rngs, strict=True)
        drawn = np.concatenate([draw_references(x, settings, rng) for x, rng in each])
    return drawn, np.arange(n * k)
