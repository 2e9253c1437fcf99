"""Keeps TensorFlow from warning of what is meant: parts of a model, each compiled once, that it takes for one."""

import contextlib
import logging

WARNED = "triggered tf.function retracing"


@contextlib.contextmanager
def retracing_unsaid():
    """A context in which TensorFlow's warning of frequent compilation is left out, and no other message."""
    logger = logging.getLogger("tensorflow")

    def is_other(record):
        return WARNED not in str(record.msg)

    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
