"""Random changes of training batches, one file a kind of media; all of their numbers follow from a seed."""

from data_pipelines.augmentation.pictures import PICTURES, vary_pictures
from data_pipelines.augmentation.seeds import uniform_draws, with_seeds

__all__ = ["PICTURES", "uniform_draws", "vary_pictures", "with_seeds"]
