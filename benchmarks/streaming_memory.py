"""Peak memory of one pass over a table of 4,000 rows and of one of 400,000, with the same pictures over and over.

Each size is read in a process of its own: the csv is opened, the pipeline adapted, one training pass drawn in batches
of 32 and thrown away. The table is streamed, so memory must not follow its length.

Command: python benchmarks/streaming_memory.py
Floor: 400,000 rows take at most 10 % more than 4,000.
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SIZES = (4_000, 400_000)


def write_table(path, rows):
    """The clipart table again and again, up to so many rows."""
    from data_pipelines.datasets import folder

    root = folder("clipart")
    with open(f"{root}/table.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["picture", "title", "width", "category"])
        for place in range(rows):
            line = lines[place % len(lines)]
            out.writerow([f"{root}/{line['picture']}", line["title"], line["width"], line["category"]])


def measure(path):
    """Draws one pass; prints the peak of this process in MiB."""
    from data_pipelines import Category, Image, Number, Pipeline, Text, read_table

    rows = read_table(path)
    inputs = {"picture": Image(48), "title": Text(), "width": Number()}
    pipe = Pipeline(inputs, {"category": Category()}).adapt(rows)
    seen = sum(int(y["category"].shape[0]) for _, y, _ in pipe.batches(rows, 32, training=True))
    if seen != len(rows):
        sys.exit(f"{seen} rows drawn of {len(rows)}")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    peaks = []
    with tempfile.TemporaryDirectory() as place:
        for rows in SIZES:
            path = os.path.join(place, f"{rows}.csv")
            write_table(path, rows)
            done = subprocess.run([sys.executable, __file__, path], check=True, stdout=subprocess.PIPE, text=True)
            peaks.append(float(done.stdout.split()[-1]))
            print(f"{rows:,} rows: {peaks[-1]:.0f} MiB at the peak")
    print(f"growth: {peaks[1] / peaks[0] - 1:+.1%}")
    if peaks[1] > 1.1 * peaks[0]:
        sys.exit("above the floor of 10 %")


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
