"""Runs of the whole workflow in folders of their own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from helpers import ROOT

SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")


class WorkflowRun:
    """The workflow with some config files, in a folder of its own."""

    def __init__(self, folder: Path, *configfiles: Path, cores: int = 2) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.configfiles, self.cores = folder, configfiles, cores
        self.results = folder / "results" / configfiles[-1].stem

    def _command(self, arguments: Sequence[str]) -> list[str]:
        command = [
            SNAKEMAKE,
            "--cores",
            str(self.cores),
            "-s",
            str(ROOT / "workflow/Snakefile"),
        ]
        command += ["--directory", str(self.folder)]
        return [*command, "--configfile", *map(str, self.configfiles), "--", *arguments]

    def run(
        self, *arguments: str, options: Sequence[str] = (), timeout: int = 600
    ) -> subprocess.CompletedProcess:
        """Run to the end; targets as arguments, and a limit in seconds against hanging."""
        command = self._command(arguments)
        command[1:1] = options
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=timeout
        )

    def unlock(self) -> None:
        """Remove what `snakemake --unlock` would after a kill, in none of its five seconds."""
        shutil.rmtree(self.folder / ".snakemake/locks", ignore_errors=True)

    def kill_when(self, pattern: str) -> list[Path]:
        """Start, SIGKILL every process once a file matches, and return the files left.

        The match may be gone by then: the list says what the kill has left behind.
        """
        process = subprocess.Popen(
            self._command([]),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 300
        while not any(self.results.glob(pattern)):
            if process.poll() is not None or time.monotonic() > deadline:
                output, _ = process.communicate()
                raise AssertionError(f"no {pattern} before the run ended:\n{output}")
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # ends when the last process of the group lets go of the pipe
        return sorted(self.results.glob(pattern))


def local_run(name: str, folder: Path, data: Path, *over: Path) -> WorkflowRun:
    """A finished run of a shipped config on local data, with config files laid over it."""
    made = WorkflowRun(folder, ROOT / "config" / f"{name}.yaml", *over)
    done = made.run(
        options=["--quiet", "all", "--config", f"local_folder={data}"], timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return made
