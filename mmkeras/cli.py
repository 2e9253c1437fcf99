"""The command line: inspect, train, evaluate, predict, export, demo."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main():
    """Entry point of `mmkeras`: exit code 0 done, 1 the data or the model failed, 2 wrong usage."""
    try:
        from mmkeras.commands import app
    except ImportError as error:
        if getattr(error, "name", None) not in ("typer", "rich"):
            raise
        print('mmkeras: the command line needs typer and rich. Do: pip install "mmkeras[cli]"', file=sys.stderr)
        sys.exit(1)
    app()
