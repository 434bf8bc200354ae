"""The script that makes examples of a genome and peaks, on good and bad files."""

import logging
import shutil
from pathlib import Path

import pytest

from dfim.sequences.examples import Examples
from scripts.build_peak_examples import main as build_peak_examples
from scripts.simulate_genome import main as simulate_genome

HELD = {"validation": ["chr1"], "test": ["chr8", "chr9"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small genome with its peaks, as text."""
    made = tmp_path_factory.mktemp("genome")
    simulate_genome(
        genome=str(made / "genome.fa"),
        accessible=str(made / "dnase.narrowPeak"),
        chip=[str(made / f"{task}.narrowPeak") for task in ("GATA1", "GATA2", "TAL1")],
        **{name: str(made / f"{name}.tsv") for name in ("elements", "sites", "oracle")},
        simulation={"binding": "joint", "scale": 0.02}, window=1000, test=HELD["test"], seed=1,
    )  # fmt: skip
    return made


def build(folder, tmp_path, change):
    """Make the examples of a copy of the folder after a change."""
    shutil.copytree(folder, tmp_path / "in")
    change(tmp_path / "in")
    target = tmp_path / "examples.h5"
    build_peak_examples(
        genome=str(tmp_path / "in/genome.fa"),
        accessible=str(tmp_path / "in/dnase.narrowPeak"),
        chip=[str(tmp_path / "in/TAL1.narrowPeak")],
        examples=str(target), tasks=["TAL1"], contigs=None, window=1000, split=HELD, seed=1,
    )  # fmt: skip
    return target


def edit(name, how):
    """A change of one file, given its lines."""

    def change(folder: Path) -> None:
        path = folder / name
        lines = how(path.read_text().splitlines())
        path.write_text("".join(f"{line}\n" for line in lines))

    return change


def _moved(lines):
    cells = lines[3].split("\t")
    cells[1:3] = ["999999990", "999999999"]
    cells[9] = "-1"
    return [*lines[:3], "\t".join(cells), *lines[4:]]


BAD = {
    "off the end": (
        edit("TAL1.narrowPeak", _moved),
        ("TAL1.narrowPeak, line 4:", "beyond the end of its contig"),
    ),
    "unknown contig": (
        edit("dnase.narrowPeak", lambda t: [*t[:2], t[2].replace("chr", "chrUn_", 1), *t[3:]]),
        ("dnase.narrowPeak, line 3: contig", "is not in the genome"),
    ),
    "empty": (edit("TAL1.narrowPeak", lambda _: []), ("TAL1.narrowPeak: no peaks",)),
    "stale index": (
        lambda folder: (folder / "genome.fa.fai").write_text("chr1\t5\t6\t60\t61\n"),
        ("genome.fa.fai: stale index",),
    ),
    "no positives": (
        edit("TAL1.narrowPeak", lambda t: [x for x in t if not x.startswith(("chr8", "chr9"))]),
        ("examples: TAL1 has 0 positive", "in the test part"),
    ),
    "not a genome": (
        edit("genome.fa", lambda t: [t[0], "ACGTZ", *t[2:]]),
        ("genome.fa: chr1 has 'Z' at position 4",),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_refused_in_one_line_and_leaves_nothing(folder, tmp_path, case):
    change, parts = BAD[case]
    with pytest.raises(ValueError, match=parts[0]) as error:
        build(folder, tmp_path, change)
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)
    assert not (tmp_path / "examples.h5").exists()


def _unsorted_overlapping_summitless(lines):
    cells = [line.split("\t") for line in lines]
    for row in cells[: len(cells) // 2]:
        row[9] = "-1"  # as in the uniform DNase sets: the centre counts
    double = cells[0].copy()
    double[2] = str(int(double[2]) + 30)  # overlaps the first
    return ["\t".join(row) for row in [*cells[::-1], double]]


def test_unsorted_overlapping_and_summitless_peaks_are_counted(folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        target = build(
            folder, tmp_path, edit("TAL1.narrowPeak", _unsorted_overlapping_summitless)
        )
    n = len((folder / "TAL1.narrowPeak").read_text().splitlines())
    line = next(text for text in caplog.messages if "TAL1.narrowPeak:" in text)
    assert f"{n + 1} peaks" in line
    assert f"{n // 2 + 1} without summit (centre taken)" in line
    assert "not sorted" in line
    assert (Examples.load(target).labels == 1).sum() > 10
