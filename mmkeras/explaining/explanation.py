"""What `explain` found: numbers as JSON, arrays beside them, a page and figures."""

import os

import numpy as np

from data_pipelines.files.whole_file import whole_file, write_json
from data_pipelines.files.whole_folder import whole_folder
from mmkeras.views.answers import scales

PAGE = "explanation.html"
ARRAYS = ("pixels", "frames", "values", "gradient", "attention")


class Explanation:
    """Explained rows.

    Args:
        pipe: adapted `Pipeline`.
        target: str. What was explained.
        of: `"predicted"` or `"true"`. The class that gradients explain.
    Attributes:
        rows: list of dicts, one a row, JSON-ready: `row`, `answer`, `probability`, `truth`, and `shapley`: kind of
            class → scale → `none`, `all` and `values` by input, which add up to `all` − `none`.
        examples: list of dicts, for the first rows: `inputs`, name → evidence with its arrays, `sum` and `gap` of its
            gradients and its `share` of the attention; `attention`, (asking, asked) → array `(T, T′)`.
    """

    def __init__(self, pipe, target, of):
        self.pipe, self.target, self.of = pipe, target, of
        self.scales = scales(pipe.targets[target])
        self.titles = {name: pipe.title(name) for name in pipe.inputs}
        self.rows, self.examples = [], []

    def add(self, cells, worth, details):
        """Adds the rows of a batch: raw cells by row, what `explain` computed of all and of the first of them."""
        for place, row in enumerate(cells):
            self.rows.append({"row": int(row["_row"]), **self._said(worth, place, row), "shapley": {}})
            for (kind, scale), found in worth["shapley"].items():
                if kind == "true" and not worth["labelled"][place]:
                    continue
                values = dict(zip(self.titles.values(), found["values"][place].tolist(), strict=True))
                ends = {end: float(found[end][place]) for end in ("none", "all")}
                self.rows[-1]["shapley"].setdefault(kind, {})[scale] = {**ends, "values": values}
        self.examples += details

    def _said(self, worth, place, row):
        modality = self.pipe.targets[self.target]
        prediction, labelled = worth["prediction"][place], bool(worth["labelled"][place])
        truth = row.get(modality.columns(self.target)[0]) if labelled else None
        if self.scales[0] == "value":
            return {"answer": float(modality.units(prediction[0])), "truth": None if truth is None else float(truth)}
        best = int(worth["classes"]["predicted"][place])
        return {"answer": modality.classes[best], "probability": float(prediction[best]), "truth": truth}

    def summary(self):
        """All numbers, JSON-ready: means over the rows, `inputs` → `mean` and `mean_size` by scale, and every row."""
        means = {}
        for title in self.titles.values():
            by_scale = {
                scale: np.array([row["shapley"]["predicted"][scale]["values"][title] for row in self.rows])
                for scale in self.scales
            }
            means[title] = {
                "mean": {scale: float(found.mean()) for scale, found in by_scale.items()},
                "mean_size": {scale: float(np.abs(found).mean()) for scale, found in by_scale.items()},
            }
        rows = [dict(row) for row in self.rows]
        for row, example in zip(rows, self.examples, strict=False):
            row["within"] = {self.titles[name]: _numbers(found) for name, found in example["inputs"].items()}
        return {"target": self.pipe.title(self.target), "of": self.of, "inputs": means, "rows": rows}

    def arrays(self):
        """Dict `ROW/INPUT/PART` → array, and `ROW/ASKING-ASKED` for attention between inputs."""
        found = {}
        for row, example in zip(self.rows, self.examples, strict=False):
            for name, shown in example["inputs"].items():
                for part in ARRAYS:
                    if shown.get(part) is not None:
                        found[f"{row['row']}/{self.titles[name]}/{part}"] = np.asarray(shown[part])
            for (asking, asked), weights in example["attention"].items():
                found[f"{row['row']}/{self.titles[asking]}-{self.titles[asked]}"] = weights
        return found

    def save(self, folder):
        """Writes `explanation.json`, `arrays.npz` and `explanation.html`; gives the path of the page.

        Raises:
            ImportError: matplotlib, jinja2 or Pillow is not installed; the other two files are written then.
        """
        from mmkeras.explaining.page import page

        text = missing = None
        try:
            text = page(self)
        except ImportError as error:
            missing = error
        with whole_folder("explain", folder) as unfinished:
            write_json(os.path.join(unfinished, "explanation.json"), self.summary())
            with whole_file(os.path.join(unfinished, "arrays.npz"), "wb") as file:
                np.savez_compressed(file, **self.arrays())
            if text is not None:
                with whole_file(os.path.join(unfinished, PAGE), errors="replace") as file:
                    file.write(text)
        if missing is not None:
            raise missing
        return os.path.join(folder, PAGE)

    def figure(self, place=0):
        """A matplotlib figure of one example: Shapley values, then every input with its gradients and attention."""
        from mmkeras.explaining.figure import figure

        return figure(self, place)


def _numbers(found):
    """The JSON-ready part of what an input shows."""
    kept = {key: found[key] for key in ("sum", "gap", "share") if key in found}
    if "pieces" in found:
        kept["pieces"] = found["pieces"]
        kept.update({p: np.asarray(found[p]).tolist() for p in ("gradient", "attention") if found[p] is not None})
    return kept
