"""Keras models: loading, training, checkpoints and prediction. Loads TensorFlow."""
