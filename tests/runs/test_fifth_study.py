"""A study of the user's own: a FASTA, a Keras file, two motifs and a dozen lines of config."""

import numpy as np
import pytest

from dfim.io.store import read_arrays, read_json, read_table
from dfim.sequences.fasta import write_fasta
from helpers import ROOT
from helpers.small_models import conv_net
from helpers.workflow_runs import WorkflowRun

MINE = """
only: [mine]
studies:
  mine:
    title: My enhancers
    examples: {builder: fasta, fasta: enhancers.fa}
    model: {file: net.keras}
    features: {source: patterns, patterns: {GATA: GATA, EBOX: CANNTG}}
    analyses: {deeplift: {n_refs: 3}}
    map: {analysis: deeplift, source: GATA, target: EBOX, width: 40}
    figures:
      my_map: {kind: map_steps}
      my_pairs: {kind: pair_scores, analysis: deeplift}
      my_p: {kind: pair_significance, analysis: deeplift, value: q}
      my_distance: {kind: pair_distance, analysis: deeplift, bins: [0, 20, 50]}
      my_tracks: {kind: pair_tracks, analysis: deeplift, flank: 25}
"""
FIGURES = ("my_map", "my_pairs", "my_p", "my_distance", "my_tracks")
LENGTH = 60


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> WorkflowRun:
    folder = tmp_path_factory.mktemp("fifth")
    rng = np.random.default_rng(0)
    letters = rng.choice(list("ACGT"), (80, LENGTH))
    starts = rng.integers((5, 25), (20, 50), (80, 2))
    for row, (gata, ebox) in zip(letters, starts, strict=True):
        row[gata : gata + 4] = list("GATA")
        row[ebox : ebox + 6] = list("CAGCTG")
    sequences = ["".join(row) for row in letters]
    write_fasta(folder / "enhancers.fa", [f"e{i}" for i in range(80)], sequences)
    conv_net(4, length=LENGTH, hidden=()).save(folder / "net.keras")
    (folder / "mine.yaml").write_text(MINE)
    made = WorkflowRun(folder, ROOT / "config/config.yaml", folder / "mine.yaml")
    done = made.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_maps_tables_and_figures_are_there_and_say_whose_they_are(run):
    drawn = {path.stem for path in (run.results / "figures").iterdir()}
    assert drawn == set(FIGURES)
    for figure in FIGURES:
        for kind in ("svg", "pdf", "png"):
            assert (run.results / f"figures/{figure}.{kind}").stat().st_size > 5000
        assert len(read_table(run.results / f"tables/{figure}.tsv"))
        assert read_json(run.results / f"stats/{figure}.json")["origin"] == "the user's"
    assert "My enhancers" in (run.results / "report.html").read_text()
    found = read_arrays(run.results / "mine/map/map.h5")[0]
    assert found["mutant_importance"].shape == (40, 3, 40)  # base, mutant, base


def test_every_pair_of_the_two_motifs_is_scored(run):
    sites = read_table(run.results / "mine/features.tsv.gz")
    pairs = read_table(run.results / "mine/deeplift/pairs.tsv.gz")
    assert set(sites["name"]) == {"GATA", "EBOX"}
    assert set(zip(pairs["source"], pairs["target"], strict=True)) == {
        ("GATA", "EBOX"), ("EBOX", "GATA"),
    }  # fmt: skip
    counts = sites.groupby(["sequence", "name"]).size().unstack(fill_value=0)
    possible = 2 * (counts["GATA"] * counts["EBOX"]).sum()
    assert possible - 40 < len(pairs) <= possible  # pairs that overlap are left out
    assert pairs.loc[pairs["reachable"], "fis"].abs().gt(1e-5).mean() > 0.5
    assert (pairs.loc[~pairs["reachable"], "fis"] == 0).all()
