"""Read and write position weight matrices in MEME text format."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfim.io.store import open_plain_or_gzip, whole_file
from dfim.sequences.encoding import ALPHABET


@dataclass(frozen=True, eq=False)
class Pwm:
    """A position weight matrix.

    Attributes
    ----------
    name
        Name of the motif, which its sites get.
    probabilities
        (W, 4) probabilities of A, C, G, T at each position. Rows sum to 1 within
        0.01, as rounded files do; they are divided by their sums before use.

    Raises
    ------
    ValueError
        Another shape, or a row that is not four probabilities.
    """

    name: str
    probabilities: NDArray[np.floating]

    def __post_init__(self) -> None:
        P = np.asarray(self.probabilities)
        if P.ndim != 2 or P.shape[1] != 4 or len(P) == 0 or P.dtype.kind not in "fiu":
            raise ValueError(
                f"pwm {self.name}: got {P.dtype} of shape {P.shape}, expected numbers of shape "
                "(width, 4)"
            )
        wrong = np.flatnonzero(~((P >= 0).all(axis=1) & (np.abs(P.sum(axis=1) - 1) <= 0.01)))
        if wrong.size:
            raise ValueError(
                f"pwm {self.name}: row {wrong[0] + 1} of {len(P)} is {P[wrong[0]].tolist()}, "
                "expected four probabilities that sum to 1"
            )


def read_meme(path: str | os.PathLike[str]) -> tuple[Pwm, ...]:
    """Read the DNA motifs of a file in MEME text format, plain or gzip-compressed.

    A name is the first word after MOTIF. Besides, only the alphabet and the
    letter-probability matrices are read. The background of the file is ignored: it belongs
    to the sequences, and is an argument of `scan_pwms`.

    Returns
    -------
    tuple of Pwm
        In file order.

    Raises
    ------
    ValueError
        With file and line: no motifs, another alphabet, a motif without name or
        matrix, a name that occurs twice, a row that is not four probabilities that sum
        to 1, a number of rows other than w; damaged gzip data.
    """
    with open_plain_or_gzip(path) as file:
        lines = file.read().decode("utf-8", "replace").splitlines()
    pwms: dict[str, Pwm] = {}
    name = ""
    for number, line in enumerate(lines, 1):
        words = line.split()
        where = f"{path}, line {number}"
        if line.startswith("ALPHABET") and words != ["ALPHABET=", ALPHABET]:
            raise ValueError(f"{where}: got {line.strip()!r}, expected ALPHABET= {ALPHABET}")
        if words[:1] == ["MOTIF"]:
            if name and name not in pwms:
                raise ValueError(f"{where}: no matrix for {name}, expected one before this")
            name = words[1] if len(words) > 1 else ""
            if not name or name in pwms:
                raise ValueError(
                    f"{where}: got {line.strip()!r}, expected MOTIF and a name not seen before"
                )
        elif line.startswith("letter-probability matrix"):
            if not name or name in pwms:
                raise ValueError(f"{where}: matrix without name, expected a MOTIF line first")
            pwms[name] = Pwm(name, _matrix(path, lines, number))
    if not name or name not in pwms:
        what = f"no matrix for {name}" if name else "no motifs"
        raise ValueError(f"{path}, line {len(lines)}: {what}, expected motifs in MEME format")
    return tuple(pwms.values())


def write_meme(path: str | os.PathLike[str], pwms: Sequence[Pwm]) -> None:
    """Write motifs in MEME text format, probabilities with six digits."""
    parts = ["MEME version 4", "", f"ALPHABET= {ALPHABET}", ""]
    for pwm in pwms:
        width = len(pwm.probabilities)
        parts += [f"MOTIF {pwm.name}", f"letter-probability matrix: alength= 4 w= {width}"]
        parts += [" ".join(f"{p:.6f}" for p in row) for row in pwm.probabilities]
        parts.append("")
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def _matrix(path: str | os.PathLike[str], lines: list[str], header: int) -> np.ndarray:
    """Return the probabilities (W, 4) of the matrix whose header is line `header`, from 1."""
    rows = []
    for number, line in enumerate(lines[header:], header + 1):
        words = line.split()
        if not words or line.startswith(("URL", "MOTIF", "-")):
            break
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) != 4 or min(row) < 0 or not abs(sum(row) - 1) <= 0.01:
            raise ValueError(
                f"{path}, line {number}: got {line.strip()!r}, expected four probabilities "
                "(A, C, G, T) that sum to 1"
            )
        rows.append(row)
    width = re.search(r"\bw=\s*(\d+)", lines[header - 1])
    expected = int(width.group(1)) if width else len(rows)
    if not rows or len(rows) != expected:
        raise ValueError(
            f"{path}, line {header}: {len(rows)} rows follow, expected "
            + (f"w= {expected}" if expected else "at least one")
        )
    return np.array(rows)
