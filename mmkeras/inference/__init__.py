"""How a model is asked: the one loop over rows, and a model cut where its inputs meet."""
