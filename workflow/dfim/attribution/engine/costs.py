"""Count the operations and bytes of a profile, and choose batch sizes from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import tensorflow as tf

from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.steps import Concat, Conv, Dense, Input, Linear, Pool, Product, Sum

# About one batch of activations in the last-level cache; of sizes tried, some 400 were best
# for 36 kB a profile, 48 for 0.5 MB and 8 to 24 for 2 MB.
BATCH_BYTES = 24 * 2**20
LARGEST = 768
# Matrix kernels take rows by six (AVX2) or eight (AVX-512), and what is left over goes through
# another kernel, with other last bits. A batch of whole bundles leaves nothing over, so a row
# has the same bits wherever in the batch it stands.
BUNDLE = 24
# On a GPU: activations, multipliers and what the kernels need beside them, some eight times
# the activations alone.
_GPU_SHARE, _GPU_LARGEST = 8, 6144
_KEPT = (Input, Conv, Pool, Dense, Linear, Sum, Product, Concat)


def activation_bytes(plan: Plan) -> int:
    """Count the bytes of the float32 input and layer outputs of one sequence.

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
    """Limit the bytes of activations of a batch, and its rows.

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
    """Choose a batch size from the activations of one row, never from a timing.

    Parameters
    ----------
    row_bytes : int

    Returns
    -------
    int
        The largest of 24, 48, 96, ... whose activations fit in `batch_budget`.
    """
    budget, largest = batch_budget()
    bundles = max(1, min(budget // row_bytes, largest) // BUNDLE)
    return BUNDLE * 2 ** int(np.log2(bundles))


def whole_bundles(batch_size: int) -> int:
    """Round a batch size up to whole bundles of rows.

    Parameters
    ----------
    batch_size : int

    Returns
    -------
    int
        A multiple of `BUNDLE`.
    """
    return -(-batch_size // BUNDLE) * BUNDLE


def default_batch_size(plan: Plan) -> int:
    """Choose the batch size from the size of the model.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
        As `batch_size_for` its activations.
    """
    return batch_size_for(activation_bytes(plan))


def flops_per_profile(
    plan: Plan, *, reveal_cancel: bool = True, positions: Mapping[int, float] | None = None
) -> float:
    """Count the floating-point operations of the matrix products behind one profile.

    Parameters
    ----------
    plan : Plan
    reveal_cancel : bool
        Whether hidden dense layers use RevealCancel (two more products each).
    positions : mapping of int to float, optional
        For the convolutions (by node) of which a part is computed: positions there and back.

    Returns
    -------
    float
        2 for each multiply-add of the forward and the backward pass against one reference
        that is already known. Elementwise work is not counted.
    """
    total = 0.0
    for i, node in enumerate(plan.nodes):
        match node.step:
            case Conv(kernel, length=length):
                total += 2 * (positions or {}).get(i, 2 * length) * kernel.size
            case Dense(kernel):
                products = 4 if reveal_cancel and plan.curved(i) else 2
                total += 2 * products * kernel.size
    return total
