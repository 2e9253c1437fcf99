"""Builders of TensorFlow Datasets for sets that its catalogue lacks; importing one makes TFDS know it."""
