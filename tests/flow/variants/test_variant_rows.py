"""Tables of a collection, and the records that its chunks are joined from."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from dfim.io.store import read_table, write_arrays, write_table
from dfim.motifs.meme import Pwm, read_meme, write_meme
from dfim.scoring.provenance import UNRECORDED
from dfim.sequences.encoding import one_hot, one_hot_encode
from dfim.variants.affected_motifs import affected_motifs
from dfim.variants.null import VariantNull
from dfim.variants.scores import VariantScores
from dfim.variants.variants import CheckedVariants, Variants
from flow.variants.rows import (
    TEXT,
    chosen_rows,
    motif_sites,
    read_motifs,
    results,
    with_loci,
)
from flow.variants.score_files import VariantNullFile, VariantScoresFile, write_records
from scripts.tabulate_variants import main as tabulate_variants

LENGTH = 41
MIDDLE = LENGTH // 2


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def scores_of(rng, n, position=MIDDLE) -> VariantScores:
    """Made-up scores of windows whose reference base is an A."""
    return VariantScores(
        position=position,
        importance=rng.normal(size=(n, LENGTH)).astype(np.float32),
        mutant_importance=rng.normal(size=(n, 3, LENGTH)).astype(np.float32),
        bases=np.tile(np.int8([1, 2, 3]), (n, 1)),
        alt=rng.integers(0, 3, n),
        delta=rng.normal(size=(n, 3)).astype(np.float32),
        convergence_delta=rng.random((n, 4)).astype(np.float32),
        reachable=np.ones(LENGTH, bool),
    )


PWMS = tuple(
    Pwm(name, one_hot_encode([word])[0] * 0.96 + 0.01)
    for name, word in (("GATA", "AGATAAG"), ("ETS", "CCGGAAGT"))
)
CHOICE = {"motif_p": 2e-4, "gc": 0.5, "min_abs_fis": 0}


def poly_t(n):
    """Windows of T with an A as the variant: no motif matches."""
    codes = np.full((n, LENGTH), 3, np.uint8)
    codes[:, MIDDLE] = 0
    return codes


# ---- results -----------------------------------------------------------------------


@pytest.mark.parametrize("half_width", [1, 5, 15, 100])
@pytest.mark.parametrize("position", [2, MIDDLE, LENGTH - 1])
def test_results_are_those_of_a_plain_loop(rng, half_width, position):
    n = 12
    scores = scores_of(rng, n, position)
    rows = pd.DataFrame({"pos": np.arange(n) + 5, "alt": "C"}, index=np.arange(n) + 30)
    sites = motif_sites(scores_of(rng, n), poly_t(n), PWMS, **CHOICE)
    assert sites.empty
    found = results(rows, scores, sites, half_width)
    assert found.index.tolist() == list(range(n))
    assert found["pos"].tolist() == rows["pos"].tolist()
    for i, row in enumerate(found.itertuples()):
        own = scores.alt[i]
        fis = [
            [
                scores.importance[i, at] - scores.mutant_importance[i, base, at]
                if at != position else 0.0
                for at in range(LENGTH)
            ]
            for base in range(3)
        ]  # fmt: skip
        near = [at for at in range(LENGTH) if 0 < abs(at - position) <= half_width]
        assert row.delta == pytest.approx(scores.delta[i, own])
        assert row.abs_delta == abs(row.delta)
        assert row.max_abs_delta == pytest.approx(max(abs(scores.delta[i])))
        assert row.max_abs_fis == pytest.approx(
            max(abs(fis[b][at]) for b in range(3) for at in near)
        )
        assert row.max_abs_fis_alt == pytest.approx(max(abs(fis[own][at]) for at in near))
        assert row.sum_fis == pytest.approx(sum(fis[own][at] for at in near), abs=1e-5)
        assert row.sum_abs_fis == pytest.approx(sum(abs(fis[own][at]) for at in near), rel=1e-5)
        base, at = np.unravel_index(np.abs(fis).argmax(), (3, LENGTH))
        assert row.peak_distance == at - position
        assert row.peak_fis == pytest.approx(fis[base][at])
        assert row.convergence_delta == pytest.approx(np.median(scores.convergence_delta[i]))
    assert found[["motif", "motif_distance", "motif_fis"]].isna().all(axis=None)


def test_a_variant_that_changes_nothing_has_no_peak(rng, tmp_path):
    scores = scores_of(rng, 3)
    scores.mutant_importance[1] = scores.importance[1]
    sites = motif_sites(scores, poly_t(3), PWMS, **CHOICE)
    found = results(pd.DataFrame({"pos": [1, 2, 3]}), scores, sites, 15)
    assert found["peak_distance"].isna().tolist() == [False, True, False]
    assert found["peak_distance"].isna().tolist() == [False, True, False]
    assert found.loc[1, ["peak_fis", "max_abs_fis", "sum_abs_fis"]].tolist() == [0, 0, 0]
    write_table(tmp_path / "r.tsv", found)
    again = read_table(tmp_path / "r.tsv")
    np.testing.assert_array_equal(
        again["peak_distance"], found["peak_distance"].astype("float64")
    )


def test_the_strongest_site_names_the_motif(rng):
    codes = poly_t(3)
    for row, place, word in ((0, 2, "AGATAAG"), (0, 30, "CCGGAAGT"), (1, 30, "CCGGAAGT")):
        codes[row, place : place + len(word)] = ["ACGT".index(letter) for letter in word]
    scores = scores_of(rng, 3)
    scores.importance[:] = 0
    scores.mutant_importance[:] = 0
    scores.mutant_importance[:, :, 3] = -0.5  # ALT takes importance from GATA ...
    scores.mutant_importance[:, :, 31] = 2  # ... and gives more to ETS
    sites = motif_sites(scores, codes, PWMS, **CHOICE)
    rows = pd.DataFrame({"pos": [1, 2, 3]})
    found = results(rows, scores, sites, 15)
    assert found["motif"].fillna("-").tolist() == ["ETS", "ETS", "-"]
    assert found["motif_distance"].tolist()[:2] == [10, 10]
    assert found["motif_fis"].tolist()[:2] == pytest.approx([-2, -2])
    assert set(zip(sites["variant"], sites["motif"], strict=True)) == {
        (0, "ETS"), (0, "GATA"), (1, "ETS"),
    }  # fmt: skip
    # The choice of what a site is reaches the search.
    weak = motif_sites(scores, codes, PWMS, **CHOICE | {"min_abs_fis": 1})
    assert set(weak["motif"]) == {"ETS"}
    pd.testing.assert_frame_equal(
        motif_sites(scores, codes, PWMS, motif_p=1e-2, gc=0.3, min_abs_fis=0),
        affected_motifs(scores, one_hot(codes), PWMS, p_value=1e-2, gc=0.3),
    )


def test_without_motifs_there_are_no_sites(rng):
    scores, codes = scores_of(rng, 3), poly_t(3)
    sites = motif_sites(scores, codes, (), **CHOICE)
    assert list(sites.columns) == list(motif_sites(scores, codes, PWMS, **CHOICE).columns)
    assert sites.empty
    assert results(pd.DataFrame({"pos": [1, 2, 3]}), scores, sites, 15)["motif"].isna().all()


# ---- rows of a collection ------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    """A collection's table: two rows are scored, one is ok but not chosen."""
    rows = pd.DataFrame(
        {
            "set": ["", "", "", ""], "group": ["variant", "", "", "variant"],
            "chrom": ["1", "1", "X", "2"], "pos": [10, 11, 12, 13], "ref": list("ACGT"),
            "alt": ["C", "T", "<DEL>", "NA"], "name": ["001", "rs2", "rs3", "rs4"],
            "file": "m.vcf", "row": [3, 4, 5, 6], "p_value": [np.nan] * 4, "stronger": "",
            "status": ["ok", "ok", "not_acgt", "ok"], "inside": 1, "chosen": [1, 0, 0, 1],
        }
    )  # fmt: skip
    write_table(tmp_path / "v.tsv.gz", rows)
    return str(tmp_path / "v.tsv.gz")


def test_chosen_rows_are_counted_anew_and_text_stays_text(table):
    rows = chosen_rows(table)
    assert rows.index.tolist() == [0, 1]
    assert rows["name"].tolist() == ["001", "rs4"]
    assert rows["chrom"].tolist() == ["1", "2"]
    assert rows["pos"].tolist() == [10, 13]
    assert (rows["set"] == "").all()
    assert rows["p_value"].isna().all()


def test_a_table_without_its_columns_is_refused(tmp_path):
    write_table(tmp_path / "v.tsv", pd.DataFrame({"set": ["a"], "pos": [1]}))
    with pytest.raises(ValueError, match=r"v\.tsv: column 'group' is missing"):
        chosen_rows(str(tmp_path / "v.tsv"))


def test_all_rows_come_back_as_variants(table):
    chosen = read_table(table)["chosen"] == 1
    checked = CheckedVariants.load(table).choose(chosen.to_numpy())
    assert checked.status.tolist() == ["ok", "not_chosen", "not_acgt", "ok"]
    assert checked.ok.name.tolist() == ["001", "rs4"]
    assert checked.variants.position.tolist() == [9, 10, 11, 12]
    assert checked.variants.alt.tolist()[2] == "<DEL>"
    assert checked.variants.row.tolist() == [3, 4, 5, 6]


def test_windows_that_overlap_share_a_locus():
    table = pd.DataFrame(
        {"chrom": ["1", "1", "2", "1", "1"], "pos": [5000, 5040, 5010, 4981, 6000]}
    )
    locus = with_loci(table, 40)["locus"]
    assert locus[0] == locus[3]
    assert len({locus[0], locus[1], locus[2], locus[4]}) == 4  # 40 bp on no base is shared
    near = with_loci(table.assign(pos=[5000, 5039, 5010, 4981, 6000]), 40)["locus"]
    assert near[0] == near[1] == near[3]
    assert "locus" not in table


# ---- motifs --------------------------------------------------------------------------


def random_motifs(rng, n) -> tuple[Pwm, ...]:
    return tuple(Pwm(f"M{i}.1", rng.dirichlet(np.ones(4), 5 + i)) for i in range(n))


@pytest.mark.parametrize("name", ["m.meme", "deep/er/m.meme"])
def test_motifs_written_are_read_again(rng, tmp_path, name):
    motifs = (*random_motifs(rng, 4), Pwm("sure", one_hot_encode(["ACGT"])[0].astype(float)))
    write_meme(tmp_path / name, motifs)
    found = read_meme(tmp_path / name)
    assert [pwm.name for pwm in found] == [pwm.name for pwm in motifs]
    for one, other in zip(found, motifs, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    first = (tmp_path / name).read_bytes()
    write_meme(tmp_path / name, found)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == ["m.meme"]


def test_motifs_get_the_names_asked_for(rng, tmp_path):
    path = str(tmp_path / "m.meme")
    motifs = random_motifs(rng, 3)
    write_meme(path, motifs)
    found = read_motifs(path, {"GATA": "M2.1", "ETS": "M0.1"})
    assert [pwm.name for pwm in found] == ["GATA", "ETS"]
    np.testing.assert_allclose(found[0].probabilities, motifs[2].probabilities, atol=1e-6)
    assert read_motifs(path, {}) == ()
    with pytest.raises(ValueError, match=r"m\.meme: no motif 'M9', which .* calls X; it has 3"):
        read_motifs(path, {"ETS": "M0.1", "X": "M9"})


# ---- records that are joined ---------------------------------------------------------


def test_variants_of_several_files_are_joined():
    parts = [
        Variants.build(["1", "2"], [5, 6], list("ag"), ["CC", "T"], row=[1, 2]),
        Variants.build(["chr3"], [7], ["G"], ["<DEL>"], row=[9], name=["rs7"]),
        Variants.build([], [], [], [], row=[]),
    ]
    joined = Variants.concatenate(parts)
    assert joined.contig.tolist() == ["1", "2", "chr3"]
    assert joined.ref.tolist() == ["A", "G", "G"]
    assert joined.alt.tolist() == ["CC", "T", "<DEL>"]
    assert joined.name.tolist() == ["1:6:A>CC", "2:7:G>T", "rs7"]
    assert joined.row.tolist() == [1, 2, 9]
    assert (joined.position.dtype, joined.row.dtype) == (np.int64, np.int64)
    for field in fields(Variants):
        np.testing.assert_array_equal(
            getattr(joined.select(np.array([0, 1])), field.name), getattr(parts[0], field.name)
        )


def test_nulls_are_taken_apart_and_joined(rng):
    values = (rng.random((5, 3, 9)), rng.random((5, 3)), rng.random((5, 3)))
    null = VariantNull(*values, np.array([40]), rng.random((5, 3)))
    order = np.array([3, 0, 4, 2, 1])
    parts = [null.select(order[:2]), null.select(order[2:])]
    assert [part.n.tolist() for part in parts] == [[40], [40]]
    for name in ("p", "mean", "sd", "realised"):
        np.testing.assert_array_equal(getattr(parts[1], name), getattr(null, name)[order[2:]])
    again = VariantNull.concatenate(parts).select(np.argsort(order))
    for field in fields(VariantNull):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(null, field.name))


@pytest.mark.parametrize("shape", [(), (7,), (2, 7), (0, 7), (2, 3, 7)])
def test_one_hot_of_codes(rng, shape):
    codes = rng.integers(0, 5, shape).astype(np.uint8)
    X = one_hot(codes)
    assert X.shape == (*shape, 4)
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X.sum(axis=-1), codes < 4)
    for at in np.ndindex(*shape):
        assert codes[at] == 4 or X[at][codes[at]] == 1


def test_one_hot_is_that_of_letters():
    text = ["ACGTN", "NNTGA"]
    codes = np.array([["ACGTN".index(letter) for letter in row] for row in text])
    np.testing.assert_array_equal(one_hot(codes), one_hot_encode(text))


# ---- all tables of an analysis -------------------------------------------------------


def write_shard(path, kind, records, k):
    """Write half of four variants' records, as the scripts do."""
    write_records(
        path, kind, records.select, UNRECORDED.record(), n=4, block=2, shard=(k, 2),
        progress=lambda _: None,
    )  # fmt: skip


@pytest.fixture
def tabulate(tmp_path, rng):
    """Write every table of five variants, of which four are scored, in two chunks."""
    codes = poly_t(4)
    codes[2, 30:38] = [1, 1, 2, 2, 0, 0, 2, 3]  # ETS
    rows = pd.DataFrame(
        {
            "set": "", "group": ["variant"] * 2 + [""] + ["variant"] * 2, "chrom": "chr1",
            "pos": [100, 200, 250, 300, 320], "ref": "A", "alt": ["C", "G", "AT", "T", "C"],
            "name": [f"rs{i}" for i in range(5)], "file": "m.vcf", "row": range(2, 7),
            "p_value": np.nan, "stronger": "", "inside": 1, "chosen": [1, 1, 0, 1, 1],
            "status": ["ok", "ok", "indel", "ok", "ok"],
        }
    )  # fmt: skip
    scores = scores_of(rng, 4)
    scores.alt[:] = [0, 1, 2, 0]
    write_table(tmp_path / "v.tsv.gz", rows)
    write_arrays(tmp_path / "w.h5", {"codes": codes})
    deltas = rng.normal(size=(4, 2)).astype(np.float32)
    for k, part in enumerate(np.split(np.arange(4), 2)):
        write_shard(tmp_path / f"s{k}.h5", VariantScoresFile, scores, k)
        write_arrays(tmp_path / f"d{k}.h5", {"deltas": deltas[part]}, {"tasks": ["a", "b"]})
    write_meme(tmp_path / "m.meme", PWMS)

    def run(motifs, nulls=()):
        made = ("results_file", "annotated", "vcf", "bedpe", "sites")
        paths = {name: str(tmp_path / f"{name}{'.vcf' * (name == 'vcf')}") for name in made}
        files = {key: [str(tmp_path / f"{key[0]}{k}.h5") for k in (0, 1)]
                 for key in ("scores", "deltas")}  # fmt: skip
        tabulate_variants(
            str(tmp_path / "v.tsv.gz"), str(tmp_path / "w.h5"), [], **files, **paths,
            nulls=list(nulls), motif_file=str(tmp_path / "m.meme"), motifs=motifs,
            motif_choice=CHOICE, half_width=5,
        )  # fmt: skip
        tables = {
            name: read_table(paths[name], text=TEXT) for name in ("results_file", "annotated")
        }
        return tables | {name: read_table(paths[name]) for name in ("sites", "bedpe")}, scores

    return run


def test_tables_of_chunks_are_joined(tabulate):
    tables, scores = tabulate({"GATA": "GATA", "MINE": "ETS"})
    found, annotated, sites = (tables[name] for name in ("results_file", "annotated", "sites"))
    expected = scores.max_abs_fis(5)
    np.testing.assert_allclose(found["max_abs_fis"], expected, rtol=1e-6)
    assert annotated["name"].tolist() == [f"rs{i}" for i in range(5)]
    assert annotated["max_abs_fis"].isna().tolist() == [False, False, True, False, False]
    own = scores.max_abs_fis(5, "alt")
    np.testing.assert_allclose(annotated["max_abs_fis"].dropna(), own, rtol=1e-6)
    assert set(sites["motif"]) == {"MINE"}
    assert set(sites["variant"]) == {2}  # of all that were scored, not of its chunk
    assert found["motif"].notna().tolist() == [False, False, True, False]
    pair = tables["bedpe"].iloc[0]
    assert pair["start1"] == 299
    assert (pair["start2"], pair["end2"]) == (299 + 30 - MIDDLE, 299 + 38 - MIDDLE)
    assert found["locus"].nunique() == 3  # the last two overlap


def test_tables_without_motifs(tabulate):
    tables, _ = tabulate({})
    with_them, _ = tabulate({"GATA": "GATA", "MINE": "ETS"})
    assert tables["sites"].empty
    assert tables["bedpe"].empty
    for name in ("results_file", "annotated"):
        same = [c for c in with_them[name].columns if not c.startswith("motif")]
        pd.testing.assert_frame_equal(tables[name][same], with_them[name][same])


def test_tables_with_a_null_tell_the_p_of_the_strongest_position(tabulate, tmp_path, rng):
    _, scores = tabulate({"GATA": "GATA"})
    p = rng.random((4, 3, LENGTH))
    one = np.ones((4, 3))
    null = VariantNull(p, one, one, np.array([40]), one)
    for k in (0, 1):
        write_shard(tmp_path / f"n{k}.h5", VariantNullFile, null, k)
    tables, _ = tabulate({"GATA": "GATA"}, [str(tmp_path / f"n{k}.h5") for k in (0, 1)])
    for name in ("results_file", "annotated"):
        made = tables[name]["peak_p"].dropna()
        fis = np.abs(np.nan_to_num(scores.of_alt()))
        fis[:, : MIDDLE - 5], fis[:, MIDDLE + 6 :] = 0, 0
        expected = [p[i, scores.alt[i], fis[i].argmax()] for i in range(4)]
        np.testing.assert_allclose(made, expected)
