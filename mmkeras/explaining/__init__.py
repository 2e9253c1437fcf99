"""Explains predictions: Shapley values, gradients, attention, figures, the page."""
