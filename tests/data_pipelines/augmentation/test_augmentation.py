"""Sounds, numbers and texts varied in training: what may change, what may not, and by whose seed."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from media_bytes import tone, wav_bytes

from data_pipelines import Audio, Category, Graph, Image, Number, Pipeline, Text, TimeSeries, Video, read_table
from data_pipelines.modalities.audio import FLOOR

SEED = tf.constant([3, 5])
RANDOM = np.random.default_rng(0)
LENGTHS = np.array([0, 1, 30, 60])
FRAMES = RANDOM.normal(-4, 2, (4, 60, 20)).astype("float32")
MASK = np.arange(60) < LENGTHS[:, None]


def vary(modality, value, mask, seed=SEED):
    varied = modality.augment(tf.constant(value), tf.constant(mask), seed).numpy()
    np.testing.assert_array_equal(varied, modality.augment(tf.constant(value), tf.constant(mask), seed).numpy())
    np.testing.assert_array_equal(varied[~mask], value[~mask])
    assert varied.shape == value.shape and varied.dtype == value.dtype and np.isfinite(varied).all()
    return varied


def test_stripes_of_time_and_bands_are_hidden_by_the_mean():
    widest = {"time": [], "bands": []}
    for place in range(60):
        varied = vary(Audio(augment={"time_mask": 0.2, "frequency_mask": 0.25}), FRAMES, MASK, tf.constant([place, 0]))
        for row in (2, 3):
            length = LENGTHS[row]
            hidden = (varied != FRAMES)[row, :length]
            np.testing.assert_allclose(varied[row, :length][hidden], FRAMES[row, :length].mean(), rtol=1e-5)
            times, bands = hidden.all(1), hidden.all(0)
            np.testing.assert_array_equal(hidden, times[:, None] | bands)
            widest["time"].append(times.sum() / length), widest["bands"].append(bands.sum() / 20)
    assert 0.2 < max(widest["time"]) <= 0.4 + 2 / 30 and 0.25 < max(widest["bands"]) <= 0.6
    assert np.isclose(np.mean(widest["time"]), 0.2, atol=0.05) and np.isclose(np.mean(widest["bands"]), 0.25, atol=0.06)


def test_one_kind_of_stripe_leaves_the_other_alone():
    times = vary(Audio(augment={"time_mask": 0.3}), FRAMES, MASK) != FRAMES
    assert times[3].any() and (times.all(2) == times.any(2)).all()
    bands = (vary(Audio(augment={"frequency_mask": 0.3}), FRAMES, MASK) != FRAMES)[3]
    assert bands.any() and (bands.all(0) == bands.any(0)).all()


def test_gain_of_frames_is_the_gain_of_their_power():
    audio = Audio(augment={"gain": 12})
    varied = vary(audio, FRAMES, MASK)
    for row in (2, 3):
        real = slice(LENGTHS[row])
        power = [np.maximum(np.exp(part[row, real].astype("float64")) - FLOOR, 0) for part in (varied, FRAMES)]
        ratio = power[0].sum() / power[1].sum()
        np.testing.assert_allclose(power[0], power[1] * ratio, rtol=1e-3, atol=1e-6)
        assert 0.01 < abs(10 * np.log10(ratio)) <= 12


def test_samples_are_scaled_and_noise_follows_their_level():
    samples = np.stack([0.5 * np.ones(4000), 0.01 * np.ones(4000), np.zeros(4000)]).astype("float32")
    mask = np.arange(4000) < np.array([[3000], [4000], [0]])
    samples *= mask
    louder = vary(Audio(features="waveform", augment={"gain": 6}), samples, mask)
    factors = [np.unique(louder[row][mask[row]] / samples[row][mask[row]]) for row in (0, 1)]
    assert all(np.ptp(factor) < 1e-5 and 0 < abs(20 * np.log10(factor[0])) <= 6 for factor in factors)
    assert factors[0][0] != factors[1][0]
    noisy = vary(Audio(features="waveform", augment={"noise": 0.1}), samples, mask)
    for row, level in ((0, 0.5), (1, 0.01)):
        noise = (noisy - samples)[row][mask[row]]
        assert 0 < noise.std() <= 0.105 * level and abs(noise.mean()) < 0.01 * level


def test_numbers_get_noise_where_there_are_numbers():
    value = np.zeros((4000, 2), "float32")
    mask = np.arange(8000).reshape(4000, 2) % 3 > 0
    varied = vary(Number(columns=["a", "b"], augment={"jitter": 0.1}), value, mask)
    assert np.isclose(varied[mask].std(), 0.1, atol=0.005) and abs(varied[mask].mean()) < 0.01


def test_series_keep_their_gaps_flags_and_times():
    series = TimeSeries(times=True, augment={"jitter": 0.1, "scale": 0.5})
    series.set_state({"means": [0.0, 0.0], "deviations": [1.0, 1.0], "interval": 1.0})
    value = RANDOM.normal(size=(3, 200, 5)).astype("float32")
    value[..., 2:4] = RANDOM.random((3, 200, 2)) < 0.8
    value[..., :2] *= value[..., 2:4]
    mask = np.ones((3, 200), bool)
    varied = vary(series, value, mask)
    np.testing.assert_array_equal(varied[..., 2:], value[..., 2:])
    gaps = value[..., 2:4] == 0
    assert not varied[..., :2][gaps].any() and (varied[..., :2] != value[..., :2])[~gaps].all()
    scaled = TimeSeries(augment={"scale": 0.5})
    scaled.set_state({"means": [0.0, 0.0], "deviations": [1.0, 1.0], "interval": 1.0})
    varied = vary(scaled, value[..., :4], mask)
    for row in range(3):
        for channel in range(2):
            real = ~gaps[row, :, channel]
            factors = varied[row, real, channel] / value[row, real, channel]
            assert np.ptp(factors) < 1e-4 and 0.5 <= factors[0] <= 1.5


def test_tokens_become_unknown():
    ids = np.where(np.arange(50) < 40, RANDOM.integers(2, 99, (200, 50)), 0).astype("int32")
    varied = vary(Text(augment={"dropout": 0.25}), ids, ids > 0)
    changed = varied != ids
    assert (varied[changed] == 1).all() and np.isclose(changed[:, :40].mean(), 0.25, atol=0.02)


EVERYTHING = {"flip": True, "shift": 0.1, "zoom": 0.2, "rotate": 0.1, "brightness": 0.2, "contrast": 0.2}


def test_all_frames_of_a_clip_are_changed_alike():
    picture = RANDOM.random((2, 1, 12, 16, 3)).astype("float32")
    clips = np.repeat(picture, 4, 1)
    mask = np.arange(4) < np.array([[4], [2]])
    clips *= mask[..., None, None, None]
    varied = vary(Video(4, (12, 16), augment=EVERYTHING), clips, mask)
    for row, count in ((0, 4), (1, 2)):
        for frame in range(1, count):
            np.testing.assert_array_equal(varied[row, frame], varied[row, 0])
    single = Image((12, 16), augment=EVERYTHING).augment(tf.constant(picture[:, 0]), tf.constant([True, True]), SEED)
    np.testing.assert_array_equal(varied[:, 0], single)
    assert (varied[:, 0] != clips[:, 0]).any() and varied.min() >= 0 and varied.max() <= 1
    empty = np.zeros((2, 0, 12, 16, 3), "float32")
    vary(Video(4, (12, 16), augment=EVERYTHING), empty, np.zeros((2, 0), bool))


def graph_of(numbers, augment, **options):
    """An adapted `Graph` of nodes that carry `numbers` each (0: names) and a batch of full, single and empty graphs."""
    graph = Graph(max_nodes=20, augment=augment, **options)
    nodes = [[float(k + n) for k in range(numbers)] if numbers else "AB"[n % 2] for n in range(20)]
    edges = [[a, b] for a in range(20) for b in range(a, 20)]
    cells = [json.dumps({"nodes": nodes, "edges": edges}), json.dumps({"nodes": nodes[:1], "edges": []}), ""]
    graph.adapt([(np.array(cells, object),)])
    value, mask, _ = graph.encode([tf.constant(cells)])
    return graph, value, mask


def parts(graph, value):
    features = graph.spec()["num_features"]
    return value[..., :features].numpy(), value[..., features:].numpy().reshape(3, 20, 20, -1)


def test_graphs_lose_nodes_with_their_edges_but_never_the_last():
    graph, value, mask = graph_of(2, {"node_dropout": 0.4})
    counts = []
    for number in range(30):
        varied, left = graph.vary(value, mask, tf.constant([number, 1]))
        left = left.numpy()
        assert left[1].sum() == 1 and not left[2].any() and not (left & ~mask.numpy()).any()
        (nodes, edges), (old_nodes, old_edges) = parts(graph, varied), parts(graph, value)
        np.testing.assert_array_equal(nodes, np.where(left[..., None], old_nodes, 0))
        np.testing.assert_array_equal(edges, old_edges * (left[:, :, None] & left[:, None])[..., None])
        counts.append(left[0].sum())
    assert np.isclose(np.mean(counts), 12, atol=1.2)
    gone, value, mask = graph_of(0, {"node_dropout": 1.0})
    assert gone.vary(value, mask, SEED)[1].numpy().sum(1).tolist() == [1, 1, 0]


@pytest.mark.parametrize("directed", [False, True])
def test_graphs_lose_edges_both_ways_where_they_lead_both_ways(directed):
    graph, value, mask = graph_of(0, {"edge_dropout": 0.3}, directed=directed)
    varied = vary(graph, value.numpy(), mask.numpy())
    (nodes, edges), (old_nodes, old_edges) = parts(graph, tf.constant(varied)), parts(graph, value)
    np.testing.assert_array_equal(nodes, old_nodes)
    assert ((edges == old_edges) | (edges == 0)).all()
    assert np.isclose(edges[0].sum() / old_edges[0].sum(), 0.7, atol=0.1)
    assert directed or (edges == np.swapaxes(edges, 1, 2)).all()


def test_noise_is_for_numbers_of_nodes_that_are_there():
    graph, value, mask = graph_of(3, {"jitter": 0.1})
    (nodes, edges), (old_nodes, old_edges) = parts(graph, graph.vary(value, mask, SEED)[0]), parts(graph, value)
    there = mask.numpy()
    assert np.isclose((nodes - old_nodes)[there].std(), 0.1, atol=0.03) and not nodes[~there].any()
    np.testing.assert_array_equal(edges, old_edges)
    named, value, mask = graph_of(0, {"jitter": 0.1})
    np.testing.assert_array_equal(named.vary(value, mask, SEED)[0], value)


@pytest.fixture(scope="module")
def rows():
    file = io.BytesIO()
    np.save(file, RANDOM.integers(0, 255, (2, 4, 4, 3), "uint8"))
    clip = file.getvalue()
    table = {
        "voice": [wav_bytes(tone(300 + 20 * k, 0.1 + 0.01 * k)) for k in range(9)] + [b""],
        "story": ["a b c d e f g"] * 9 + [""],
        "load": ["1 2 3 4 nan"] * 4 + ["2 3 9"] * 6,
        "mesh": ['{"nodes": [[1], [2], [4]], "edges": [[0, 1], [1, 2]]}'] * 9 + [""],
        "clip": [clip] * 9 + [b""],
        "age": [str(k) for k in range(9)] + [""],
        "kind": ["x", "y"] * 5,
    }
    return read_table(pd.DataFrame(table))


@pytest.fixture(scope="module")
def pipe(rows):
    inputs = {
        "voice": Audio(0.3, 8000, augment={"time_mask": 0.3, "frequency_mask": 0.3, "gain": 6}),
        "sound": Audio(0.3, 8000, features="waveform", augment={"gain": 6, "noise": 0.1}, column="voice"),
        "story": Text(augment={"dropout": 0.3}),
        "load": TimeSeries(augment={"jitter": 0.1, "scale": 0.1}),
        "age": Number(augment={"jitter": 0.1}),
        "mesh": Graph(max_nodes=4, augment={"node_dropout": 0.4, "edge_dropout": 0.4, "jitter": 0.1}),
        "clip": Video(2, 4, augment={"flip": True, "brightness": 0.2}),
    }
    return Pipeline(inputs, {"kind": Category()}).adapt(rows)


def passes(pipe, rows, count=1, **options):
    data = pipe.batches(rows, 5, **options)
    return [list(data.as_numpy_iterator()) for _ in range(count)]


def test_two_runs_of_one_seed_are_equal_and_two_passes_are_not(pipe, rows):
    first, second = passes(pipe, rows, 2, training=True, seed=1)
    again = passes(pipe, rows, 2, training=True, seed=1)
    tf.nest.map_structure(np.testing.assert_array_equal, (first, second), tuple(again))
    for name in pipe.inputs:
        one, other = (np.concatenate([part[0][name].ravel() for part in epoch]) for epoch in (first, second))
        assert one.shape != other.shape or (np.sort(one) != np.sort(other)).any(), name


def test_evaluation_and_export_see_nothing_of_it(pipe, rows, tmp_path):
    pipe.save(tmp_path / "varied.json")
    written = json.loads((tmp_path / "varied.json").read_text())
    for entry in written["inputs"].values():
        assert entry["config"].pop("augment")
    (tmp_path / "plain.json").write_text(json.dumps(written))
    plain = Pipeline.load(tmp_path / "plain.json")
    tf.nest.map_structure(np.testing.assert_array_equal, passes(pipe, rows)[0], passes(plain, rows)[0])
    assert pipe.spec == plain.spec


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Audio(augment={"noise": 1}), r"Audio: augment knows time_mask, .*gain. Received: \['noise'\]"),
        (lambda: Audio(features="waveform", augment={"time_mask": 1}), r"knows gain, noise. Received: \['time_mask'\]"),
        (
            lambda: Audio(augment={"time_mask": 1.5}),
            "must be from 0 to 1.0. Received: time_mask=1.5",
        ),
        (lambda: Audio(augment={"gain": -1}), "gain of augment must be from 0 to inf. Received: gain=-1"),
        (lambda: Text(augment={"drop": 1}), r"Text: augment knows dropout. Received: \['drop'\]"),
        (lambda: Text(augment={"dropout": float("nan")}), "dropout of augment must be from 0 to 1.0.*dropout=nan"),
        (lambda: Number(augment={"scale": 1}), r"Number: augment knows jitter. Received: \['scale'\]"),
        (lambda: Graph(augment={"flip": 1}), r"Graph: augment knows node_dropout, .*jitter. Received: \['flip'\]"),
        (lambda: Graph(augment={"edge_dropout": 2}), "must be from 0 to 1.0. Received: edge_dropout=2"),
        (lambda: Video(augment={"jitter": 1}), r"Video: augment knows flip, .*contrast. Received: \['jitter'\]"),
        (lambda: TimeSeries(augment={"flip": 1}), r"TimeSeries: augment knows jitter, scale. Received: \['flip'\]"),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
