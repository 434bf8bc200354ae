"""The synthetic genome of GATA1, GATA2 and TAL1, the examples made from it, and M2."""

import gzip
import logging

import keras
import numpy as np
import pandas as pd
import pytest

from dfim.genome.genome import read_genome
from dfim.genome.intervals import read_narrowpeak
from dfim.io.store import read_table
from dfim.models.classifier_training import TrainingSettings, train
from dfim.sequences.examples import SPLITS, Examples
from flow.networks.architectures import build
from scripts.build_peak_examples import main as build_examples
from scripts.simulate_genome import main as simulate_genome
from synthetic.element_motifs import PATTERNS
from synthetic.tal_gata import TASKS, oracle_auroc, simulate

SPLIT = {"test": ["chr8", "chr9"], "validation": ["chr1"]}


def files(folder):
    return {
        "genome": str(folder / "genome.fa.gz"),
        "accessible": str(folder / "dnase.narrowPeak.gz"),
        "chip": [str(folder / f"{task}.narrowPeak.gz") for task in TASKS],
    }


def written(folder, binding, *, scale=0.2, seed=1):
    folder.mkdir()
    truth = {name: str(folder / f"{name}.tsv") for name in ("elements", "sites", "oracle")}
    simulate_genome(
        **files(folder), **truth, simulation={"binding": binding, "scale": scale}, window=1000,
        test=SPLIT["test"], seed=seed,
    )  # fmt: skip
    return folder


def examples_of(folder, *, name="examples.h5", **changes):
    arguments = {
        **files(folder), "tasks": list(TASKS), "contigs": None, "window": 1000, "split": SPLIT,
        "seed": 1, **changes,
    }  # fmt: skip
    build_examples(**arguments, examples=str(folder / name))
    return Examples.load(folder / name)


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data") / "joint", "joint")


@pytest.fixture(scope="module")
def additive(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data") / "additive", "additive")


@pytest.fixture(scope="module")
def examples(joint):
    return examples_of(joint)


def text_of(path):
    return gzip.decompress(path.read_bytes()).decode()


def tables(folder):
    return [
        read_table(folder / f"{name}.tsv", text=("contig",)) for name in ("elements", "sites")
    ]


# ---- the data set ----------------------------------------------------------------


def test_background_is_like_the_human_genome(joint):
    codes = np.concatenate(read_genome(joint / "genome.fa.gz").codes)
    pairs = np.bincount(codes[:-1].astype(int) * 4 + codes[1:], minlength=16).reshape(4, 4)
    bases = np.bincount(codes, minlength=4) / len(codes)
    assert bases[1] + bases[2] == pytest.approx(0.41, abs=0.01)
    expected = bases[1] * bases[2] * pairs.sum()
    assert pairs[1, 2] / expected == pytest.approx(0.25, abs=0.03)


def test_sites_are_where_the_truth_says(joint):
    genome = read_genome(joint / "genome.fa.gz")
    elements, sites = tables(joint)
    contig = genome.contigs.index(sites["contig"])
    allowed = {"A": [0], "C": [1], "G": [2], "T": [3], "N": [0, 1, 2, 3]}
    for name, pattern in zip(("GATA", "EBOX"), PATTERNS, strict=True):
        of_name = (sites["name"] == name).to_numpy()
        assert of_name.sum() > 500
        start = sites["start"].to_numpy()[of_name]
        assert (sites["end"].to_numpy()[of_name] - start == len(pattern)).all()
        found = genome.windows(contig[of_name], start, len(pattern))
        assert all(np.isin(found[:, i], allowed[base]).all() for i, base in enumerate(pattern))
    # No instance over another, each inside its element, matrices of both strands.
    inside = (sites["instance_start"] <= sites["start"]) & (
        sites["end"] <= sites["instance_end"]
    )
    assert inside.all()
    following = sites["instance_start"].to_numpy()[1:] - sites["instance_end"].to_numpy()[:-1]
    assert (following[np.diff(contig) == 0] >= 0).all()
    centre = elements["centre"].to_numpy()[sites["element"]]
    assert (np.abs(sites["start"] - centre) < 160).all()
    turned = (sites["instance_strand"] == "-") & (sites["name"] == "EBOX")
    assert 0.4 < turned.sum() / (sites["name"] == "EBOX").sum() < 0.6
    assert (sites["instance_strand"][sites["name"] == "GATA"] == "+").all()


def test_kinds_of_elements_hold_what_they_should(joint):
    elements, sites = tables(joint)
    sites["centre"] = (sites["start"] + sites["end"]) // 2
    counts = sites.pivot_table(
        index="element", columns="name", values="start", aggfunc="count", fill_value=0
    ).reindex(elements["element"], fill_value=0)
    has = {"composite": (1, 1), "apart": (1, 1), "gata": (1, 0), "ebox": (0, 1), "none": (0, 0)}
    for kind, (gata, ebox) in has.items():
        rows = counts[(elements["kind"] == kind).to_numpy()]
        assert set(rows["GATA"]) == ({2, 3} if gata else {0})
        assert set(rows["EBOX"]) == ({2, 3} if ebox else {0})
    pairs = sites[sites["pair"] >= 0].sort_values(["pair", "name"])
    assert (pairs["role"] == "composite").all()
    assert (sites.loc[sites["pair"] < 0, "role"] != "composite").all()
    assert pairs["name"].tolist() == ["EBOX", "GATA"] * (len(pairs) // 2)
    distance = np.abs(np.diff(pairs["centre"].to_numpy().reshape(-1, 2)))
    assert distance.min() >= 10
    assert distance.max() <= 30
    for _, of_element in sites[sites["role"] == "apart"].groupby("element"):
        gata, ebox = (of_element["centre"][of_element["name"] == n] for n in ("GATA", "EBOX"))
        every = np.abs(gata.to_numpy()[:, None] - ebox.to_numpy())
        assert every.min() >= 90
        assert every.max() <= 250


def test_data_sets_differ_in_binding_only(joint, additive):
    for name in ("genome.fa.gz", "dnase.narrowPeak.gz", "sites.tsv"):
        assert (joint / name).read_bytes() == (additive / name).read_bytes()
    j, a = tables(joint)[0], tables(additive)[0]
    assert j[["contig", "centre", "kind", "joint"]].equals(
        a[["contig", "centre", "kind", "joint"]]
    )
    bound = {
        binding: table.groupby("kind")[[f"bound_{t}" for t in TASKS]].mean().round()
        for binding, table in (("joint", j), ("additive", a))
    }
    # GATA1, GATA2, TAL1
    assert bound["joint"].T.to_dict("list") == {
        "composite": [1, 1, 1], "apart": [0, 1, 0], "gata": [0, 1, 0],
        "ebox": [0, 0, 0], "none": [0, 0, 0],
    }  # fmt: skip
    assert bound["additive"].T.to_dict("list") == {
        "composite": [1, 1, 1], "apart": [1, 1, 1], "gata": [1, 1, 0],
        "ebox": [0, 0, 1], "none": [0, 0, 0],
    }  # fmt: skip
    # The additive energies do not see distance, and add up on the scale of logits (as far as
    # probabilities of 0.005 and 0.995, where they end).
    p = a.groupby("kind")[[f"p_{t}" for t in TASKS]].agg(["min", "max"])
    assert (p.xs("min", axis=1, level=1) == p.xs("max", axis=1, level=1)).all(axis=None)
    p = p.xs("min", axis=1, level=1)
    assert p.loc["composite"].equals(p.loc["apart"])
    for task, alone in (("GATA1", (0.6, -0.6)), ("TAL1", (-0.6, 0.6))):
        logit = np.log(p[f"p_{task}"] / (1 - p[f"p_{task}"]))
        assert logit[["gata", "ebox"]].tolist() == pytest.approx([7 * x for x in alone])
        assert p[f"p_{task}"]["composite"] == 0.995  # 7 * 1.0, beyond the end
    # With joint binding they do.
    composite = j[j["kind"] == "composite"]
    order = composite["joint"].argsort()
    assert (np.diff(composite["p_TAL1"].to_numpy()[order]) >= 0).all()


def test_joint_effect_falls_with_distance(joint):
    elements = tables(joint)[0]
    mean = elements.groupby("kind")["joint"].mean()
    assert mean["composite"] > 0.95
    assert 0 < mean["apart"] < 0.2
    assert (elements["joint"][elements["kind"].isin(["gata", "ebox", "none"])] == 0).all()


def test_same_seed_same_bytes_and_other_seed_other(joint, tmp_path):
    again = written(tmp_path / "again", "joint")
    assert len(list(again.iterdir())) == 8
    for path in again.iterdir():
        assert path.read_bytes() == (joint / path.name).read_bytes(), path.name
    other = simulate(binding="joint", scale=0.02, seed=2)
    same = simulate(binding="joint", scale=0.02, seed=1)
    assert (other.genome.codes[0] != same.genome.codes[0]).any()


def test_peaks_are_narrowpeaks_about_their_elements(joint):
    genome = read_genome(joint / "genome.fa.gz")
    elements = tables(joint)[0]
    first = text_of(joint / "TAL1.narrowPeak.gz").splitlines()[0].split("\t")
    assert len(first) == 10
    assert first[3:6:2] == [".", "."]
    open_row = text_of(joint / "dnase.narrowPeak.gz").splitlines()[0].split("\t")
    assert int(open_row[2]) - int(open_row[1]) == 150
    assert open_row[9] == "-1"
    place = np.array([0, *np.cumsum(genome.contigs.lengths)])
    centre = place[genome.contigs.index(elements["contig"])] + elements["centre"].to_numpy()
    for task in TASKS:
        peaks = read_narrowpeak(joint / f"{task}.narrowPeak.gz", genome.contigs)
        off = np.abs((place[peaks.contig] + peaks.summit)[:, None] - centre).min(axis=1)
        near = off <= 20
        assert near.sum() == elements[f"bound_{task}"].sum()
        # The others are away from open chromatin: a few, none of them an example.
        assert 0 < (~near).sum() < 0.06 * len(peaks)
        assert off[~near].min() > 200
        assert 3 < off[near].std() < 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"binding": "joined"}, "binding: got 'joined', expected one of joint, additive"),
        ({"scale": 0.001}, r"scale: 0\.001 gives 10 elements, expected at least 100"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate(**{"binding": "joint", "scale": 1.0, "seed": 1, **changes})


# ---- examples --------------------------------------------------------------------


def test_examples_are_windows_of_the_genome(joint, examples):
    genome = read_genome(joint / "genome.fa.gz")
    contig = genome.contigs.index(examples.contigs)
    assert (examples.codes == genome.windows(contig, examples.starts, 1000)).all()
    assert len(set(examples.ids)) == len(examples)
    assert examples.ids[0] == f"chr1:{examples.starts[0]}-{examples.starts[0] + 1000}"
    assert set(examples.groups) == {*TASKS, "accessible"}
    parts = {"chr1": "validation", "chr8": "test", "chr9": "test"}
    expected = [SPLITS.index(parts.get(name, "train")) for name in examples.contigs]
    assert examples.splits.tolist() == expected


def test_labels_are_what_was_bound(joint, examples):
    elements = tables(joint)[0]
    key = elements["contig"] + ":" + (elements["centre"] // 1600).astype(str)
    middle = examples.starts + 500
    here = pd.Series(examples.contigs) + ":" + pd.Series((middle // 1600).astype(str))
    row = pd.Index(key).get_indexer(here)
    assert (row >= 0).all()
    assert (np.abs(elements["centre"].to_numpy()[row] - middle) <= 20).all()
    bound = elements[[f"bound_{t}" for t in TASKS]].to_numpy()[row]
    known = examples.labels >= 0
    assert (examples.labels[known] == bound[known]).all()
    # Masked only where a factor is bound and its summit is elsewhere.
    assert (bound[~known] == 1).all()
    assert (examples.groups[(~known).any(axis=1)] == "accessible").all()
    assert known.any(axis=1).all()
    assert (~known).sum() > 20
    # Every bound element is an example of its factor.
    for column in range(3):
        assert set(row[examples.labels[:, column] == 1]) == set(
            np.flatnonzero(elements[f"bound_{TASKS[column]}"])
        )


def test_oracle_is_measured_on_the_same_windows(joint, additive, examples):
    told = read_table(joint / "oracle.tsv")
    test = examples.splits == SPLITS.index("test")
    elements = tables(joint)[0]
    arguments = (examples.contigs[test], examples.starts[test], 1000, examples.labels[test])
    found = oracle_auroc(elements, *arguments)
    pd.testing.assert_frame_equal(told.drop(columns="contigs"), found)
    assert (found["auroc"] > 0.97).all()
    assert found["n_positive"].tolist() == (arguments[3] == 1).sum(axis=0).tolist()
    assert set(told["contigs"]) == {"chr8,chr9"}
    assert (read_table(additive / "oracle.tsv")["auroc"] > 0.9).all()
    with pytest.raises(ValueError, match="is on no element of the truth; expected the windows"):
        oracle_auroc(elements, arguments[0], arguments[1] + 300, 1000, arguments[3])
    with pytest.raises(ValueError, match=r"oracle: window chr20:.* is on no element"):
        oracle_auroc(elements, np.full(test.sum(), "chr20"), *arguments[1:])


def test_balance_and_duplicates_are_logged(joint, caplog):
    with caplog.at_level(logging.INFO):
        found = examples_of(joint, name="again.h5")
    labels = found.labels[found.splits == 0, 2]
    n = [int((labels == value).sum()) for value in (1, 0, -1)]
    assert f"TAL1, train: {n[0]} positive, {n[1]} negative, {n[2]} masked" in caplog.text
    assert "held-out windows 0 overlap a training window, 0 have the sequence" in caplog.text


def test_blocks_and_no_split(joint):
    blocks = {"test": ["8", "9"], "validation": 0.2}
    found = examples_of(joint, name="blocks.h5", split=blocks)
    # chr1 to chr6 are shorter than a block of 1 Mb each: six blocks, two held out.
    assert len(set(found.contigs[found.splits == 1])) == 2
    whole = examples_of(joint, name="whole.h5", split=None)
    assert set(whole.splits) == {2}
    chosen = ["chr9", "8"]
    some = examples_of(joint, name="some.h5", split=None, contigs=chosen)
    assert set(some.contigs) == {"chr9", "chr8"}
    assert len(some) == np.isin(whole.contigs, ["chr9", "chr8"]).sum()


def test_windows_with_n_or_off_the_contig_are_left_out(joint, tmp_path, caplog):
    lines = text_of(joint / "genome.fa.gz").splitlines()
    lines[20] = "N" * 60  # inside the window of the first element of chr1 (lines of 60)
    (tmp_path / "n.fa").write_text("\n".join(lines) + "\n")
    edge = text_of(joint / "dnase.narrowPeak.gz")
    edge += "chr1\t100\t250\t.\t0\t.\t9\t-1\t-1\t-1\n"  # its window would begin at -325
    (tmp_path / "edge.narrowPeak").write_text(edge)
    changes = {
        "genome": str(tmp_path / "n.fa"), "accessible": str(tmp_path / "edge.narrowPeak")
    }  # fmt: skip
    whole = examples_of(joint, name="whole.h5", split=None)
    with caplog.at_level(logging.INFO):
        found = examples_of(joint, name="n.h5", split=None, **changes)
    lost = sorted(set(whole.ids) - set(found.ids))
    assert lost
    assert all(i.startswith("chr1:") for i in lost)
    assert set(found.ids) < set(whole.ids)
    assert f"1 windows leave their contig and {len(lost)} hold an N: left out" in caplog.text
    assert (found.codes < 4).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": {"test": ["chr8"], "validation": ["8"]}}, "is in test and in validation"),
        ({"split": {"test": ["chr7"], "validation": ["chr1"]}}, "no contig 'chr7' in this run"),
        ({"contigs": ["chr8", "chr7"]}, "no contig 'chr7'; there are chr1, chr2"),
        ({"tasks": ["GATA1", "TAL1"]}, "and 3 peak files, expected one per task"),
        ({"tasks": ["GATA1", "TAL1", "TAL1"]}, "expected one per task"),
    ],
)
def test_wrong_examples_are_refused(joint, changes, message):
    with pytest.raises(ValueError, match=message):
        examples_of(joint, name="wrong.h5", **changes)
    assert not (joint / "wrong.h5").exists()


def test_contig_and_part_without_positives(joint, tmp_path, caplog):
    path = tmp_path / "GATA1.narrowPeak"

    def keep(*contigs):
        lines = text_of(joint / "GATA1.narrowPeak.gz").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if line.split("\t")[0] in contigs))
        return {"chip": [str(path), *files(joint)["chip"][1:]]}

    changes = keep("chr1", "chr2", "chr8")
    with caplog.at_level(logging.WARNING):
        examples_of(joint, name="few.h5", **changes)
    assert "GATA1: no positive window on chr3, chr4, chr5, chr6, chr9" in caplog.text
    changes = keep("chr2", "chr8")
    with pytest.raises(ValueError, match=r"GATA1 has 0 positive and \d+ negative windows in "
                       r"the validation part; expected both"):  # fmt: skip
        examples_of(joint, name="none.h5", **changes)


@pytest.mark.realdata
def test_examples_of_real_peaks(test_data, tmp_path, caplog):
    folder = test_data / "peaks/k562"
    names = ("SydhK562Gata1Ucd", "HaibK562Gata2sc267Pcr1x", "SydhK562Tal1sc12984Iggmus")
    with caplog.at_level(logging.INFO):
        build_examples(
            genome=str(test_data / "hg19/human_g1k_v37.20.21.fasta.gz"),
            accessible=str(folder / "wgEncodeAwgDnaseUwdukeK562UniPk.narrowPeak.gz"),
            chip=[str(folder / f"wgEncodeAwgTfbs{n}UniPk.narrowPeak.gz") for n in names],
            examples=str(tmp_path / "real.h5"), tasks=list(TASKS), contigs=["chr20", "chr21"],
            window=1000, split={"test": ["chr21"], "validation": 0.1}, seed=1,
        )  # fmt: skip
    found = Examples.load(tmp_path / "real.h5")
    # Rows on chr20 and chr21, as the files have them, and those in open chromatin.
    for line in (
        "8397 peaks; 193869 on other contigs left out, 8397 without summit",
        "GATA1: 146 of 155 peaks accessible",
        "GATA2: 650 of 694 peaks accessible",
        "TAL1: 864 of 1006 peaks accessible",
        "9912 windows; 27 more stood on the summit of another, 118 were masked for every task",
        "0 windows leave their contig and 6 hold an N: left out",
        "held-out windows 0 overlap a training window, 0 have the sequence of one",
    ):
        assert line in caplog.text
    test = found.splits == SPLITS.index("test")
    assert set(found.contigs[test]) == {"21"}
    assert (found.labels[test] == 1).sum(axis=0).tolist() == [117, 402, 475]
    assert (found.labels[test] == -1).sum(axis=0).tolist() == [12, 177, 254]


# ---- the network and its masked labels ---------------------------------------------


def test_network_of_binding_is_that_of_the_supplement():
    model = build("m2", 1000, 3, {"dropout": 0})
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv1D"] * 5 + ["MaxPooling1D", "Flatten", "Dense"]
    assert model.get_layer("pool").output.shape == (None, 38, 25)
    assert model.count_params() == 25 * 41 + 4 * 25 * 251 + 3 * 951
    assert model.output_shape == (None, 3)
    released = build("m2", 1000, 1, {})
    kinds = [type(layer).__name__ for layer in released.layers]
    assert kinds == [*["Conv1D", "Dropout"] * 4, "Conv1D", "MaxPooling1D", "Flatten", "Dense"]
    assert released.get_layer("dropout4").rate == 0.2
    with pytest.raises(ValueError, match="m2: sequences of 69 bp, expected at least 70"):
        build("m2", 69, 1, {})


@pytest.fixture(scope="module")
def two_tasks():
    """Sequences with two tasks; the second is known for the first half only."""
    rng = np.random.default_rng(0)
    X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (256, 20))]
    y = np.stack([X[:, 3, :2].sum(axis=1), X[:, 9, 1:3].sum(axis=1)], axis=1)
    y = y.astype(np.float32)
    y[128:, 1] = -1
    return X, y


def trained(X, y, path, *, n_tasks=2):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Flatten(), keras.layers.Dense(n_tasks, activation="sigmoid")]
    model = keras.Sequential([keras.Input((20, 4)), *layers])
    settings = TrainingSettings(batch_size=64, max_epochs=3, patience=3, learning_rate=0.05)
    codes = X.argmax(axis=2).astype(np.uint8)
    history = train(model, codes, y, codes, y, settings=settings, seed=1, checkpoint=path)
    return model, history


def test_masked_labels_train_nothing_and_count_nowhere(two_tasks, tmp_path):
    X, y = two_tasks
    model, history = trained(X, y, tmp_path / "a.h5")
    known = y >= 0
    p = np.asarray(model(X), np.float64)
    accuracy = ((p > 0.5) == (y > 0.5))[known].mean()
    best = history["validation_loss"].idxmin()
    assert history["validation_accuracy"][best] == pytest.approx(accuracy, abs=1e-6)
    losses = -np.log(np.where(y == 1, p, 1 - p)) * known
    assert history["validation_loss"][best] == pytest.approx(losses.mean(), rel=1e-4)
    # A task that is masked everywhere keeps the weights it began with.
    masked = np.where([[True, False]], y, -1)
    without, _ = trained(X, masked, tmp_path / "b.h5")
    keras.utils.set_random_seed(1)
    fresh = keras.layers.Dense(2)
    fresh.build((None, 80))
    begun, ended = np.asarray(fresh.kernel), np.asarray(without.layers[-1].kernel)
    assert (begun[:, 1] == ended[:, 1]).all()
    assert (begun[:, 0] != ended[:, 0]).any()
