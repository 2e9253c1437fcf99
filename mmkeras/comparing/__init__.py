"""Compares inputs and fusions over seeds: trials, tests of significance, the page."""
