"""Models as files that other programs run: SavedModel, ONNX, LiteRT."""
