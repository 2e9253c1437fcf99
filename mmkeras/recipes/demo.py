"""All of it on the bundled data: train, judge, report, export, and answer from raw files in another process."""

import collections
import json
import os
import subprocess
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_pipelines.files.whole_file import check_folder

SHOWN = 5
Task = collections.namedtuple("Task", "name title table target minutes inputs ignore")
# Minutes for two cores, so that the demo ends within four.
TASKS = (
    Task("language", "speech → language", ("prompts", "table.csv"), "language", 0.7, ["recording"], []),
    # A drawing's keywords alone tell its category: they would not be known when it is asked for.
    Task(
        "clipart", "drawing + title + numbers → category", ("clipart", "table.csv"), "category", 2.0, None, ["keywords"]
    ),
)

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
    """Trains on both bundled sets, by defaults alone, and leaves a folder for each run, with report and SavedModel.

    Args:
        output: folder. Defaults to `"demo"`.
        quick: bool. One epoch each, to see that all of it works. Defaults to `False`.
    """
    check_folder("demo", output)
    console = Console(emoji=False)
    for task in TASKS:
        console.rule(f"[bold]{escape(task.title)}")
        _show(task, os.path.join(output, task.name), 1 if quick else None, console)


def _show(task, folder, epochs, console):
    import mmkeras as mm
    from data_pipelines.datasets import folder as bundled
    from mmkeras.reporting.report import report_of

    run = mm.train(
        os.path.join(bundled(task.table[0]), task.table[1]),
        targets=[task.target],
        inputs=task.inputs,
        ignore=task.ignore,
        output=folder,
        minutes=task.minutes,
        epochs=epochs,
        overwrite=True,
    )
    model, pipe, test = run.model, run.pipe, run.parts["test"]
    console.print(_results(task.title, run.metrics, _guess(pipe, test, task.target), task.target))
    console.print("report →", report_of(run.report_rows, model, pipe, test, folder, run.metrics), markup=False)
    saved = mm.export(model, pipe, os.path.join(folder, "saved_model"))
    console.print("SavedModel →", saved, markup=False)
    console.print(_served(saved, pipe, _some(test), task.target))


def _some(rows):
    """A few rows from all over the table."""
    some = rows.split(SHOWN / len(rows), 1 - SHOWN / len(rows))[0].take(SHOWN)
    return some if len(some) else rows.take(SHOWN)


def _guess(pipe, rows, target):
    """How often the most usual class of the training rows is right."""
    counts = pipe.targets[target].counts
    usual, cells = max(counts, key=counts.get), [str(cell) for chunk in rows.chunks() for cell in chunk[target]]
    return sum(cell == usual for cell in cells) / len(cells)


def _results(title, metrics, guess, target):
    table = Table(title=escape(f"{title}: {metrics['rows']} unseen rows"))
    table.add_column("what the model has")
    table.add_column("accuracy", justify="right")
    table.add_row("[dim]nothing: the most usual answer[/]", f"[dim]{guess:.3f}[/]")
    for name, scores in metrics.get("only", {}).items():
        table.add_row(f"{escape(name)} alone", f"{scores[target]['accuracy']:.3f}")
    table.add_row("[bold]all of it[/]", f"[bold]{metrics['targets'][target]['accuracy']:.3f}[/]")
    for name, scores in metrics.get("without", {}).items():
        table.add_row(f"all but {escape(name)}", f"{scores[target]['accuracy']:.3f}")
    return table


def _served(saved, pipe, rows, target):
    """Asks the SavedModel in another process, from the raw files; the last row gets its first input taken away."""
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
