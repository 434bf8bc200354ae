"""A model that a user brings, scored with nothing but `import dfim`."""

import subprocess
import sys

import numpy as np
import pytest

import dfim

SCRIPT = """
import sys
import dfim
import numpy as np

assert "tensorflow" not in sys.modules
stem, out = sys.argv[1:]
model = dfim.load_model(f"{stem}Json.json", f"{stem}Weights.h5")
heads = [dfim.Head(0, unit) for unit in range(model.output_shape[-1])]
every = dfim.make_attributor(model, "deeplift", heads=heads)
rng = np.random.default_rng(3)
X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (3, every.length))]
settings = dfim.ScoringSettings(n_refs=2)
at, sequence = np.tile([480, 500], 3), np.repeat(np.arange(3), 2)
sites = dfim.Features(sequence, at, at + 10, np.tile(["a", "b"], 3), np.full(6, "+"))
pairs = dfim.score_pairs_by_task(every, X, sites, settings=settings, rng=rng)
maps = dfim.score_map_by_task(every, X[0], 498, 502, settings=settings, rng=rng)
one = dfim.make_attributor(model, "deeplift", unit=2)
variants = dfim.score_variants(one, X, half_width=15, settings=settings, rng=rng)
whole = every.profiles(X, X[:1, None])
np.savez(
    out,
    logits=every.predict_logit(X),
    expected=np.log(model.predict(X.astype("float32"), verbose=0).astype(float)),
    fis=[scores.fis for scores in pairs],
    maps=[found.max_abs() for found in maps],
    variants=variants.max_abs_fis(),
    gap=whole.convergence_delta,
    scale=np.abs(whole.target - whole.base),
)
"""


@pytest.mark.realdata
def test_import_dfim_scores_a_model_that_nobody_here_trained(test_data, tmp_path):
    """All five tasks of a Keras 2.2 network; contributions add up, tasks differ."""
    stem = test_data / "lcl_model/record_1_model_yNnvh_model"
    out = tmp_path / "found.npz"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, stem, out], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "contributions miss" not in done.stderr
    found = np.load(out)
    logits, tasks = found["logits"], 5
    probability = -np.log1p(np.exp(-logits.T.astype(float)))  # log of the sigmoid
    np.testing.assert_allclose(probability, found["expected"], atol=1e-4)
    assert found["fis"].shape == (tasks, 6)
    assert found["maps"].shape == (tasks, 4, 4)
    for name in ("fis", "maps"):
        rows = np.nan_to_num(found[name].reshape(tasks, -1))
        assert (np.abs(rows).max(axis=1) > 0).all()
        assert len(np.unique(rows, axis=0)) == tasks
    assert (found["variants"] > 0).all()
    assert (found["gap"] <= 1e-3 * found["scale"].max()).all()


def test_names_are_there_and_unknown_ones_are_told():
    assert all(hasattr(dfim, name) for name in dfim.__all__)
    assert set(dfim.__all__) <= set(dir(dfim))
    with pytest.raises(AttributeError, match="module 'dfim' has no attribute 'scores'"):
        dfim.scores  # noqa: B018 - looking is enough
