"""Turn a FASTA file and a table of labels into examples with a split."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_table
from dfim.sequences.encoding import one_hot_encode
from dfim.sequences.examples import SPLITS, Examples
from dfim.sequences.fasta import read_fasta

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def _read_labels(path: str, ids: NDArray[np.str_], label: str) -> NDArray[np.int8]:
    """Labels of one column, in the order of the sequences."""
    table = read_table(path, ("name", label), text=("name",))
    if table["name"].duplicated().any():
        row = int(np.flatnonzero(table["name"].duplicated())[0])
        raise ValueError(f"{path}, line {row + 2}: {table['name'][row]!r} is there twice")
    rows = pd.Index(table["name"]).get_indexer(ids)
    if (rows < 0).any():
        raise ValueError(
            f"{path}: no label for sequence {str(ids[rows < 0][0])!r}; "
            "expected one row per sequence"
        )
    given = table[label].to_numpy()[rows]
    values = pd.to_numeric(pd.Series(given), errors="coerce").to_numpy()
    bad = np.flatnonzero(~np.isin(values, [0, 1]))
    if bad.size:
        raise ValueError(
            f"{path}, line {rows[bad[0]] + 2}: {label} is {str(given[bad[0]])!r}, "
            "expected 0 or 1"
        )
    return values.astype(np.int8)


def split_by_group(
    groups: NDArray[np.str_], sizes: dict[str, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Random split with every group's share in each part (up to rounding).

    Sequences are laid out group by group in random order and assigned to the parts
    in proportion, so that each group has its share of each part and the parts
    have exactly the sizes asked for.
    """
    total = sum(sizes.values())
    if total != len(groups):
        raise ValueError(
            f"examples.split: parts add up to {total:,}, but there are {len(groups):,} "
            "sequences; change train, validation and test"
        )
    order = np.lexsort((rng.random(len(groups)), groups))
    # Deal evenly: the k-th of n places of a part falls at (k + 1/2) / n.
    places = np.concatenate([(np.arange(sizes[part]) + 0.5) / sizes[part] for part in SPLITS])
    parts = np.repeat(np.arange(len(SPLITS)), [sizes[part] for part in SPLITS])
    split = np.empty(len(groups), np.uint8)
    split[order] = parts[np.argsort(places, kind="stable")]
    return split


def main(
    sequences: str,
    labels: list[str],
    examples: str,
    label: str | None,
    group: str | None,
    split: dict[str, int] | None,
    seed: int,
) -> None:
    """Read, check, split and write; without a split every example is a test example."""
    records = read_fasta(sequences)
    ids = np.array(records.ids)
    try:
        one_hot = one_hot_encode(records.sequences, ids=records.ids)
    except ValueError as error:
        raise ValueError(f"{sequences}: {error}") from error
    groups = np.array([i.split("_")[0] for i in ids]) if group else np.full(len(ids), "")
    if labels and label:
        values, tasks = _read_labels(labels[0], ids, label)[:, None], (label,)
    else:
        values, tasks = np.empty((len(ids), 0), np.int8), ()
    rng = np.random.default_rng(seed)
    splits = split_by_group(groups, split, rng) if split else np.full(len(ids), 2, np.uint8)
    codes = np.where(one_hot.any(axis=2), one_hot.argmax(axis=2), 4).astype(np.uint8)
    attributes: dict[str, Any] = {"label": label, "split": split, "seed": seed}
    Examples(ids, codes, groups, values, tasks, splits).save(examples, attributes)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)
