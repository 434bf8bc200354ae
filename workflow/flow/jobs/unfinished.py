"""Files that a killed job goes on from, kept apart from the outputs until all are done."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def unfinished_file(folder: str | os.PathLike[str], output: str | os.PathLike[str]) -> Path:
    """Name the file in `folder` that becomes an output; the folder is made.

    Snakemake deletes the outputs of a job that did not end, so that a job that is to be
    resumed keeps its work elsewhere.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) / Path(output).name


def hand_over(
    folder: str | os.PathLike[str], outputs: Mapping[Path, str | os.PathLike[str]]
) -> None:
    """Move finished files to the outputs, then delete the folder.

    Parameters
    ----------
    folder
        Of unfinished work, on the same file system as the outputs.
    outputs
        The output of each file.
    """
    for file, output in outputs.items():
        os.replace(file, output)
    shutil.rmtree(folder)
