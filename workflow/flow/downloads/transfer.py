"""One file over HTTP: resumed, retried, never spliced from two versions.

The rest of a .part is asked for only under the condition that the file is still
the same (If-Range), and a reply that does not fit it starts the file anew.
"""

import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import requests
import urllib3
from urllib3.util import Retry

from flow.downloads.partial import Partial, Version
from flow.jobs.progress import Progress

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_SHOWN = 16 << 20  # bytes from which a download shows its progress
_GAIN = 1 << 20  # bytes of progress that earn a full set of retries again
_TRICKLE = 1024  # fewer bytes than this within the read time-out are a stall


class FetchError(ValueError):
    """A file that cannot be had; the message is one line."""


class WrongContentError(ValueError):
    """The server offers something other than the file that is expected."""


class _RetriedError(Exception):
    """A fault that may pass, kept apart from what is final."""

    def __init__(self, text: str, response: requests.Response | None = None) -> None:
        super().__init__(text)
        self.response = response


@dataclass(frozen=True)
class Policy:
    """How patient a transfer is.

    Attributes
    ----------
    retries
        Attempts after the first that may bring less than 1 MiB of new data;
        each further MiB earns them all again.
    connect_seconds, read_seconds
        Longest wait for a connection, and for the next bytes.
    backoff_seconds, backoff_max
        The n-th retry in a row waits ``backoff_seconds * 2**(n - 1)`` (the
        first none), with jitter, at most `backoff_max`; a server's Retry-After
        is followed up to the same limit.
    """

    retries: int = 8
    connect_seconds: float = 30.0
    read_seconds: float = 60.0
    backoff_seconds: float = 1.0
    backoff_max: float = 120.0

    def fresh(self) -> Retry:
        """All retries, none used."""
        return Retry(
            total=self.retries,
            backoff_factor=self.backoff_seconds,
            backoff_jitter=self.backoff_seconds,
            backoff_max=self.backoff_max,
            retry_after_max=int(self.backoff_max),
        )


@dataclass(frozen=True)
class Transfer:
    """What is to come, and how to know that it is whole.

    Attributes
    ----------
    name
        What messages call the file.
    url
        http or https; redirects and the usual proxy variables are followed.
    size
        Bytes, where known.
    checked
        Whether the caller can tell a whole file from a cut one by its content.
        If not, a reply that gives no length is refused.
    policy
        Time-outs and retries.
    """

    name: str
    url: str
    size: int | None
    checked: bool
    policy: Policy

    def run(self, part: Partial) -> None:
        """Complete `part`, going on where an earlier call ended.

        Raises
        ------
        FetchError
            The server refuses, or the retries are used up; the .part stays.
        WrongContentError
            What the server offers cannot be the file.
        """
        part.path.parent.mkdir(parents=True, exist_ok=True)
        retry, best = self.policy.fresh(), part.length
        passing = (
            _RetriedError,
            requests.ConnectionError,
            requests.Timeout,
            urllib3.exceptions.HTTPError,
        )
        with requests.Session() as session:
            while not part.complete:
                try:
                    self._receive(session, part)
                except passing as error:
                    if part.length >= best + _GAIN:
                        retry, best = self.policy.fresh(), part.length
                    retry = self._again(retry, error, part)
                except requests.RequestException as error:
                    raise FetchError(f"{self.name}: {self.url}: {_line(error)}") from error

    def _again(self, retry: Retry, error: Exception, part: Partial) -> Retry:
        """Use up one retry: wait, or give up."""
        try:
            left = retry.increment("GET", self.url, error=error)
        except urllib3.exceptions.MaxRetryError:
            raise FetchError(
                f"{self.name}: {self.url} failed {self.policy.retries + 1} times in a row; the "
                f"last time: {_line(error)}; {part.length:,} bytes are kept, run again to go on"
            ) from error
        log.warning("%s: %s; trying again", self.name, _line(error))
        reply = getattr(error, "response", None)
        left.sleep(None if reply is None else reply.raw)
        return left

    def _receive(self, session: requests.Session, part: Partial) -> None:
        """One request; on return `part` is complete and noted so."""
        held = part.version
        offset = part.length if held and held.condition else 0
        headers = {"Accept-Encoding": "identity"}  # the bytes as published, for their checksum
        if held and offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": str(held.condition)}
        times = (self.policy.connect_seconds, self.policy.read_seconds)
        with session.get(self.url, headers=headers, stream=True, timeout=times) as response:
            self._require_file(response, part)
            version = self._offered(response)
            goes_on = response.status_code == 206
            if goes_on:
                fits = held and held.same(version) and offset == _range_start(response)
                if not held or not fits or version.size is None:
                    part.drop()
                    raise _RetriedError("the server went on elsewhere, or in another version")
                version = replace(held, size=version.size)
            self._require_size(version.size, self.checked or response.raw.chunked)
            with part.path.open("ab" if goes_on else "wb") as file:
                part.note(version)  # only after the .part of another version is empty
                log.info("%s: %s from byte %d of %s", self.name, self.url, offset, version.size)
                for data in self._pieces(response, file.tell(), version.size):
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        total = version.size or self.size or part.length
        if part.length < total:
            raise _RetriedError(f"the reply ended at byte {part.length:,} of {total:,}")
        if part.length > total:
            raise WrongContentError(f"got {part.length:,} bytes, expected {total:,}")
        part.note(replace(version, size=total))

    def _pieces(
        self, response: requests.Response, offset: int, total: int | None
    ) -> Iterator[bytes]:
        """Body of a reply as it comes, undecoded; a trickle counts as a stall."""
        progress = None
        if total is not None and total >= _SHOWN:
            progress = Progress(f"fetch {self.name}", total, offset)
        since, count = time.monotonic(), 0
        while data := response.raw.read1(_CHUNK, decode_content=False):
            yield data
            count += len(data)
            if progress:
                progress.advance(len(data))
            if time.monotonic() - since > self.policy.read_seconds:
                if count < _TRICKLE:
                    raise _RetriedError(f"only {count} bytes in {self.policy.read_seconds:g} s")
                since, count = time.monotonic(), 0

    def _require_file(self, response: requests.Response, part: Partial) -> None:
        """Raise unless the reply carries a file's bytes, whole or from an offset."""
        status = response.status_code
        if status == 416:
            part.drop()
        if status in (408, 416, 425, 429) or status >= 500:
            raise _RetriedError(f"HTTP {status} {response.reason}", response)
        if status not in (200, 206):
            raise FetchError(f"{self.name}: {response.url}: HTTP {status} {response.reason}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise WrongContentError("got a web page, expected a file")
        encoding = response.headers.get("Content-Encoding", "identity")
        # Some servers call a .gz file's own compression an encoding: its bytes are right.
        if encoding != "identity" and not part.path.name.endswith((".gz.part", ".tgz.part")):
            raise WrongContentError(f"got the encoding {encoding}, expected the plain bytes")

    def _require_size(self, offered: int | None, provable: bool) -> None:
        if offered is None and self.size is None and not provable:
            raise WrongContentError(
                "the reply has no length, so a cut file would pass for a whole one; "
                "give bytes or a checksum in resources/sources.tsv"
            )
        if offered is not None and self.size is not None and offered != self.size:
            raise WrongContentError(
                f"the server offers {offered:,} bytes, expected {self.size:,}"
            )

    def _offered(self, response: requests.Response) -> Version:
        headers = response.headers
        if response.status_code == 206:
            length = headers.get("Content-Range", "").rpartition("/")[2]
        else:
            length = "" if response.raw.chunked else headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
        return Version(self.url, headers.get("ETag"), headers.get("Last-Modified"), size)


def _range_start(response: requests.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
