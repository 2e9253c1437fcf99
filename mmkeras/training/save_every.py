"""How often a training is saved."""

import re

SECONDS = {"s": 1, "min": 60, "h": 3600}
SHARE = 0.02  # of the time, at most, that saving takes by default
LONG = 600  # seconds after which a long epoch is saved in its midst by default


class SaveEvery:
    """Tells when a checkpoint is due.

    By default at the end of each epoch, and within long ones every 10 minutes; where epochs are so short that saving
    would take more than 2 % of the time, at the end of fewer of them.

    Args:
        every: int or `"200"`: steps; `"90s"`, `"5min"`, `"2h"`: time; None. Defaults to `None`.
    Raises:
        ValueError: it is none of these.
    """

    def __init__(self, every=None):
        self.steps = self.seconds = None
        found = None if every is None else re.fullmatch(r"(\d+)\s*(s|min|h)?", str(every).strip())
        if every is None:
            return
        if not found or int(found[1]) < 1:
            raise ValueError(
                "run: save_every must be a number of steps, or a time in s, min or h. "
                f"Received: save_every={every!r}. Do: 200, or '5min'."
            )
        if found[2]:
            self.seconds = int(found[1]) * SECONDS[found[2]]
        else:
            self.steps = int(found[1])

    def due(self, steps, seconds, cost, epoch_ends):
        """Whether to save now.

        Args:
            steps: int. Steps since it was saved last.
            seconds: float. Time since then.
            cost: float. Seconds that saving took.
            epoch_ends: bool. Whether an epoch has just ended.
        """
        if self.steps:
            return steps >= self.steps
        if self.seconds:
            return seconds >= self.seconds
        return seconds >= LONG or (epoch_ends and seconds >= cost / SHARE)
