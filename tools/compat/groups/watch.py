"""Looks at every group's committed offsets all the time, and waits for what must come to pass."""

import threading
import time

from offsets import NotYet, committed, log_ends

# No machine is so busy that what must happen takes longer; nothing else depends on how fast one is.
PATIENCE_SECONDS = 240
LOOK_SECONDS = 0.1


class DidNotHappen(Exception):
    """What was waited for has not come to pass in PATIENCE_SECONDS."""


class Watch(threading.Thread):
    """Notes each committed offset that went back. `last` holds the newest of each group."""

    def __init__(self, port, topic, partitions, groups):
        super().__init__(daemon=True)
        self.port, self.topic, self.partitions, self.groups = port, topic, partitions, groups
        self.ended, self.looks, self.back, self.last = threading.Event(), 0, [], {}

    def run(self):
        while not self.ended.wait(LOOK_SECONDS):
            for group in self.groups:
                try:
                    self._look(group)
                except NotYet:
                    pass
                except ValueError as error:
                    self.back.append(f"{group}: {error}")

    def _look(self, group):
        offsets = committed(self.port, group, self.topic, self.partitions)
        before = self.last.get(group, offsets)
        for partition, (old, new) in enumerate(zip(before, offsets)):
            if new < old:
                self.back.append(f"{group}: partition {partition} went from {old} back to {new}")
        self.last[group], self.looks = offsets, self.looks + 1

    def stop(self):
        self.ended.set()
        self.join()

    def until(self, what, holds):
        """Returns when `holds()`; DidNotHappen after PATIENCE_SECONDS."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise DidNotHappen(what)
            time.sleep(LOOK_SECONDS)

    def log_ends(self):
        found = []

        def told():
            try:
                found.append(log_ends(self.port, self.topic, self.partitions))
            except NotYet:
                pass
            return found

        self.until("the ends of the log are told", told)
        return found[0]

    def carries_on(self, group, what):
        """Waits until the group has committed, in every partition, a record that was written after this call.

        So each partition has somebody who reads it now, whoever it was before.
        """
        ends = self.log_ends()
        self.until(
            f"{group} carries on after {what}",
            lambda: all(offset > end for offset, end in zip(self.last.get(group, [-1] * len(ends)), ends)),
        )
