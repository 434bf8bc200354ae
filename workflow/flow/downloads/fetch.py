"""Raw files as `resources/sources.tsv` declares them: fetched, verified, kept.

Below the folder of downloads:

    <file>              the file; Snakemake's output, a hard link to the next
    .cache/<file>       the same, whole and verified; `.part` while it comes in
    by_hand/<name>      where the user places a file that a script cannot have
    checksums/<name>    what a file without a published checksum was at first use

Snakemake removes an output before it makes it again, and whenever a job fails or
is killed. The cache is no output, so no such turn fetches a whole file twice.

`python -m flow.downloads.fetch` checks what is there against the table.
"""

import fcntl
import gzip
import hashlib
import json
import logging
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from dfim.io.store import whole_file
from flow.declarations.sources import DOWNLOADS, Source, read_sources
from flow.downloads.partial import Partial
from flow.downloads.transfer import FetchError, Policy, Transfer, WrongContentError

log = logging.getLogger(__name__)

_CONTAINERS = (".gz", ".tgz", ".xlsx", ".zip")


@dataclass(frozen=True)
class FirstUse:
    """What a file was when it was first had; what it must be from then on."""

    checksum: str
    bytes: int
    url: str
    date: str


class _Places:
    """Where one source's files stand."""

    def __init__(self, source: Source, folder: str | os.PathLike[str]) -> None:
        base = Path(folder)
        self.output = base / source.file
        self.cache = base / ".cache" / source.file
        self.part = Partial(self.cache.with_name(f"{self.cache.name}.part"), source.url)
        self.lock = self.cache.with_name(f"{self.cache.name}.lock")
        self.hand = base / "by_hand" / source.basename
        self.record = base / "checksums" / f"{source.name}.json"


def fetch(
    source: Source,
    folder: str | os.PathLike[str] = DOWNLOADS,
    *,
    policy: Policy | None = None,
) -> Path:
    """Have one raw file, right and whole, at its place below `folder`.

    A right file that is there already (placed by hand, or in the cache) is
    taken; otherwise it is fetched. A file whose checksum is unknown is tested
    as far as its format allows (gzip, zip) and its sha256 recorded; from then
    on that one is enforced.

    Parameters
    ----------
    source
        What to have.
    folder
        The folder of downloads.
    policy
        Time-outs and retries; None: `Policy()`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FetchError
        One line: the server refuses or stays silent; it gave a wrong file
        twice; the file must be placed by hand; the one that was placed is
        wrong; another process is fetching it.
    """
    at = _Places(source, folder)
    with _alone(at.lock, source):
        if not _have(source, at):
            if source.by_hand:
                raise FetchError(
                    f"{source.name}: must be placed by hand. What: {source.note}. "
                    f"From: {source.url} To: {at.hand} and then run again"
                )
            _download(source, at, policy or Policy())
        _link(at.cache, at.output)
    return at.output


def _have(source: Source, at: _Places) -> bool:
    """Bring a right file that is there already into the cache."""
    for place in (at.hand, at.cache, at.output):
        if not place.is_file():
            continue
        fault = _fault(place, source, at)
        if fault is None:
            _record_first_use(place, source, at)
            _link(place, at.cache)
            return True
        if place == at.hand or source.by_hand:
            raise FetchError(f"{source.name}: {place} {fault}")
        log.warning("%s: %s %s; fetching it again", source.name, place, fault)
        place.unlink()
    return False


def _download(source: Source, at: _Places, policy: Policy) -> None:
    """Fetch into the cache; a wrong file is given one more try from its first byte."""
    size, checksum, _ = _expected(source, at)
    checked = checksum is not None or source.file.endswith(_CONTAINERS)
    transfer = Transfer(source.name, source.url, size, checked, policy)
    for _ in range(2):
        fault: str | None
        try:
            transfer.run(at.part)
            fault = _fault(at.part.path, source, at)
        except WrongContentError as error:
            fault = str(error)
        except FetchError as error:
            raise FetchError(f"{error}; or place it by hand at {at.hand}") from error
        if fault is None:
            _record_first_use(at.part.path, source, at)
            at.part.keep_as(at.cache)
            return
        at.part.drop()
        log.warning("%s: %s: %s", source.name, source.url, fault)
    raise FetchError(f"{source.name}: {source.url} was wrong twice: {fault}")


def _expected(source: Source, at: _Places) -> tuple[int | None, str | None, str]:
    """Size and checksum that a file must have, and who says so."""
    if source.checksum or not at.record.is_file():
        return source.bytes, source.checksum, f"({source.checksum_origin})"
    try:
        first = FirstUse(**json.loads(at.record.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise FetchError(f"{at.record}: not a record of a first use ({error})") from error
    says = f"(first use, {first.date}; if the change is meant, remove {at.record})"
    return first.bytes, first.checksum, says


def _fault(path: Path, source: Source, at: _Places) -> str | None:
    """What is wrong with a file, or None."""
    size, checksum, says = _expected(source, at)
    got = path.stat().st_size
    if size is not None and got != size:
        return f"has {got:,} bytes, expected {size:,} {says}"
    if checksum is None:
        return _container_fault(path, source.file)
    found = _digest(path, checksum.partition(":")[0])
    return None if found == checksum else f"is {found}, expected {checksum} {says}"


def _container_fault(path: Path, file: str) -> str | None:
    """Test the checksums that gzip and zip carry inside; other formats have none."""
    if path.stat().st_size == 0:
        return "is empty"
    try:
        if file.endswith((".gz", ".tgz")):
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
        elif file.endswith(_CONTAINERS):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            return f"is damaged inside, at {damaged}" if damaged else None
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        return f"is no whole {file.rpartition('.')[2]} file ({error})"
    return None


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _record_first_use(path: Path, source: Source, at: _Places) -> None:
    if source.checksum or at.record.is_file():
        return
    first = FirstUse(
        checksum=_digest(path, "sha256"),
        bytes=path.stat().st_size,
        url=source.url,
        date=datetime.now(UTC).date().isoformat(),
    )
    with whole_file(at.record) as temporary:
        temporary.write_text(json.dumps(asdict(first), indent=1) + "\n", encoding="utf-8")
    log.info("%s: first use, recorded %s", source.name, first.checksum)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the file system has no hard links."""
    if target.exists() and target.samefile(source):
        return
    with whole_file(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


@contextmanager
def _alone(lock: Path, source: Source) -> Iterator[None]:
    """Keep out a second process, such as a job that outlived its killed Snakemake."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchError(
                f"{source.name}: another process is fetching it; wait for it or end it"
            ) from error
        yield


def verify(source: Source, folder: str | os.PathLike[str] = DOWNLOADS) -> str:
    """Say whether a raw file is ``absent``, ``right``, or what is wrong with it."""
    at = _Places(source, folder)
    if not at.output.is_file():
        return "absent"
    return _fault(at.output, source, at) or "right"


def main() -> None:
    """Print name, file and state of every raw file; exit with 1 if one is wrong."""
    states = {source: verify(source) for source in read_sources().values()}
    lines = [f"{source.name}\t{source.path}\t{state}\n" for source, state in states.items()]
    sys.stdout.writelines(lines)
    sys.exit(any(state not in ("absent", "right") for state in states.values()))


if __name__ == "__main__":
    main()
