"""What a person should look at before training, in sentences."""

MANY = 0.2
UNEVEN = 10
RARE = 0.005  # a larger share of far numbers is a long tail, no slip


def remarks(report, targets):
    """Yields warnings, the gravest first.

    Args:
        report: what `audit` found, but for these.
        targets: names of the targets.
    """
    yield from _of_leaks(report["leaks"])
    yield from _of_duplicates(report)
    yield from _of_targets(report)
    for column, facts in report["columns"].items():
        if facts["missing"] > MANY:
            yield f"{column}: {facts['missing']:.0%} of the cells are empty"
        if facts["kind"] in ("constant", "empty") and column not in targets:
            yield f"{column}: nothing to learn from, {facts['why']}"
        if facts["unreadable"]:
            yield f"{column}: {_many(facts['unreadable'], 'cell')} cannot be read"
        yield from _of_facts(column, facts)


def _of_leaks(leaks):
    for target, columns in leaks.items():
        for column, leak in columns.items():
            told = (
                f"in {leak['score']:.0%} of the rows" if leak["measure"] == "accuracy" else f"(R² {leak['score']:.3f})"
            )
            yield f"{target}: {column} alone tells it {told}, by {leak['by']}: is it known when you predict?"


def _of_duplicates(report):
    again = report["duplicates"]["rows"]["count"]
    if again:
        where = "more than one split" if report["split"] else "the table twice"
        yield f"{again} rows stand in {where}"
    for column, found in report["duplicates"]["media"].items():
        if found["across"]:
            yield f"{column}: {_many(found['across'], 'pair')} of the same or nearly the same lie in two splits"
        elif found["count"]:
            where = (
                "within one split" if report["split"] else "in the table: split by a column that keeps them together"
            )
            yield f"{column}: {_many(found['count'], 'pair')} of the same or nearly the same {where}"


def _of_targets(report):
    for target, counts in report["targets"].items():
        numbers = [n for label, n in counts.items() if label]
        is_label = report["columns"][target]["kind"] == "Category"
        if numbers and is_label and max(numbers) > UNEVEN * min(numbers):
            times = max(numbers) / min(numbers)
            yield f"{target}: the most common class has {times:.0f} times the rows of the rarest"
        if counts.get(""):
            yield f"{target}: {counts['']} rows have no label"


def _of_facts(column, facts):
    found = facts["facts"]
    beyond = found.get("beyond max_tokens", 0)
    if beyond:
        yield f"{column}: {_many(beyond, 'text')} longer than max_tokens={found['max_tokens']}, the rest is cut off"
    if 0 < found.get("outlier count", 0) <= RARE * found["value"]["count"]:
        yield f"{column}: {_many(found['outlier count'], 'number')} far from the rest"
    if facts["kind"] == "Audio":
        if found.get("peak") and found["peak"]["min"] < 1e-4:
            yield f"{column}: a recording is silent"
        if found.get("rate") and found["rate"]["min"] < found["rate"]["max"]:
            low, high = found["rate"]["min"], found["rate"]["max"]
            yield f"{column}: rates differ, {low:.0f} to {high:.0f} Hz; above half the lowest only some have sound"
    if facts["kind"] == "Video" and found.get("sound", {}).get("none", 0):
        with_sound = sum(found["sound"].values()) - found["sound"]["none"]
        if with_sound:
            yield f"{column}: {_many(found['sound']['none'], 'clip')} without sound, {with_sound} with it"
    if facts["kind"] == "TimeSeries" and found.get("channels") and found["channels"]["max"] > found["channels"]["low"]:
        yield f"{column}: series differ in their channels"


def _many(number, word):
    return f"{number:,} {word}{'' if number == 1 else 's'}"
