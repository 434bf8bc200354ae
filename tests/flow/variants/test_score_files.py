"""Files of variants' scores and nulls: written in shards, resumed, read again."""

import doctest
from dataclasses import fields

import numpy as np
import pytest

from dfim.scoring.block_layout import rows_of_shard
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.shards import ordered_shards
from dfim.variants.null import VariantNull
from dfim.variants.scores import VariantScores
from flow.variants import score_files
from flow.variants.score_files import (
    VariantNullFile,
    VariantScoresFile,
    rows_a_block,
    write_records,
)

INFO = ScoreInfo("deeplift", "0123", settings={"references": "gc"})
N, LENGTH = 11, 6
RNG = np.random.default_rng(0)
SCORES = VariantScores(
    3,
    RNG.random((N, LENGTH)).astype(np.float32),
    RNG.random((N, 3, LENGTH)).astype(np.float32),
    RNG.integers(0, 4, (N, 3)).astype(np.int8),
    RNG.integers(0, 3, N),
    RNG.random((N, 3)).astype(np.float32),
    np.full((N, 4), np.nan, np.float32),
    np.arange(LENGTH) > 1,
    info=INFO,
)
NULL = VariantNull(
    RNG.random((N, 3, LENGTH)),
    *RNG.random((2, N, 3, 5)),
    np.arange(5),
    RNG.random((N, 3, 5)),
    info=INFO,
)


def test_examples_run():
    assert doctest.testmod(score_files).failed == 0


def write(path, record, kind, *, shard=(0, 1), stop=None):
    """Write the records of a shard; give the rows that were scored for it."""
    scored = []

    def score(rows):
        if len(scored) == stop:
            raise KeyboardInterrupt
        scored.append(rows.tolist())
        return record.select(rows)

    write_records(
        path, kind, score, {"seed_of_references": 3, **INFO.record()}, n=N, block=2,
        shard=shard, progress=lambda _: None,
    )  # fmt: skip
    return scored


@pytest.mark.parametrize(
    ("record", "kind"), [(SCORES, VariantScoresFile), (NULL, VariantNullFile)]
)
def test_records_come_back_from_any_number_of_shards(tmp_path, record, kind):
    for of in (1, 3):
        paths = [tmp_path / f"{k}.of.{of}.h5" for k in range(of)]
        for k, path in enumerate(paths):
            write(path, record, kind, shard=(k, of))
        files = [kind(path) for path in ordered_shards(paths)]
        assert [row for file in files for row in file.rows] == list(range(N))
        joined = type(record).concatenate([file.load() for file in files])
        assert joined.info == INFO
        for field in fields(record):
            if field.name == "info":
                continue
            values, expected = (getattr(r, field.name) for r in (joined, record))
            np.testing.assert_array_equal(values, expected, err_msg=field.name)


def test_a_killed_shard_goes_on_after_its_last_block(tmp_path):
    path = tmp_path / "scores.h5"
    with pytest.raises(KeyboardInterrupt):
        write(path, SCORES, VariantScoresFile, shard=(0, 2), stop=2)
    assert not path.exists()
    assert write(path, SCORES, VariantScoresFile, shard=(0, 2)) == [[4, 5]]
    np.testing.assert_array_equal(VariantScoresFile(path).load().alt, SCORES.alt[:6])


@pytest.mark.parametrize(("n", "chunks"), [(1, 1), (7, 3), (7, 5), (7, 7), (100, 8), (60, 3)])
@pytest.mark.parametrize("most", [1, 4, 96])
def test_chunks_share_variants_evenly(n, chunks, most):
    block = rows_a_block(n, chunks, most)
    assert 1 <= block <= most
    sizes = [len(rows_of_shard(n, block, (k, chunks))) for k in range(chunks)]
    assert sum(sizes) == n
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 2 * block


def test_more_chunks_than_variants_are_refused():
    with pytest.raises(ValueError, match="chunks: got 8 for 7 variants; expected at most 7"):
        rows_a_block(7, 8, 96)
