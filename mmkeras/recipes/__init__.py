"""How the bundled data sets are learned."""
