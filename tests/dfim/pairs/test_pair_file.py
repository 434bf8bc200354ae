"""Pairs in one file: equal to those of each block, resumed, refused, written as tables."""

import gzip
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from dfim.attribution.factory import make_attributor
from dfim.io.hdf5 import content_digest
from dfim.io.store import read_table
from dfim.models.loading import model_digest
from dfim.motifs.features import Features
from dfim.pairs.file_scoring import score_pairs_file
from dfim.pairs.files import PairFile
from dfim.pairs.fis import score_pairs
from dfim.pairs.null import NullShuffles
from dfim.pairs.scores import PairScores
from dfim.scoring.settings import ScoringSettings
from dfim.scoring.shards import join_shards
from dfim.sequences.encoding import one_hot
from helpers import ROOT, WORKFLOW
from helpers.small_models import LENGTH, conv_net

HERE = Path(__file__).parent
N, BLOCK = 11, 3
SETTINGS = ScoringSettings(n_refs=2)
IDS = np.array([f"seq {row}" for row in range(N)])
CONTIGS = np.array(["chr1", "chr2"])[np.arange(N) % 2]
STARTS = 1000 * np.arange(N)


def random_features(rng, n, length=LENGTH, names=("GATA", "EBOX", "κB")):
    """Up to four features of 5 bp in each sequence, none in the first."""
    count = rng.integers(0, 5, n)
    count[0] = 0
    sequence = np.repeat(np.arange(n), count)
    start = rng.integers(0, length - 5, len(sequence))
    order = np.lexsort((start, sequence))
    name, strand = rng.choice(names, len(order)), rng.choice(["+", "-"], len(order))
    return Features(sequence, start[order], start[order] + 5, name, strand)


CODES = np.random.default_rng(0).integers(0, 5, (N, LENGTH)).astype(np.uint8)
FEATURES = random_features(np.random.default_rng(1), N)


@pytest.fixture(scope="module")
def attributor():
    return make_attributor(conv_net(1, hidden=()), "deeplift")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pairs.h5"


def score(attributor, path, codes=CODES, features=FEATURES, **changes):
    given = {"seed": 5, "model": "m", "settings": SETTINGS, "block": BLOCK, **changes}
    return score_pairs_file(attributor, codes, features, path, **given)


def assert_same(found, expected):
    for name, values in expected.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], values, err_msg=name)
        if values.dtype.kind != "U":
            assert found.arrays()[name].dtype == values.dtype, name


# ---- what is in the file -------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"windowed": True, "same_name": True},
        {
            "windowed": False,
            "sources": ["GATA"],
            "targets": ("κB", "EBOX"),
            "max_distance": 20.5,
        },
        {"settings": ScoringSettings(references="gc", motif_mutation="shuffle")},
    ],
)
def test_each_block_is_what_score_pairs_gives(path, attributor, choice):
    told = []
    found = score(attributor, path, **choice, progress=told.append)
    assert told == [3, 3, 3, 2]
    assert len(found) == 4
    choice = {"settings": SETTINGS, **choice}
    for k, scores in enumerate(found):
        rows = np.arange(k * 3, min(k * 3 + 3, N))
        mine, rng = FEATURES.of_sequences(rows), np.random.default_rng([5, k * 3]).spawn(2)[1]
        alone = score_pairs(attributor, one_hot(CODES[rows]), mine, **choice, rng=rng)
        assert_same(scores, alone.of_rows(rows))
        assert (len(scores), len(mine)) == (found.n_pairs[k], found.n_features[k])
    assert_same(found[3], scores)
    assert sum(map(len, found)) == found.n_pairs.sum() > 5
    with pytest.raises(IndexError, match="block 4: the file has 4 blocks"):
        found[4]
    assert list(path.parent.iterdir()) == [path]


def test_features_and_indices_are_those_of_all_sequences(path, attributor):
    found = score(attributor, path)
    joined = PairScores.concatenate([*found])
    for field in fields(Features):
        np.testing.assert_array_equal(
            getattr(joined.features, field.name), getattr(FEATURES, field.name)
        )
    with h5py.File(path) as file:
        assert file["source"][...].tolist() == joined.source.tolist()
        assert file["target"][...].tolist() == joined.target.tolist()
        texts = [text.decode() for text in file["names"][...]]
        assert [texts[i] for i in file["feature_name"]] == FEATURES.name.tolist()


def test_file_says_what_made_it(path, attributor):
    told = score(attributor, path, sources=["GATA", "EBOX"], max_distance=30).parameters
    assert told["kind"] == "dfim pairs 2"
    assert told["shape"] == [N, LENGTH]
    assert told["settings"]["n_refs"] == 2
    assert told["importance"]["maxpool_rule"] == "complete"
    assert (told["sources"], told["targets"], told["max_distance"]) == (
        ["EBOX", "GATA"],
        None,
        30,
    )
    assert (told["model"], told["seed"], told["block"]) == ("m", 5, 3)


def test_the_order_of_the_features_does_not_matter(path, attributor):
    whole = score(attributor, path).path.read_bytes()
    order = np.random.default_rng(3).permutation(len(FEATURES))
    as_objects = replace(FEATURES, name=FEATURES.name.astype(object)).select(order)
    again = score(attributor, path.with_name("again.h5"), features=as_objects)
    assert again.path.read_bytes() == whole
    score(attributor, path, features=as_objects, sources=("GATA", "EBOX", "κB"))
    other = score(attributor, path, features=as_objects, sources=["κB", "EBOX", "GATA"])
    assert other.path.read_bytes() != whole  # another choice, though the same pairs


def test_no_features_at_all(path, attributor):
    found = score(attributor, path, features=PairScores.empty().features)
    assert found.n_pairs.tolist() == [0] * 4
    assert [len(scores) for scores in found] == [0] * 4
    found.write_tsv(path.with_name("none.tsv"))
    assert len(read_table(path.with_name("none.tsv"), ("source", "fis"))) == 0


# ---- null, shards, and sequences chosen from a larger set -------------------------


def test_null_is_of_shuffled_copies_at_the_same_places(path, attributor):
    null, rows = NullShuffles("permutation", 2), 7 * np.arange(N)
    found = score(attributor, path, null=null, rows=rows)
    assert found.parameters["null"] == {"kind": "permutation", "n": 2}
    for k, scores in enumerate(found):
        block = np.arange(k * 3, min(k * 3 + 3, N))
        shuffling, scoring = np.random.default_rng([5, k * 3]).spawn(2)
        features = FEATURES.of_sequences(block)
        alone = [
            score_pairs(attributor, copy, features, settings=SETTINGS, rng=scoring)
            for copy in null.copies(one_hot(CODES[block]), shuffling)
        ]
        assert_same(scores, PairScores.concatenate(alone).of_rows(block))
    joined = found.scores()
    assert_same(joined, PairScores.concatenate([*found]).of_rows(rows))
    assert joined.info == found.info == score(attributor, path).info


@pytest.mark.parametrize("of", [2, 5])  # four blocks: one shard of five is empty
def test_shards_join_to_the_file_of_one_run(path, attributor, of):
    whole = score(attributor, path)
    shards = [path.with_name(f"{k}.h5") for k in range(of)]
    files = [score(attributor, p, shard=(k, of)) for k, p in enumerate(shards)]
    join_shards(shards, path.with_name("joined.h5"))
    assert path.with_name("joined.h5").read_bytes() == path.read_bytes()
    assert [file.shard for file in files] == [(k, of) for k in range(of)]
    assert [row for file in files for row in file.rows] == list(range(N))
    for scores, expected in zip([s for file in files for s in file], whole, strict=True):
        assert_same(scores, expected)


def test_shards_of_another_model_or_method_are_not_joined(path, attributor):
    shards = [path.with_name(f"{k}.h5") for k in range(2)]
    score(attributor, shards[0], shard=(0, 2))
    gradient = make_attributor(conv_net(1, hidden=()), "gradient_input")
    for other, change, named in (
        (attributor, {"model": "n"}, "model"),
        (gradient, {}, "importance, method"),
        (attributor, {"settings": ScoringSettings(n_refs=3)}, "settings"),
    ):
        score(other, shards[1], shard=(1, 2), **change)
        with pytest.raises(ValueError, match=f"to another run .*, with another {named};"):
            join_shards(shards, path)


# ---- tables --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_tsv_is_the_table_of_all_pairs(path, attributor, name):
    found = score(attributor, path)
    out = path.with_name(name)
    found.write_tsv(out, IDS)
    data = out.read_bytes()
    assert (data[:2] == b"\x1f\x8b") == name.endswith(".gz")
    expected = PairScores.concatenate([*found]).table(IDS)
    read = read_table(out, tuple(expected.columns))
    pd.testing.assert_frame_equal(read, expected, check_dtype=False, rtol=1e-7)
    assert not read.drop(columns="source_effect").isna().any(axis=None)
    reaching = read.groupby(["sequence", "source_start"])["reachable"].transform("any")
    assert (read["source_effect"].notna() == reaching).all()  # others are not mutated
    found.write_tsv(out, IDS)
    assert out.read_bytes() == data
    assert pd.concat(found.tables())["sequence"].tolist() == [
        int(text.removeprefix("seq ")) for text in read["sequence"]
    ]


@pytest.mark.parametrize("name", ["pairs.bedpe", "pairs.bedpe.gz"])
def test_bedpe_of_a_small_case(path, attributor, name):
    columns = ([1, 1, 2], [4, 30, 7], [9, 35, 12], ["GATA", "EBOX", "GATA"], ["+", "-", "+"])
    features = Features(*map(np.array, columns))
    found = score(attributor, path, features=features)
    (scores,) = [scores for scores in found if len(scores)]
    out = path.with_name(name)
    found.write_bedpe(out, CONTIGS, STARTS, IDS)
    written = out.read_bytes()
    found.write_bedpe(out, tuple(CONTIGS), STARTS.tolist(), tuple(IDS))
    assert out.read_bytes() == written
    data = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    lines = [line.split("\t") for line in data.decode().splitlines()]
    assert lines[0] == [
        "#chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score", "strand1",
        "strand2", "distance", "source_effect", "fis_max_abs", "reachable", "sequence",
    ]  # fmt: skip
    assert [line[:7] for line in lines[1:]] == [
        ["chr2", "1004", "1009", "chr2", "1030", "1035", "GATA>EBOX"],
        ["chr2", "1030", "1035", "chr2", "1004", "1009", "EBOX>GATA"],
    ]
    assert [line[8:11] for line in lines[1:]] == [["+", "-", "26.0"], ["-", "+", "26.0"]]
    for at, values in ((7, scores.fis), (11, scores.effect[:2]), (12, scores.fis_max_abs)):
        written = [line[at].replace("NA", "nan") for line in lines[1:]]
        np.testing.assert_array_equal(np.float32(written), values)
    assert [line[13:] for line in lines[1:]] == [[str(r), "seq 1"] for r in scores.reachable]


def test_bedpe_has_every_pair_and_no_gaps(path, attributor):
    found = score(attributor, path)
    found.write_bedpe(path.with_name("p.bedpe"), CONTIGS, STARTS)
    read = read_table(path.with_name("p.bedpe"), ("#chrom1", "sequence"))
    assert len(read) == found.n_pairs.sum()
    assert not read.drop(columns="source_effect").isna().any(axis=None)
    reaching = read.groupby(["sequence", "start1"])["reachable"].transform("any")
    assert (read["source_effect"].notna() == reaching).all()  # others are not mutated
    row = read["start1"] // 1000
    assert (row == read["sequence"]).all()
    assert (read["#chrom1"] == CONTIGS[row]).all()
    assert (read["#chrom1"] == read["chrom2"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contigs": None}, "contigs, starts: got None, expected a place for each sequence"),
        ({"starts": None}, "contigs, starts: got None"),
        ({"contigs": CONTIGS[:3]}, r"contigs: got \(3,\), expected \(11,\), one for each"),
        ({"starts": STARTS[:3]}, r"starts: got \(3,\), expected \(11,\)"),
        ({"ids": IDS[:3]}, r"ids: got \(3,\), expected \(11,\)"),
        ({"starts": STARTS - 1}, "starts: got -1, expected 0-based bp, 0 or more"),
    ],
)
def test_places_are_checked(path, attributor, change, message):
    found = score(attributor, path)
    places = {"contigs": CONTIGS, "starts": STARTS, "ids": IDS, **change}
    with pytest.raises(ValueError, match=message):
        found.write_bedpe(path.with_name("p.bedpe"), **places)
    if "ids" in change:
        with pytest.raises(ValueError, match=message):
            found.write_tsv(path.with_name("p.tsv"), **change)
    assert list(path.parent.iterdir()) == [path]


# ---- killed --------------------------------------------------------------------

MANY = 120


def many():
    codes = np.random.default_rng(2).integers(0, 4, (MANY, LENGTH)).astype(np.uint8)
    return codes, random_features(np.random.default_rng(2), MANY)


KILLED = """
import sys, time
sys.path[:0] = sys.argv[2:]
from test_pair_file import conv_net, make_attributor, many, score
network = make_attributor(conv_net(1, hidden=()), "deeplift")
score(network, sys.argv[1], *many(), progress=lambda _: time.sleep(0.03))
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on(path, attributor, seed):
    command = [sys.executable, "-c", KILLED, path, HERE, ROOT / "tests", WORKFLOW]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL)
    rng, deadline = np.random.default_rng(seed), time.monotonic() + 120
    wanted = rng.integers(1, 30)
    folder = path.with_name("pairs.h5.blocks")
    while len(list(folder.glob("[0-9]*.h5"))) < wanted:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.06))
    process.kill()
    process.wait()
    assert not path.exists()
    stamps = {block: block.stat().st_mtime_ns for block in folder.glob("[0-9]*.h5")}
    assert wanted <= len(stamps) < MANY / BLOCK
    scored, done = [], len(stamps)

    def note(_):
        scored.append(len(list(folder.glob("[0-9]*.h5"))))
        assert {block: block.stat().st_mtime_ns for block in stamps} == stamps

    found = score(attributor, path, *many(), progress=note)
    assert scored == [max(done, k) for k in range(1, MANY // BLOCK + 1)]
    whole = score(attributor, path.with_name("whole.h5"), *many())
    assert found.content_digest() == content_digest(whole.path)
    assert found.path.read_bytes() == whole.path.read_bytes()


# ---- refused -------------------------------------------------------------------

OTHER = CODES.copy()
OTHER[7, 8] ^= 1
MOVED = replace(
    FEATURES, start=FEATURES.start + np.arange(len(FEATURES)) // (len(FEATURES) - 1)
)
RENAMED = replace(FEATURES, name=np.where(np.arange(len(FEATURES)), FEATURES.name, "SP1"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 6}, "seed"),
        ({"model": "n"}, "model"),
        ({"settings": ScoringSettings(n_refs=3)}, "settings"),
        ({"block": 4}, "block"),
        ({"codes": OTHER}, "sequences"),
        ({"features": MOVED}, "features"),
        ({"features": RENAMED}, "features"),
        ({"sources": ["GATA"]}, "sources"),
        ({"targets": []}, "targets"),
        ({"max_distance": 9, "same_name": True}, "max_distance, same_name"),
        ({"windowed": False}, "windowed"),
        ({"rows": 7 * np.arange(N)}, "row"),
    ],
)
def test_blocks_of_another_run_are_refused(path, attributor, change, named):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(attributor, path, progress=stop)
    with pytest.raises(
        ValueError, match=f"pairs.h5.blocks: holds blocks of another run, with another {named};"
    ):
        score(attributor, path, **change)


def test_another_method_is_refused(path, attributor):
    score(attributor, path)
    before = path.read_bytes()
    gradient = make_attributor(conv_net(1, hidden=()), "gradient_input")
    other = score(gradient, path)  # the file itself is replaced, once the other is whole
    assert other.parameters["method"] == "gradient_input"
    assert path.read_bytes() != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": 0}, "block: got 0, expected at least 1"),
        ({"codes": CODES[:, :50]}, "codes: got sequences of 50 bp, expected the model's 60"),
        ({"codes": CODES[:9]}, r"features: row \d+ is \[\d+, \d+\) of sequence 9, expected 9"),
        ({"sources": "GATA"}, "sources: got the text 'GATA', expected a list of names"),
        ({"max_distance": -1}, "max_distance: got -1, expected bp, 0 or more"),
        (
            {"features": replace(FEATURES.select([0, 1]), end=np.array([LENGTH, 61]))},
            r"features: row 1 is \[\d+, 61\) of sequence 1, expected 11 sequences of 60 bp",
        ),
    ],
)  # fmt: skip
def test_arguments_are_checked(path, attributor, change, message):
    with pytest.raises(ValueError, match=message):
        score(attributor, path, **change)
    assert list(path.parent.iterdir()) == []


def test_foreign_and_damaged_files_are_refused(path, attributor):
    score(attributor, path)
    whole = path.read_bytes()
    with h5py.File(path) as file:
        place = file["fis"].id.get_chunk_info(0).byte_offset + 20
    for data in (whole[: len(whole) // 2], whole[:place] + b"\0\0\0" + whole[place + 3 :]):
        path.write_bytes(data)
        with pytest.raises(
            ValueError, match=r"pairs\.h5: not a readable HDF5 file \(.*\); del"
        ):
            PairFile(path).write_tsv(path.with_name("pairs.tsv"))
        assert list(path.parent.iterdir()) == [path]
    with h5py.File(path, "w") as file:
        file["fis"] = [1.0]
        file.attrs["parameters"] = '{"kind": "dfim maps 1"}'
    with pytest.raises(
        ValueError, match=r"holds no pairs of dfim \(kind 'dfim maps 1', arrays"
    ):
        PairFile(path)


# ---- memory --------------------------------------------------------------------

LARGE = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from test_pair_file import score_large
found = score_large(sys.argv[1])
found.write_tsv(sys.argv[1] + ".tsv.gz")
print(found.n_pairs.sum(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def score_large(path, n=20_000):
    """Four motifs of 12 bp in each of n sequences of 1 kb, by a network as for TAL and GATA."""
    import keras
    from keras import layers

    x = inputs = keras.Input((1000, 4))
    for _ in range(5):
        x = layers.Conv1D(25, 10, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling1D(25)(x))
    model = keras.Model(inputs, layers.Dense(3, activation="sigmoid")(x))
    rng = np.random.default_rng(0)
    start = np.sort(rng.integers(0, 989, (n, 4)), axis=1).ravel()
    name = rng.choice(["GATA", "EBOX", "SP1", "AP1"], 4 * n)
    features = Features(
        np.repeat(np.arange(n), 4), start, start + 12, name, np.full(4 * n, "+")
    )
    codes = rng.integers(0, 4, (n, 1000), dtype=np.uint8)
    network = make_attributor(model, "deeplift", output=0)
    return score_pairs_file(network, codes, features, path, seed=1, model=model_digest(model))


@pytest.mark.long
def test_memory_of_many_sequences(path):
    command = [sys.executable, "-c", LARGE, path, HERE, ROOT / "tests", WORKFLOW]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pairs, kilobytes = map(int, done.stdout.split())
    assert pairs > 150_000
    assert kilobytes <= 3 * 2**20
