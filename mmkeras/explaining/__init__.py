"""What `mmkeras.explain` is made of: Shapley values, gradients, attention, pages and figures."""
