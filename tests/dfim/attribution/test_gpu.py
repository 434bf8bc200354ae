"""On a GPU: the numbers of the CPU, and larger batches."""

import numpy as np
import pytest
import tensorflow as tf

from dfim.attribution.engine import costs
from dfim.attribution.factory import make_attributor
from helpers.graph_models import MODELS
from helpers.small_models import LENGTH, conv_net, mutants, one_hot

GPUS = tf.config.list_physical_devices("GPU")
pytestmark = pytest.mark.skipif(not GPUS, reason="needs a GPU")
NETS = {"chain": lambda: conv_net(3, norm="before", padding="same"), "bpnet": MODELS["bpnet"]}


@pytest.fixture(autouse=True)
def exact_products():
    """Products of float32, not of TensorFloat-32, which has the digits of half precision."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("method", ["deeplift", "deeplift_rescale", "gradient_input"])
def test_profiles_are_those_of_the_cpu(name, method):
    rng, model = np.random.default_rng(5), NETS[name]()
    X, references = mutants(rng, 30), one_hot(rng, 12).reshape(6, 2, LENGTH, 4)
    found = []
    for device in ("/CPU:0", "/GPU:0"):
        with tf.device(device):
            scorer = make_attributor(model, method, batch_size=48)
            found.append(scorer.profiles(X, references, reference_of=np.arange(30) % 6))
    cpu, gpu = found
    size = np.abs(cpu.scores).max(axis=1, keepdims=True)
    assert (np.abs(gpu.scores - cpu.scores) <= 1e-5 * size).all()
    np.testing.assert_allclose(gpu.target, cpu.target, rtol=1e-5, atol=1e-5)


def test_batch_grows_with_the_memory():
    budget, largest = costs.batch_budget()
    assert budget > costs.BATCH_BYTES
    assert largest > costs.LARGEST
    assert make_attributor(conv_net(1), "deeplift").batch_size > costs.LARGEST
