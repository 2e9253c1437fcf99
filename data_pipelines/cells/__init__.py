"""What the cells of a table hold: paths, bytes, labels and numbers as people write them."""
