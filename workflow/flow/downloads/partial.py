"""The beginning of a download, and of which version of the file it is one.

Beside `<file>.part` lies `<file>.part.json` with what the server said of the
file. Without it, or where the address has changed, a .part is of no use.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dfim.io.store import whole_file


@dataclass(frozen=True)
class Version:
    """What a server says of a file: enough to know it again.

    Attributes
    ----------
    url
        Its address.
    etag, modified
        The headers ETag and Last-Modified.
    size
        Bytes of the whole file.
    """

    url: str
    etag: str | None
    modified: str | None
    size: int | None

    @property
    def condition(self) -> str | None:
        """What If-Range can hold the server to; a weak ETag promises too little."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else None
        return strong or self.modified

    def same(self, other: "Version") -> bool:
        """Whether two replies speak of one version, as far as both say."""
        mine = (self.etag, self.modified, self.size)
        theirs = (other.etag, other.modified, other.size)
        pairs = zip(mine, theirs, strict=True)
        return all(a == b for a, b in pairs if a is not None and b is not None)


class Partial:
    """A .part on the disk.

    Parameters
    ----------
    path
        The .part.
    url
        Where it comes from.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self._notes = path.with_name(f"{path.name}.json")

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def version(self) -> Version | None:
        """What it is the beginning of; None where nothing can be built on it."""
        if not (self.path.is_file() and self._notes.is_file()):
            return None
        version = Version(**json.loads(self._notes.read_text(encoding="utf-8")))
        return version if version.url == self.url else None

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return self.version is not None and self.version.size == self.length

    def note(self, version: Version) -> None:
        """Write down what it is the beginning of."""
        with whole_file(self._notes) as temporary:
            temporary.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def drop(self) -> None:
        """Remove it, its notes first: without them it is never built on."""
        self._notes.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def keep_as(self, target: Path) -> None:
        """Give it the name of the whole file."""
        self.path.replace(target)
        self.drop()
