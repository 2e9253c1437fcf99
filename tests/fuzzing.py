"""How much the fuzzed tests try: a little in `make test`; all, with limits of time and memory, in `make fuzz`."""

import contextlib
import os
import re
import time

import hypothesis

LONG = os.environ.get("MMKERAS_FUZZ") == "long"
SECONDS = 2.0  # that one damaged file, cell or request may take
MEMORY = 512  # MiB that a process may grow by over all of them


def amount(short, long):
    """How many cases a test tries."""
    return long if LONG else short


def tried(count):
    """Settings of a test whose cases take seconds each: the same cases in `make test`, other ones in `make fuzz`."""
    return hypothesis.settings(
        max_examples=count,
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@contextlib.contextmanager
def bounded_memory(megabytes=MEMORY):
    """Fails where the process grows by more at any time within; looks only in `make fuzz`."""
    if not LONG:
        yield
        return
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = peak_memory()
    yield
    grown = peak_memory() - before
    assert grown <= megabytes, f"grew by {grown} MiB"


def peak_memory():
    """The most memory that this process has held, in MiB."""
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\s*(\d+)", file.read())[1]) // 1024


def is_sentence(error):
    """Whether an error is one of ours: the rule, and what was received."""
    return isinstance(error, ValueError) and bool(re.match(r"(?s)[^\n]+: .+ Received: .+", str(error)))


def is_done(act):
    """Whether something can be done; else the error is a sentence. Neither takes long."""
    start = time.process_time()
    try:
        act()
        return True
    except ValueError as error:
        assert is_sentence(error), error
        return False
    finally:
        assert not LONG or time.process_time() - start < SECONDS
