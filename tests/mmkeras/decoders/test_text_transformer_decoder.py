"""A text decoder: what it is told, what it remembers, what it says."""

import keras
import numpy as np
import pytest
from keras import ops

from mmkeras.decoders import TextTransformerDecoder


def decoder_and_tokens(rows=3, seed=0, **options):
    keras.utils.set_random_seed(seed)
    decoder = TextTransformerDecoder(9, max_tokens=5, num_heads=2, **options)
    random = np.random.default_rng(seed)
    tokens = random.normal(size=(rows, 4, 8)).astype("float32")
    mask = np.arange(4)[None] < np.array([4, 2, 0])[:rows, None]
    decoder(tokens, np.full((rows, 6), 2))
    for weight in decoder.trainable_weights:
        weight.assign(weight + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    return decoder, tokens, mask


def test_an_id_is_told_those_before_it_only():
    decoder, tokens, mask = decoder_and_tokens()
    target = np.array([[2, 3, 4, 8, 0, 0]] * 3)
    bare = ops.convert_to_numpy(decoder(tokens, target, mask=mask))
    for place in range(4):
        other = target.copy()
        other[:, place:4] = 7
        given = ops.convert_to_numpy(decoder(tokens, other, mask=mask))
        np.testing.assert_allclose(given[:, : place + 1], bare[:, : place + 1], atol=1e-6)
        assert place == 3 or np.abs(given[:, place + 1] - bare[:, place + 1]).max() > 1e-3
    np.testing.assert_array_equal(bare[:, 4:], 0.0)


def test_steps_say_what_whole_texts_say():
    decoder, tokens, mask = decoder_and_tokens()
    target = np.array([[2, 3, 4, 5, 6, 8]] * 3)
    whole = ops.convert_to_numpy(decoder(tokens, target, mask=mask))
    step, state = decoder.steps(ops.convert_to_tensor(tokens), ops.convert_to_tensor(mask))
    before = np.pad(target, [(0, 0), (1, 0)])
    for place in range(6):
        logits, state = step(ops.convert_to_tensor(before[:, place]), state, place)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), whole[:, place], atol=1e-5)


def test_generation_is_the_likeliest_of_whole_texts():
    decoder, tokens, mask = decoder_and_tokens()
    given = ops.convert_to_numpy(decoder.generate(ops.convert_to_tensor(tokens), ops.convert_to_tensor(mask)))
    for row in range(3):
        said = []
        while len(said) < 6:
            target = np.array([[*said, 2, *[0] * (5 - len(said))]])
            one = slice(row, row + 1)
            logits = ops.convert_to_numpy(decoder(tokens[one], target, mask=mask[one]))[0, len(said)]
            if logits.argmax() == decoder.end:
                break
            said.append(int(logits.argmax()))
        assert given[row].tolist() == said + [0] * (6 - len(said))


@pytest.mark.parametrize("options", [{}, {"beams": 3}, {"temperature": 1.0, "top_k": 3, "seed": 5}])
def test_what_stands_under_a_mask_says_nothing(options):
    decoder, tokens, mask = decoder_and_tokens()
    spoiled = np.where(mask[..., None], tokens, np.nan)
    given = [
        ops.convert_to_numpy(decoder.generate(t, ops.convert_to_tensor(mask), **options)) for t in (tokens, spoiled)
    ]
    np.testing.assert_array_equal(*given)
    assert given[0].min() >= 0
    assert given[0].max() < decoder.end
    assert not (given[0] == 1).any()


def test_no_target_is_the_beginning():
    decoder, tokens, mask = decoder_and_tokens()
    bare = ops.convert_to_numpy(decoder(tokens, mask=mask))
    told = ops.convert_to_numpy(decoder(tokens, np.array([[2, 3]] * 3), mask=mask))
    assert bare.shape == (3, 1, 9)
    np.testing.assert_allclose(bare[:, 0], told[:, 0], atol=1e-6)


def test_beams_and_drawing_do_not_go_together():
    decoder, tokens, _ = decoder_and_tokens()
    with pytest.raises(ValueError, match=r"beams look for the likeliest.*beams=2.*temperature.: 1.0"):
        decoder.generate(tokens, beams=2, temperature=1.0)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"vocabulary_size": 3}, "vocabulary_size must be > 3.*Received: vocabulary_size=3"),
        ({"vocabulary_size": 9, "max_tokens": 0}, "max_tokens > 0.*max_tokens=0"),
        ({"vocabulary_size": 9, "num_layers": 0}, "num_layers must be > 0.*num_layers=0"),
    ],
)
def test_numbers_out_of_range(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        TextTransformerDecoder(**arguments)
