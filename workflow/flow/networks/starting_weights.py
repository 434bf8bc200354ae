"""Starting weights of a network that is to be trained, from a user's trained one."""

import logging
import os

import keras

from dfim.models.loading import load_model

log = logging.getLogger(__name__)


def start_from(
    network: keras.Model,
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
) -> list[str]:
    """Copy a trained network's weights into a new one, layer by layer.

    Parameters
    ----------
    network
        Built; changed in place. The last of its layers with weights is the output.
    path, weights
        What `dfim.models.loading.load_model` reads: a `.keras` file, or a `.json`
        architecture and its h5 file.

    Returns
    -------
    list of str
        Names of the layers of `network` that were copied: all that have weights, but the
        output where the shapes differ (a network of other tasks); that one keeps its
        initialisation, and the log says so.

    Raises
    ------
    ValueError
        When the file cannot be read, and when the two differ in the number of layers with
        weights, in the class of one, or in a shape of one before the output. `network` is
        then as it was.
    """
    pairs = _pairs(network, load_model(path, weights), path)
    ours, theirs = pairs[-1]
    if _shapes(ours) != _shapes(theirs):
        log.info(
            "model.start: output '%s' %s keeps its initialisation, that of %s is %s",
            ours.name,
            _shapes(ours),
            path,
            _shapes(theirs),
        )
        pairs.pop()
    for ours, theirs in pairs:
        ours.set_weights(theirs.get_weights())
    log.info("model.start: %d layers start with the weights of %s", len(pairs), path)
    return [ours.name for ours, _ in pairs]


def _pairs(
    network: keras.Model, given: keras.Model, path: str | os.PathLike[str]
) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """The layers with weights of both, in order; all but the last of equal shapes."""
    ours, theirs = ([x for x in model.layers if x.weights] for model in (network, given))
    advice = "give a network of this architecture and its options, or no model.start"
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=False), 1):
        is_output = place == len(ours) == len(theirs)
        if type(mine) is not type(other) or not (is_output or _shapes(mine) == _shapes(other)):
            raise ValueError(
                f"model.start: {path}: layer {place} with weights is '{other.name}' "
                f"({type(other).__name__} {_shapes(other)}), expected '{mine.name}' "
                f"({type(mine).__name__} {_shapes(mine)}); {advice}"
            )
    if len(ours) != len(theirs):
        raise ValueError(
            f"model.start: {path} has {len(theirs)} layers with weights, expected {len(ours)} "
            f"as in {network.name} ({', '.join(x.name for x in ours)}); {advice}"
        )
    return list(zip(ours, theirs, strict=True))


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in layer.weights]
