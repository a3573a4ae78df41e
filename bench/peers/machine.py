"""The machine under the brokers: its memory, its disk, its cores."""

import mmap
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

BLOCK = 1 << 20
# madvise(2), Linux 5.14: reads what is not there yet, and copies nothing.
MADV_POPULATE_READ = 22
# Of records, of either broker: by the first offset.
LOG = re.compile(r"\d{20}\.log")


def cpus_of(text):
    """Cores as taskset takes them: `0,2-3`. Those allowed to this process if nothing is said."""
    if not text:
        return sorted(os.sched_getaffinity(0))
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def pinned(cpus, command):
    return ["taskset", "-c", ",".join(map(str, cpus)), *command]


def available_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, value = line.split(":")
        if name == "MemAvailable":
            return int(value.split()[0]) << 10
    raise RuntimeError("/proc/meminfo tells no MemAvailable")


class PageCache:
    """Keeps memory in use, so that neither broker pays for pages that the machine must first get from its host.

    A file that is all hole takes no disk; reading it fills the page cache, from which the kernel takes pages as
    soon as anyone needs them.
    """

    def __init__(self, directory, total_bytes):
        self.path, self.total_bytes = Path(directory) / "page-cache", total_bytes

    def fill(self):
        if self.total_bytes <= 0:
            return
        with open(self.path, "wb") as file:
            file.truncate(self.total_bytes)
        with open(self.path, "rb", buffering=0) as file:
            try:
                with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                    mapped.madvise(MADV_POPULATE_READ)
            except OSError:
                # An older kernel.
                buffer = bytearray(BLOCK)
                while file.readinto(buffer):
                    pass

    def remove(self):
        self.path.unlink(missing_ok=True)


def used_bytes(directory):
    """What a folder takes on the disk."""
    return sum(
        _bytes_on_disk(os.path.join(folder, name)) for folder, _, files in os.walk(directory) for name in files
    )


def logs_with_data(directory):
    """How many partitions below a folder have a log that takes room on the disk.

    Either broker has a folder for each, with files that are named by their first offset.
    """
    return sum(
        any(LOG.fullmatch(name) and _bytes_on_disk(os.path.join(folder, name)) for name in files)
        for folder, _, files in os.walk(directory)
    )


def _bytes_on_disk(path):
    """0 if the file is gone: they may go while we look."""
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def describe(directory):
    """What figures depend on, for the reader of the results."""
    command = ["findmnt", "--noheadings", "--output", "SOURCE,FSTYPE,OPTIONS", "--target", str(directory)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "host": platform.node(),
        "kernel": platform.release(),
        "cpu": cpu[0].partition(":")[2].strip() if cpu else "",
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "mount": mount,
        "free_bytes": shutil.disk_usage(directory).free,
    }
