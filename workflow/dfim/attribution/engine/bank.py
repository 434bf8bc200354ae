"""Activations of a batch, kept between the forward and the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.functions import Kept

Array = np.ndarray


@dataclass(frozen=True)
class Bank:
    """Activations that a forward pass keeps for the backward pass.

    Attributes
    ----------
    x : tf.Tensor (B, L, 4)
    stored : list of tf.Tensor (B, ...)
        Values of the nodes `PlanFunctions.stored`.
    target : float32 (T, B)
        The scored values.
    """

    x: tf.Tensor
    stored: list[tf.Tensor]
    target: Array

    @property
    def kept(self) -> Kept:
        """Input and stored values, as `PlanFunctions` takes them."""
        return self.x, self.stored

    def rows(self, index: Array) -> Bank:
        """Return the subset of rows at `index`."""
        kept = [tf.gather(tensor, index) for tensor in (self.x, *self.stored)]
        return Bank(kept[0], kept[1:], self.target[:, index])
