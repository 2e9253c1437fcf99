"""How a run is kept while it learns: its folder, its checkpoints, its best model."""
