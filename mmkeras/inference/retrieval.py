"""Finding one modality by another: search, and how well it goes."""

import itertools

import numpy as np

from data_pipelines.naming import plain_names
from mmkeras.inference.embed import embed
from mmkeras.inference.ranking import judge_ranking

KS = (1, 5, 10)
CHUNK = 1024


def retrieve(queries, candidates, k=10):
    """The k most similar candidates of each query, by exact search.

    Args:
        queries: float array `(Q, D)`, unit norm.
        candidates: float array `(N, D)`, unit norm.
        k: int > 0; at most N are given. Defaults to `10`.
    Returns:
        tuple: int array `(Q, k)`, places of the candidates, the most similar first (of equal ones the earlier), and
        float32 array `(Q, k)`, their cosines.
    Raises:
        ValueError: k < 1, or queries and candidates of different D.
    Example:
        >>> places, cosines = retrieve(vectors["title"][:5], vectors["picture"], k=3)
    """
    queries, candidates = np.asarray(queries, "float32"), np.asarray(candidates, "float32")
    if k < 1 or queries.ndim != 2 or queries.shape[1:] != candidates.shape[1:]:
        raise ValueError(
            "retrieve: k must be > 0, queries (Q, D), candidates (N, D). "
            f"Received: k={k}, queries={queries.shape}, candidates={candidates.shape}. Do: one dual encoder for both."
        )
    places, cosines = [np.zeros((0, k), int)], [np.zeros((0, k), "float32")]
    for start in range(0, len(queries), CHUNK):
        scores = queries[start : start + CHUNK] @ candidates.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        places.append(best)
        cosines.append(np.take_along_axis(scores, best, 1))
    return (np.concatenate(places[1:]), np.concatenate(cosines[1:])) if len(places) > 1 else (places[0], cosines[0])


def retrieval_scores(model, pipe, rows, inputs=None, same=None, batch_size=64):
    """Looks for each row's partner among all rows, for every two inputs, both ways.

    A query is a row that has both inputs; candidates are all rows that have the input looked for. Equal candidates
    count as if drawn in random order, so that a model that gives everything the same vector has the score of chance.

    Args:
        model: `keras.Model` from `build_dual_encoder`.
        pipe: adapted `Pipeline`.
        rows: `Rows`.
        inputs: names of inputs. Defaults to `None`: all that the model embeds.
        same: str or None. A column whose equal cells make rows right answers for each other. Defaults to `None`: a
            row's own partner alone is right, and mAP is the mean of 1 / rank.
        batch_size: int > 0. Defaults to `64`.
    Returns:
        dict, JSON-ready: `rows`, and for each direction, such as `"title → picture"`: `queries`, `candidates`, `R@1`,
        `R@5`, `R@10` (shares of queries with a right answer among the first k), `median_rank` (of the first right one),
        `mAP`, and `chance_R@10` where each query has one right answer. No metrics where there are no queries.
    Raises:
        ValueError: inputs that the model does not embed, or a column that is not there.
    Example:
        >>> retrieval_scores(model, pipe, test)["title → picture"]["R@10"]
    """
    vectors, present = embed(model, pipe, rows, batch_size)
    inputs = list(vectors if inputs is None else plain_names(inputs))
    if len(inputs) < 2 or set(inputs) - set(vectors):
        raise ValueError(
            "retrieval_scores: inputs must be two or more that the model embeds. "
            f"Received: inputs={inputs}. Do: of {list(vectors)}."
        )
    count = len(next(iter(vectors.values())))
    groups = np.arange(count) if same is None else _groups(rows.values(same))
    result = {"rows": count}
    for query, answer in itertools.permutations(inputs, 2):
        asked = np.flatnonzero(present[query] & present[answer])
        offered = np.flatnonzero(present[answer])
        found = _direction(vectors[query][asked], vectors[answer][offered], groups[asked], groups[offered])
        chance = {"chance_R@10": min(1.0, KS[-1] / len(offered))} if same is None and len(offered) else {}
        sizes = {"queries": len(asked), "candidates": len(offered)}
        result[f"{pipe.title(query)} → {pipe.title(answer)}"] = {**sizes, **found, **chance}
    return result


def _groups(cells):
    """Equal numbers for equal cells; an empty cell is a group of its own."""
    numbers = np.unique([str(cell) for cell in cells], return_inverse=True)[1]
    alone = np.array([cell is None or str(cell) == "" for cell in cells], bool)
    return np.where(alone, -1 - np.arange(len(cells)), numbers)


def _direction(queries, candidates, asked, offered):
    """Means over the queries."""
    judged = []
    for start in range(0, len(queries), CHUNK):
        scores = queries[start : start + CHUNK] @ candidates.T
        judged += [
            judge_ranking(row, offered == group, KS)
            for row, group in zip(scores, asked[start : start + CHUNK], strict=True)
        ]
    if not judged:
        return {}
    return {
        **{f"R@{k}": float(np.mean([one[f"R@{k}"] for one in judged])) for k in KS},
        "median_rank": float(np.median([one["rank"] for one in judged])),
        "mAP": float(np.mean([one["average_precision"] for one in judged])),
    }
