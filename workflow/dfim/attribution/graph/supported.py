"""Which layers and activations have rules, and the error for all others."""

from __future__ import annotations

from typing import get_args

import keras

from dfim.attribution.graph.steps import Kind

SUPPORTED = (
    "Conv1D, SeparableConv1D, DepthwiseConv1D, Dense, BatchNormalization, Rescaling, "
    "Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax, max and average pooling (1-D, global), "
    "UpSampling1D, Flatten, Reshape, Permute, RepeatVector, ZeroPadding1D, Cropping1D, dropout "
    "and noise, Add, Subtract, Average, Multiply, Concatenate, nested models, channels_last; "
    "methods gradient_input, integrated_gradients and mutagenesis take any other layer too"
)

# Elementwise functions: those with rules of their own, all others, and the classes of
# Keras operations that calling them on a symbolic tensor makes.
KINDS: tuple[Kind, ...] = get_args(Kind)
CURVES = {
    "celu": "Celu",
    "elu": "Elu",
    "exponential": "Exp",
    "gelu": "Gelu",
    "hard_sigmoid": "HardSigmoid",
    "hard_silu": "HardSilu",
    "leaky_relu": "LeakyRelu",
    "log_sigmoid": "LogSigmoid",
    "mish": "Mish",
    "relu6": "Relu6",
    "selu": "Selu",
    "silu": "Silu",
    "softplus": "Softplus",
    "softsign": "Softsign",
}
KINKS = {  # where their slope jumps, or its change does; the others have none
    "celu": (0.0,),
    "elu": (0.0,),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_silu": (-3.0, 3.0),
    "leaky_relu": (0.0,),
    "relu6": (0.0, 6.0),
    "selu": (0.0,),
    "softsign": (0.0,),
}
FUNCTIONS = {getattr(keras.activations, name): name for name in (*KINDS, *CURVES)}


def unsupported(layer: keras.Operation, why: str) -> ValueError:
    """Build the one error for every layer or setting that has no rule.

    Parameters
    ----------
    layer : keras.layers.Layer or keras.Operation
        The layer that is in the way.
    why : str
        What about it is not supported.

    Returns
    -------
    ValueError
        Names the layer, its class, the reason, everything that is supported, and the
        methods that need no rules.
    """
    kind = type(layer).__name__
    return ValueError(f"layer '{layer.name}' ({kind}): {why}; supported: {SUPPORTED}")
