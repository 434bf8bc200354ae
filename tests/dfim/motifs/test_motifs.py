"""Pattern scanning: matches, strands, IUPAC codes, and the published simulation."""

import re

import numpy as np
import pytest

from dfim.motifs.features import Features
from dfim.motifs.patterns import scan_patterns
from dfim.sequences.encoding import background, one_hot_encode
from dfim.sequences.fasta import read_fasta

IUPAC = dict(
    A="A", C="C", G="G", T="T", R="[AG]", Y="[CT]", S="[CG]", W="[AT]", K="[GT]", M="[AC]",
    B="[CGT]", D="[AGT]", H="[ACT]", V="[ACG]", N="[ACGT]",
)  # fmt: skip
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(0)
    return ["".join(row) for row in rng.choice(list("ACGTN"), (300, 60), p=[0.24] * 4 + [0.04])]


def by_regular_expression(sequences, pattern, reverse=False):
    """Return (sequence, start, end) of every match, overlapping ones included."""
    search = re.compile(f"(?={''.join(IUPAC[letter] for letter in pattern)})")
    found = []
    for row, text in enumerate(sequences):
        text = text.translate(COMPLEMENT)[::-1] if reverse else text
        for match in search.finditer(text):
            start = len(text) - match.start() - len(pattern) if reverse else match.start()
            found.append((row, start, start + len(pattern)))
    return sorted(found)


def intervals(sites):
    return list(
        zip(sites.sequence.tolist(), sites.start.tolist(), sites.end.tolist(), strict=True)
    )


@pytest.mark.parametrize("pattern", ["GATA", "CANNTG", "A", "RYSWKM", "BDHV", "NAN", "AA"])
def test_sites_are_those_of_a_regular_expression(sequences, pattern):
    X = one_hot_encode(sequences)
    sites = scan_patterns(X, {"m": pattern.lower()}, both_strands=True)
    forward = sites.select(sites.strand == "+")
    expected = by_regular_expression(sequences, pattern)
    assert expected
    assert intervals(forward) == expected
    reverse = sites.select(sites.strand == "-")
    self_reverse = pattern in ("CANNTG", "BDHV")
    assert intervals(reverse) == (
        [] if self_reverse else by_regular_expression(sequences, pattern, reverse=True)
    )
    assert intervals(scan_patterns(X, {"m": pattern})) == expected


def test_unknown_and_fractional_columns_match_nothing():
    X = one_hot_encode(["GATAGATAGATA", "GNTAGATAGATA"]).astype(np.float32)
    X[0, 5] = background(0.46)
    assert intervals(scan_patterns(X, {"m": "GNTA"})) == [
        (0, 0, 4),
        (0, 8, 12),
        (1, 4, 8),
        (1, 8, 12),
    ]


def test_pattern_may_fill_the_sequence_and_not_more():
    X = one_hot_encode(["GATA"])
    assert intervals(scan_patterns(X, {"m": "GATA"})) == [(0, 0, 4)]
    with pytest.raises(ValueError, match="m is 'GATAA', 5 long, expected 1 to 4"):
        scan_patterns(X, {"m": "GATAA"})


def test_sites_are_sorted_by_sequence_start_end_and_name(sequences):
    X = one_hot_encode(sequences)
    sites = scan_patterns(X, {"z": "GAT", "b": "GATA", "a": "GATA"}, both_strands=True)
    rows = list(zip(*(getattr(sites, name).tolist() for name in vars(sites)), strict=True))
    assert rows == sorted(rows)
    assert set(sites.name) == {"a", "b", "z"}
    assert sites.sequence.dtype == sites.start.dtype == sites.end.dtype == np.int64


def test_no_match_gives_no_sites():
    sites = scan_patterns(one_hot_encode(["AAAA"]), {"m": "CC", "n": "G"})
    assert len(sites) == 0
    assert len(sites.select(sites.name == "m")) == 0


def test_features_select_and_concatenate():
    sites = scan_patterns(one_hot_encode(["GATAGATA"]), {"m": "GATA", "n": "TAG"})
    assert len(sites) == 3
    both = Features.concatenate([sites.select(sites.name == "n"), sites.select(np.array([0]))])
    assert both.name.tolist() == ["n", "m"]
    assert both.start.tolist() == [2, 0]
    with pytest.raises(ValueError, match="unequal length"):
        Features(sites.sequence, sites.start, sites.end, sites.name, sites.strand[:1])


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({}, "patterns: got none"),
        ({"m": ""}, "m is ''"),
        ({"m": "GAXA"}, "m is 'GAXA' with 'X'"),
        ({"m": "GA.A"}, "with '.'"),
    ],
)
def test_unusable_patterns_are_refused(patterns, message):
    with pytest.raises(ValueError, match=message):
        scan_patterns(one_hot_encode(["GATAGATA"]), patterns)


@pytest.mark.realdata
def test_embedded_motifs_of_the_published_simulation(test_data):
    """Copy numbers of sets 1 to 3 (20,000 sequences each), as measured in figures.md."""
    folder = test_data / "dfim_release" / "embedded_motif_interaction_data"
    records = read_fasta(folder / "sequences.fa.gz")
    X = one_hot_encode(records.sequences, ids=records.ids)
    assert X.shape == (60_000, 200, 4)
    motifs = {"ELF1": "AACCCGGAAGTG", "SIX5": "AATAGGGTATCATATAT", "AP1": "ATGAGTCACC"}
    sites = scan_patterns(X, motifs)
    copies = {}
    for name in motifs:
        counts = np.bincount(sites.sequence[sites.name == name], minlength=60_000)
        copies[name] = [np.bincount(one).tolist() for one in np.split(counts, 3)]
    assert copies["ELF1"] == [[0, 10_161, 9_839], [20_000], [0, 20_000]]
    assert copies["SIX5"] == [[20_000], [0, 9_997, 10_003], [0, 20_000]]
    # Two sequences hold a second AP1 by chance.
    assert copies["AP1"] == [[9_986, 10_014], [10_018, 9_981, 1], [9_985, 10_014, 1]]
