"""What a profile costs, and how many of them a pass takes: formulas, never timings."""

from __future__ import annotations

from functools import cache

import numpy as np
import tensorflow as tf

from dfim.attribution.plan import Plan
from dfim.attribution.steps import Concat, Conv, Dense, Input, Linear, Pool, Product, Sum

# About one batch of activations in the last-level cache; measured best sizes are 512 for
# 36 kB a profile, 32 to 64 for 0.5 MB and 8 for 2 MB (docs/benchmark.md).
BATCH_BYTES = 24 * 2**20
LARGEST = 512
# On a GPU: activations, multipliers and what the kernels need beside them, some eight times
# the activations alone.
_GPU_SHARE, _GPU_LARGEST = 8, 4096
_KEPT = (Input, Conv, Pool, Dense, Linear, Sum, Product, Concat)


def activation_bytes(plan: Plan) -> int:
    """Bytes of the float32 input and layer outputs of one sequence.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
        Activations, affine steps and reshapes count as nothing.
    """
    kept = [node.shape for node in plan.nodes if isinstance(node.step, _KEPT)]
    return 4 * sum(int(np.prod(shape)) for shape in kept)


@cache
def batch_budget() -> tuple[int, int]:
    """Bytes of activations that a batch may have, and the rows that it may have.

    Returns
    -------
    budget, largest : int
        On a CPU constants. Where TensorFlow sees a GPU: a share of what its allocator may
        use there, so results are the same bits on GPUs of one size only.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if not gpus:
        return BATCH_BYTES, LARGEST
    from tensorflow.python.client import device_lib  # the one place that knows the limit

    limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
    return max(BATCH_BYTES, min(limits) // _GPU_SHARE), _GPU_LARGEST


def batch_size_for(row_bytes: int) -> int:
    """Choose a batch size from the activations of one row.

    Parameters
    ----------
    row_bytes : int

    Returns
    -------
    int
        The largest power of two whose activations fit in `batch_budget`, at least 8.
    """
    budget, largest = batch_budget()
    fitting = max(1, budget // row_bytes)
    return int(np.clip(2 ** int(np.log2(fitting)), 8, largest))


def default_batch_size(plan: Plan) -> int:
    """Choose the batch size from the size of the model, never from a timing.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
        On a CPU the largest power of two whose activations fit in `BATCH_BYTES`, within
        8 to 512.
    """
    return batch_size_for(activation_bytes(plan))


def flops_per_profile(plan: Plan, *, reveal_cancel: bool = True) -> int:
    """Count the floating-point operations of the matrix products behind one profile.

    Parameters
    ----------
    plan : Plan
    reveal_cancel : bool
        Whether hidden dense layers use RevealCancel (two more products each).

    Returns
    -------
    int
        2 for each multiply-add of the forward and the backward pass against one reference
        that is already known. Elementwise work is not counted.
    """
    total = 0
    for i, node in enumerate(plan.nodes):
        match node.step:
            case Conv(kernel):
                total += 2 * 2 * node.step.length * kernel.size
            case Dense(kernel):
                products = 4 if reveal_cancel and plan.curved(i) else 2
                total += 2 * products * kernel.size
    return total
