"""Fetched files: recorded at first use, placed by hand, resumed after a kill; the rule."""

import hashlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from flow.declarations.sources import COLUMNS
from flow.downloads.fetch import fetch, verify
from flow.downloads.transfer import FetchError
from helpers import WORKFLOW
from helpers.fetch_server import DATA, FAST, cached, nothing_left, stall

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
from flow.downloads.fetch import fetch
from flow.declarations.sources import Source
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
