"""All of it on the bundled data: train, judge, report, export, and answer from raw files in another process."""

import os
import subprocess
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_pipelines.whole_file import check_folder
from mmkeras.recipes import recipes

SHOWN = 5

# Run by a process of its own, which may import neither Keras nor mmkeras.
SERVE = """
import io, json, sys
sys.modules["keras"] = sys.modules["mmkeras"] = None
import numpy, tensorflow as tf

def encoded(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith((".ogg", ".flac", ".mp3")):
        import soundfile
        samples, rate = soundfile.read(io.BytesIO(data))
        wav = io.BytesIO()
        soundfile.write(wav, samples, rate, format="WAV")
        data = wav.getvalue()
    return data

folder, request = sys.argv[1], json.loads(sys.argv[2])
serve = tf.saved_model.load(folder).signatures["serving_default"]
values = {}
for column, spec in serve.structured_input_signature[1].items():
    cells = request[column]
    if column in request["media"]:
        cells = [encoded(cell) if cell else b"" for cell in cells]
    if spec.dtype.is_floating:
        cells = [float(cell or "nan") for cell in cells]
    values[column] = tf.constant(cells, spec.dtype)
answers = serve(**values)
print(json.dumps({name: [v.decode() if isinstance(v, bytes) else v for v in value.numpy().tolist()]
                  for name, value in answers.items()}))
"""


def demo(output="demo", quick=False):
    """Trains on both bundled sets and leaves a folder for each run, with report and SavedModel.

    Args:
        output: folder. Defaults to `"demo"`.
        quick: bool. One epoch each, to see that all of it works. Defaults to `False`.
    """
    check_folder("demo", output)
    console = Console(emoji=False)
    for recipe in recipes().values():
        console.rule(f"[bold]{escape(recipe.title)}")
        _show(recipe, os.path.join(output, recipe.name), 1 if quick else None, console)


def _show(recipe, folder, epochs, console):
    import mmkeras as mm
    from mmkeras.evaluate import watched
    from mmkeras.pages.report_rows import ReportRows
    from mmkeras.report import report_of
    from mmkeras.run import write_metrics

    model, pipe, rows = recipe.train(folder, epochs=epochs)
    seen = ReportRows(pipe, rows["test"])
    metrics = watched(model, pipe, rows["test"], seen.add)
    target = pipe.title(next(iter(pipe.targets)))
    alone = {}
    for name in pipe.inputs if len(pipe.inputs) > 1 else ():
        console.print(f"{name} alone", markup=False)
        single, single_pipe, _ = recipe.train(os.path.join(folder, "alone", name), only=[name], epochs=epochs)
        alone[name] = mm.evaluate(single, single_pipe, rows["test"])["targets"]
    write_metrics(metrics, folder)
    console.print(_results(recipe, metrics, alone, target))
    console.print("report →", report_of(seen, model, pipe, rows["test"], folder, metrics), markup=False)
    saved = mm.export(model, pipe, os.path.join(folder, "saved_model"))
    console.print("SavedModel →", saved, markup=False)
    console.print(_served(saved, pipe, rows["test"].take(SHOWN), target))


def _results(recipe, metrics, alone, target):
    table = Table(title=escape(f"{recipe.title}: {metrics['rows']} unseen rows"))
    table.add_column("what the model has")
    table.add_column("accuracy", justify="right")
    table.add_row("[dim]nothing: a guess[/]", f"[dim]{recipe.chance:.3f}[/]")
    for name, scores in alone.items():
        table.add_row(f"{escape(name)}, a model trained on it alone", f"{scores[target]['accuracy']:.3f}")
    fused = "all, fused" if alone else "all of it"
    table.add_row(f"[bold]{fused}[/]", f"[bold]{metrics['targets'][target]['accuracy']:.3f}[/]")
    for name, scores in metrics.get("without", {}).items():
        table.add_row(f"fused, {escape(name)} missing", f"{scores[target]['accuracy']:.3f}")
    return table


def _served(saved, pipe, rows, target):
    """Asks the SavedModel in another process, from the raw files; the last row gets its first input taken away."""
    import json

    cells = next(rows.chunks())
    root = rows.source.media_root
    media = [column for name, m in pipe.inputs.items() if m.media for column in m.columns(name)]
    request = {column: [str(cell) for cell in cells[column]] for column in pipe.input_columns()}
    for column in media:
        request[column] = [os.path.join(root, cell) if cell else "" for cell in request[column]]
    if len(pipe.inputs) > 1:
        request[pipe.input_columns()[0]][-1] = ""
    asked = json.dumps({**request, "media": media})
    done = subprocess.run([sys.executable, "-c", SERVE, saved, asked], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"demo: the exported model must answer in another process. Received: {done.stderr[-1000:]}")
    answers = json.loads(done.stdout)
    table = Table(title="the SavedModel, in a process without Keras and mmkeras, from raw files")
    for column in (*pipe.input_columns()[:2], "answer", "probability", "truth"):
        table.add_column(escape(column), overflow="ellipsis", no_wrap=True, max_width=34)
    for place, answer in enumerate(answers[target]):
        shown = [
            escape(os.path.basename(request[column][place])) or "[dim]missing[/]" for column in pipe.input_columns()[:2]
        ]
        likely = max(answers[f"{target}_probabilities"][place])
        truth = str(cells[target][place])
        colour = "green" if answer == truth else "red"
        table.add_row(*shown, f"[{colour}]{escape(answer)}[/]", f"{likely:.2f}", escape(truth))
    return table
