"""Ctrl-C asks first and interrupts then; handlers of others stay."""

import signal
import threading

import pytest

from mmkeras.training.interruption import Interruption


def test_the_first_asks_the_second_interrupts(capsys):
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        assert not interruption.asked
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked and "Ctrl-C again: at once" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_stay():
    pressed = []
    former = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
        assert pressed == [1] and not interruption.asked
    finally:
        signal.signal(signal.SIGINT, former)


def test_other_threads_leave_signals_alone():
    found = []

    def enter():
        with Interruption():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
