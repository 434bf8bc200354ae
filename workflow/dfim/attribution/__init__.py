"""Importance of every base for a logit of a Keras model: DeepLIFT, gradients, mutants."""
