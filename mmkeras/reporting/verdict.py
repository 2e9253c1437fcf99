"""What the scores mean, in sentences that a person can act on."""

import math

from mmkeras.pages.numbers import figure, share

LOWER_IS_BETTER = {
    *("mae", "rmse", "log_loss", "loss", "smape", "pinball", "perplexity"),
    *("cer", "wer", "mel_cepstral_distortion", "length_error"),
}
FEW_ROWS = 5
RUN_OUT = 0.25  # share of the highest learning rate below which training has come to its end


def verdict(metrics, tallies):
    """One sentence: how well, what matters most, what one input alone gets.

    Args:
        metrics: dict. What `evaluate` gave.
        tallies: dict target → tally.
    """
    target = judged(metrics)
    if target is None:
        return f"On {metrics['rows']:,} rows: none has a label, so there is nothing to judge."
    metric, value = headline(metrics, target)
    words = f"On {metrics['rows']:,} rows: {target} {_named(metric)} {figure(value)}"
    if metric == "accuracy" and tallies[target].rows:
        label, often = tallies[target].commonest
        margin = share(_margin(value, tallies[target].rows))
        words += f" (give or take {margin}; always saying {_quoted(label)} gets {share(often)})"
    if "without" not in metrics:
        return words + "."
    harms = effects(metrics, target)
    most = max(harms.values())
    if most > 0:
        names = [name for name, harm in harms.items() if harm == most]
        falls = "rises" if metric in LOWER_IS_BETTER else "falls"
        without = figure(metrics["without"][names[0]][target][metric])
        matter = "matters" if len(names) == 1 else "matter"
        words += f"; without {' or '.join(names)} it {falls} to {without}, so {' and '.join(names)} {matter} most"
    else:
        words += "; no single input is missed when it is hidden"
    alone, score = _best_alone(metrics, target, metric)
    return f"{words}; the best input alone, {alone}, gets {figure(score)}."


def judged(metrics):
    """The first target that has labels, or None."""
    return next((target for target, scores in metrics["targets"].items() if "labels" not in scores), None)


def headline(metrics, target):
    """A target's first metric and its value."""
    return next(iter(metrics["targets"][target].items()))


def effects(metrics, target):
    """Dict input → by how much the headline score gets worse without it; below zero where it gets better."""
    metric, value = headline(metrics, target)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    return {name: sign * (value - scores[target][metric]) for name, scores in metrics["without"].items()}


def notes(metrics, tallies, history, absence):
    """Sentences on what to do next, the gravest first."""
    target = judged(metrics)
    found = []
    if target is not None:
        found += _on_inputs(metrics, target, tallies)
    for name, tally in tallies.items():
        if hasattr(tally, "confusions") and tally.rows:
            found += _on_classes(name, tally)
    return found + _on_training(history) + _on_cells(metrics, absence)


def _on_inputs(metrics, target, tallies):
    metric, value = headline(metrics, target)
    found, tally = [], tallies.get(target)
    if metric == "accuracy" and tally.rows and value <= tally.commonest[1] + _margin(value, tally.rows):
        found.append(
            f"{target} is hardly better than always saying {_quoted(tally.commonest[0])}: train longer, or check the "
            "labels and that the inputs say something about them."
        )
    if "without" not in metrics:
        return found
    alone, score = _best_alone(metrics, target, metric)
    if (score <= value) if metric in LOWER_IS_BETTER else (score >= value):
        found.append(f"{alone} alone is as good as all inputs together: the others add nothing yet.")
    idle = [name for name, harm in effects(metrics, target).items() if harm <= 0 and not _surer(metrics, target, name)]
    if 0 < len(idle) < len(metrics["without"]):
        one = "one of them" if len(idle) > 1 else "it"
        found.append(f"Hiding {' or '.join(idle)} costs {target} nothing: leave {one} out, or train on more rows.")
    return found


def _surer(metrics, target, name):
    """Whether probabilities are better with an input than without it, even where as many answers are right."""
    loss = metrics["targets"][target].get("log_loss")
    return loss is not None and metrics["without"][name][target]["log_loss"] > loss


def _on_classes(name, tally):
    found = []
    for label, told, count, part in tally.confusions()[:1]:
        found.append(
            f"{name}: {_quoted(label)} is taken for {_quoted(told)} most often, {count} times ({part:.0%} of its rows)."
        )
    found += _on_favourite(name, tally)
    lost = [_quoted(label) for label, recall, rows in tally.recalls() if recall < 0.3 and rows >= FEW_ROWS]
    if lost:
        found.append(f"{name}: fewer than 3 in 10 are found of {_listed(lost)}. More such rows would help most.")
    gap = tally.confidence - tally.accuracy
    if tally.calibration_error > 0.1:
        mood = "surer than it should be" if gap > 0 else "less sure than it could be"
        found.append(
            f"{name}: the model is {mood}: it gives its answers {share(tally.confidence)} on average, and "
            f"{share(tally.accuracy)} are right. Don't read its probabilities as chances."
        )
    return found


def _on_favourite(name, tally):
    """Whether one class takes a large part of the mistakes."""
    said, wrong = {}, tally.confusions()
    for _, told, count, _ in wrong:
        said[told] = said.get(told, 0) + count
    total = sum(said.values())
    favourite = max(said, key=said.get, default=None)
    if total < 10 or len(tally.real()) < 3 or said[favourite] < total / 3:
        return []
    return [f"{name}: {said[favourite]} of {total} mistakes say {_quoted(favourite)}: weigh classes by their rarity."]


def _on_training(history):
    losses = (history or {}).get("val_loss", [])
    known = [(loss, epoch) for epoch, loss in enumerate(losses, 1) if not math.isnan(loss)]
    if len(known) < 3:
        return []
    best = min(known)[1]
    rates = (history or {}).get("learning_rate", [])
    ran_out = bool(rates) and rates[-1] < RUN_OUT * max(rates)
    if best == len(losses) and not ran_out:
        return [f"Validation loss is best in the last epoch ({best}): more epochs may help."]
    if best <= 0.7 * len(losses):
        return [
            f"Validation loss is best in epoch {best} of {len(losses)} and not after: fewer epochs, more rows, "
            "more dropout or augmentation."
        ]
    return []


def _on_cells(metrics, absence):
    found = []
    masked = {column: count for column, count in metrics["counts"]["masked"].items() if count}
    if masked:
        listed = _listed([f"{count} of {column}" for column, count in masked.items()])
        found.append(f"Bad cells were counted as absent: {listed}. Mend them: the messages are below.")
    if absence.unanswered:
        found.append(
            f"{absence.unanswered} answers are NaN or infinite and count nowhere below: look for inputs out of range, "
            "or train anew with a smaller learning rate."
        )
    unknown = metrics["counts"].get("unknown", {})
    if unknown:
        listed = _listed([f"{count} of {column}" for column, count in unknown.items()])
        found.append(f"Cells hold labels that training rows never had, which say nothing: {listed}.")
    if absence.empty:
        found.append(f"{absence.empty} of the rows have no input at all: their answer is a guess.")
    return found


def _best_alone(metrics, target, metric):
    choose = min if metric in LOWER_IS_BETTER else max
    scores = {name: values[target][metric] for name, values in metrics["only"].items()}
    name = choose(scores, key=scores.get)
    return name, scores[name]


def _margin(value, rows):
    """Half the width of the 95 % interval of a share seen in so many rows."""
    return 1.96 * math.sqrt(max(value * (1 - value), 0.25 / max(1, rows)) / max(1, rows))


def _named(metric):
    return metric.replace("_", " ")


def _quoted(label, longest=40):
    return f"“{label if len(label) <= longest else label[: longest - 1] + '…'}”"


def _listed(words, most=6):
    more = [f"{len(words) - most} more"] if len(words) > most else []
    words = [*words[:most], *more]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
