"""Texts to tokens and back, in the TensorFlow graph."""
