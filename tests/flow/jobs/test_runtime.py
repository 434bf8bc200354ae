"""TensorFlow's kernels and threads: chosen before it is imported, and the same bits again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flow.jobs.runtime import configure_tensorflow

WORKFLOW = Path(__file__).parents[3] / "workflow"
TRAIN = """
import hashlib, json, sys
from flow.jobs.runtime import configure_tensorflow
configure_tensorflow(1, 3, onednn=json.loads(sys.argv[1]))
import numpy as np
from tensorflow.python.util import _pywrap_util_port
from dfim.models.classifier_training import TrainingSettings, train
from flow.networks.architectures import build
rng = np.random.default_rng(0)
codes = rng.integers(0, 4, (400, 100), dtype=np.uint8)
y = (codes[:, 50:51] > 1).astype(np.int8)
model = build("m2", 100, 1, {"dropout": 0.2})
settings = TrainingSettings(batch_size=32, max_epochs=2)
history = train(model, codes[:300], y[:300], codes[300:], y[300:], settings=settings, seed=1,
                checkpoint=sys.argv[2])
weights = b"".join(np.asarray(w).tobytes() for w in model.weights)
print(json.dumps([_pywrap_util_port.IsMklEnabled(), hashlib.md5(weights).hexdigest(),
                  history["validation_loss"].tolist()]))
"""


def trained(onednn: bool, checkpoint: Path, default: str):
    """Kernels, a digest of the weights, and losses of a small training in its own process."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, json.dumps(onednn), checkpoint],
        env={**os.environ, "PYTHONPATH": str(WORKFLOW), "TF_ENABLE_ONEDNN_OPTS": default},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_kernels_are_those_asked_for_and_give_the_same_bits_again(tmp_path):
    # The environment of the user must not decide.
    mine = trained(True, tmp_path / "1.h5", default="0")
    again = trained(True, tmp_path / "2.h5", default="1")
    other = trained(False, tmp_path / "3.h5", default="1")
    assert (mine[0], other[0]) == (True, False)
    assert mine == again
    assert mine[1] != other[1]
    assert mine[2] == pytest.approx(other[2], rel=1e-3)


@pytest.mark.parametrize("before", ["0", None])
def test_kernels_are_not_chosen_when_it_is_too_late(monkeypatch, before):
    import tensorflow  # noqa: F401 - that it is there is the point

    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if before is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    with pytest.raises(RuntimeError, match=rf"OPTS={before}, expected 1: call configure_ten"):
        configure_tensorflow(1, 0, onednn=True)
