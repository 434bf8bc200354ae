"""Binding QTLs by a published network, and a network trained on the real peaks of chr20.

Both are runs of the workflow with the shipped configs. Expected numbers are measured
ones, with room for other machines.
"""

import pytest

from dfim.io.store import read_json, read_table
from dfim.sequences.examples import Examples
from flow.declarations.config import figures, load
from flow.variants.rows import TEXT
from helpers import CONFIGS, ROOT
from helpers.workflow_runs import local_run

pytestmark = pytest.mark.realdata

NUMBERS = {"JUND": (114, 174), "SPI1": (63, 120), "NFKB": (61, 136)}


@pytest.fixture(scope="module")
def published(test_data, tmp_path_factory):
    """Without two analyses of the shipped config, which take five minutes of two cores."""
    without = CONFIGS / "lcl_in_minutes.yaml"
    return local_run("lcl_bqtls", tmp_path_factory.mktemp("lcl"), test_data, without)


@pytest.fixture(scope="module")
def published_whole(test_data, tmp_path_factory):
    return local_run("lcl_bqtls", tmp_path_factory.mktemp("lcl_whole"), test_data)


@pytest.fixture(scope="module")
def trained(test_data, tmp_path_factory):
    return local_run("accessibility_local", tmp_path_factory.mktemp("blood"), test_data)


@pytest.mark.parametrize(
    ("name", "fixture"),
    [
        ("lcl_bqtls", "published"),
        pytest.param("accessibility_local", "trained", marks=pytest.mark.long),
    ],
)
def test_every_figure_says_whose_data_it_shows(name, fixture, request):
    run = request.getfixturevalue(fixture)
    for figure in figures(load([ROOT / "config" / f"{name}.yaml"])):
        for kind in ("svg", "pdf", "png"):
            assert (run.results / f"figures/{figure}.{kind}").stat().st_size > 5000
        assert read_json(run.results / f"stats/{figure}.json")["origin"] == "real chr20, chr21"
    assert (run.results / "report.html").stat().st_size > 10**5


def test_rows_are_those_of_the_tables(published):
    folder = published.results / "lcl/variants/bqtls"
    counts = read_json(folder / "counts.json")
    for name, (significant, controls) in NUMBERS.items():
        assert counts[name]["group"] == {"significant": significant, "control": controls}
        # Every reference allele on these chromosomes is the genome's.
        assert set(counts[name]["status"]) == {"ok", "duplicate", "unknown_contig"}
    found = read_table(folder / "deeplift/results.tsv.gz", text=TEXT)
    assert len(found) == sum(map(sum, NUMBERS.values()))


DEFAULT, RESCALE = "maxAbsFIS, DeepLIFT (genomics default)", "maxAbsFIS, DeepLIFT (Rescale)"
MEASURED = {  # AUROC against controls
    "|Δlogit|, alt − ref": {"JUND": 0.730, "SPI1": 0.630, "NFKB": 0.653},
    DEFAULT: {"JUND": 0.650, "SPI1": 0.642, "NFKB": 0.656},
    RESCALE: {"JUND": 0.715, "SPI1": 0.711, "NFKB": 0.697},
    "maxAbsFIS, gradient × input": {"JUND": 0.733, "SPI1": 0.740, "NFKB": 0.714},
}


@pytest.mark.parametrize(
    ("fixture", "without"),
    [("published", {RESCALE}), pytest.param("published_whole", set(), marks=pytest.mark.long)],
)
def test_published_network_separates_bqtls_as_measured(fixture, without, request):
    run = request.getfixturevalue(fixture)
    table = read_table(run.results / "tables/fig7.tsv", text=("method",))
    table = table.dropna(subset=["auroc"])
    of = {(row["method"], row["set"]): row["auroc"] for _, row in table.iterrows()}
    for method in MEASURED.keys() - without:
        found = {name: of[method, name] for name in NUMBERS}
        assert found == pytest.approx(MEASURED[method], abs=0.01), method
    assert (table.loc[table["method"] == DEFAULT, "p"] < 0.05).all()


def test_most_spi1_variants_act_within_10_bp(published):
    found = read_table(
        published.results / "lcl/variants/bqtls/deeplift/results.tsv.gz", text=TEXT
    )
    spi1 = found[(found["set"] == "SPI1") & (found["group"] == "significant")]
    assert len(spi1) == 63
    assert 0.8 < (spi1["peak_distance"].abs() <= 10).mean() < 0.95  # measured 0.873
    assert spi1["motif"].value_counts().index[0] == "SPI1"


@pytest.mark.long
def test_windows_are_those_of_the_real_peaks(trained):
    data = Examples.load(trained.results / "accessibility/examples.h5")
    assert len(data.tasks) == 18
    assert 18_000 < len(data) < 18_100
    assert set(data.contigs[data.splits == 2]) == {"21"}
    assert set(data.contigs[data.splits != 2]) == {"20"}


@pytest.mark.long
def test_trained_network_knows_more_than_chance_of_another_chromosome(trained):
    record = read_json(trained.results / "accessibility/model/metrics.json")
    macro = record["macro"]["test"]
    assert macro["n_tasks"] == 18
    assert macro["auroc_low"] > 0.58
    assert macro["auprc"] > 1.3 * macro["base_rate"]
