"""Signs of variants from a network to the figures: delta is ALT − REF, FIS is REF − mutant.

The network has one filter for GATA and answers to the whole word only, with 2 logits: who
loses it falls by 2, and each of the six other bases loses an importance of 2.
"""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from dfim.attribution.factory import make_attributor
from dfim.attribution.results import Head
from dfim.io.store import write_table
from dfim.sequences.encoding import base_codes, one_hot_encode
from dfim.variants.affected_motifs import affected_motifs
from dfim.variants.alleles import variant_deltas
from dfim.variants.fis import score_variants
from dfim.variants.scores import VariantScores
from dfim.variants.tables import variant_table
from dfim.variants.variants import CheckedVariants, Variants
from dfim.variants.vcf import write_variant_vcf
from flow.variants.columns import Panel
from flow.variants.groups import OF_ALT, group_table, load_variants
from flow.variants.panels import choose
from flow.variants.rows import motif_sites, results, with_loci
from flow.variants.scorecard import track_row
from flow.variants.scoring import VariantScorer
from helpers.figures import made_context
from helpers.pwms import GATA, window
from helpers.small_models import LENGTH, two_heads

MIDDLE = LENGTH // 2
# ALT destroys a site, creates one, changes a base beside none (a control).
TEXTS = [window({28: "AGATAAG"}), window({28: "AGCTAAG"}), window({})]
ALT = ["C", "A", "G"]
DELTA, SUM_FIS = [-2, 2, 0], [12, -12, 0]


@pytest.fixture(scope="module")
def network():
    inputs = keras.Input((LENGTH, 4))
    x = layers.Conv1D(1, 7, activation="relu")(inputs)
    x = layers.Flatten()(layers.MaxPooling1D(LENGTH - 6)(x))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    word = one_hot_encode(["AGATAAG"])[0].astype(np.float32)
    model.set_weights([word[:, :, None], np.float32([-6]), np.float32([[2]]), np.float32([-1])])
    return model


@pytest.fixture(scope="module")
def scores(network) -> VariantScores:
    attributor = make_attributor(network, "gradient_input", batch_size=8)
    rng = np.random.default_rng(0)
    return score_variants(attributor, one_hot_encode(TEXTS), alleles=ALT, rng=rng)


@pytest.fixture(scope="module")
def found(scores) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Results and motif sites, as the figures read them."""
    rows = pd.DataFrame(
        {
            "set": "GATA1", "group": ["significant", "significant", "control"],
            "chrom": "chr1", "pos": [1000, 2000, 3000], "ref": [t[MIDDLE] for t in TEXTS],
            "alt": ALT, "name": ".", "status": "ok", "p_value": [1e-9, 1e-9, 1],
            "stronger": ["A", "A", ""],
        }
    )  # fmt: skip
    codes = base_codes(one_hot_encode(TEXTS))
    sites = motif_sites(scores, codes, (GATA,), motif_p=2e-4, gc=0.5, min_abs_fis=0)
    return with_loci(results(rows, scores, sites, 15), LENGTH), sites


def test_scores_have_the_signs_of_the_network(network, scores):
    X = one_hot_encode(TEXTS)
    mutants = one_hot_encode(
        [t[:MIDDLE] + a + t[MIDDLE + 1 :] for t, a in zip(TEXTS, ALT, strict=True)]
    )
    ref, alt = (network.predict(x, verbose=0)[:, 0].astype(float) for x in (X, mutants))
    change = np.log(alt / (1 - alt)) - np.log(ref / (1 - ref))  # logits
    np.testing.assert_allclose(change, DELTA, atol=1e-5)
    np.testing.assert_allclose(scores.of_alt(scores.delta), change, atol=1e-5)
    deltas = variant_deltas(network, X, ALT, [Head(0, 0)])
    np.testing.assert_allclose(deltas[:, 0], change, atol=1e-5)
    np.testing.assert_allclose(np.nansum(scores.of_alt(), axis=1), SUM_FIS, atol=1e-5)


def test_tables_and_vcf_have_them_too(scores, found, tmp_path):
    variants = Variants.build(
        ["chr1"] * 3, [999, 1999, 2999], [t[MIDDLE] for t in TEXTS], ALT, row=[1, 2, 3]
    )
    checked = CheckedVariants(variants, np.array(["ok"] * 3))
    sites = affected_motifs(scores, one_hot_encode(TEXTS), [GATA], p_value=2e-4, gc=0.5)
    by_task = np.array(DELTA, np.float32)[:, None]
    table = variant_table(checked, scores, deltas=by_task, tasks=["K562"], motifs=sites)
    for name in ("delta", "delta_K562"):
        np.testing.assert_allclose(table[name], DELTA, atol=1e-5)
    np.testing.assert_allclose(table["peak_fis"], [2, -2, 0], atol=1e-5)
    assert sites.set_index("variant")["found_in"].to_dict() == {0: "ref", 1: "alt"}
    np.testing.assert_allclose(sites.sort_values("variant")["fis"], SUM_FIS[:2], atol=1e-5)
    write_variant_vcf(tmp_path / "v.vcf", table)
    lines = [x for x in (tmp_path / "v.vcf").read_text().splitlines() if x[0] != "#"]
    assert ["DFIM_delta=-2;" in lines[0], "DFIM_delta=2;" in lines[1]] == [True, True]
    results_table = found[0]
    np.testing.assert_allclose(results_table["delta"], DELTA, atol=1e-5)
    np.testing.assert_allclose(results_table["abs_delta"], np.abs(DELTA), atol=1e-5)
    np.testing.assert_allclose(results_table["sum_fis"], SUM_FIS, atol=1e-5)


def test_a_destroyed_site_is_a_loss_and_a_created_one_a_gain(found):
    assert choose(*found, {"pick": "loss"}).row == 0
    assert choose(*found, {"pick": "gain"}).row == 1


@pytest.mark.parametrize(("row", "stronger"), [(0, "A"), (1, "A")])
def test_figures_agree_where_the_site_is_on_the_stronger_allele(found, scores, row, stronger):
    of_row = found[0].loc[row]
    place = slice(MIDDLE - 15, MIDDLE + 16)
    bases = one_hot_encode(TEXTS)[row, place]
    about = {
        "found": True, "column": 0, "half_width": 15, "set": "GATA1", "name": "", "pos": 1000,
        "label": f"chr1:1000 {of_row['ref']}>{of_row['alt']}", "p_value": 1e-9,
        "stronger": stronger, "delta": float(of_row["delta"]), "rule": "x", "chosen_from": 1,
        "start": place.start, "position": MIDDLE,
    }  # fmt: skip
    panel = Panel(about, {"ref": bases, "fis": scores.of_alt()[row, place]})
    assert f"Δlogit (ALT − REF) {('−2.00', '+2.00')[row]}" in panel.heading()
    context = made_context(options={"columns": [{"locus": "chr1:1000"}]})
    verdicts = {}
    for allele in (of_row["ref"], of_row["alt"]):
        told = {**about, "stronger": allele}
        made = track_row(context, told, ref=panel.ref, total=panel.total)
        verdicts[allele] = made.verdict
    other = next(allele for allele in verdicts if allele != stronger)
    assert verdicts == {stronger: "agrees", other: "differs"}


def test_either_sign_tells_a_significant_variant_from_a_control(found, tmp_path):
    write_table(tmp_path / "r.tsv", found[0])
    variants = load_variants([str(tmp_path / "r.tsv")], ["FIS"])
    table, _ = group_table(variants, rng=np.random.default_rng(1), n_resamples=20)
    assert table.set_index("method").loc[[OF_ALT, "FIS"], "auroc"].tolist() == [1, 1]


def test_sets_of_several_tasks_are_scored_apart_and_joined():
    tasks, codes = ["K562", "value"], base_codes(one_hot_encode(TEXTS))
    settings = {
        "attribution": "gradient_input", "references": "gc", "n_refs": 1, "gc": 0.5,
        "refs_from": "original", "motif_mutation": "gc", "maxpool_rule": "winner",
        "ig_steps": 8, "mask_observed": False, "task_of_set": {"a": "K562", "b": "value"},
    }  # fmt: skip
    declared = {"heads": {"K562": 1, "value": 2}}
    rows = pd.DataFrame({"set": ["a", "b", "a"], "alt": ALT})
    scorer = VariantScorer(two_heads(3), declared, tasks, settings, 1)
    joint = scorer.scores(codes, rows)
    for name in ("a", "b"):
        chosen = rows["set"] == name
        alone = scorer.scores(codes[chosen], rows[chosen])
        np.testing.assert_array_equal(joint.select(chosen.to_numpy()).fis, alone.fis)
        assert alone.info == joint.info == scorer.info  # whatever sets a block holds
    assert joint.info.importance["heads"] == [[0, 1], [1, 0]]
    null = scorer.null(codes, rows, joint, n=2, half_width=5)
    assert null.info.method == "gradient_input"
    assert np.isfinite(null.p[:, 0, MIDDLE + 1]).any()
