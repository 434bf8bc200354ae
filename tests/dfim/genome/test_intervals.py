"""Peaks, labels and splits: what a file may hold, and each rule against a plain loop."""

import gzip
import logging

import numpy as np
import pytest

from dfim.genome.intervals import Contigs, Peaks, contig_key, overlaps, read_narrowpeak
from dfim.genome.peak_windows import label_windows
from dfim.genome.splits import count_duplicates, split_windows

CONTIGS = Contigs(("chr1", "2", "chrM"), (1000, 500, 300))


def row(contig="chr1", start=10, end=20, summit=4):
    return f"{contig}\t{start}\t{end}\t.\t0\t.\t9.5\t-1\t-1\t{summit}"


def write(path, *rows, newline="\n"):
    path.write_text("".join(line + newline for line in rows), newline="")
    return path


def refusal(path, *rows, **keywords):
    with pytest.raises(ValueError, match=r"expected|other assembly") as error:
        read_narrowpeak(write(path, *rows), CONTIGS, **keywords)
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(str(path))


def peaks(*rows):
    """Peaks from (contig, start, end, summit)."""
    return Peaks(*np.array(sorted(rows), np.int64).reshape(-1, 4).T)


# ---- contigs ---------------------------------------------------------------------


def test_contigs_with_and_without_chr_are_one():
    assert [contig_key(n) for n in ("chr20", "20", "Chr20", "chrM", "MT", "chrX")] == [
        "20", "20", "20", "M", "M", "X",
    ]  # fmt: skip
    assert CONTIGS.index(["1", "chr2", "MT", "chr3", "2"]).tolist() == [0, 1, 2, -1, 1]
    assert CONTIGS.index([]).tolist() == []
    with pytest.raises(ValueError, match="'chr1' and '1' name one contig"):
        Contigs(("chr1", "1"), (5, 5))


# ---- reading ---------------------------------------------------------------------


def test_peaks_are_read_sorted_and_counted(tmp_path, caplog):
    rows = [
        row("chr2", 100, 150, -1),  # no summit: the centre
        row("chr1", 300, 401, -1),  # ... rounded down
        row("1", 10, 20, 4),
        row("chr1", 15, 40, 25),  # overlaps; summit at its very end: the last base
        row("chr1", 990, 1010, 3),  # hangs over the end
    ]
    with caplog.at_level(logging.INFO):
        found = read_narrowpeak(write(tmp_path / "a", *rows), CONTIGS)
    assert found.contig.tolist() == [0, 0, 0, 0, 1]
    assert found.start.tolist() == [10, 15, 300, 990, 100]
    assert found.end.tolist() == [20, 40, 401, 1000, 150]
    assert found.summit.tolist() == [14, 39, 350, 993, 125]
    assert (
        "5 peaks; 0 on other contigs left out, 2 without summit (centre taken)" in caplog.text
    )
    assert "1 with the summit at the very end (last base taken)" in caplog.text
    assert "1 cut at the end of a contig, file not sorted" in caplog.text


def test_gzip_windows_newlines_and_track_lines(tmp_path):
    lines = ["#comment", "track name=x", "browser position chr1", row(), row(start=2)]
    plain = read_narrowpeak(write(tmp_path / "a", *lines), CONTIGS)
    other = read_narrowpeak(write(tmp_path / "b", *lines, newline="\r\n"), CONTIGS)
    (tmp_path / "c.gz").write_bytes(gzip.compress((tmp_path / "a").read_bytes()))
    packed = read_narrowpeak(tmp_path / "c.gz", CONTIGS)
    for found in (plain, other, packed):
        assert found.start.tolist() == [2, 10]
    wrong = [*lines, row(end=3)]
    assert refusal(tmp_path / "d", *wrong).startswith(", line 6: [10, 3) is no interval")


def test_elsewhere_is_refused_or_dropped_and_counted(tmp_path, caplog):
    rows = [row(), row("chr7"), row("chrUn_x")]
    text = refusal(tmp_path / "a", *rows)
    assert text.startswith(", line 2: contig 'chr7' is not in the genome (chr1, 2, chrM)")
    with caplog.at_level(logging.INFO):
        found = read_narrowpeak(tmp_path / "a", CONTIGS, elsewhere="drop")
    assert len(found) == 1
    assert "1 peaks; 2 on other contigs left out" in caplog.text
    only = read_narrowpeak(write(tmp_path / "b", row("chr7")), CONTIGS, elsewhere="drop")
    assert len(only) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (row(start=-1), ", line 2: [-1, 20) is no interval; expected whole"),
        (row(start=20), ", line 2: [20, 20) is no interval"),
        (row(start="x"), ", line 2: [x, 20) is no interval"),
        (row(end=20.5), ", line 2: [10, 20.5) is no interval"),
        (row(summit=-2), ", line 2: summit '-2' in column 10; expected an offset inside"),
        (row(summit=11), ", line 2: summit '11' in column 10"),
        (row(summit=""), ", line 2: summit '' in column 10"),
        (row()[: -len("\t4")], ", line 2: 9 columns, expected the ten"),
        ("\n" + row(), ", line 2: 1 columns, expected the ten"),
        (row().replace("\t", " "), ", line 2: 1 columns, expected the ten"),
        (row(start=1000, end=1010), ", line 2: peak chr1:1000-1010 (summit 1004) lies beyond"),
        (row(start=995, end=1010, summit=8), ", line 2: peak chr1:995-1010 (summit 1003) lies"),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path, wrong, message):
    assert refusal(tmp_path / "a", row(), wrong).startswith(message)


def test_line_of_a_peak_off_its_contig_counts_the_dropped_ones(tmp_path):
    rows = [row("chr9"), row(), row("chr9"), row("2", 600, 610)]
    text = refusal(tmp_path / "a", *rows, elsewhere="drop")
    assert text.startswith(", line 4: peak 2:600-610 (summit 604) lies beyond the end of its")
    assert "500 bp; the peaks are of another assembly" in text


@pytest.mark.parametrize("rows", [[], ["track name=x"], [""]])
def test_empty_file_is_refused(tmp_path, rows):
    assert "no peaks in the file" in refusal(tmp_path / "a", *rows)


def test_damaged_gzip_is_refused(tmp_path):
    whole = gzip.compress("\n".join([row()] * 500).encode())
    (tmp_path / "a.gz").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"a\.gz: gzip data damaged or cut short"):
        read_narrowpeak(tmp_path / "a.gz", CONTIGS)


# ---- overlap and labels ----------------------------------------------------------


def random_peaks(rng, n, *, contigs=3, reach=400, width=40):
    start = rng.integers(0, reach, n)
    end = start + rng.integers(1, width, n)
    return peaks(
        *zip(rng.integers(0, contigs, n), start, end, rng.integers(start, end), strict=True)
    )


def touching(a, i, b):
    """Plain overlap of interval i of a with any of b."""
    return any(
        a.contig[i] == b.contig[j] and a.start[i] < b.end[j] and b.start[j] < a.end[i]
        for j in range(len(b))
    )


@pytest.mark.parametrize("seed", range(20))
def test_overlaps_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    a, b = (random_peaks(rng, rng.integers(0, 40), width=w) for w in (3, 60))
    for x, y in ((a, b), (b, a), (a, a)):
        assert overlaps(x, y).tolist() == [touching(x, i, y) for i in range(len(x))]


def test_adjacent_intervals_do_not_overlap():
    a = peaks((0, 10, 20, 15), (1, 10, 20, 15))
    assert overlaps(a, peaks((0, 20, 30, 25), (0, 5, 10, 7))).tolist() == [False, False]
    assert overlaps(a, peaks((0, 19, 30, 25), (1, 5, 11, 7))).tolist() == [True, True]


def labelled_by_a_loop(chip, accessible, length):
    """Windows as {(contig, start): (labels, origin)}, rule by rule."""
    opened = {
        t: [i for i in range(len(p)) if touching(p, i, accessible)] for t, p in chip.items()
    }
    found = {}
    sources = [(n, chip[t], opened[t]) for n, t in enumerate(chip)]
    sources.append((len(chip), accessible, range(len(accessible))))
    for origin, source, rows in sources:
        for i in rows:
            labels = []
            for column, task in enumerate(chip):
                factor = chip[task]
                near = touching(source, i, factor)
                bound = touching(source, i, factor.select(np.array(opened[task], int)))
                if origin == column or (origin < len(chip) and bound):
                    labels.append(1)
                else:
                    labels.append(-1 if near else 0)
            key = (source.contig[i], source.summit[i] - length // 2)
            known, first = found.get(key, (labels, origin))
            rank = {0: 0, -1: 1, 1: 2}
            best = [max(pair, key=rank.get) for pair in zip(known, labels, strict=True)]
            found[key] = (best, min(first, origin))
    return {key: value for key, value in found.items() if set(value[0]) != {-1}}


@pytest.mark.parametrize("seed", range(20))
def test_labels_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    accessible = random_peaks(rng, 40)
    chip = {task: random_peaks(rng, 25) for task in "ABC"[: 1 + seed % 3]}
    found = label_windows(chip, accessible, 101)
    expected = labelled_by_a_loop(chip, accessible, 101)
    keys = list(zip(found.contig.tolist(), found.start.tolist(), strict=True))
    assert keys == sorted(expected)
    assert found.labels.tolist() == [expected[key][0] for key in keys]
    assert found.origin.tolist() == [expected[key][1] for key in keys]


def test_labels_of_a_worked_example(caplog):
    accessible = peaks((0, 100, 200, 150), (0, 400, 500, 450), (0, 700, 800, 750))
    chip = {
        "A": peaks((0, 150, 250, 210), (0, 900, 950, 920)),  # the second is not accessible
        "B": peaks((0, 205, 260, 230), (0, 450, 550, 480), (0, 195, 204, 200)),
    }
    with caplog.at_level(logging.INFO):
        found = label_windows(chip, accessible, 100)
    assert dict(zip(found.start.tolist(), found.labels.tolist(), strict=True)) == {
        150: [1, 1],  # A's summit at 200 (B overlaps, and one of its overlapping is open) ...
        160: [1, 1],
        430: [0, 1],
        400: [0, -1],  # open chromatin under B, but no summit of B
        700: [0, 0],
    }
    assert found.origin.tolist() == [1, 0, 2, 1, 2]
    assert "A: 1 of 2 peaks accessible" in caplog.text
    assert "5 windows; 0 more stood on the summit of another, 1 were masked" in caplog.text


def test_factor_without_accessible_peaks_is_refused():
    far = peaks((0, 900, 910, 905))
    with pytest.raises(ValueError, match=r"A: none of its 1 peaks .* overlaps an accessible"):
        label_windows({"A": far}, peaks((0, 0, 10, 5)), 100)
    with pytest.raises(ValueError, match="accessible: no peaks on the contigs of this run"):
        label_windows({"A": far}, peaks(), 100)


# ---- split -----------------------------------------------------------------------

GENOME = Contigs(("chr1", "chr2", "chr8", "chr9"), (40_000, 60_000, 30_000, 30_000))


def places(n=600, seed=0, length=100):
    rng = np.random.default_rng(seed)
    contig = np.sort(rng.integers(0, 4, n))
    return contig, rng.integers(0, np.array(GENOME.lengths)[contig] - length + 1)


def split(test, validation, *, length=100, block=5000, seed=1, where=None):
    contig, start = where or places()
    return split_windows(
        contig, start, length, GENOME, test=test, validation=validation, block=block,
        rng=np.random.default_rng(seed),
    )  # fmt: skip


def test_split_by_contigs_keeps_every_window():
    splits, kept = split(["8", "chr9"], ["chr1"])
    assert kept.all()
    assert splits.tolist() == [[1, 0, 2, 2][c] for c in places()[0]]


def test_blocks_are_held_out_with_a_window_between():
    contig, start = places(3000)
    splits, kept = split(["chr9"], 0.2, where=(contig, start))
    assert set(splits[contig == 3]) == {2}
    assert kept[contig == 3].all()
    assert 0 < (~kept).sum() < 0.15 * len(kept)
    blocks = {
        (c, s // 5000)
        for c, s in zip(contig[splits == 1], start[splits == 1] + 50, strict=True)
    }
    # 26 blocks of the other contigs; a fifth, rounded up.
    assert len(blocks) == 6
    for c in range(3):
        here = kept & (contig == c)
        train, held = start[here & (splits == 0)], start[here & (splits == 1)]
        if held.size:
            assert np.abs(train[:, None] - held[None, :]).min() >= 200
    again = split(["chr9"], 0.2, where=(contig, start))
    other = split(["chr9"], 0.2, where=(contig, start), seed=2)
    assert (splits == again[0]).all()
    assert not (splits == other[0]).all()


def test_both_parts_can_be_blocks():
    splits, kept = split(0.25, 0.25, where=places(3000))
    n = np.bincount(splits[kept], minlength=3)
    assert (n > 400).all()


@pytest.mark.parametrize(
    ("test", "validation", "message"),
    [
        (["chr8", "chr9"], ["9"], "contig '9' is in test and in validation"),
        (
            ["chr7"],
            ["chr1"],
            r"split\.test: no contig 'chr7' in this run; there are chr1, chr2",
        ),
        (["chr9"], 1.5, r"split\.validation: got 1\.5, expected a fraction"),
        (["chr9"], 0, r"split\.validation: got 0, expected a fraction"),
        (["chr9"], ["chr1", "chr2", "chr8"], "no window in the train part"),
        ([], ["chr1"], "no window in the test part"),
    ],
)
def test_wrong_splits_are_refused(test, validation, message):
    with pytest.raises(ValueError, match=message):
        split(test, validation)


def test_blocks_too_short_for_windows_are_refused():
    with pytest.raises(ValueError, match="block: got 300 bp, expected at least four windows"):
        split(["chr9"], 0.2, block=300)


# ---- what training has seen --------------------------------------------------------


def test_duplicates_across_the_split_are_counted(caplog):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (60, 400)).astype(np.uint8)
    codes[:, 30:34] = 4  # an N breaks words, and is none itself
    splits = np.repeat([0, 0, 1, 2], 15)
    contig, start = np.zeros(60, np.int64), np.arange(60) * 1000
    clean = count_duplicates(codes, contig, start, splits)
    assert (clean.n_held_out, clean.overlapping, clean.identical, clean.similar) == (
        30,
        0,
        0,
        0,
    )
    codes[31] = codes[3]  # the same sequence
    codes[32] = np.where(codes[4] == 4, 4, 3 - codes[4])[::-1]  # and on the other strand
    codes[33, :300] = codes[5, 100:]  # three quarters of one, moved
    codes[50, :100] = codes[6, :100]  # a quarter: not counted
    codes[51], codes[51, 200] = codes[7], (codes[7, 200] + 1) % 4  # one base changed
    start[40] = start[2] + 399  # one shared base
    start[41] = start[2] + 1000 + 400
    with caplog.at_level(logging.INFO):
        found = count_duplicates(codes, contig, start, splits)
    assert (found.overlapping, found.identical, found.similar) == (1, 2, 4)
    assert "of 30 held-out windows 1 overlap a training window, 2 have the seq" in caplog.text
