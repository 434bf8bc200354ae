"""The authors' released network: our scores against the deeplift package's, and Fig 2B."""

import numpy as np
import pandas as pd
import pytest

from dfim.attribution.factory import make_attributor
from dfim.io.store import read_json
from dfim.models.loading import load_model
from dfim.motifs.features import Features
from dfim.pairs.fis import score_pairs
from dfim.scoring.settings import ScoringSettings
from helpers import CONFIGS
from helpers.workflow_runs import local_run

RELEASE = "dfim_release/embedded_motif_interaction_data"

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def network(test_data):
    folder = test_data / RELEASE
    return load_model(folder / "model_architecture.json", folder / "model_weights.h5")


@pytest.fixture(scope="module")
def golden(test_data):
    return np.load(test_data / "golden/sim_golden.npz")


@pytest.mark.parametrize("kind", ["real", "null"])
@pytest.mark.parametrize(
    ("method", "key"),
    [("deeplift", "deeplift"), ("deeplift_rescale", "rescale"), ("gradient_input", "grad")],
)
def test_motif_fis_equals_that_of_the_deeplift_package(network, golden, method, key, kind):
    names = ("motif_seq", "motif_start", "motif_end", "motif_name")
    order = np.lexsort((golden["motif_start"], golden["motif_seq"]))
    features = Features(*(golden[name][order] for name in names), np.full(len(order), "+"))
    X = golden["X" if kind == "real" else "X_null"]
    scores = score_pairs(
        make_attributor(network, method, maxpool_rule="winner"),
        X,
        features,
        settings=ScoringSettings(references="gc"),
        rng=np.random.default_rng(0),
    )
    ours = pd.Series(
        scores.fis, index=pd.MultiIndex.from_arrays([scores.source, scores.target])
    )
    # The golden pairs name motifs by their place within the sequence.
    first = np.searchsorted(golden["motif_seq"], golden["fis_pairs"][:, 0])
    place = np.argsort(order)
    source, target = (place[first + golden["fis_pairs"][:, k]] for k in (1, 2))
    expected = golden[f"{key}_{kind}_fis"]
    assert len(expected) == len(ours) == 284
    found = ours.loc[list(zip(source, target, strict=True))].to_numpy()
    # The scale of a sum is the sum of the sizes of its terms.
    sizes = np.abs(golden[f"{key}_{kind}_contrib_orig"]).sum(axis=2)
    target_scale = [
        sizes[features.sequence[t], features.start[t] : features.end[t]].sum() for t in target
    ]
    np.testing.assert_array_less(
        np.abs(found - expected), 2e-6 * np.maximum(target_scale, sizes.max())
    )


@pytest.fixture(scope="module")
def released_run(test_data, tmp_path_factory):
    """The whole workflow on the authors' network, sequences and labels."""
    less = CONFIGS / "released_in_minutes.yaml"
    data = test_data / RELEASE
    return local_run("released", tmp_path_factory.mktemp("released"), data, less).results


def test_released_network_has_the_measured_accuracy(released_run):
    found = read_json(released_run / "simulated/model/metrics.json")["splits"]["test"]["task3"]
    assert found["n_positive"] + found["n_negative"] == 60_000
    assert found["accuracy"] == pytest.approx(0.99295, abs=1e-5)
    assert found["auroc"] == pytest.approx(0.9998, abs=5e-5)


def test_fig2b_has_the_measured_medians(released_run):
    table = pd.read_csv(released_run / "tables/fig2b.tsv", sep="\t")
    by_direction = table.dropna(subset=["source"]).set_index(["source", "target"])
    assert by_direction.loc[("ELF1", "SIX5"), "med"] == pytest.approx(2.741, rel=0.005)
    assert by_direction.loc[("SIX5", "ELF1"), "med"] == pytest.approx(2.046, rel=0.005)
    assert by_direction.loc[("ELF1", "SIX5"), "n_pairs"] == 20_000
    others = by_direction.drop([("ELF1", "SIX5"), ("SIX5", "ELF1")])
    assert others["med"].abs().max() < 0.1


def test_released_run_draws_every_figure_and_says_whose_data_it_shows(released_run):
    ids = ["fig1", "fig2a", "fig2b", "sfig2a", "sfig2b", "sfig2c", "sfig2d"]
    for figure in ids:
        for kind in ("svg", "pdf", "png"):
            assert (released_run / f"figures/{figure}.{kind}").stat().st_size > 0
        assert read_json(released_run / f"stats/{figure}.json")["origin"] == (
            "the authors' released"
        )
    assert "the authors&#39; released" in (released_run / "report.html").read_text()
