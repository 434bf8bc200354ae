"""Read and write FASTA files of example sequences, with errors that name the line.

Files are read whole; `dfim.genome.genome` reads genomes.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dfim.io.store import new_plain_or_gzip, open_plain_or_gzip


@dataclass(frozen=True)
class FastaRecords:
    """Names and upper-case sequences of a FASTA file, in file order."""

    ids: tuple[str, ...]
    sequences: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.ids)


def read_fasta(path: str | os.PathLike[str]) -> FastaRecords:
    r"""Read a FASTA file, plain or gzip (recognised by its content).

    Sequences may span lines, be lower case (they are returned in upper case) and have
    Windows newlines; blank lines are skipped. An id is the first word of its header. Any
    letter is accepted here; `one_hot_encode` accepts A, C, G, T and N.

    Parameters
    ----------
    path : path
        The file; it is read whole.

    Returns
    -------
    FastaRecords

    Raises
    ------
    ValueError
        With file and line: empty file, sequence before the first header,
        header without id or without sequence, id seen before, characters
        other than letters, gzip data that is damaged or ends early. A plain
        file that was cut inside a sequence looks like a whole one;
        `one_hot_encode` rejects its unequal length.

    Examples
    --------
    >>> from pathlib import Path
    >>> import dfim
    >>> _ = Path("enhancers.fa").write_text(">first\nACG\nTNN\n>second\nttgaca\n")
    >>> records = dfim.read_fasta("enhancers.fa")
    >>> records.ids
    ('first', 'second')
    >>> records.sequences
    ('ACGTNN', 'TTGACA')
    """
    with open_plain_or_gzip(path) as file:
        lines = file.read().split(b"\n")
    return _parse_fasta(path, lines)


def _parse_fasta(path: str | os.PathLike[str], lines: list[bytes]) -> FastaRecords:
    """Collect records from lines without their newlines; `path` is for messages."""
    headers: dict[str, int] = {}  # id -> line of its header, in file order
    parts: list[list[bytes]] = []

    def require_sequence() -> None:
        if parts and not parts[-1]:
            name, line = next(reversed(headers.items()))
            raise ValueError(f"{path}, line {line}: {name} has no sequence, expected one")

    for number, line in enumerate(lines, 1):
        line = line.removesuffix(b"\r")
        if line.startswith(b">"):
            require_sequence()
            name = _record_id(path, number, line)
            if name in headers:
                raise ValueError(
                    f"{path}, line {number}: id {name} is also on line {headers[name]}, "
                    "expected each id once"
                )
            headers[name] = number
            parts.append([])
        elif line:
            if not parts:
                raise ValueError(
                    f"{path}, line {number}: got {line[:20].decode('utf-8', 'replace')!r}, "
                    "expected a header that starts with >"
                )
            if not line.isalpha():
                wrong = re.sub("[A-Za-z]", "", line.decode("utf-8", "replace"))[:1]
                raise ValueError(f"{path}, line {number}: got {wrong!r}, expected letters only")
            parts[-1].append(line)
    if not headers:
        raise ValueError(f"{path}, line 1: file is empty, expected FASTA records")
    require_sequence()
    sequences = tuple(b"".join(part).upper().decode("ascii") for part in parts)
    return FastaRecords(ids=tuple(headers), sequences=sequences)


def _record_id(path: str | os.PathLike[str], number: int, header: bytes) -> str:
    """Return the first word of a header line, the `number`th of its file."""
    words = header[1:].decode("utf-8", "replace").split(maxsplit=1)
    if not words or header[1:2].isspace():
        raise ValueError(f"{path}, line {number}: header without id, expected >id")
    return words[0]


def write_fasta(
    path: str | os.PathLike[str], ids: Sequence[str], sequences: Sequence[str]
) -> None:
    """Write records to a FASTA file, each sequence on one line.

    The file appears under its name only when it is complete. With a name that
    ends in .gz it is compressed, and the same records give the same bytes (no
    time or name in the gzip header).

    Parameters
    ----------
    path : path
        The file; replaced when it is there.
    ids : sequence of str
        Unique, without white space.
    sequences : sequence of str
        Letters only, none empty.

    Raises
    ------
    ValueError
        Unequal numbers of ids and sequences, or a record that `read_fasta`
        would reject, with its row.
    """
    if len(ids) != len(sequences) or len(ids) == 0:
        raise ValueError(
            f"ids, sequences: got {len(ids)} and {len(sequences)}, expected equal numbers "
            "and at least one"
        )
    seen: dict[str, int] = {}
    for row, (name, sequence) in enumerate(zip(ids, sequences, strict=True)):
        if name.split() != [name]:
            raise ValueError(f"ids: row {row} is {name!r}, expected one word")
        if seen.setdefault(name, row) != row:
            raise ValueError(
                f"ids: rows {seen[name]} and {row} are both {name!r}, expected unique ids"
            )
        if not (sequence.isascii() and sequence.isalpha()):
            raise ValueError(f"sequences: row {row} ({name}) is empty or not letters only")
    text = "".join(f">{name}\n{s}\n" for name, s in zip(ids, sequences, strict=True))
    with new_plain_or_gzip(path) as file:
        file.write(text.encode())
