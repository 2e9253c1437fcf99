"""One process at a time writes into a folder."""

import re
import signal
import subprocess
import sys
import threading

import pytest

from data_pipelines.files import held_folder as module
from data_pipelines.files.held_folder import held_folder

HOLD = """
import sys
from data_pipelines.files.held_folder import held_folder
with held_folder("test", sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process, which holds the folder `out`."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "out")], **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_folder_that_another_process_holds_is_refused_until_it_ends(tmp_path, other):
    rule = f"test: one process at a time may write into a folder. Received: '{tmp_path / 'out'}', into which another"
    with pytest.raises(ValueError, match=re.escape(rule)), held_folder("test", tmp_path / "out"):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with held_folder("test", tmp_path / "out"):
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


def test_a_thread_holds_again_what_it_holds_and_no_other_does(tmp_path):
    found = []

    def hold():
        try:
            with held_folder("test", tmp_path):
                found.append("held")
        except ValueError as error:
            found.append(str(error))

    with held_folder("test", tmp_path):
        hold()
        thread = threading.Thread(target=hold)
        thread.start()
        thread.join()
    hold()
    assert found[::2] == ["held", "held"] and "Do: wait until it has ended" in found[1]


def test_where_nothing_can_be_held_one_writes(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError("this file system holds nothing")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with held_folder("test", tmp_path):
        pass
    monkeypatch.setattr(module, "fcntl", None)
    with held_folder("test", tmp_path):
        pass


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    rule = r"test: the output must be a folder.*Received: '.*out'"
    with pytest.raises(ValueError, match=rule), held_folder("test", tmp_path / "out"):
        pass
