"""Waiting for something that can be observed, with a deadline, instead of sleeping."""

import time


class Late(AssertionError):
    """What was awaited did not come in time."""


def wait_for(probe, timeout, what, every=0.02):
    """Calls probe() until it returns something true, and returns that.

    `what` completes "waited N s for ..."; a callable is asked at the end, for what was seen instead.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = probe()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise Late(f"waited {timeout:g} s for {what() if callable(what) else what}")
        time.sleep(every)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self):
        self.start = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self.start
