"""One-hot arrays, and FASTA files good and bad."""

import gzip

import numpy as np
import pytest

from dfim.sequences.distinct import distinct_rows, distinct_tuples
from dfim.sequences.encoding import (
    ALPHABET,
    FRACTIONAL,
    UNKNOWN,
    background,
    base_codes,
    decode,
    one_hot_encode,
    require_one_hot,
)
from dfim.sequences.fasta import read_fasta, write_fasta


def random_sequences(n, length, seed=0, letters="ACGTN"):
    rng = np.random.default_rng(seed)
    drawn = rng.choice(list(letters), size=(n, length))
    return ["".join(row) for row in drawn]


def test_columns_are_in_acgt_order_and_n_is_zero():
    X = one_hot_encode(["ACGTN"])
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X[0], [*np.eye(4), np.zeros(4)])


def test_decode_inverts_encode():
    sequences = random_sequences(50, 37)
    assert decode(one_hot_encode(sequences)) == sequences
    assert decode(one_hot_encode(sequences).astype(np.float32)) == sequences


def test_lower_case_encodes_as_upper_case():
    sequences = random_sequences(5, 20)
    lower = [sequence.lower() for sequence in sequences]
    np.testing.assert_array_equal(one_hot_encode(lower), one_hot_encode(sequences))


def test_encoded_array_may_be_written_to():
    X = one_hot_encode(["ACGT"])
    X[0, 0] = 0
    assert decode(X) == ["NCGT"]
    assert decode(one_hot_encode(["AAAA"])) == ["AAAA"]  # the lookup table is untouched


@pytest.mark.parametrize("letter", ["R", "-", " ", "é", "\u4e2d", "?", "\n"])
def test_other_characters_are_named_with_row_and_position(letter):
    with pytest.raises(ValueError, match=r"row 1 \(b\) has .* at position 2 ") as caught:
        one_hot_encode(["ACGT", f"AC{letter}T"], ids=["a", "b"])
    assert repr(letter) in str(caught.value)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["ACGT", "ACGT", "ACG"], "row 2 has length 3, but row 0 has 4"),
        (["ACGT", ""], "row 1 has length 0"),
        ([""], "row 0 empty"),
        ([], "no sequences"),
        ("ACGT", "one string"),
    ],
)
def test_unusable_sets_of_sequences_are_refused(sequences, message):
    with pytest.raises(ValueError, match=message):
        one_hot_encode(sequences)


def test_fractional_columns_have_a_code_and_no_letter():
    X = one_hot_encode(["ACGTN"] * 2).astype(np.float32)
    X[1, 3] = background(0.46)
    X[1, 1] = [0, 2, 0, 0]
    np.testing.assert_array_equal(
        base_codes(X),
        [[0, 1, 2, 3, UNKNOWN], [0, FRACTIONAL, 2, FRACTIONAL, UNKNOWN]],
    )
    with pytest.raises(ValueError, match=r"row 1 .* position 1 "):
        decode(X)


def test_two_bases_in_a_column_are_no_base():
    np.testing.assert_array_equal(base_codes(np.array([[[1, 0, 1, 0]]])), [[FRACTIONAL]])


def test_background_sums_to_one():
    np.testing.assert_allclose(background(0.46), [0.27, 0.23, 0.23, 0.27], rtol=1e-6)
    assert background(0.46).dtype == np.float32
    with pytest.raises(ValueError, match="gc"):
        background(46)


@pytest.mark.parametrize("shape", [(4,), (10, 4), (2, 10, 5), (2, 0, 4), (2, 1, 10, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"X: got an array of shape"):
        require_one_hot(np.zeros(shape))
    with pytest.raises(ValueError, match=r"X: got values of type"):
        require_one_hot(np.full((1, 2, 4), "A"))


# ------------------------------------------------------------------- FASTA


@pytest.fixture(params=["plain", "gzip"])
def fasta(request, tmp_path):
    def write(content):
        path = tmp_path / "records.fa"
        path.write_bytes(content if request.param == "plain" else gzip.compress(content))
        return path

    return write


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_records_may_span_lines_in_either_newline_style(fasta, end):
    lines = [b">a first record", b"ACGT", b"acgtn", b"", b">b", b"TTTT"]
    for content in (end.join(lines), end.join(lines) + end):
        records = read_fasta(fasta(content))
        assert records.ids == ("a", "b")
        assert records.sequences == ("ACGTACGTN", "TTTT")
        assert len(records) == 2


def test_other_letters_are_left_to_the_encoder(fasta):
    records = read_fasta(fasta(b">a\nACGT\n>b\nACRT\n"))
    with pytest.raises(ValueError, match=r"row 1 \(b\) has 'R' at position 2"):
        one_hot_encode(records.sequences, ids=records.ids)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: file is empty"),
        (b"\r\n\n", "line 1: file is empty"),
        (b"ACGT\n>a\nACGT\n", "line 1: got 'ACGT', expected a header"),
        (b">a\n>b\nACGT\n", "line 1: a has no sequence"),
        (b">a\nACGT\n>b\n", "line 3: b has no sequence"),
        (b">a\nACGT\n\n>a\nACGT\n", "line 4: id a is also on line 1"),
        (b">\nACGT\n", "line 1: header without id"),
        (b"> a\nACGT\n", "line 1: header without id"),
        (b">a\nACGT\nAC-T\n", "line 3: got '-'"),
        (b">a\nACG T\n", "line 2: got ' '"),
        (b">a\nAC1T\n", "line 2: got '1'"),
        (b">a\nAC\xc3\xa9T\n", "line 2: got 'é'"),
        (b">a\nAC\xffT\n", "line 2: got"),
        (b">a\rACGT\r", "line 1: a has no sequence"),
    ],
)
def test_malformed_files_are_refused_with_their_line(fasta, content, message):
    path = fasta(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_fasta(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [3, 15, 0.5, -9, -1])
def test_gzip_that_ends_early_is_refused(tmp_path, kept):
    content = gzip.compress(
        "".join(f">r{i}\n{s}\n" for i, s in enumerate(random_sequences(99, 50))).encode()
    )
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(content[: int(kept * len(content)) if kept == 0.5 else kept])
    with pytest.raises(ValueError, match=r"cut\.fa\.gz: gzip data damaged or cut short"):
        read_fasta(path)


@pytest.mark.parametrize("at", [12, 40, -6])
def test_damaged_gzip_is_refused(tmp_path, at):
    content = bytearray(gzip.compress(b">a\n" + b"".join(b"ACGGT" * i for i in range(99))))
    content[at] ^= 0xFF
    path = tmp_path / "damaged.fa.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="gzip data damaged"):
        read_fasta(path)


def test_plain_file_cut_inside_a_sequence_is_caught_by_the_encoder(tmp_path):
    path = tmp_path / "cut.fa"
    path.write_bytes(b">a\nACGTACGT\n>b\nACGTA")
    with pytest.raises(ValueError, match="row 1 has length 5"):
        one_hot_encode(read_fasta(path).sequences)


@pytest.mark.parametrize("name", ["out.fa", "out.fa.gz"])
def test_written_records_read_back(tmp_path, name):
    ids, sequences = [f"r{i}" for i in range(20)], random_sequences(20, 70)
    write_fasta(tmp_path / name, ids, sequences)
    records = read_fasta(tmp_path / name)
    assert records.ids == tuple(ids)
    assert records.sequences == tuple(sequences)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_gzip_bytes_depend_on_the_records_alone(tmp_path):
    first, second = tmp_path / "first.fa.gz", tmp_path / "second.fa.gz"
    for path in (first, second):
        write_fasta(path, ["a"], ["ACGT"])
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[4:8] == b"\0\0\0\0"  # the time field of the gzip header


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "kept.fa.gz"
    write_fasta(path, ["a"], ["ACGT"])
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(gzip.GzipFile, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write_fasta(path, ["a"], ["TTTT"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("ids", "sequences", "message"),
    [
        (["a"], ["ACGT", "ACGT"], "got 1 and 2"),
        ([], [], "got 0 and 0"),
        (["a", "a"], ["ACGT", "ACGT"], "rows 0 and 1 are both 'a'"),
        (["a", "b c"], ["ACGT", "ACGT"], "row 1 is 'b c'"),
        (["a", ""], ["ACGT", "ACGT"], "row 1 is ''"),
        (["a", "b"], ["ACGT", ""], "row 1 .b. is empty"),
        (["a"], ["AC\nGT"], "row 0 .a. is empty or not letters"),
    ],
)
def test_records_that_could_not_be_read_back_are_not_written(tmp_path, ids, sequences, message):
    with pytest.raises(ValueError, match=message):
        write_fasta(tmp_path / "out.fa", ids, sequences)
    assert not list(tmp_path.iterdir())


def test_alphabet_is_the_channel_order():
    assert decode(np.eye(4)[np.newaxis]) == [ALPHABET]


# ---- equal sequences -----------------------------------------------------------


@pytest.mark.parametrize(("n", "length"), [(0, 5), (1, 5), (7, 1), (100, 60), (1025, 300)])
@pytest.mark.parametrize("fractions", [False, True])
def test_distinct_rows_are_those_of_numpy(n, length, fractions):
    rng = np.random.default_rng(n)
    kinds = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n // 3 + 1, length))]
    if fractions:
        kinds = (kinds * np.float32(0.7) + np.float32(0.075)).astype(np.float32)
        kinds[::2, 0] = 0
    X = kinds[rng.integers(0, len(kinds), n)]
    first, of = distinct_rows(X)
    expected, where = np.unique(X.reshape(n, 4 * length), axis=0, return_index=True)[:2]
    np.testing.assert_array_equal(first, np.sort(where))
    assert len(first) == len(expected)
    np.testing.assert_array_equal(X[first[of]], X)


def test_rows_that_differ_in_one_number_are_distinct():
    X = np.zeros((9, 2, 4), np.float32)
    X.reshape(9, 8)[np.arange(1, 9), np.arange(8)] = np.finfo(np.float32).eps
    first, of = distinct_rows(X)
    assert first.tolist() == of.tolist() == list(range(9))


def test_rows_of_equal_numbers_are_still_told_apart(monkeypatch):
    class Nothing:
        def random(self, n):
            return np.zeros(n)

    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (50, 6))]
    X[30:] = X[:20]
    assert len(distinct_rows(X)[0]) == 30
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Nothing())
    first, of = distinct_rows(X)  # all numbers collide: every row for itself
    assert first.tolist() == of.tolist() == list(range(50))
    first, of = distinct_rows(X[[3, 3, 3]])
    assert (first.tolist(), of.tolist()) == ([0], [0, 0, 0])


@pytest.mark.parametrize("n", [0, 1, 200])
def test_distinct_tuples_are_those_of_numpy(n):
    rng = np.random.default_rng(n)
    columns = rng.integers(0, [3, 40, 1, 10**12], (n, 4)).T
    columns[3] = columns[3] // 10**11  # few values, some of them large
    columns[3] *= 10**11
    distinct, of = distinct_tuples(*columns)
    expected, index = np.unique(columns.T, axis=0, return_inverse=True)
    np.testing.assert_array_equal(distinct, expected)
    np.testing.assert_array_equal(of, index.reshape(-1))


def test_distinct_tuples_refuse_what_is_no_index():
    with pytest.raises(ValueError, match="invalid entry"):
        distinct_tuples(np.array([0, -1]), np.array([1, 1]))
    with pytest.raises(ValueError, match="larger than the maximum"):
        distinct_tuples(np.array([2**32]), np.array([2**32]))
