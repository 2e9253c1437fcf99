"""From made-up runs to figures, the sentence, the table and the page."""

import re

import numpy as np
import pytest

from data_pipelines import Audio, Category, Image, Pipeline
from mmkeras.comparing.comparison import effective_robustness, points, summarise
from mmkeras.comparing.comparison_report import comparison_report, table

ROWS, SEEDS = 400, 3


PIPE = Pipeline({"photo": Image(8), "voice": Audio()}, {"kind": Category()})
FACTS = {"seeds": SEEDS, "training": {}, "rows": {"train": 10, "val": 5, "test": ROWS}}


def run(name, share, seed):
    """A result with that share of rows right: always the same ones, but for a few that depend on the seed."""
    right = np.arange(ROWS) < share * ROWS
    right[np.random.default_rng(seed).integers(0, ROWS, 4)] ^= True
    inputs = [name.removeprefix("only ")] if name.startswith("only ") else ["photo", "voice"]
    subsets = {"+".join(inputs): float(right.mean())}
    if len(inputs) > 1:
        subsets.update({"photo": share - 0.2, "voice": share - 0.1})
    return {
        "rows": right.astype(float).tolist(),
        "validation": share,
        "parameters": 1000,
        "epochs": 2,
        "cpu_seconds_per_epoch": 0.5,
        "peak_memory_mib": 800.0,
        "metrics": {"accuracy": share},
        "subsets": subsets,
        "robustness": {n: {"noise": [float(right.mean()), 0.5, 0.4, 0.3, 0.2]} for n in inputs},
        "bins": [[0, 0, 0]] * 9 + [[ROWS, 0.9 * ROWS, int(right.sum())]],
    }


def results(validation=None, **shares):
    shares = {name.replace("_", " "): share for name, share in shares.items()}
    runs = {name: [run(name, share, seed) for seed in range(SEEDS)] for name, share in shares.items()}
    for name, share in (validation or {}).items():
        runs[name] = [{**found, "validation": share} for found in runs[name]]
    return summarise(runs, PIPE, "kind", FACTS)


@pytest.fixture(scope="module")
def found():
    return results(
        only_photo=0.6, only_voice=0.5, TokenTransformer=0.7, LateFusion=0.8, BottleneckFusion=0.8, SumFusion=0.65
    )


def test_figures(found):
    best = found["systems"]["LateFusion"]
    assert (
        found["best_single"] == "only photo" and found["best_fusion"] == "LateFusion" and found["metric"] == "accuracy"
    )
    assert best["score"] == pytest.approx(0.8, abs=0.01) and len(best["scores"]) == SEEDS
    assert best["deviation"] == pytest.approx(np.std(best["scores"], ddof=1))
    assert best["against_single"]["difference"] == pytest.approx(0.2, abs=0.01)
    assert best["against_single"]["p_holm"] >= best["against_single"]["p"]
    assert found["systems"]["only voice"]["against_single"]["p_holm"] is None
    assert "against_single" not in found["systems"]["only photo"]
    assert best["area"]["photo"]["noise"] == pytest.approx(0.25 * (best["score"] / 2 + 0.5 + 0.4 + 0.3 + 0.1))
    assert best["calibration_error"] == pytest.approx(0.9 - best["score"])


def test_effective_robustness_is_what_the_clean_score_does_not_explain():
    late = {"robustness": {"photo": {"noise": [0.8, 0.5]}}}
    assert effective_robustness(late, late, "accuracy") == {"photo": {"noise": pytest.approx(0.0)}}
    better = {"robustness": {"photo": {"noise": [0.9, 0.7]}}}
    odds = np.log(0.9 / 0.1) + np.log(0.5 / 0.5) - np.log(0.8 / 0.2)
    wanted = 0.7 - 1 / (1 + np.exp(-odds))
    assert effective_robustness(better, late, "accuracy")["photo"]["noise"] == pytest.approx(wanted)
    assert effective_robustness(better, late, "r2")["photo"]["noise"] == pytest.approx(0.7 - (0.9 - 0.3))


def test_points_are_hundredths_and_nothing_has_no_sign():
    assert [points(value) for value in (0.1234, -0.02, 0.0, -0.0001)] == ["+12.3", "−2.0", "0.0", "0.0"]
    assert points(0.1234, sign=False) == "12.3"


def test_the_sentence_where_it_pays(found):
    wanted = (
        r"Fusing is worth \+(20|19)\.\d ± \d\.\d points of accuracy over photo alone: take LateFusion; "
        r"BottleneckFusion equals it within noise; without voice you lose \d+\.\d\."
    )
    assert re.fullmatch(wanted, found["verdict"])


def test_the_sentence_where_it_is_noise_and_where_it_harms():
    same = results(only_photo=0.6, only_voice=0.5, TokenTransformer=0.602, LateFusion=0.59)
    assert re.match(r"Fusing is not shown to pay: .* over photo alone, within noise; use photo alone", same["verdict"])
    harm = results(only_photo=0.8, only_voice=0.5, TokenTransformer=0.6, LateFusion=0.59)
    assert re.match(r"Don't fuse: TokenTransformer is worth −\d\d\.\d ± ", harm["verdict"])


def test_the_sentence_where_validation_rows_chose_another_one():
    found = results(
        {"SumFusion": 0.9}, only_photo=0.5, only_voice=0.5, TokenTransformer=0.65, LateFusion=0.8, SumFusion=0.7
    )
    assert found["best_fusion"] == "SumFusion"
    words = "take SumFusion; LateFusion did better on test rows, which validation rows had not told; without"
    assert words in found["verdict"]


def test_the_table_has_the_best_on_top(found):
    lines = table(found)
    assert [line["name"] for line in lines][-1] == "only voice"
    assert {line["note"] for line in lines} == {"", "best fusion", "best input alone"}
    fusion = next(line for line in lines if line["name"] == "SumFusion")
    assert re.fullmatch(r"\+\d\.\d ± \d\.\d \(p [\d.e-]+\)", fusion["single"])


def test_the_page_shows_all_of_it(found, tmp_path):
    with open(comparison_report(found, tmp_path), encoding="utf-8") as file:
        page = file.read()
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    for words in (found["verdict"].split(":")[0], "photo + voice", "photo: noise", "voice: noise", "Calibration"):
        assert words in page, words
    assert page.count("<svg") == 1 + 2 + 3
    absent = re.search(r"<h2>What is absent.*?</section>", page, re.S).group()
    lines = [re.findall(r"<t[hd][^>]*>([^<]*)", line) for line in absent.split("<tr")[1:]]
    assert lines[0] == ["system", "photo + voice", "photo", "voice"] and lines[-1][0] == "only voice"
    best = found["systems"][found["best_fusion"]]["subsets"]
    assert [found["best_fusion"], *(f"{100 * score:.1f}" for score in best.values())] in lines
    assert lines[-1][1:3] == ["", ""] and lines[-1][3] == f"{100 * found['systems']['only voice']['score']:.1f}"
