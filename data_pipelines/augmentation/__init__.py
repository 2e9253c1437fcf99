"""Random changes of training batches, one file a kind of media; all that is random in them follows from a seed."""
