"""Predicts with a trained model: one loop over batches, and a model cut where its inputs meet."""
