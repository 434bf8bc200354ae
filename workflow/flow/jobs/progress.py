"""Progress of long steps: bars that several jobs can share a terminal with.

A live bar that redraws itself turns into noise when two jobs run side by side,
and into control codes in a log. So each step prints a finished line a tenth of
the way, with rich in the terminal and as plain text in the log.
"""

import logging
import os
import time
from types import TracebackType

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

log = logging.getLogger(__name__)

# Set by the job wrapper: where the terminal is once stderr goes to the log.
TERMINAL_FD = "DFIM_TERMINAL_FD"


class Progress:
    """Counts units of a step and reports every tenth of it.

    Parameters
    ----------
    what
        Name of the step as the user sees it.
    total
        Units in the whole step.
    done
        Units that an earlier, interrupted run had finished.
    """

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self.what, self.total, self.done = what, max(total, 1), done
        self._first, self._start = done, time.monotonic()
        self._shown = done * 10 // self.total
        descriptor = os.environ.get(TERMINAL_FD)
        self._console = None
        if descriptor is not None and os.isatty(int(descriptor)):
            self._console = Console(file=open(int(descriptor), "w", closefd=False))  # noqa: SIM115 - lives as long as the job

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self.done < self.total:
            elapsed = time.monotonic() - self._start
            self._show(f"ended after {self.done:,} of at most {self.total:,}, {elapsed:.0f} s")

    def advance(self, units: int, note: str = "") -> None:
        """Add finished units; print when a further tenth of the step is done."""
        self.done = min(self.done + units, self.total)
        tenth = self.done * 10 // self.total
        if tenth <= self._shown:
            return
        self._shown = tenth
        elapsed = time.monotonic() - self._start
        new = max(self.done - self._first, 1)
        left = elapsed / new * (self.total - self.done)
        tail = f"{elapsed:.0f} s, about {left:.0f} s left" if left else f"{elapsed:.0f} s"
        self._show(f"{self.done:,} of {self.total:,}, {tail}" + (f", {note}" if note else ""))

    def _show(self, text: str) -> None:
        percent = f"{100 * self.done // self.total:3d} %"
        log.info("%s: %s  %s", self.what, percent, text)
        if self._console:
            row = Table.grid(padding=(0, 1))
            bar = ProgressBar(self.total, self.done, width=20)
            row.add_row(f"[bold]{self.what}[/bold]", bar, percent, text)
            self._console.print(row)
