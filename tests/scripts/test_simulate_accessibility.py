"""The script that writes the genome of 18 cell types, its bQTLs and their truth."""

import hashlib

import numpy as np
import pytest

from dfim.genome.genome import read_genome
from dfim.genome.intervals import Peaks, overlaps, read_narrowpeak
from dfim.genome.peak_windows import union_windows
from dfim.io.store import read_table
from flow.declarations.samples import accessibility_files, read_samples
from flow.declarations.sheets import SHEETS
from flow.variants.bqtl import read_workbook
from scripts.simulate_accessibility import main as simulate_accessibility
from synthetic.accessibility import TASKS
from synthetic.bqtl_alleles import FACTORS

TABLES = ("elements", "sites", "truth")


def written(folder, *, seed=1):
    folder.mkdir()
    simulate_accessibility(
        genome=str(folder / "genome.fa.gz"),
        peaks=[str(folder / f"{task}.narrowPeak.gz") for task in TASKS],
        samples=str(folder / "samples.tsv"),
        workbook=str(folder / "bqtls.xlsx"),
        binding=[str(folder / f"{factor}.narrowPeak.gz") for factor in FACTORS],
        **{name: str(folder / f"{name}.tsv.gz") for name in TABLES},
        oracle=str(folder / "oracle.tsv"),
        simulation={"scale": 0.05}, window=1000, test=["chr8", "chr9"], validation=["chr1"],
        seed=seed,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def written_data(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data") / "blood")


@pytest.fixture(scope="module")
def contigs(written_data):
    return read_genome(written_data / "genome.fa.gz").contigs


def peaks_of(written_data, contigs, name):
    return read_narrowpeak(written_data / f"{name}.narrowPeak.gz", contigs)


def truth_of(written_data):
    return read_table(
        written_data / "truth.tsv.gz", text=("contig", "ref", "alt", "affected_name")
    )


def test_same_seed_same_bytes(written_data, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1e9)  # gzip, zip and openpyxl look at the clock
    again, other = written(tmp_path / "again"), written(tmp_path / "other", seed=2)
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (written_data, again, other)
    ]
    assert digests[0] == digests[1]
    same = [name for name in digests[0] if digests[0][name] == digests[2][name]]
    assert same == ["samples.tsv"]


def test_sample_sheet_names_the_peaks(written_data):
    files = accessibility_files(written_data / "samples.tsv", list(TASKS))
    assert files == [f"{task}.narrowPeak.gz" for task in TASKS]
    assay = {sample.task: sample.assay for sample in read_samples(written_data / "samples.tsv")}
    assert [task for task in TASKS if assay[task] == "DNase"] == ["GM12878", "K562"]


def test_oracle_is_of_the_test_windows(written_data, contigs):
    oracle = read_table(written_data / "oracle.tsv", text=("contigs",))
    assert oracle["task"].tolist() == list(TASKS)
    assert (oracle["contigs"] == "chr8,chr9").all()
    assert oracle["auroc"].between(0.9, 1).all()
    windows = union_windows(
        {task: peaks_of(written_data, contigs, task) for task in TASKS}, 1000
    )
    test = windows.select(np.isin(windows.contig, contigs.index(["chr8", "chr9"])))
    assert oracle["n_positive"].tolist() == test.labels.sum(axis=0).tolist()
    # One window an element: nothing of two elements is merged.
    elements = read_table(written_data / "elements.tsv.gz")
    opened = elements[[f"open_{task}" for task in TASKS]].to_numpy().any(axis=1)
    assert len(windows) == opened.sum()


def test_binding_peaks_hold_sites_of_the_factor(written_data, contigs):
    sites, opened = (
        read_table(written_data / "sites.tsv.gz"),
        peaks_of(written_data, contigs, "GM12878"),
    )
    is_open = read_table(written_data / "elements.tsv.gz")["open_GM12878"].to_numpy() == 1
    n = {}
    for factor, family in FACTORS.items():
        peaks = peaks_of(written_data, contigs, factor)
        n[factor] = len(peaks)
        assert overlaps(peaks, opened).all()
        own = sites[(sites["name"] == family) & (sites["occupancy"] > 0)]
        middle = (own["start"] + own["end"]).to_numpy() // 2
        place = Peaks(contigs.index(own["contig"]), middle - 10, middle + 11, middle)
        summit = Peaks(peaks.contig, peaks.summit, peaks.summit + 1, peaks.summit)
        assert overlaps(summit, place).all()
        # Every open element with a site has a peak, and no peak is of another.
        assert len(peaks) == own.loc[is_open[own["element"]], "element"].nunique()
        assert len(np.unique(peaks.signal)) > 0.9 * len(peaks)
    assert len(set(n.values())) == 5
    assert max(n.values()) < len(opened) / 2


def test_bqtls_lie_in_peaks_of_their_factor_and_of_gm12878(written_data, contigs):
    truth, opened = truth_of(written_data), peaks_of(written_data, contigs, "GM12878")
    for factor, sheet in SHEETS.items():
        mine = truth[truth["factor"] == factor]
        found = read_workbook(written_data / "bqtls.xlsx", sheet)
        assert found.variants.position.tolist() == mine["position"].tolist()
        place = mine["position"].to_numpy()
        variant = Peaks(contigs.index(mine["contig"]), place, place + 1, place)
        assert overlaps(variant, peaks_of(written_data, contigs, factor)).all()
        assert overlaps(variant, opened).all()
        others = [peaks_of(written_data, contigs, name) for name in FACTORS if name != factor]
        assert not np.all([overlaps(variant, other) for other in others])
