"""Trains a model and keeps the run: choices, schedule, checkpoints, the best model."""
