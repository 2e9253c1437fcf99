"""Recipes for the bundled data sets, and the demo."""
