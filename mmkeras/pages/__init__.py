"""What HTML pages are made of: the report's, and those of comparisons, explanations and tables."""
