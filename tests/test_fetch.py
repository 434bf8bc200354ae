"""Downloads from a server that misbehaves: nothing wrong accepted, nothing right repeated."""

import gzip
import hashlib
import io
import json
import logging
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from flow.fetch import fetch, verify
from flow.sources import COLUMNS, Source
from flow.transfer import FetchError, Policy

WORKFLOW = Path(__file__).resolve().parent.parent / "workflow"
DATA = np.random.default_rng(1).bytes(200_000)
FAST = Policy(
    retries=4, connect_seconds=2, read_seconds=0.25, backoff_seconds=0.002, backoff_max=1
)


# ---- the server ----------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        site = self.server.site
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        site.starts.append(start)
        site.requests.append(dict(self.headers))
        behave = site.plan.pop(0) if site.plan else serve
        with suppress(ConnectionError):
            behave(self, site)

    def begin(self, status, length, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, data):
        self.wfile.write(data)
        self.server.site.sent += len(data)


class Site:
    """A file on a server, and how the next requests for it are answered."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/file"
        self.data, self.etag, self.plan = DATA, '"one"', []
        self.starts, self.requests, self.sent = [], [], 0
        self.over = threading.Event()

    def reply(self, handler, data=None):
        """Status, headers and body of a well-behaved answer."""
        data = self.data if data is None else data
        start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        if not start or handler.headers.get("If-Range", self.etag) != self.etag:
            return 200, {"ETag": self.etag}, data
        rest = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return 206, {"ETag": self.etag, "Content_Range": rest}, data[start:]


def serve(handler, site):
    status, headers, body = site.reply(handler)
    handler.begin(status, len(body), **headers)
    handler.send(body)


def cut(count):
    def behave(handler, site):
        status, headers, body = site.reply(handler)
        handler.begin(status, len(body), **headers)
        handler.send(body[:count])
        handler.close_connection = True

    return behave


def reset(count):
    def behave(handler, site):
        if count:
            status, headers, body = site.reply(handler)
            handler.begin(status, len(body), **headers)
            handler.send(body[:count])
        linger = struct.pack("ii", 1, 0)  # closing sends RST
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(handler.connection.detach())  # the handler's files would keep it open
        handler.close_connection = True

    return behave


def stall(count):
    def behave(handler, site):
        status, headers, body = site.reply(handler)
        handler.begin(status, len(body), **headers)
        handler.send(body[:count])
        site.over.wait(10)
        handler.close_connection = True

    return behave


def trickle(handler, site):
    status, headers, body = site.reply(handler)
    handler.begin(status, len(body), **headers)
    for at in range(100):
        handler.send(body[at : at + 1])
        if site.over.wait(0.05):
            break
    handler.close_connection = True


def error(status, **headers):
    return lambda handler, _: handler.begin(status, 0, **headers)


def ignore_range(handler, site):
    handler.begin(200, len(site.data), ETag=site.etag)
    handler.send(site.data)


def wrong_byte(handler, site):
    status, headers, body = site.reply(handler)
    body = bytearray(body)
    body[len(body) // 2] ^= 1
    handler.begin(status, len(body), **headers)
    handler.send(bytes(body))


def lengthless(body):
    def behave(handler, site):
        handler.begin(200, None, Connection="close")
        handler.send(body)
        handler.close_connection = True

    return behave


def chunked(whole=True):
    def behave(handler, site):
        handler.begin(200, None, Transfer_Encoding="chunked", ETag=site.etag)
        for at in range(0, len(site.data), 30_000):
            piece = site.data[at : at + 30_000]
            handler.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if at > 60_000 and not whole:
                handler.close_connection = True
                return
        handler.send(b"0\r\n\r\n")

    return behave


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.site = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.site
    server.site.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def source(site):
    """Make a row of the table for the site's file, as it is now."""

    def make(name="thing", file="group/thing.bin", known=True, size=True, by_hand=False):
        digest = f"md5:{hashlib.md5(site.data).hexdigest()}" if known else None
        origin = "publisher" if known else "first-use"
        size = len(site.data) if size else None
        return Source(name, "s", site.url, file, size, digest, origin, by_hand, "a thing")

    return make


def cached(folder, name="group/thing.bin"):
    return folder / ".cache" / name


# ---- what passes ---------------------------------------------------------------


def test_fetches_once(site, source, tmp_path):
    path = fetch(source(), tmp_path, policy=FAST)
    assert path == tmp_path / "group/thing.bin"
    assert path.read_bytes() == DATA
    assert path.samefile(cached(tmp_path))  # no second copy on the disk
    assert sorted(p.name for p in cached(tmp_path).parent.iterdir()) == [
        "thing.bin",
        "thing.bin.lock",
    ]
    fetch(source(), tmp_path, policy=FAST)
    path.unlink()  # as Snakemake does with the output of a killed job
    fetch(source(), tmp_path, policy=FAST)
    assert path.read_bytes() == DATA
    assert site.starts == [0]


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        (cut(50_000), 50_000),
        (stall(50_000), 50_000),
        (reset(0), 0),
        (error(500), 0),
        (error(503), 0),
        (error(429), 0),
    ],
    ids=["cut", "stall", "reset", "500", "503", "429"],
)
def test_faults_that_pass_are_retried_and_resumed(site, source, tmp_path, fault, kept):
    site.plan = [fault, fault]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, kept, 2 * kept]
    assert site.sent == len(DATA)  # no byte twice


def test_reset_inside_the_body_is_resumed(site, source, tmp_path):
    site.plan = [reset(50_000)]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert len(site.starts) == 2  # what had arrived before the reset may be lost with it
    assert 0 <= site.starts[1] <= 50_000


def test_trickle_is_a_stall(site, source, tmp_path):
    site.plan = [trickle]
    began = time.monotonic()
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert time.monotonic() - began < 3
    assert len(site.starts) == 2


def test_resumes_under_condition_and_without_compression(site, source, tmp_path):
    site.plan = [cut(1000)]
    fetch(source(), tmp_path, policy=FAST)
    first, second = site.requests
    assert first["Accept-Encoding"] == second["Accept-Encoding"] == "identity"
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=1000-", '"one"')


def test_server_that_ignores_ranges_starts_anew(site, source, tmp_path):
    site.plan = [cut(50_000), ignore_range]
    assert fetch(source(known=False), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 50_000]


def test_no_resume_without_a_strong_validator(site, source, tmp_path):
    site.etag = 'W/"weak"'
    site.plan = [cut(50_000)]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 0]


@pytest.mark.parametrize("honest", [True, False], ids=["If-Range kept", "If-Range ignored"])
def test_file_that_changes_in_between_is_never_spliced(site, source, tmp_path, honest):
    new = DATA[::-1]

    def change(handler, site):
        site.data, site.etag = new, '"two"'
        if not honest:  # goes on with the new file, whatever was asked
            del handler.headers["If-Range"]
        serve(handler, site)

    site.plan = [cut(50_000), change]
    assert fetch(source(known=False), tmp_path, policy=FAST).read_bytes() == new
    assert site.starts == ([0, 50_000] if honest else [0, 50_000, 0])


@pytest.mark.parametrize(
    ("first", "last", "total"),
    [
        (40_000, 189_999, "200000"),  # another place, and as long as what is missing
        (50_000, 99_999, "*"),
        (50_000, 199_999, "200001"),
    ],
)
def test_range_that_does_not_fit_is_refused(site, source, tmp_path, first, last, total):
    def elsewhere(handler, site):
        told = f"bytes {first}-{last}/{total}"
        handler.begin(206, last + 1 - first, ETag=site.etag, Content_Range=told)
        handler.send(DATA[first : last + 1])

    site.plan = [cut(50_000), elsewhere]
    row = source(known=False, size=False)
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 50_000, 0]


def test_range_that_ends_early_is_continued(site, source, tmp_path):
    def early(handler, site):
        told = "bytes 50000-99999/200000"
        handler.begin(206, 50_000, ETag=site.etag, Content_Range=told)
        handler.send(DATA[50_000:100_000])

    site.plan = [cut(50_000), early]
    row = source(known=False, size=False)
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 50_000, 100_000]


def test_range_beyond_the_end_starts_anew(site, source, tmp_path):
    site.plan = [cut(50_000), error(416)]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 50_000, 0]


def test_chunked_reply(site, source, tmp_path):
    site.plan = [chunked(whole=False), chunked(), chunked()]
    path = fetch(source(known=False, size=False), tmp_path, policy=FAST)
    assert path.read_bytes() == DATA


def test_progress_earns_new_retries(site, source, tmp_path):
    site.data = np.random.default_rng(2).bytes(9 << 20)
    site.plan = [cut((1 << 20) + 1)] * 8  # more than FAST's retries
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == site.data


def test_compression_called_an_encoding_keeps_the_published_bytes(site, source, tmp_path):
    site.data = gzip.compress(DATA[:1000])

    def labelled(handler, site):
        handler.begin(200, len(site.data), Content_Encoding="gzip")
        handler.send(site.data)

    site.plan = [labelled, labelled, labelled]
    row = source(known=False, file="group/thing.gz")
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == site.data
    with pytest.raises(FetchError, match="got the encoding gzip"):
        fetch(source("other", "group/other.bin"), tmp_path, policy=FAST)


def test_waits_longer_each_time_and_as_long_as_it_is_told(site, source, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    site.plan = [error(503, Retry_After=7), error(500), error(500), error(500)]
    fetch(source(), tmp_path, policy=Policy(backoff_seconds=1, backoff_max=5))
    told, *rest = waits
    assert told == 5  # held to backoff_max
    assert 2 <= rest[0] <= 3
    assert 4 <= rest[1] <= 5
    assert rest[2:] == [5]


# ---- what does not -------------------------------------------------------------


def nothing_left(folder, name="group/thing.bin"):
    place = cached(folder, name)
    part = place.with_name(f"{place.name}.part")
    return not any(p.exists() for p in (folder / name, place, part))


def test_wrong_byte_is_tried_once_more_then_refused(site, source, tmp_path):
    site.plan = [wrong_byte]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 0]
    site.plan = [wrong_byte, wrong_byte]
    row = source("other", "group/other.bin")
    with pytest.raises(FetchError) as caught:
        fetch(row, tmp_path, policy=FAST)
    assert f"expected {row.checksum} (publisher)" in str(caught.value)
    assert "is md5:" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert nothing_left(tmp_path, row.file)


def test_wrong_byte_before_a_resume_costs_a_whole_new_try(site, source, tmp_path):
    def wrong_start(handler, site):
        handler.begin(200, len(DATA), ETag=site.etag)
        handler.send(b"\0" * 1000)
        handler.close_connection = True

    site.plan = [wrong_start]
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 1000, 0]


def test_wrong_length_is_refused_before_the_body(site, source, tmp_path):
    row = source()
    site.data = DATA[:-1]
    with pytest.raises(FetchError, match=r"offers 199,999 bytes, expected 200,000"):
        fetch(row, tmp_path, policy=FAST)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_refusal_is_final(site, source, tmp_path, status):
    site.plan = [error(status)]
    with pytest.raises(FetchError, match=rf"thing: http://\S+: HTTP {status}.*by hand at \S+"):
        fetch(source(), tmp_path, policy=FAST)
    assert len(site.starts) == 1


def test_gives_up_in_time_and_keeps_what_it_has(site, source, tmp_path):
    site.plan = [cut(50_000)] + [error(500)] * 5
    with pytest.raises(FetchError, match=r"failed 5 times in a row.*50,000 bytes are kept"):
        fetch(source(), tmp_path, policy=FAST)
    assert len(site.starts) == 5
    assert not (tmp_path / "group/thing.bin").exists()
    site.plan = []
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts[-1] == 50_000


def test_empty_replies_are_counted(site, source, tmp_path):
    site.plan = [lengthless(b"")] * 5
    with pytest.raises(FetchError, match="the reply ended at byte 0 of 200,000"):
        fetch(source(), tmp_path, policy=FAST)


def test_no_server(source, tmp_path):
    with socket.socket() as taken:  # bound, not listening: refuses
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        row = Source("thing", "s", url, "g/x", None, None, "first-use", False, "")
        with pytest.raises(FetchError, match=r"failed 5 times in a row.*refused"):
            fetch(row, tmp_path, policy=FAST)


def test_web_page_is_no_file(site, source, tmp_path):
    def page(handler, _):
        handler.begin(200, 6, Content_Type="text/html; charset=utf-8")
        handler.send(b"<html>")

    site.plan = [page, page]
    with pytest.raises(FetchError, match="got a web page"):
        fetch(source(known=False, size=False), tmp_path, policy=FAST)
    assert nothing_left(tmp_path)


def test_reply_without_length_needs_another_proof(site, source, tmp_path):
    body = gzip.compress(DATA)
    site.data, site.plan = body, [lengthless(body[:1000])] * 2
    with pytest.raises(FetchError, match="has no length"):
        fetch(source(known=False, size=False), tmp_path, policy=FAST)
    zipped = source("zipped", "group/zipped.gz", known=False, size=False)
    site.plan = [lengthless(body[:1000])] * 2
    with pytest.raises(FetchError, match="is no whole gz file"):
        fetch(zipped, tmp_path, policy=FAST)
    site.plan = [lengthless(body)]
    assert fetch(zipped, tmp_path, policy=FAST).read_bytes() == body


@pytest.mark.parametrize("seed", range(30))
def test_nothing_wrong_is_ever_accepted(site, source, tmp_path, seed):
    """Random faults in random order: the file is right, or absent with a line that says why."""
    rng = np.random.default_rng(seed)
    site.data = gzip.compress(DATA[: int(rng.integers(2000, 60_000))], mtime=0)
    first, new = site.data, gzip.compress(DATA[-3000:], mtime=0)

    def change(handler, site):
        site.data, site.etag = new, '"two"'
        serve(handler, site)

    count = int(rng.integers(1, len(site.data)))
    faults = [cut(count), reset(count), error(500), error(416), ignore_range, wrong_byte, serve]
    faults += [chunked(whole=False), chunked(), lengthless(site.data[:count]), change, cut(0)]
    site.plan = [faults[i] for i in rng.integers(0, len(faults), 12)]
    row = source("thing", "group/thing.gz", known=bool(rng.integers(2)), size=False)
    right = {first} if row.checksum else {first, new}
    for _ in range(3):
        with suppress(FetchError):
            fetch(row, tmp_path, policy=FAST)
        if (tmp_path / row.file).exists():
            assert (tmp_path / row.file).read_bytes() in right
            break
    site.plan, site.data, site.etag = [], first, '"one"'
    asked = len(site.starts)
    had = (tmp_path / row.file).exists()
    (tmp_path / row.file).unlink(missing_ok=True)
    assert fetch(row, tmp_path, policy=FAST).read_bytes() in right
    assert not (had and len(site.starts) > asked)


# ---- first use -----------------------------------------------------------------


def test_first_use_is_recorded_and_enforced(site, source, tmp_path):
    row = source(known=False, size=False)
    path = fetch(row, tmp_path, policy=FAST)
    record = tmp_path / "checksums/thing.json"
    noted = json.loads(record.read_text())
    assert noted["checksum"] == f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    assert (noted["bytes"], noted["url"]) == (len(DATA), site.url)
    assert verify(row, tmp_path) == "right"

    for file in (path, cached(tmp_path)):
        file.unlink()
    site.data, site.etag = DATA[::-1], '"two"'
    with pytest.raises(FetchError) as caught:
        fetch(row, tmp_path, policy=FAST)
    other = hashlib.sha256(site.data).hexdigest()
    for part in (noted["checksum"], other, noted["date"], f"remove {record}"):
        assert part in str(caught.value)
    assert nothing_left(tmp_path)

    record.unlink()
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == DATA[::-1]


def test_damaged_copy_is_noticed_and_fetched_anew(site, source, tmp_path):
    row = source(known=False, size=False)
    path = fetch(row, tmp_path, policy=FAST)
    path.write_bytes(DATA[:-1] + b"\0")  # the hard link in the cache changes with it
    assert verify(row, tmp_path).startswith("is sha256:")
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == DATA
    assert len(site.starts) == 2


def test_record_that_cannot_be_read(source, tmp_path):
    (tmp_path / "checksums").mkdir()
    (tmp_path / "checksums/thing.json").write_text("{}")
    with pytest.raises(FetchError, match=r"thing\.json: not a record of a first use"):
        fetch(source(known=False), tmp_path, policy=FAST)


# ---- placed by hand ------------------------------------------------------------


def workbook():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sheet1.xml", DATA[:5000])
    return buffer.getvalue()


def test_by_hand(site, source, tmp_path):
    row = source("table", "bqtl/t.xlsx", known=False, size=False, by_hand=True)
    place = tmp_path / "by_hand/t.xlsx"
    with pytest.raises(FetchError) as caught:
        fetch(row, tmp_path, policy=FAST)
    for part in ("table: must be placed by hand", row.note, row.url, str(place)):
        assert part in str(caught.value)

    place.parent.mkdir()
    book = workbook()
    place.write_bytes(book[:-100])
    with pytest.raises(FetchError, match="is no whole xlsx file"):
        fetch(row, tmp_path, policy=FAST)
    assert place.exists()

    place.write_bytes(book)
    assert fetch(row, tmp_path, policy=FAST).read_bytes() == book
    place.unlink()  # another version: the first is enforced
    place.write_bytes(book + b"\0")
    with pytest.raises(FetchError, match="first use"):
        fetch(row, tmp_path, policy=FAST)
    assert site.starts == []


def test_any_file_may_be_placed_by_hand(site, source, tmp_path):
    place = tmp_path / "by_hand/thing.bin"
    place.parent.mkdir()
    place.write_bytes(DATA[1:])
    with pytest.raises(FetchError, match="has 199,999 bytes, expected 200,000"):
        fetch(source(), tmp_path, policy=FAST)
    place.write_bytes(DATA)
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == []


def test_right_file_at_its_place_is_taken(site, source, tmp_path):
    path = tmp_path / "group/thing.bin"
    path.parent.mkdir()
    path.write_bytes(DATA)
    fetch(source(), tmp_path, policy=FAST)
    assert site.starts == []
    assert cached(tmp_path).samefile(path)


# ---- processes -----------------------------------------------------------------

CHILD = """
import sys
from flow.fetch import fetch
from flow.sources import Source
url, folder = sys.argv[1:]
fetch(Source("thing", "s", url, "group/thing.bin", None, None, "first-use", False, ""), folder)
"""


def test_killed_fetch_is_resumed(site, source, tmp_path):
    site.plan = [stall(120_000)]
    command = [sys.executable, "-c", CHILD, site.url, str(tmp_path)]
    part = cached(tmp_path).with_name("thing.bin.part")
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(WORKFLOW)}) as child:
        limit = time.monotonic() + 10
        while not (part.exists() and part.stat().st_size == 120_000):
            assert time.monotonic() < limit
            time.sleep(0.02)
        with pytest.raises(FetchError, match="another process is fetching it"):
            fetch(source(), tmp_path, policy=FAST)
        child.kill()
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0, 120_000]
    assert site.sent == len(DATA)


def test_complete_part_is_not_fetched_again(site, source, tmp_path):
    fetch(source(), tmp_path, policy=FAST)
    whole = cached(tmp_path)
    part = whole.with_name("thing.bin.part")
    whole.rename(part)  # as a kill between the last byte and the rename leaves it
    (tmp_path / "group/thing.bin").unlink()
    notes = {"url": site.url, "etag": site.etag, "modified": None, "size": len(DATA)}
    part.with_name("thing.bin.part.json").write_text(json.dumps(notes))
    assert fetch(source(), tmp_path, policy=FAST).read_bytes() == DATA
    assert site.starts == [0]


def test_part_of_another_address_is_not_used(site, source, tmp_path):
    fetch(source(), tmp_path, policy=FAST)
    part = cached(tmp_path).with_name("thing.bin.part")
    cached(tmp_path).rename(part)
    (tmp_path / "group/thing.bin").unlink()
    notes = {"url": "http://elsewhere/", "etag": site.etag, "modified": None, "size": len(DATA)}
    part.with_name("thing.bin.part.json").write_text(json.dumps(notes))
    fetch(source(), tmp_path, policy=FAST)
    assert site.starts == [0, 0]


def test_progress_is_shown_of_large_files(site, source, tmp_path, caplog):
    site.data = bytes(17 << 20)
    with caplog.at_level(logging.INFO):
        fetch(source(), tmp_path, policy=FAST)
    assert "fetch thing: 100 %  17,825,792 of 17,825,792" in caplog.text


@pytest.fixture
def project(tmp_path, source):
    """A workflow of nothing but the fetch rule, with a table of two files of the site."""
    workflow = tmp_path / "workflow"
    (workflow / "rules").mkdir(parents=True)
    for name in ("flow", "dfim", "scripts"):
        (workflow / name).symlink_to(WORKFLOW / name)
    (tmp_path / "envs").symlink_to(WORKFLOW.parent / "envs")
    shutil.copy(WORKFLOW / "rules/download.smk", workflow / "rules")
    (workflow / "Snakefile").write_text(
        "from types import SimpleNamespace\n"
        "RUN = SimpleNamespace(path=lambda *parts: '/'.join(('results/r', *parts)))\n"
        "include: 'rules/download.smk'\n"
        "rule all:\n"
        "    default_target: True\n"
        "    input: [source.path for source in SOURCES.values()]\n"
    )
    rows = [source(), source("hand", "group/hand.bin", by_hand=True)]
    (tmp_path / "resources").mkdir()
    cells = [[_cell(getattr(row, column)) for column in COLUMNS] for row in rows]
    lines = ["\t".join(line) + "\n" for line in [COLUMNS, *cells]]
    (tmp_path / "resources/sources.tsv").write_text("".join(lines))
    return tmp_path


def _cell(value):
    return {None: "", True: "yes", False: "no"}.get(value, str(value))


def test_rule(project, source, site):
    downloads = project / "resources/downloads"
    fetch(source(), downloads, policy=FAST).unlink()  # as a killed job leaves it
    # Before an editable install, whose table is another.
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow")}
    command = [Path(sys.executable).parent / "snakemake", "--cores", "1", "--keep-going"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "dfim: rule fetch_file: hand: must be placed by hand." in done.stderr
    assert (downloads / "group/thing.bin").read_bytes() == DATA
    assert (project / "results/r/logs/fetch_file/group/thing.bin.log").exists()
    assert len(site.starts) == 1
