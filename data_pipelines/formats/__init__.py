"""One file format a file: what reads it in the TensorFlow graph, and what writes it."""
