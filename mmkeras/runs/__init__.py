"""A run in a folder: which files it has, and that they belong together."""
