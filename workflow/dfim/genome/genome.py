"""Read genomes from FASTA files into base codes, and cut windows from them.

Files are read as a stream: plain, gzip and bgzip alike, without an index. Only the wanted
contigs are kept in memory, one byte per base.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfim.genome.intervals import Contigs, contig_key
from dfim.io.store import new_plain_or_gzip, open_plain_or_gzip
from dfim.sequences.encoding import ALPHABET, UNKNOWN

log = logging.getLogger(__name__)

_BLOCK = 1 << 24
_AMBIGUOUS, _WRONG = 5, 6


def _code_table() -> bytes:
    """Return the code of every byte, as `bytes.translate` reads it."""
    table = np.full(256, _WRONG, np.uint8)
    codes = dict.fromkeys("RYSWKMBDHV", _AMBIGUOUS) | {"N": UNKNOWN}
    codes |= {base: code for code, base in enumerate(ALPHABET)}
    for letter, code in codes.items():
        table[[ord(letter), ord(letter.lower())]] = code
    return table.tobytes()


_CODES = _code_table()
_LETTERS = np.frombuffer(b"ACGTN", np.uint8)


@dataclass(frozen=True)
class Genome:
    """A genome: contigs with their bases.

    Attributes
    ----------
    contigs
        Names and lengths.
    codes
        For each contig (length,) uint8: 0-3 for A, C, G, T and 4 for N.
    """

    contigs: Contigs
    codes: tuple[NDArray[np.uint8], ...]

    def windows(
        self, contig: NDArray[np.integer], start: NDArray[np.integer], length: int
    ) -> NDArray[np.uint8]:
        """Cut windows of one length.

        Parameters
        ----------
        contig, start
            (N,) index of the contig, and 0-based first base of each window.
        length
            Length of the windows in bp.

        Returns
        -------
        ndarray of uint8, shape (N, length)
            Codes 0-4.

        Raises
        ------
        ValueError
            For a window that leaves its contig, with its row.
        """
        outside = ~self.holds(contig, start, length)
        if outside.any():
            row = int(np.argmax(outside))
            name, size = self.contigs.names[contig[row]], self.contigs.lengths[contig[row]]
            raise ValueError(
                f"windows: row {row} is {name}:{start[row]}-{start[row] + length}, expected "
                f"inside the {size:,} bp of {name}"
            )
        found = np.empty((len(start), length), np.uint8)
        for place in np.unique(contig):
            rows = np.flatnonzero(contig == place)
            every = np.lib.stride_tricks.sliding_window_view(self.codes[place], length)
            found[rows] = every[start[rows]]
        return found

    def holds(
        self, contig: NDArray[np.integer], start: NDArray[np.integer], length: int
    ) -> NDArray[np.bool_]:
        """Return which windows (N,) lie wholly inside their contig."""
        return (start >= 0) & (start + length <= np.array(self.contigs.lengths)[contig])


def read_genome(path: str | os.PathLike[str], contigs: Sequence[str] | None = None) -> Genome:
    r"""Read the contigs of a FASTA file, plain, gzip or bgzip (recognised by its content).

    Parameters
    ----------
    path
        The file. Lower case (soft-masked) bases count like upper case; IUPAC letters of
        more than one base become N and are counted in the log.
    contigs
        Names of the contigs to keep, with or without "chr"; by default all.

    Returns
    -------
    Genome
        In the order of `contigs` where given, else of the file, with the
        file's names.

    Raises
    ------
    ValueError
        An empty or damaged file, a contig that occurs twice, is empty, or is wanted
        and missing, a letter that is no base (with contig and position), or an
        index (.fai) beside the file that disagrees with it.

    Notes
    -----
    Reads the whole file whatever is wanted, which finds damage: about 5 ms per
    megabase from gzip. Memory is one byte per base of the kept contigs, and the
    largest of them once more.

    Examples
    --------
    >>> from pathlib import Path
    >>> import dfim
    >>> import numpy as np
    >>> _ = Path("genome.fa").write_text(">chr1\nACGTACGT\n>chr2\nttNN\n")
    >>> genome = dfim.read_genome("genome.fa")
    >>> genome.contigs
    Contigs(names=('chr1', 'chr2'), lengths=(8, 4))
    >>> genome.windows(np.array([0, 1]), np.array([2, 0]), 4).tolist()
    [[2, 3, 0, 1], [3, 3, 4, 4]]
    """
    wanted = None if contigs is None else {contig_key(name) for name in contigs}
    lengths: dict[str, int] = {}
    names: dict[str, str] = {}
    kept: dict[str, list[NDArray[np.uint8]]] = {}
    name = ""
    for header, text in _pieces(path):
        if header is not None:
            name = header
            other = names.setdefault(contig_key(name), name)
            if name in lengths or other != name:
                raise ValueError(
                    f"{path}: contig {other!r} is there twice (again as {name!r}); expected it "
                    "once"
                )
            lengths[name] = 0
            if wanted is None or contig_key(name) in wanted:
                kept[name] = []
        if name in kept:
            kept[name].append(_encode(path, name, lengths[name], text))
        lengths[name] += len(text) - text.count(b"\n") - text.count(b"\r")
    empty = [name for name, length in lengths.items() if not length]
    if empty:
        raise ValueError(f"{path}: contig {empty[0]!r} has no sequence, expected one")
    _require_current_index(path, lengths)
    codes = {name: np.concatenate(kept.pop(name)) for name in list(kept)}
    every = Contigs(tuple(lengths), tuple(lengths.values()))
    order = list(codes) if contigs is None else _in_order(path, every, contigs)
    unknown = sum(int(np.count_nonzero(codes[name] == _AMBIGUOUS)) for name in order)
    for array in codes.values():
        array[array == _AMBIGUOUS] = UNKNOWN
    log.info(
        "%s: %d of %d contigs, %d bp; %d ambiguous letters taken as N",
        path, len(order), len(lengths), sum(lengths[n] for n in order), unknown,
    )  # fmt: skip
    sizes = tuple(lengths[name] for name in order)
    return Genome(Contigs(tuple(order), sizes), tuple(codes[name] for name in order))


def _in_order(
    path: str | os.PathLike[str], every: Contigs, contigs: Sequence[str]
) -> list[str]:
    """Return the file's names of the wanted contigs, in the order of `contigs`."""
    places = every.index(contigs)
    if (places < 0).any():
        missing = contigs[int(np.argmax(places < 0))]
        raise ValueError(
            f"{path}: no contig {missing!r}; there are {', '.join(every.names[:30])}"
        )
    return [every.names[place] for place in places]


def _pieces(path: str | os.PathLike[str]) -> Iterator[tuple[str | None, bytes]]:
    """Yield pieces of sequence in file order, with the contig's name where one starts."""
    with open_plain_or_gzip(path) as file:
        rest, block, started = b"\n", b"\n", False
        while block:
            block = file.read(_BLOCK)
            text = rest + block
            # What could be the beginning of a header waits for the next block.
            at = text.rfind(b"\n>") if block else -1
            hold = at if at >= 0 and text.find(b"\n", at + 1) < 0 else len(text)
            hold -= bool(block) and text.endswith(b"\n") and hold == len(text)
            text, rest = text[:hold], text[hold:]
            before, *records = text.split(b"\n>")
            if before.strip():
                if not started:
                    raise ValueError(
                        f"{path}: starts with {before.strip()[:20]!r}, expected a FASTA header "
                        "(>name)"
                    )
                yield None, before
            for record in records:
                started = True
                header, _, sequence = record.partition(b"\n")
                words = header.decode("utf-8", "replace").split()
                if not words:
                    raise ValueError(f"{path}: a header without a name, expected >name")
                yield words[0], sequence
    if not started:
        raise ValueError(f"{path}: empty file, expected FASTA records")


def _encode(
    path: str | os.PathLike[str], name: str, done: int, text: bytes
) -> NDArray[np.uint8]:
    """Convert a piece of sequence to codes, `done` bases after the start of contig `name`."""
    codes = np.frombuffer(bytearray(text.translate(_CODES, b"\r\n")), np.uint8)
    if codes.size and codes.max() == _WRONG:
        row = int(np.argmax(codes == _WRONG))
        letter = text.translate(None, b"\r\n")[row : row + 1]
        raise ValueError(
            f"{path}: {name} has {letter.decode('ascii', 'replace')!r} at position "
            f"{done + row} (0-based); expected letters of bases"
        )
    return codes


def _require_current_index(path: str | os.PathLike[str], lengths: dict[str, int]) -> None:
    """Raise when an index file (.fai) beside the FASTA gives other lengths."""
    index = Path(f"{os.fspath(path)}.fai")
    if not index.exists():
        return
    said = {}
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), 1):
        cells = line.split("\t")
        if len(cells) < 2 or not cells[1].isdigit():
            raise ValueError(f"{index}, line {number}: no index row; write the index again")
        said[cells[0]] = int(cells[1])
    if said != lengths:
        names = [n for n in [*lengths, *said] if said.get(n) != lengths.get(n)]
        raise ValueError(
            f"{index}: stale index: it gives {names[0]} {said.get(names[0])} bp, the FASTA "
            f"has {lengths.get(names[0])}; delete it, or write it again (samtools faidx)"
        )


def write_genome(path: str | os.PathLike[str], genome: Genome, *, width: int = 60) -> None:
    """Write a FASTA file in lines of `width` bases, gzipped where `path` ends in .gz.

    Equal genomes give equal bytes.
    """
    parts = []
    for name, codes in zip(genome.contigs.names, genome.codes, strict=True):
        letters = _LETTERS[codes]
        whole = len(letters) // width * width
        lines = np.full((whole // width, width + 1), ord("\n"), np.uint8)
        lines[:, :-1] = letters[:whole].reshape(-1, width)
        last = letters[whole:].tobytes() + b"\n" if whole < len(letters) else b""
        parts += [f">{name}\n".encode(), lines.tobytes(), last]
    with new_plain_or_gzip(path) as file:
        file.write(b"".join(parts))
