"""`python -m mmkeras`, the same as the command `mmkeras`."""

from mmkeras.cli import main

if __name__ == "__main__":
    main()
