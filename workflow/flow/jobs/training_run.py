"""What every training job shares: a checkpoint of its own, progress, and the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dfim.io.store import whole_file, write_table
from flow.jobs.digest import code_digest, config_digest
from flow.jobs.progress import Progress

if TYPE_CHECKING:
    import keras


class TrainingRun:
    """A training that a killed job goes on from.

    Parameters
    ----------
    checkpoint
        Where states are kept, without a suffix.
    script
        The script that trains, below workflow/.
    files
        What it trains on.
    settings
        Everything else that decides the weights.

    Attributes
    ----------
    state
        The state file. Its name says whose it is: a checkpoint of other settings, files
        or code is never picked up.
    """

    def __init__(
        self, checkpoint: str, script: str, files: Sequence[str], *settings: object
    ) -> None:
        stats = [Path(path).stat() for path in files]
        of_files = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
        whose = config_digest([*settings, of_files, code_digest(script)])
        self._name = Path(checkpoint).name
        self.state = Path(checkpoint).with_suffix(f".{whose}.h5")

    @contextmanager
    def progress(self, name: str, max_epochs: int) -> Iterator[Callable[[int, str], None]]:
        """A function to call with the epochs done and a note, while a network is trained."""
        with Progress(f"train {name}", max_epochs) as progress:
            shown = 0

            def report(epochs: int, note: str) -> None:
                nonlocal shown
                progress.advance(epochs - shown, note)
                shown = epochs

            yield report

    def finish(
        self, network: "keras.Model", table: pd.DataFrame, *, model: str, history: str
    ) -> None:
        """Write history and network, then remove every checkpoint."""
        write_table(history, table)
        with whole_file(model) as temporary:
            network.save(temporary)
        # With those that earlier settings, or a kill in the middle of a write, have left.
        for left in self.state.parent.glob(f"*{self._name}.*"):
            left.unlink(missing_ok=True)
