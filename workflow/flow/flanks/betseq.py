"""BET-seq of Le et al. 2018: how each flank changes the binding of a factor.

ΔΔG is in kcal/mol, the lower the stronger; each replicate counts from a zero of its own.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.records import ArrayRecord
from dfim.io.text_columns import refuse
from dfim.sequences.examples import SPLITS
from dfim.sequences.kmers import sequence_index
from flow.flanks.positions import N_FLANKS, flank_codes, flank_strings
from flow.flanks.tables import MEMBER, FlankTable, open_table, read_flank_table

log = logging.getLogger(__name__)

_IN_NO_PART = -1


@dataclass(frozen=True)
class Measurements(ArrayRecord):
    """Measured ΔΔG of flanks.

    Attributes
    ----------
    index
        (M,) int64 index of each flank, rising.
    ddg
        (M, R) float32 in kcal/mol as the files have it; NaN where a replicate lacks the
        flank or its number is not finite. Each flank has a number in some replicate.
    replicates
        (R,) their names.
    """

    row_fields: ClassVar[tuple[str, ...]] = ("index", "ddg")

    index: NDArray[np.int64]
    ddg: NDArray[np.float32]
    replicates: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.index)

    def centred(self) -> NDArray[np.float32]:
        """(M, R) ΔΔG less each replicate's mean over its flanks.

        The mean is that of the flanks in this record: centre before choosing some.
        """
        return (self.ddg - _finite_mean(self.ddg, axis=0)).astype(np.float32)

    def mean(self) -> NDArray[np.float32]:
        """(M,) mean of the centred ΔΔG over the replicates that have the flank."""
        return _finite_mean(self.centred(), axis=1).astype(np.float32)


def read_replicates(paths: Sequence[str | os.PathLike[str]]) -> Measurements:
    """Read one table per replicate: sequence, input_count, bound_count, ddG.

    The published network was trained on three of them. Each replicate is called as its
    file is, up to the first dot.

    Raises
    ------
    ValueError
        No files, two of one name, a flank twice in a file, no finite ddG in one, and
        what `read_flank_table` refuses.
    """
    # Of an archive's member its own name.
    files = [Path(os.fspath(path).rpartition(MEMBER)[2]) for path in paths]
    names = [file.name.partition(".")[0] for file in files]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"replicates: got files named {names}, expected one name a replicate")
    tables = [read_flank_table(path, flank="sequence", value="ddG") for path in paths]
    return _join(dict(zip(names, tables, strict=True)))


def read_counts(path: str | os.PathLike[str], protein: str) -> Measurements:
    """Read a protein's rows of the long table: flank, protein, rep, tf_count, ref_count, ddG.

    Replicates are called as the column rep calls them; upper and lower case of the
    protein are one.

    Raises
    ------
    ValueError
        A protein that the table lacks (those it has are listed), a row without a
        replicate, and what `read_replicates` refuses.
    """
    table = read_flank_table(path, flank="flank", value="ddG", others=("protein", "rep"))
    proteins = table.others["protein"].str.lower()
    chosen = (proteins == protein.lower()).to_numpy()
    if not chosen.any():
        found = table.others["protein"].cat.categories.tolist()
        raise ValueError(f"{path}: no rows of protein {protein!r}; it has {found}")
    table = table.select(chosen)
    rep = table.others["rep"].astype(object).fillna("")
    refuse(f"{path}, line", rep, rep == "", "rep {!r}; expected the name of a replicate")
    names = sorted(set(rep))
    return _join({name: table.select((rep == name).to_numpy()) for name in names})


def read_ddg(path: str | os.PathLike[str], column: str) -> Measurements:
    """Read one column of a table with one row per flank, such as Cbf1_ddG of the predictions.

    It counts as one replicate, called as the column is. Errors are those of
    `read_replicates`.
    """
    return _join({column: read_flank_table(path, flank="flank", value=column)})


def read_split(paths: Mapping[str, str | os.PathLike[str]]) -> NDArray[np.int8]:
    """Read which flanks train, validate and test, from a list each, a flank a line.

    Parameters
    ----------
    paths
        A file for each of `SPLITS`, without a header.

    Returns
    -------
    ndarray of int8 (4^10,)
        By flank, its part as an index into `SPLITS`; -1 where it is in none.

    Raises
    ------
    ValueError
        Another set of parts, an empty list, a line that is no flank, a flank in two
        parts.
    """
    if set(paths) != set(SPLITS):
        raise ValueError(f"split: got {sorted(paths)}, expected a file for each of {SPLITS}")
    part_of = np.full(N_FLANKS, _IN_NO_PART, np.int8)
    for part, name in enumerate(SPLITS):
        index = _read_list(paths[name])
        taken = np.flatnonzero(part_of[index] != _IN_NO_PART)
        if taken.size:
            at = index[taken[0]]
            raise ValueError(
                f"{paths[name]}: flank {flank_strings(np.array([at]))[0]} is in part "
                f"{SPLITS[part_of[at]]} too; expected each flank in one part"
            )
        part_of[index] = part
    return part_of


def random_split(
    index: NDArray[np.integer], fractions: Sequence[float], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Split flanks at random; rows of one flank stay together.

    Parameters
    ----------
    index
        (M,) index of the flank of each row.
    fractions
        Share of the flanks for each of `SPLITS`; they add up to 1.
    rng
        Chooses them.

    Returns
    -------
    ndarray of int8 (M,)
        Index into `SPLITS`.

    Raises
    ------
    ValueError
        Not three positive fractions that add up to 1, or a part without flanks.
    """
    shares = np.asarray(fractions, np.float64)
    if shares.shape != (len(SPLITS),) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(
            f"fractions: got {list(fractions)}, expected three above 0 that add up to 1"
        )
    flanks, inverse = np.unique(index, return_inverse=True)
    last = np.round(np.cumsum(shares) * len(flanks)).astype(np.int64)
    sizes = np.diff(last, prepend=0)
    if (sizes == 0).any():
        raise ValueError(
            f"fractions: {list(fractions)} of {len(flanks)} flanks leave a part without any; "
            "expected larger fractions or more flanks"
        )
    part = np.empty(len(flanks), np.int8)
    part[rng.permutation(len(flanks))] = np.repeat(np.arange(len(SPLITS), dtype=np.int8), sizes)
    return part[inverse]


def _finite_mean(values: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """Mean over finite values; NaN where there are none."""
    finite = np.isfinite(values)
    n = finite.sum(axis=axis)
    total = np.where(finite, values, 0).sum(axis=axis, dtype=np.float64)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _join(tables: Mapping[str, FlankTable]) -> Measurements:
    """One record of replicates by name, without flanks that none has a number for."""
    ddg = np.stack([table.by_flank() for table in tables.values()], axis=1)
    index = np.flatnonzero(np.isfinite(ddg).any(axis=1))
    listed = np.unique(np.concatenate([table.index for table in tables.values()])).size
    log.info(
        "%d flanks in %d replicates; %d more have no finite ddG in any",
        len(index), len(tables), listed - len(index),
    )  # fmt: skip
    return Measurements(index, ddg[index], np.array(list(tables)))


def _read_list(path: str | os.PathLike[str]) -> NDArray[np.int64]:
    with open_table(path) as file:
        words = pd.Series(file.read().decode("ascii", "replace").split("\n")).str.strip()
    words.index += 1
    words = words[words != ""]
    if words.empty:
        raise ValueError(f"{path}: no flanks; expected one per line")
    codes = flank_codes(
        words.to_numpy(object), source=os.fspath(path), lines=words.index.to_numpy()
    )
    return sequence_index(codes)
