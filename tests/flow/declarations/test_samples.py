"""Sample sheets: what they say, and what is wrong with them in one line."""

import pytest

from flow.declarations.config import ConfigError
from flow.declarations.peak_files import peak_files
from flow.declarations.samples import Sample, binding_files, read_samples

HEADER = "task\tassay\tpeaks\n"
GOOD = HEADER + "TAL1\tChIP\ttal.narrowPeak\nK562\tDNase\topen.bed\nGATA1\tChIP\tgata.bed\n"


@pytest.fixture
def sheet(tmp_path):
    def write(text: str):
        path = tmp_path / "samples.tsv"
        path.write_text(text)
        return path

    return write


def test_rows_in_the_order_of_the_sheet(sheet):
    samples = read_samples(sheet(GOOD))
    assert samples[0] == Sample("TAL1", "ChIP", "tal.narrowPeak")
    assert [sample.task for sample in samples] == ["TAL1", "K562", "GATA1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task\tassay\nA\tChIP\n", "column 'peaks' is missing"),
        (HEADER, "no samples"),
        ("", "empty file"),
        (HEADER + "A\tChIP\ta.bed\nB\tRNA\tb.bed\n", r"line 3: assay 'RNA', expected one of"),
        (HEADER + "A\tChIP\ta.bed\n\tChIP\tb.bed\n", "line 3: no task"),
        (
            HEADER + "A\tChIP\ta.bed\nA\tChIP\tb.bed\n",
            "ChIP of A is in line 2 already",
        ),
    ],
)
def test_what_is_wrong_is_one_line(sheet, text, message):
    with pytest.raises(ValueError, match=message) as error:
        read_samples(sheet(text))
    assert "samples.tsv" in str(error.value)
    assert "\n" not in str(error.value)


def test_binding_files_follow_the_tasks(sheet):
    accessible, chip = binding_files(sheet(GOOD), ["GATA1", "TAL1"])
    assert (accessible, chip) == ("open.bed", ["gata.bed", "tal.narrowPeak"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "HEL\tATAC\tb.bed\n", "2 samples of DNase or ATAC, expected one"),
        (HEADER + "TAL1\tChIP\ta.bed\n", "0 samples of DNase or ATAC"),
        (GOOD + "MYC\tChIP\tb.bed\n", "ChIP of TAL1, GATA1, MYC, expected one per task: GATA1"),
    ],
)
def test_a_sheet_that_does_not_fit_the_study(sheet, text, message):
    with pytest.raises(ValueError, match=message):
        binding_files(sheet(text), ["GATA1", "TAL1"])


def test_files_of_a_sheet_are_looked_up_in_the_folder(sheet, tmp_path):
    sheet(GOOD)
    files = {"genome": "genome.fa", "samples": "samples.tsv"}
    study = {"examples": {"files": files, "tasks": ["GATA1", "TAL1"]}}
    config = {"inputs": "local", "local_folder": str(tmp_path), "studies": {"mine": study}}
    for name in ("genome.fa", "tal.narrowPeak", "open.bed"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"files.samples: ChIP of GATA1: no file .*gata.bed"):
        peak_files(config, "mine")
    (tmp_path / "gata.bed").touch()
    found = peak_files(config, "mine")
    assert found["accessible"] == str(tmp_path / "open.bed")
    assert found["chip"] == [str(tmp_path / name) for name in ("gata.bed", "tal.narrowPeak")]
    (tmp_path / "samples.tsv").write_text("nothing\n")
    with pytest.raises(ConfigError, match=r"mine.examples.files.samples: .*samples.tsv"):
        peak_files(config, "mine")
