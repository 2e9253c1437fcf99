import itertools
import re

import numpy as np
import pytest
from reference import normal

import mmkeras as mm
from mmkeras.inference.ranking import judge_ranking
from mmkeras.inference.retrieval import _direction, _groups

CASES = {
    "one right, no ties": ([0.1, 0.9, 0.5, 0.3, 0.2], [0, 0, 1, 0, 0]),
    "one right among equals": ([0.5, 0.9, 0.5, 0.5, 0.2], [0, 0, 1, 0, 0]),
    "several right, two levels of equals": ([0.5, 0.9, 0.5, 0.5, 0.9, 0.1], [1, 1, 1, 0, 0, 1]),
    "all equal": ([0.5] * 5, [1, 0, 0, 1, 0]),
    "all right": ([0.5, 0.4, 0.4], [1, 1, 1]),
}


def by_all_orders(scores, relevant, ks):
    """The mean over every way to break the ties."""
    judged = []
    for order in itertools.permutations(range(len(scores))):
        if any(scores[a] < scores[b] for a, b in itertools.pairwise(order)):
            continue
        hits = np.array(relevant)[list(order)]
        places = np.flatnonzero(hits) + 1
        precision = np.mean([(place + 1) / rank for place, rank in enumerate(places)])
        judged.append([places[0], precision, *(hits[:k].any() for k in ks)])
    return np.mean(judged, 0)


@pytest.mark.parametrize("case", CASES)
def test_ties_count_as_the_mean_over_all_orders(case):
    scores, relevant = CASES[case]
    given = judge_ranking(scores, np.array(relevant, bool), ks=(1, 2, 5))
    wanted = by_all_orders(scores, relevant, (1, 2, 5))
    np.testing.assert_allclose(list(given.values()), wanted, rtol=1e-12)
    assert list(given) == ["rank", "average_precision", "R@1", "R@2", "R@5"]


def test_differences_of_rounding_are_ties():
    assert judge_ranking([0.5, 0.5 + 1e-8], [True, False], ks=(1,))["R@1"] == 0.5


def test_a_model_that_knows_nothing_scores_as_chance():
    same = np.ones((40, 3)) / np.sqrt(3)
    found = _direction(same, same, np.arange(40), np.arange(40))
    assert found["R@10"] == pytest.approx(10 / 40)
    assert found["R@1"] == pytest.approx(1 / 40)
    assert found["median_rank"] == 20.5


def test_means_over_queries_and_chunks(monkeypatch):
    queries, candidates = normal(7, 4), normal(9, 4, seed=1)
    groups = np.array([0, 1, 2, 3, 4, 0, 1]), np.array([0, 1, 2, 3, 4, 0, 1, 2, 9])
    ranks = [
        1 + np.flatnonzero((groups[1] == group)[np.argsort(-row)])[0]
        for row, group in zip(queries @ candidates.T, groups[0], strict=True)
    ]
    whole = _direction(queries, candidates, *groups)
    assert whole["median_rank"] == np.median(ranks)
    assert whole["R@5"] == pytest.approx(np.mean(np.array(ranks) <= 5))
    monkeypatch.setattr("mmkeras.inference.retrieval.CHUNK", 3)
    assert _direction(queries, candidates, *groups) == pytest.approx(whole)
    assert _direction(queries[:0], candidates, groups[0][:0], groups[1]) == {}


def test_equal_cells_are_one_group_and_empty_ones_none():
    groups = _groups(np.array(["flag", "", "sign", "flag", ""], object))
    assert groups[0] == groups[3]
    assert len(set(groups.tolist())) == 4


def test_retrieve_gives_the_nearest_first(monkeypatch):
    corpus = normal(20, 5)
    monkeypatch.setattr("mmkeras.inference.retrieval.CHUNK", 2)
    places, cosines = mm.retrieve(corpus[:3] * 1.0, corpus, k=4)
    wanted = np.argsort(-(corpus[:3] @ corpus.T), axis=1)[:, :4]
    np.testing.assert_array_equal(places, wanted)
    np.testing.assert_allclose(cosines, np.take_along_axis(corpus[:3] @ corpus.T, wanted, 1), rtol=1e-5)
    assert mm.retrieve(corpus[:0], corpus, k=4)[0].shape == (0, 4)
    rule = "retrieve: k must be > 0, queries (Q, D), candidates (N, D). Received: k=0, queries=(3, 5)"
    with pytest.raises(ValueError, match=re.escape(rule)):
        mm.retrieve(corpus[:3], corpus, k=0)
