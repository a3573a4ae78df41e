"""What the checks have in common: a table of verdicts that grows row by row, and how a run ends."""

import shutil
import time


class Table:
    """Prints a row per check as it is done, and counts. The last column is the verdict."""

    def __init__(self, row):
        self._row, self.passed, self.failed = row, 0, 0

    def heading(self, *columns):
        print(self._row.format(*columns), flush=True)

    def verdict(self, good, *columns):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(self._row.format(*columns, "ok" if good else "FAILED"), flush=True)


def finish(table, folder, begin):
    """Prints how the run went, begun at `begin` (monotonic), and keeps its folder if it failed. The exit code."""
    if table.failed:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{table.passed} passed, {table.failed} failed")
    return 1 if table.failed or not table.passed else 0
