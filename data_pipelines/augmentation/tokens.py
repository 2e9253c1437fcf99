"""Random changes of texts."""

import tensorflow as tf

TOKENS = {"dropout": 1.0}


def drop_tokens(ids, mask, seed, unknown, dropout=0.0):
    """Makes tokens unknown at random, so that a model does not lean on single ones.

    Args:
        ids: int32 `(B, T)`.
        mask: bool `(B, T)`; padding stays as it is.
        seed: int32 `(2,)`.
        unknown: int. The id of a token that is not known.
        dropout: float in [0, 1]. Share of the tokens.
    References:
        Word dropout of [Iyyer et al., 2015](https://aclanthology.org/P15-1162). Differs: unknown, not left out.
    """
    dropped = tf.random.stateless_uniform(tf.shape(ids), seed) < dropout
    return tf.where(dropped & mask, unknown, ids)
