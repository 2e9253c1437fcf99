"""What the command line shows: tables of scores, columns and warnings."""

import sys

from rich.console import Console
from rich.table import Table

told = Console(stderr=True)


def show_scores(metrics, title=None):
    """Prints the table of results: everything, without each input, each input alone."""
    table = Table(title=title or f"{metrics['rows']} rows")
    columns = [(target, metric) for target, scores in metrics["targets"].items() for metric in scores]
    table.add_column("inputs")
    for target, metric in columns:
        table.add_column(f"{target}\n{metric}", justify="right")
    lines = [("all", metrics["targets"])]
    for part in ("without", "only"):
        lines += [(f"{part} {name}", scores) for name, scores in metrics.get(part, {}).items()]
    for label, scores in lines:
        table.add_row(label, *(f"{scores[target].get(metric, float('nan')):.3f}" for target, metric in columns))
    told.print(table)


def show_pipeline(pipe, parts):
    from data_pipelines.infer import describe

    table = Table(title=", ".join(f"{len(rows)} {part}" for part, rows in parts.items()) + " rows")
    for column in ("", "name", "modality"):
        table.add_column(column)
    for part, modalities in (("input", pipe.inputs), ("target", pipe.targets)):
        for name, modality in modalities.items():
            table.add_row(part, name, describe(modality))
    told.print(table)


def tell_problems(pipe):
    counts = pipe.problems.counts()
    for column, number in counts["masked"].items():
        told.print(f"[yellow]{number} bad cells of {column} counted as absent[/]")
    if counts["dropped"]:
        told.print(f"[yellow]{counts['dropped']} rows with bad cells left out[/]")


def show_report(report, targets):
    out = Console(file=sys.stdout)
    table = Table(title=f"{report['rows']} rows")
    for column in ("column", "seems to be", "why", "missing", "different", "unreadable"):
        table.add_column(column, justify="right" if column in ("missing", "different", "unreadable") else "left")
    for column, facts in report["columns"].items():
        kind = f"{facts['kind']} [dim](target)[/]" if column in targets else facts["kind"]
        bad = str(report["unreadable"].get(column, "")) if facts["kind"] in ("Image", "Audio") else ""
        table.add_row(column, kind, facts["why"], f"{facts['missing']:.1%}", str(facts["distinct"]), bad)
    out.print(table)
    for target, counts in report["targets"].items():
        top = list(counts.items())[:20]
        widest = max((number for _, number in top), default=1)
        classes = Table(title=target)
        for column in ("label", "rows", ""):
            classes.add_column(column)
        for label, number in top:
            classes.add_row(label or "[dim]no label[/]", str(number), "█" * max(1, round(30 * number / widest)))
        out.print(classes)
    for warning in report["warnings"]:
        out.print(f"[yellow]![/] {warning}")
    for example in report["examples"][:5]:
        out.print(f"[red]✗[/] {example}", soft_wrap=True)
