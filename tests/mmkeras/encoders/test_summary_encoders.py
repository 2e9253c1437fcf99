import numpy as np
import pytest
from random_graphs import graphs, padded, permuted
from reference import normal, shake, to_numpy

from mmkeras import encoders

SUMMARIES = [getattr(encoders, name) for name in encoders.__all__ if getattr(getattr(encoders, name), "summary", False)]


@pytest.mark.parametrize("cls", SUMMARIES, ids=lambda cls: cls.__name__)
def test_a_summary_is_one_token(cls):
    layer, (shape, dtype, mask_shape) = cls.example()
    values = np.ones((3, *shape), dtype)
    mask = np.zeros((3, *mask_shape), bool)
    mask[0] = True
    given = to_numpy(layer(values, mask=mask))
    assert given.shape == (3, 1, layer.dim)
    np.testing.assert_array_equal(given[1:], 0.0)
    np.testing.assert_array_equal(to_numpy(layer.compute_mask(values, mask)), [[True], [False], [False]])


def test_every_modality_of_many_values_has_one():
    assert {cls.modality for cls in SUMMARIES} == {"Image", "Text", "Audio", "TimeSeries", "Video", "Number", "Graph"}


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (64, 48), (2, 2)])
def test_pictures_of_any_size_are_summed_up(size):
    layer = encoders.ImageSummaryEncoder(dim=4, hidden_dim=8)
    assert layer(normal(2, *size, 3)).shape == (2, 1, 4)


def test_where_something_is_counts_in_a_picture():
    image = np.zeros((2, 32, 32, 3), "float32")
    image[0, 4:10, 4:10] = image[1, 22:28, 22:28] = 1.0
    one, two = to_numpy(shake(encoders.ImageSummaryEncoder(dim=8))(image))[:, 0]
    assert np.abs(one - two).max() > 1e-3


def test_the_order_of_words_counts_in_a_text():
    layer = encoders.TextSummaryEncoder(vocabulary_size=9, dim=8)
    one, two = to_numpy(layer(np.array([[3, 4, 5], [5, 4, 3]], "int32")))[:, 0]
    assert np.abs(one - two).max() > 1e-4


def test_a_series_needs_no_random_kernels():
    layer = encoders.TimeSeriesSummaryEncoder(dim=4, num_kernels=0)
    assert layer(normal(2, 7, 3)).shape == (2, 1, 4)


def test_a_sound_is_the_same_whatever_its_batch_is_padded_to():
    layer = shake(encoders.AudioSummaryEncoder(dim=4, filters=(4, 4), hidden_dim=8))
    for length in (1, 6, 7):
        frames = normal(1, length, 10)
        alone = to_numpy(layer(frames, mask=np.ones((1, length), bool)))
        for more in (1, 2, 5):
            padded = np.concatenate([frames, np.full((1, more, 10), 7.0, "float32")], axis=1)
            given = to_numpy(layer(padded, mask=np.arange(length + more)[None] < length))
            np.testing.assert_allclose(given, alone, atol=1e-5)


def test_absent_rows_do_not_move_what_is_found_in_the_others_while_learning():
    layer = encoders.AudioSummaryEncoder(dim=4, filters=(4,), hidden_dim=8, dropout=0.0)
    frames = normal(4, 8, 10)
    alone = to_numpy(layer(frames, mask=np.ones((4, 8), bool), training=True))
    beside = np.concatenate([frames, np.full((3, 8, 10), 9.0, "float32")])
    given = to_numpy(layer(beside, mask=np.tile(np.arange(7)[:, None] < 4, (1, 8)), training=True))
    np.testing.assert_allclose(given[:4], alone, atol=1e-4)


def test_faint_features_are_as_loud_as_others():
    layer = encoders.AudioSummaryEncoder(dim=4, filters=(4,), hidden_dim=8, dropout=0.0)
    layer.build((None, None, 10))
    layer.convs[0].kernel.assign(layer.convs[0].kernel * 1e-3)
    frames = normal(32, 12, 10)
    scaled = to_numpy(layer.scale_found(normal(32, layer.scale_found.moving_mean.shape[0]) * 1e-1, training=True))
    assert 0.8 < scaled.std() < 1.1
    assert np.abs(to_numpy(layer(frames, training=True))).max() > 1e-2


def test_what_moves_counts_in_a_clip():
    still = np.zeros((2, 4, 16, 16, 3), "float32")
    still[:, :, 4:8, 4:8] = 1.0
    still[1, 2:, 4:8] = 0.0
    still[1, 2:, 10:14, 4:8] = 1.0
    one, two = to_numpy(shake(encoders.VideoSummaryEncoder(dim=8))(still))[:, 0]
    assert np.abs(one - two).max() > 1e-3


def test_when_something_moves_counts_in_a_video():
    still = np.zeros((2, 6, 16, 16, 3), "float32")
    still[0, :3, 4:8, 4:8] = still[1, 3:, 4:8, 4:8] = 1.0
    one, two = to_numpy(shake(encoders.VideoSummaryEncoder(dim=8))(still))[:, 0]
    assert np.abs(one - two).max() > 1e-3


@pytest.mark.parametrize("size", [(8, 8), (48, 40), (2, 2)])
def test_a_video_is_the_same_whatever_its_batch_is_padded_to(size):
    layer = shake(encoders.VideoSummaryEncoder(dim=4, filters=(4, 4, 4), hidden_dim=8))
    for frames in (1, 4, 5):
        video = np.abs(normal(1, frames, *size, 3))
        alone = to_numpy(layer(video, mask=np.ones((1, frames), bool)))
        for more in (1, 2, 5):
            longer = np.concatenate([video, np.full((1, more, *size, 3), np.nan, "float32")], axis=1)
            given = to_numpy(layer(longer, mask=np.arange(frames + more)[None] < frames))
            np.testing.assert_allclose(given, alone, atol=1e-5)


def graph_summary():
    return encoders.GraphSummaryEncoder(num_edge_channels=2, dim=4, node_dim=8, hidden_dim=8, dropout=0.0)


def test_a_graph_is_the_same_whatever_order_and_room_its_nodes_have():
    (inputs, mask), layer = graphs(), graph_summary()
    layer(inputs, mask=mask)
    bare = to_numpy(shake(layer)(inputs, mask=mask))
    spoiled, _ = padded(inputs, mask, 2, 0, np.nan)
    np.testing.assert_array_equal(to_numpy(layer(spoiled, mask=mask)), bare)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(to_numpy(layer(permuted(inputs, 2, order), mask=mask[:, order])), bare, atol=1e-5)
    longer, shown = padded(inputs, mask, 2, 3, np.nan)
    other = graph_summary()
    other(longer, mask=shown)
    other.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(other(longer, mask=shown)), bare, atol=1e-5)


def test_edges_and_the_size_of_a_graph_count():
    layer = graph_summary()
    whole = np.ones((1, 4, 3 + 4 * 2), "float32")
    apart = whole.copy()
    apart[..., 3:] = 0.0
    full = np.ones((1, 4), bool)
    given = to_numpy(layer(whole, mask=full))
    assert np.abs(given - to_numpy(layer(apart, mask=full))).max() > 1e-3
    assert (
        np.abs(to_numpy(layer(apart, mask=full)) - to_numpy(layer(apart, mask=full & (np.arange(4) < 2)))).max() > 1e-3
    )


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: encoders.VideoSummaryEncoder(filters=()), r"there must be filters. Received: filters=\(\)"),
        (lambda: encoders.GraphSummaryEncoder(0), "num_edge_channels must be > 0. Received: num_edge_channels=0"),
        (lambda: encoders.ImageSummaryEncoder(filters=()), r"there must be filters. Received: filters=\(\)"),
        (lambda: encoders.AudioSummaryEncoder(filters=()), r"there must be filters. Received: filters=\(\)"),
        (lambda: encoders.TextSummaryEncoder(9, kernel_size=2), "kernel_size must be odd. Received: kernel_size=2"),
    ],
)
def test_wrong_arguments_are_refused(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()
