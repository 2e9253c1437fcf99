"""Ctrl-C in training: the step comes to its end, so that what is kept is the state between two steps."""

import signal
import sys
import threading


class Interruption:
    """A context in which the first Ctrl-C only asks; the second one interrupts at once.

    Attributes:
        asked: bool. Whether Ctrl-C was pressed.
    """

    def __init__(self):
        self.asked = False
        self._former = None

    def __enter__(self):
        in_main = threading.current_thread() is threading.main_thread()
        # A handler of somebody else's stays.
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._former = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *failure):
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def _ask(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nstops after this step, or this validation, and keeps it; Ctrl-C again: at once", file=sys.stderr)
