"""Pairs of features from crops: those of whole profiles, and where crops are taken."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfim.attribution.graph.reach import reachable
from dfim.attribution.local.cropped import Cropped
from dfim.motifs.pairing import ordered_pairs
from dfim.pairs.fis import score_pairs
from dfim.scoring.changes import Mutations
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.mutations import mutate_intervals
from helpers.crops import TOLERANCE, engine, mutations, sequences
from helpers.pairs import features_of
from helpers.small_models import LENGTH, one_hot


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def motifs(rng, n=8, widest=9):
    """Sequences with seven features each, of three names and of several widths."""
    rows = [
        (i, int(start), int(start + rng.integers(1, widest + 1)), "ABC"[rng.integers(3)])
        for i in range(n)
        for start in np.sort(rng.choice(LENGTH - 10, 7, replace=False))
    ]
    return one_hot(rng, n), features_of(rows)


@pytest.mark.parametrize("mutation", ["gc", "zeros", "shuffle"])
@pytest.mark.parametrize("references", ["gc", "dinuc"])
def test_pairs_from_crops_are_those_from_whole_profiles(mutation, references, rng):
    X, features = motifs(rng)
    settings = ScoringSettings(references=references, n_refs=2, motif_mutation=mutation)
    scorer = engine("deep")
    a, b = (
        score_pairs(
            scorer, X, features, settings=settings, windowed=windowed, same_name=True,
            rng=np.random.default_rng(4),
        )
        for windowed in (True, False)
    )  # fmt: skip
    scale = np.abs(b.fis).max()
    assert scale > 0.1
    for name in ("source", "target"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("fis", "fis_max_abs", "effect"):
        x, y = getattr(a, name), getattr(b, name)
        # An effect is a difference of logits, which crops add up in another order.
        atol = (4 if name == "effect" else 2) * TOLERANCE * scale
        np.testing.assert_allclose(x, y, atol=atol, rtol=0, err_msg=name)
    where = [getattr(features, f)[i] for i in (a.source, a.target) for f in ("start", "end")]
    near = reachable(scorer.plan, *where)
    assert 0.2 < near.mean() < 0.8
    assert (a.fis[~near] == 0).all()
    assert (b.fis[~near] == 0).all()
    assert (a.fis[near] != 0).mean() > 0.6
    assert (np.isnan(a.effect) == np.isnan(b.effect)).all()


def test_crops_are_taken_where_they_save_work(rng, monkeypatch):
    scorer = engine("plain")
    calls = []
    differences = Cropped.differences
    monkeypatch.setattr(
        Cropped, "differences", lambda *a, **k: calls.append(1) or differences(*a, **k)
    )
    X = one_hot(rng, 2)
    narrow = features_of([(0, 3, 4, "A"), (0, 9, 10, "B"), (1, 3, 4, "A"), (1, 9, 10, "B")])
    wide = features_of([(0, 0, 30, "A"), (0, 30, 33, "B")])
    own = ScoringSettings(references="dinuc", refs_from="mutant")
    for features, options, taken in (
        (narrow, {}, True),
        (narrow, {"windowed": False}, False),
        (wide, {}, False),
        (wide, {"windowed": True}, False),  # all that the mutation reaches, from cones
        (narrow, {"settings": own}, False),
        (narrow, {"settings": replace(own, references="gc")}, True),
    ):
        calls.clear()
        score_pairs(scorer, X, features, rng=rng, **options)
        assert bool(calls) == taken, (options, len(features))
    with pytest.raises(ValueError, match="but refs_from 'mutant' gives a mutant other ref"):
        score_pairs(scorer, X, narrow, settings=own, windowed=True, rng=rng)


def test_pairs_from_crops_do_not_depend_on_the_other_sequences(rng):
    X, features = motifs(rng, widest=7)  # NumPy adds more than 7 numbers in another order
    settings = ScoringSettings(references="gc")

    def score(rows):
        chosen = features.of_sequences(rows)
        return score_pairs(
            engine(), X[rows], chosen, settings=settings, windowed=True, rng=rng
        ).of_rows(rows)

    whole = score(np.arange(8)).table()
    blocks = [score(rows).table() for rows in np.split(np.arange(8), 4)]
    for block in blocks:
        expected = whole[whole["sequence"].isin(block["sequence"])]
        pd.testing.assert_frame_equal(block, expected.reset_index(drop=True), check_exact=True)
    assert sum(map(len, blocks)) == len(whole)


@pytest.mark.parametrize("windowed", [True, False])
def test_chosen_pairs_have_the_scores_that_they_have_among_all(windowed, rng):
    X, features = motifs(rng)
    settings = ScoringSettings(references="gc")

    def score(**options):
        return score_pairs(
            engine(), X, features, settings=settings, windowed=windowed, rng=rng, **options
        )

    every, some = score(), score(sources=["A"], targets=["B", "C"], max_distance=20.5)
    table = every.table()
    kept = (table["source"] == "A") & (table["target"] != "A") & (table["distance"] <= 20.5)
    assert 5 < kept.sum() < 0.5 * len(kept)
    columns = table.columns.drop("source_effect")
    pd.testing.assert_frame_equal(
        some.table()[columns], table[columns][kept].reset_index(drop=True), check_exact=True
    )
    scored = np.unique(some.source[some.reachable])  # the others reach none of their targets
    np.testing.assert_array_equal(np.isfinite(some.effect).nonzero()[0], scored)
    assert len(score(sources=["A"], targets=[])) == 0


def test_sources_outside_the_sequences_are_refused(rng):
    X, features = motifs(rng)
    with pytest.raises(ValueError, match=r"of sequence 7 is not in X, expected 7 rows of 60"):
        score_pairs(engine(), X[:7], features, windowed=True, rng=rng)


@pytest.mark.parametrize("same_name", [False, True])
@pytest.mark.parametrize("distance", [None, 0, 3.5, 12, 1000])
@pytest.mark.parametrize(
    ("sources", "targets"), [(None, None), (["A"], ["B", "C"]), (["B", "A"], None), ([], ["A"])]
)
def test_chosen_pairs_are_those_of_a_plain_loop(same_name, distance, sources, targets, rng):
    _, features = motifs(rng)
    rows = list(
        zip(features.sequence, features.start, features.end, features.name, strict=True)
    )
    expected, overlapping = [], 0
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            named = (sources is None or a[3] in sources) and (
                targets is None or b[3] in targets
            )
            far = distance is not None and abs(a[1] + a[2] - b[1] - b[2]) / 2 > distance
            if i == j or a[0] != b[0] or far or not named or (a[3] == b[3] and not same_name):
                continue
            if a[1] < b[2] and b[1] < a[2]:
                overlapping += 1
            else:
                expected.append((i, j))
    source, target, n_overlapping = ordered_pairs(
        features, same_name=same_name, sources=sources, targets=targets, max_distance=distance
    )
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == expected
    assert n_overlapping == overlapping


def test_wrong_choices_of_pairs_are_refused():
    features = features_of([(0, 0, 4, "A"), (0, 6, 8, "B")])
    with pytest.raises(ValueError, match="sources: got the text 'AB', expected a list"):
        ordered_pairs(features, sources="AB")
    for distance in (-1, float("nan")):
        with pytest.raises(ValueError, match=f"max_distance: got {distance}, expected"):
            ordered_pairs(features, max_distance=distance)


def test_mutants_are_those_of_whole_sequences(rng):
    X = sequences(rng)
    rows, start, end = mutations(rng)
    for how in ("gc", "zeros", "shuffle"):
        settings = ScoringSettings(motif_mutation=how)
        made = Mutations.of_intervals(X, rows, start, end, settings, np.random.default_rng(1))
        whole = mutate_intervals(
            X, rows, start, end, how=how, gc=settings.gc, rng=np.random.default_rng(1)
        )
        np.testing.assert_array_equal(made.mutants(X), whole)
