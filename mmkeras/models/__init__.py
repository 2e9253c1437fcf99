"""Functional Keras models from a spec and parts."""
