"""TensorFlow with a fixed number of threads, so that a run can be repeated bit for bit."""

import os
import sys

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def configure_tensorflow(threads: int, seed: int, *, onednn: bool | None = None) -> None:
    """Fix threads, seeds and deterministic kernels; call before any TensorFlow work.

    Parameters
    ----------
    threads
        Threads of one operation. Results depend on it in the last bits, so it
        comes from the config and never from the number of cores at hand.
    seed
        Seeds Python, NumPy and TensorFlow.
    onednn
        Whether TensorFlow's CPU kernels are oneDNN's (True) or Eigen's (False); they
        round differently. None leaves it to TensorFlow, which decides by processor.

    Raises
    ------
    RuntimeError
        When TensorFlow, which reads this once, was imported with another choice of `onednn`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if onednn is not None:
        _choose_onednn(onednn)
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)
    # Recent GPUs would round the factors of products to ten bits.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.experimental.enable_op_determinism()


def _choose_onednn(wanted: bool) -> None:
    """Set the environment variable that TensorFlow reads at its first operation."""
    value = str(int(wanted))
    if "tensorflow" in sys.modules and os.environ.get(_ONEDNN) != value:
        raise RuntimeError(
            f"onednn: TensorFlow was imported with {_ONEDNN}={os.environ.get(_ONEDNN)}, "
            f"expected {value}: call configure_tensorflow before any import of TensorFlow"
        )
    os.environ[_ONEDNN] = value
