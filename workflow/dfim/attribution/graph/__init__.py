"""The layer graph of a Keras model, read once into a plan of steps."""
