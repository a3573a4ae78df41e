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


def tidy(folder, has_failed):
    """Removes what a run has left behind, unless somebody will want to look into it."""
    if has_failed:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)


def ended(table, begin):
    """Prints how a run went that was begun at `begin` (monotonic). The exit code."""
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{table.passed} passed, {table.failed} failed")
    return 1 if table.failed or not table.passed else 0
