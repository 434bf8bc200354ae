"""Training of the best of several starts, by the validation loss of their first epochs."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.models.checkpoints import derived_seed
from dfim.models.classifier_training import TrainingSettings, train

log = logging.getLogger(__name__)


def train_best_start(
    build: Callable[[int], keras.Model],
    codes: NDArray[np.uint8],
    y: NDArray[Any],
    codes_validation: NDArray[np.uint8],
    y_validation: NDArray[Any],
    *,
    settings: TrainingSettings,
    seed: int,
    checkpoint: str | os.PathLike[str],
    progress: Callable[[int, str], None] | None = None,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train `settings.starts` networks for a few epochs, and the best one to its end.

    Some initial weights never leave the plateau on which a network learns no interaction; the
    validation loss of the first epochs shows it. Costs `settings.epochs_in_all` epochs. The
    first start has the seed itself, so that one start is what `train` gives.

    Parameters
    ----------
    build
        Makes the uncompiled network of a seed.
    checkpoint
        State file of the first start; those of the others lie beside it (`start_files`).

    Other parameters are those of `train`.

    Returns
    -------
    keras.Model, pandas.DataFrame
        The network of the start whose lowest validation loss of `start_epochs` epochs is the
        lowest (the first of equals), with the weights of its best epoch; and its history.

    Raises
    ------
    ValueError
        As `train`.
    """
    data = (codes, y, codes_validation, y_validation)
    files, epochs = start_files(checkpoint, settings.starts), settings.start_epochs
    seeds = [seed] + [derived_seed(seed, k) for k in range(1, settings.starts)]
    networks, losses = [], []
    for k in range(settings.starts):
        networks.append(build(seeds[k]))
        if settings.starts > 1:
            table = train(
                networks[k], *data, settings=settings, seed=seeds[k], checkpoint=files[k],
                until=epochs, progress=_shifted(progress, k * epochs, f"start {k + 1}, "),
            )  # fmt: skip
            losses.append(float(table["validation_loss"][:epochs].min()))
    best = int(np.argmin(losses)) if losses else 0
    if losses:
        log.info("validation loss of the starts: %s", ", ".join(f"{x:.4f}" for x in losses))
    given_up = (settings.starts - 1) * epochs
    table = train(
        networks[best], *data, settings=settings, seed=seeds[best], checkpoint=files[best],
        progress=_shifted(progress, given_up, ""),
    )  # fmt: skip
    return networks[best], table


def start_files(checkpoint: str | os.PathLike[str], starts: int) -> list[Path]:
    """Name the state file of each start: the checkpoint's own, then numbered ones."""
    first = Path(checkpoint)
    others = [first.with_suffix(f".start{k}{first.suffix}") for k in range(1, starts)]
    return [first, *others]


def _shifted(
    progress: Callable[[int, str], None] | None, epochs: int, prefix: str
) -> Callable[[int, str], None] | None:
    """Report progress after epochs of other starts."""
    if progress is None:
        return None
    return lambda done, note: progress(epochs + done, prefix + note)
