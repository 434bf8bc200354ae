"""TensorFlow with a fixed number of threads, so that a run can be repeated bit for bit."""

import os


def configure_tensorflow(threads: int, seed: int) -> None:
    """Fix threads, seeds and deterministic kernels; call before any TensorFlow work.

    Parameters
    ----------
    threads
        Threads of one operation. Results depend on it in the last bits, so it
        comes from the config and never from the number of cores at hand.
    seed
        Seeds Python, NumPy and TensorFlow.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)
    # Recent GPUs would round the factors of products to ten bits.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.experimental.enable_op_determinism()
