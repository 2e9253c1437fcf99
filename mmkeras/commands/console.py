"""What the command line shows: tables of scores, columns and warnings."""

import os
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

MOST_COLUMNS = 6  # of scores side by side
WIDE = 160  # columns of tables where nobody looks at a terminal
told = Console(stderr=True, emoji=False)


def output():
    """The console on stdout. A file or a pipe gets wide tables, since no screen cuts its lines."""
    return Console(file=sys.stdout, emoji=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE)


def tell(message, style=None):
    """Prints a line on stderr as it is: brackets in it are the user's."""
    told.print(message, style=style, markup=False, highlight=False, soft_wrap=True)


def show_scores(metrics, title=None):
    """Prints the table of results: everything, without each input, each input alone."""
    table = Table(title=escape(title or f"{metrics['rows']} rows"))
    columns = [(target, metric) for target, scores in metrics["targets"].items() for metric in scores]
    lines = [("all", metrics["targets"])]
    for part in ("without", "only"):
        lines += [(f"{part} {name}", scores) for name, scores in metrics.get(part, {}).items()]
    heads, names = [escape(f"{target}\n{metric}") for target, metric in columns], [escape(label) for label, _ in lines]
    cells = [[f"{scores[target].get(metric, float('nan')):.3f}" for target, metric in columns] for _, scores in lines]
    corner = "inputs"
    if len(heads) > max(MOST_COLUMNS, len(names)):  # they would be cut short
        corner, heads, names = "score", names, [head.replace("\n", " ") for head in heads]
        cells = zip(*cells, strict=True)
    table.add_column(corner)
    for head in heads:
        table.add_column(head, justify="right")
    for name, line in zip(names, cells, strict=True):
        table.add_row(name, *line)
    told.print(table)


def show_pipeline(pipe, parts):
    from data_pipelines.infer import describe

    table = Table(title=", ".join(f"{len(rows)} {part}" for part, rows in parts.items()) + " rows")
    for column in ("", "name", "modality"):
        table.add_column(column)
    for part, modalities in (("input", pipe.inputs), ("target", pipe.targets)):
        for name, modality in modalities.items():
            table.add_row(part, escape(pipe.title(name)), escape(describe(modality)))
    told.print(table)


def tell_problems(pipe):
    counts = pipe.problems.counts()
    for column, number in counts["masked"].items():
        tell(f"{number} bad cells of {column} counted as absent", "yellow")
    for column, number in counts.get("unknown", {}).items():
        tell(f"{number} cells of {column} hold labels that training rows never had", "yellow")
    if counts["dropped"]:
        tell(f"{counts['dropped']} rows with bad cells left out", "yellow")


def show_report(report, targets):
    """Prints the data report of `data_pipelines.audit`."""
    out = output()
    out.print(_columns_table(report, targets))
    for target, counts in report["targets"].items():
        out.print(_classes_table(target, counts))
    for warning in report["warnings"]:
        out.print(f"[yellow]![/] {escape(warning)}")
    for column, faults in report["unreadable"].items():
        first = faults[0]
        out.print(f"[red]✗[/] {escape(column)}, row {first['row']}: {escape(first['why'])}", soft_wrap=True)
        if len(faults) > 1:
            out.print(f"  [dim]and {len(faults) - 1} more, see --json or --html[/]")
    for note in report["notes"]:
        out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)


def in_words(facts):
    """The main figures of a column in a few words: numbers by least, median and most."""
    parts = []
    for name, found in facts.items():
        if isinstance(found, dict) and "bins" in found:
            low, middle, high = (f"{found[key]:,.4g}" for key in ("min", "median", "max"))
            parts.append(f"{name} {low}" if low == high else f"{name} {low} … {middle} … {high}")
        elif name in ("format", "mode", "codec", "sound", "even"):
            parts.append(f"{name} {', '.join(found)}")
        elif name == "beyond max_tokens" and found:
            parts.append(f"{found} beyond max_tokens")
    return "; ".join(parts)


def _columns_table(report, targets):
    table = Table(title=f"{report['rows']:,} rows")
    for column in ("column", "kind", "why", "missing", "distinct", "bad", "least … median … most"):
        is_figure = column in ("missing", "distinct", "bad")
        table.add_column(column, justify="right" if is_figure else "left", no_wrap=is_figure, overflow="fold")
    for column, facts in report["columns"].items():
        kind = f"{facts['kind']} [dim](target)[/]" if column in targets else facts["kind"]
        bad = f"[red]{facts['unreadable']}[/]" if facts["unreadable"] else ""
        figures = (f"{facts['missing']:.1%}", str(facts["distinct"]), bad, escape(in_words(facts["facts"])))
        table.add_row(escape(column), kind, escape(facts["why"]), *figures)
    return table


def _classes_table(target, counts):
    top = list(counts.items())[:20]
    widest = max((number for _, number in top), default=1)
    classes = Table(title=escape(target))
    for column in ("label", "rows", ""):
        classes.add_column(column)
    for label, number in top:
        name = escape(label) if label else "[dim]no label[/]"
        classes.add_row(name, str(number), "█" * max(1, round(30 * number / widest)))
    return classes
