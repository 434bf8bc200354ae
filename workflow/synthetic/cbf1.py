"""A BET-seq experiment of Cbf1 whose energies are known.

The ΔΔG of a flank is a sum of mononucleotide terms, which fall with the distance from
the core, and of six planted pair terms, two of them those of the paper (T−1/A+1 and
T−1/T+2). All 4^10 flanks have one. Some are in the library: reads of the input and of
the bound fraction are counted, Poisson about their expectation, and the measured ΔΔG is
that of the counts, as in the published files.
"""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import poisson

from dfim.io.store import write_arrays, write_table
from dfim.sequences.encoding import ALPHABET, decode, one_hot
from dfim.sequences.kmers import sequence_codes

POSITIONS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
"""Place of each base of a flank, counted from the core's ends, as in the published files."""

LENGTH = len(POSITIONS)
N_FLANKS = 4**LENGTH

RT = 0.593
"""kcal/mol at 25 °C."""

_FALL = 3.0  # bases from the core over which a mononucleotide term falls by a factor e
_DEPTHS = (4.0, 1e5)  # mean reads per flank; below four, more noise needs more zeros
_NOISE = (0.005, 0.45)  # kcal/mol that these depths give
# Position and base, twice, and the weight of their term.
_PAIRS = (
    (-1, "T", 1, "A", 1.0),
    (-1, "T", 2, "T", 0.8),
    (-2, "G", 1, "C", 0.6),
    (1, "A", 2, "A", 0.6),
    (-3, "C", -2, "G", 0.5),
    (2, "G", 3, "C", 0.4),
)


@dataclass(frozen=True)
class SyntheticData:
    """What a simulation writes; energies are in kcal/mol, the lower the stronger.

    Attributes
    ----------
    mono
        (10, 4) mononucleotide terms; at each position their mean is 0.
    pairs
        One row per planted pair term: position, base, position2, base2, energy_kcal_mol.
        With [x = b] 1 where position x has base b and else 0, a term adds
        energy ([x = b] - 1/4) ([x2 = b2] - 1/4): it has no mean and no
        mononucleotide part, so the terms are the ones that a linear fit finds.
        All are negative: the two bases together bind stronger than apart.
    ddg
        (4^10,) float32 true ΔΔG, by index.
    index
        (M,) int64 flanks of the library, rising.
    input_count, bound_count
        (M, R) int64 reads.
    measured
        (M, R) float32 ΔΔG of the counts, infinite or NaN where one of them is 0.
    """

    mono: NDArray[np.float64]
    pairs: pd.DataFrame
    ddg: NDArray[np.float32]
    index: NDArray[np.int64]
    input_count: NDArray[np.int64]
    bound_count: NDArray[np.int64]
    measured: NDArray[np.float32]


def simulate(
    flanks: int = 100_000,
    replicates: int = 3,
    *,
    noise: float = 0.35,
    pair_share: float = 0.45,
    ddg_sd: float = 0.13,
    rng: np.random.Generator,
) -> SyntheticData:
    """Make a synthetic data set.

    Parameters
    ----------
    flanks
        In the library, 100 to 4^10.
    replicates
        Each counts the whole library; 1 to 100.
    noise
        Standard deviation of a replicate's ΔΔG about the truth, 0.005 to 0.45 kcal/mol.
        All of it is counting noise: the depth follows (7 reads per flank at 0.35).
    pair_share
        Share of the variance of the true ΔΔG that is of pair terms, 0 to 1.
    ddg_sd
        Standard deviation of the true ΔΔG over all flanks, up to 0.3 kcal/mol.
    rng
        Draws the mononucleotide terms, the library and the counts.

    Raises
    ------
    ValueError
        For a number outside its range.

    Notes
    -----
    The logarithm of so few reads is biased a little, more for what is bound less: at a
    depth d the mean measured ΔΔG is about 1 + 1/(2d) times the true one. About 1 s.
    """
    _require_in("flanks", flanks, 100, N_FLANKS)
    _require_in("replicates", replicates, 1, 100)
    _require_in("noise", noise, *_NOISE)
    _require_in("pair_share", pair_share, 0, 1)
    _require_in("ddg_sd", ddg_sd, 0.001, 0.3)
    mono = _mono_terms(ddg_sd * np.sqrt(1 - pair_share), rng)
    pairs = _pair_terms(ddg_sd * np.sqrt(pair_share))
    ddg = _all_flanks(mono, pairs)
    index = np.sort(rng.choice(N_FLANKS, flanks, replace=False, shuffle=False))
    shape, depth = (flanks, replicates), _depth(noise)
    input_count = rng.poisson(depth, shape)
    affinity = np.exp(-ddg[index] / RT)
    expected = depth * affinity / affinity.mean()
    bound_count = rng.poisson(expected[:, None], shape)
    measured = ddg_of_counts(input_count, bound_count).astype(np.float32)
    return SyntheticData(
        mono, pairs, ddg.astype(np.float32), index, input_count, bound_count, measured
    )


def ddg_of_counts(
    input_count: NDArray[np.integer], bound_count: NDArray[np.integer]
) -> NDArray[np.float64]:
    """ΔΔG (M, R) of reads (M, R): -RT ln of the share bound over the share of the input.

    Infinite where one count is 0, NaN where both are.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = bound_count / bound_count.sum(axis=0)
        return -RT * np.log(bound / (input_count / input_count.sum(axis=0)))


def planted_pairs(terms: pd.DataFrame) -> NDArray[np.bool_]:
    """(10, 10) whether a pair term joins two positions, in either order.

    `terms` is `SyntheticData.pairs`, or what `write_terms` wrote, as read.
    """
    planted = np.zeros((LENGTH, LENGTH), bool)
    for pair in terms.dropna(subset="position2").itertuples():
        ends = [POSITIONS.index(pair.position), POSITIONS.index(pair.position2)]
        planted[ends, ends[::-1]] = True
    return planted


def write_replicate(path: str | os.PathLike[str], data: SyntheticData, replicate: int) -> None:
    """Write one replicate (from 0) as published: sequence, input_count, bound_count, ddG.

    Tab-separated, gzipped where named .gz. A ΔΔG of zero reads is inf, -inf or NA.
    """
    columns = {
        "sequence": decode(one_hot(sequence_codes(LENGTH, data.index))),
        "input_count": data.input_count[:, replicate],
        "bound_count": data.bound_count[:, replicate],
        "ddG": data.measured[:, replicate],
    }
    write_table(path, pd.DataFrame(columns))


def write_terms(path: str | os.PathLike[str], data: SyntheticData) -> None:
    """Write the planted terms as TSV.

    Columns: kind (mono, pair), position, base, position2, base2 (NA for mono) and
    energy_kcal_mol, which `SyntheticData` explains.
    """
    columns = {
        "kind": "mono",
        "position": np.repeat(POSITIONS, 4),
        "base": list(ALPHABET) * LENGTH,
        "energy_kcal_mol": data.mono.ravel(),
    }
    table = pd.concat([pd.DataFrame(columns), data.pairs.assign(kind="pair")])
    table["position2"] = table["position2"].astype("Int64")  # has NA, and no fractions
    names = ["kind", "position", "base", "position2", "base2", "energy_kcal_mol"]
    write_table(path, table[names])


def write_true_ddg(path: str | os.PathLike[str], data: SyntheticData) -> None:
    """Write the true ΔΔG of all flanks to HDF5: ddg (4^10,) float32, by index."""
    write_arrays(path, {"ddg": data.ddg}, {"unit": "kcal/mol"})


def _require_in(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name}: got {value}, expected {least} to {most}")


def _mono_terms(sd: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(10, 4) terms whose sum over a flank has this standard deviation over all flanks."""
    terms = rng.normal(size=(LENGTH, 4))
    terms -= terms.mean(axis=1, keepdims=True)
    fall = np.exp(-np.abs(POSITIONS) / _FALL)[:, None]
    terms *= fall / terms.std(axis=1, keepdims=True)
    return terms * sd / np.sqrt((fall**2).sum())


def _pair_terms(sd: float) -> pd.DataFrame:
    """The planted terms, of which the sum has this standard deviation over all flanks."""
    columns = ("position", "base", "position2", "base2", "weight")
    pairs = pd.DataFrame(_PAIRS, columns=columns)
    weight = pairs.pop("weight")
    # Over all flanks the terms are uncorrelated, and ([x = b] - 1/4) has variance 3/16.
    energy = -weight * sd / (3 / 16 * np.sqrt((weight**2).sum()))
    return pairs.assign(energy_kcal_mol=energy)


def _all_flanks(mono: NDArray[np.float64], pairs: pd.DataFrame) -> NDArray[np.float64]:
    ddg = np.zeros((4,) * LENGTH)
    for position, terms in enumerate(mono):
        ddg += _along(terms, position)
    indicator = dict(zip(ALPHABET, np.eye(4) - 1 / 4, strict=True))
    for pair in pairs.itertuples():
        first = _along(indicator[pair.base], POSITIONS.index(pair.position))
        second = _along(indicator[pair.base2], POSITIONS.index(pair.position2))
        ddg += pair.energy_kcal_mol * first * second
    return ddg.ravel()


def _along(values: NDArray[np.float64], position: int) -> NDArray[np.float64]:
    """Four values as the axis of one position."""
    return values.reshape([4 if axis == position else 1 for axis in range(LENGTH)])


def _depth(noise: float) -> float:
    """Mean reads at which the ratio of two counts has this noise in ΔΔG."""
    return brentq(lambda depth: RT * np.sqrt(2 * _log_variance(depth)) - noise, *_DEPTHS)


def _log_variance(depth: float) -> float:
    """Variance of the logarithm of a Poisson count that is not 0."""
    reach = 15 * np.sqrt(depth) + 15
    count = np.arange(max(1, depth - reach), depth + reach)
    share = poisson.pmf(count.round(), depth)
    log = np.log(count.round())
    share /= share.sum()
    return float(share @ log**2 - (share @ log) ** 2)
