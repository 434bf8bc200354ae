"""Downloads from a server that misbehaves: nothing wrong accepted, nothing right repeated."""

import gzip
import socket
import time
from contextlib import suppress

import numpy as np
import pytest

from flow.declarations.sources import Source
from flow.downloads.fetch import fetch
from flow.downloads.transfer import FetchError, Policy
from helpers.fetch_server import (
    DATA,
    FAST,
    cached,
    chunked,
    cut,
    error,
    ignore_range,
    lengthless,
    nothing_left,
    reset,
    serve,
    stall,
    trickle,
    wrong_byte,
)

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
