"""Motifs that a variant touches: planted sites, and every site by plain loops."""

import numpy as np
import pytest

from dfim.attribution.factory import make_attributor
from dfim.motifs.pwms import scan_pwms
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import decode, one_hot_encode
from dfim.variants.affected_motifs import affected_motifs, strongest_motifs
from dfim.variants.fis import score_variants
from helpers.pwms import ETS, GATA, log_odds, random_pwm, window
from helpers.small_models import LENGTH, conv_net, one_hot

MIDDLE = LENGTH // 2


@pytest.fixture(scope="module")
def score():
    """FIS of some windows' variants by a network with random weights."""
    attributor = make_attributor(conv_net(1), "gradient_input", batch_size=8)

    def of(X, alleles=None):
        settings, rng = ScoringSettings(references="gc"), np.random.default_rng(0)
        return score_variants(attributor, X, alleles=alleles, settings=settings, rng=rng)

    return of


def test_destroyed_created_and_distant_sites(score):
    texts = [
        window({28: "AGATAAG"}),  # A at 30
        window({27: "ACTGCCGG", 45: "AGATAAG"}),  # ACTTCCGG is ETS backwards
        window({3: "CCGGAAGT", 36: "AGATAAG"}),
        window({}),
    ]
    X = one_hot_encode(texts)
    scores = score(X, ["C", "T", "A", "A"])
    found = affected_motifs(scores, X, [GATA, ETS], p_value=2e-4, gc=0.5)
    columns = ["variant", "motif", "start", "end", "strand", "distance", "found_in"]
    assert {tuple(row) for row in found[columns].to_numpy().tolist()} == {
        (0, "GATA", 28, 35, "+", 0, "ref"),
        (1, "ETS", 27, 35, "-", 0, "alt"),
        (1, "GATA", 45, 52, "+", 15, "both"),
        (2, "ETS", 3, 11, "+", -20, "both"),
        (2, "GATA", 36, 43, "+", 6, "both"),
    }
    change = (found["score_ref"] - found["score_alt"]).groupby(found["found_in"]).unique()
    step = np.log2(97) - np.log2(1)
    assert change["both"].tolist() == [0]
    assert change["ref"] == pytest.approx([step], abs=0.6)  # the pseudocount raises 0.01
    assert change["alt"] == pytest.approx([-step], abs=0.6)

    near = affected_motifs(scores, X, [GATA, ETS], p_value=2e-4, gc=0.5, half_width=15)
    assert near["distance"].tolist() == [d for d in found["distance"].tolist() if abs(d) <= 15]
    strong = affected_motifs(scores, X, [GATA, ETS], p_value=2e-4, gc=0.5, min_abs_fis=1e9)
    assert (strong["distance"] == 0).all()
    assert len(strong) == 2

    first = strongest_motifs(found, 4)
    assert len(first) == 4
    assert first["motif"].isna().tolist() == [False, False, False, True]
    assert first["distance"].dtype == "Int64"
    for variant in range(3):
        own = found[found["variant"] == variant]
        assert first.loc[variant, "fis"] == own["fis"].iloc[own["fis"].abs().argmax()]


@pytest.mark.parametrize("gc", [0.46, 0.3])
def test_every_site_by_plain_loops(score, gc):
    X = one_hot(np.random.default_rng(3), 12)
    X[2, 33] = 0  # an N beside the variant
    pwms = [random_pwm(width, seed) for width, seed in ((5, 1), (8, 2), (11, 3))]
    alleles = ["ACGT"[("ACGT".index(text[MIDDLE]) + 1) % 4] for text in decode(X)]
    scores = score(X, alleles)
    texts = [
        (text, text[:MIDDLE] + allele + text[MIDDLE + 1 :])
        for text, allele in zip(decode(X), alleles, strict=True)
    ]
    expected = {}
    for allele, which in enumerate(("ref", "alt")):
        made = one_hot_encode([pair[allele] for pair in texts])
        sites = scan_pwms(made, pwms, p_value=0.01, gc=gc).features
        columns = (sites.sequence, sites.name, sites.start, sites.end, sites.strand)
        for key in zip(*(column.tolist() for column in columns), strict=True):
            expected[key] = "both" if key in expected else which
    assert set(expected.values()) == {"both", "ref", "alt"}
    found = affected_motifs(scores, X, pwms, p_value=0.01, gc=gc)
    assert len(found) == len(expected)
    tables = {pwm.name: log_odds(pwm, gc) for pwm in pwms}
    for row in found.itertuples():
        key = (row.variant, row.motif, row.start, row.end, row.strand)
        assert row.found_in == expected[key]
        table = tables[row.motif] if row.strand == "+" else tables[row.motif][::-1, ::-1]
        for text, listed in zip(
            texts[row.variant], (row.score_ref, row.score_alt), strict=True
        ):
            codes = ["ACGT".index(base) for base in text[row.start : row.end]]
            assert listed == pytest.approx(table[np.arange(len(table)), codes].sum(), abs=1e-9)
        nearest = min(range(row.start, row.end), key=lambda place: abs(place - MIDDLE))
        assert row.distance == nearest - MIDDLE
        inside = scores.of_alt()[row.variant, row.start : row.end]
        assert row.fis == pytest.approx(float(np.nansum(inside)), abs=1e-6)
    for _, own in found["fis"].abs().groupby(found["variant"]):
        assert own.is_monotonic_decreasing
    assert found["variant"].is_monotonic_increasing


def test_wrong_input_gets_one_line(score):
    X = one_hot(np.random.default_rng(3), 3)
    scores = score(X)
    with pytest.raises(ValueError, match=r"scores: variant 0 has no ALT"):
        affected_motifs(scores, X, [GATA])
    with pytest.raises(ValueError, match=r"X: got 2 sequences, expected one for each of 3"):
        affected_motifs(scores, X[:2], [GATA])


def test_no_sites_at_all(score):
    X = one_hot_encode([window({})])
    found = affected_motifs(score(X, ["A"]), X, [ETS], p_value=2e-5, gc=0.5)
    assert len(found) == 0
    assert strongest_motifs(found, 1)["motif"].isna().all()
    none = affected_motifs(score(X[:0], []), X[:0], [ETS], p_value=2e-5, gc=0.5)
    assert list(none.columns) == list(found.columns)
