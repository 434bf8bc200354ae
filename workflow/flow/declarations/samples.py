"""Sample sheets: which file holds the peaks of which task and assay."""

import os
from dataclasses import dataclass

from dfim.io.store import read_table

# Assays of open chromatin, and of binding.
ACCESSIBILITY = ("DNase", "ATAC")
BINDING = ("ChIP",)
_COLUMNS = ("task", "assay", "peaks")


@dataclass(frozen=True)
class Sample:
    """One row of a sheet: a task (a factor or a cell type), its assay and its peak file."""

    task: str
    assay: str
    peaks: str


def read_samples(path: str | os.PathLike[str]) -> tuple[Sample, ...]:
    """Read a sample sheet: TSV with the columns task, assay and peaks.

    Returns
    -------
    tuple of Sample
        In the order of the sheet; `assay` is ChIP, DNase or ATAC.

    Raises
    ------
    ValueError
        One line with file and row: a missing column, an empty cell, another assay,
        a task that has one assay twice, a sheet without rows.
    """
    table = read_table(path, _COLUMNS, text=_COLUMNS)
    cells = table[list(_COLUMNS)].apply(lambda column: column.str.strip())
    samples = [Sample(*row) for row in cells.itertuples(index=False)]
    if not samples:
        raise ValueError(f"{path}: no samples; expected a row for each file of peaks")
    seen: dict[tuple[str, str], int] = {}
    for line, sample in enumerate(samples, 2):
        for column in _COLUMNS:
            if getattr(sample, column) in ("", "NA"):
                raise ValueError(f"{path}, line {line}: no {column}; expected one in every row")
        if sample.assay not in (*BINDING, *ACCESSIBILITY):
            raise ValueError(
                f"{path}, line {line}: assay {sample.assay!r}, expected one of "
                f"{', '.join((*BINDING, *ACCESSIBILITY))}"
            )
        first = seen.setdefault((sample.task, sample.assay), line)
        if first != line:
            raise ValueError(
                f"{path}, line {line}: {sample.assay} of {sample.task} is in line {first} "
                f"already; expected one file each (join replicates first)"
            )
    return tuple(samples)


def accessibility_files(path: str | os.PathLike[str], tasks: list[str]) -> list[str]:
    """The accessible peaks of each task of a sheet, in the order of `tasks`.

    Raises
    ------
    ValueError
        A sample of another assay, a task twice, or samples that are not those of `tasks`.
    """
    found: dict[str, str] = {}
    for line, sample in enumerate(read_samples(path), 2):
        if sample.assay not in ACCESSIBILITY:
            raise ValueError(
                f"{path}, line {line}: assay {sample.assay!r}, expected one of "
                f"{', '.join(ACCESSIBILITY)}: the tasks are cell types"
            )
        if sample.task in found:
            raise ValueError(
                f"{path}, line {line}: task {sample.task!r} is there already with another "
                "assay; expected one file per task"
            )
        found[sample.task] = sample.peaks
    if set(found) != set(tasks):
        missing = [task for task in tasks if task not in found]
        more = [task for task in found if task not in tasks]
        raise ValueError(
            f"{path}: "
            + (f"no sample of task {missing[0]!r}" if missing else f"a task {more[0]!r} more")
            + f"; expected those of examples.tasks: {', '.join(tasks)}"
        )
    return [found[task] for task in tasks]


def binding_files(path: str | os.PathLike[str], tasks: list[str]) -> tuple[str, list[str]]:
    """The accessible peaks of a sheet, and the ChIP peaks of each task in order.

    Raises
    ------
    ValueError
        Not one accessible sample, or ChIP samples that are not those of `tasks`.
    """
    samples = read_samples(path)
    opened = [sample for sample in samples if sample.assay in ACCESSIBILITY]
    if len(opened) != 1:
        raise ValueError(
            f"{path}: {len(opened)} samples of {' or '.join(ACCESSIBILITY)}, expected one: the "
            "open chromatin that ChIP peaks must overlap"
        )
    chip = {sample.task: sample.peaks for sample in samples if sample.assay in BINDING}
    if set(chip) != set(tasks):
        raise ValueError(
            f"{path}: ChIP of {', '.join(chip) or 'nothing'}, expected one per task: "
            f"{', '.join(tasks)}"
        )
    return opened[0].peaks, [chip[task] for task in tasks]
