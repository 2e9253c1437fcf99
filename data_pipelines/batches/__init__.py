"""From rows to batches: order, encoding, bad cells, cache, padding, weights, service."""
