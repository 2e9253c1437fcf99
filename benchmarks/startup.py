"""CPU seconds of `import mmkeras` over those of `import keras`, in fresh processes, alternating.

Command: python benchmarks/startup.py
Floor: at most 0.1 s more.
"""

import resource
import statistics
import subprocess
import sys

RUNS = 7


def cpu_seconds(code):
    """User and system seconds of a fresh Python that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    cpu_seconds("import mmkeras")
    pairs = [(cpu_seconds("import keras"), cpu_seconds("import mmkeras")) for _ in range(RUNS)]
    keras, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
    extra = statistics.median(b - a for a, b in pairs)
    print(
        f"import keras {keras:.2f} s, import mmkeras {ours:.2f} s, median difference {extra:+.3f} s CPU ({RUNS} pairs)"
    )
    if extra > 0.1:
        sys.exit("above the floor of 0.1 s")


if __name__ == "__main__":
    main()
