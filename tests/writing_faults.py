"""A process that runs commands, each in a fork of its own that is killed, or fails, at its n-th change of a file.

It reads jobs, JSON a line: `words` of the command, `watch`: the folder whose changes count, `fault` and `at`. It
answers with `code` of the process, `said` on stderr and `changes`, how many there were. Libraries are imported before.
"""

import errno
import json
import os
import signal
import sys
import tempfile

# What Python says before it changes something, and which of its arguments are paths.
CHANGES = {
    "os.rename": 2,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.link": 2,
    "shutil.rmtree": 1,
    "shutil.copyfile": 2,
}
GROWING = ("open", "os.mkdir", "os.link", "shutil.copyfile")  # what a full disk refuses
FAULTS = {"full": errno.ENOSPC, "read-only": errno.EROFS}
WRITES = os.O_WRONLY | os.O_RDWR


class Fault:
    """Counts changes in a folder, and from the n-th on lets happen what should.

    Args:
        watch: path of the folder.
        fault: `"kill"`, `"full"`, `"read-only"`, or None: counts only.
        at: int. The change, from 0, that is the first to fail.
        note: path of a file that the count is kept in.
    """

    def __init__(self, watch, fault, at, note):
        self.watch, self.fault, self.at = os.path.realpath(watch), fault, at
        self.note = os.open(note, os.O_WRONLY)
        self.count = 0

    def __call__(self, event, args):
        if not self._changes(event, args):
            return
        self.count += 1
        os.pwrite(self.note, b"%d" % self.count, 0)
        if self.fault is None or self.count <= self.at:
            return
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "read-only" or event in GROWING:
            raise OSError(FAULTS[self.fault], os.strerror(FAULTS[self.fault]), str(args[0]))

    def _changes(self, event, args):
        if event == "open":
            paths = args[:1] if isinstance(args[2], int) and args[2] & WRITES else ()
        else:
            paths = args[: CHANGES.get(event, 0)]
        return any(self._watched(path) for path in paths)

    def _watched(self, path):
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        path = os.path.abspath(os.fsdecode(path))
        return path == self.watch or path.startswith(os.path.join(self.watch, ""))


def watch_tensorflow(fault):
    """Tells of what TensorFlow writes by itself, too."""
    from tensorflow.python.lib.io import file_io

    for name in ("recursive_create_dir_v2", "atomic_write_string_to_file"):
        inner = getattr(file_io, name)

        def outer(path, *args, _inner=inner, **options):
            fault("os.mkdir", [path])
            return _inner(path, *args, **options)

        setattr(file_io, name, outer)


def run(job):
    """The command, in this process; never returns."""
    from mmkeras.cli import main

    fault = Fault(job["watch"], job["fault"], job["at"], job["note"])
    watch_tensorflow(fault)
    sys.addaudithook(fault)
    sys.argv = ["mmkeras", *job["words"]]
    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def answer(job):
    with tempfile.NamedTemporaryFile() as note, tempfile.NamedTemporaryFile("w+b") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os.chdir(job["watch"])
            run({**job, "note": note.name})
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "said": said.read().decode("utf-8", "replace"),
            "changes": int(note.read() or 0),
        }


if __name__ == "__main__":
    import mmkeras.commands
    import mmkeras.explaining.explain
    import mmkeras.exporting.export
    import mmkeras.reporting.inspect_page
    import mmkeras.reporting.report
    import mmkeras.training.run  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
