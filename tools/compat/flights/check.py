"""All flights through every client, before and after kill -9, with every codec. Started by tools/compat/run."""

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import broker as brokers  # noqa: E402
import clients  # noqa: E402
import dataset  # noqa: E402
import stored  # noqa: E402
from table import Table, ended, tidy  # noqa: E402

PARTITIONS = 16
# librdkafka leaves a batch uncompressed that would grow; only runts do.
CODEC_SHARE_MIN = 0.95


class FlightsTable(Table):
    def __init__(self):
        super().__init__("{:<14} {:<15} {:<15} {:>8} {:>5} {:<7} {:<9} {:<13} {:>6}  {}")
        self.heading("when", "topic", "by", "rows", "keys", "counts", "order", "sha256", "s", "result")

    def read(self, when, topic, by, sums, expected, seconds):
        """A reader's answer: equal counts of every key, then equal hashes over the values in order."""
        counts = {k: n for k, (n, _) in sums.keys.items()} == {k: n for k, (n, _) in expected.keys.items()}
        differing = sums.keys_that_differ(expected)
        checksum = sums.combined == expected.combined
        self.verdict(
            counts and not differing and checksum,
            *(when, topic, by, sums.count, len(sums.keys), "equal" if counts else "DIFFER"),
            *("equal" if not differing else ",".join(differing)[:9], sums.combined[:12], f"{seconds:.1f}"),
        )

    def step(self, when, topic, by, good, note, seconds):
        """Anything else that is either done or not."""
        self.verdict(good, when, topic, by, "", "", "", "", note, f"{seconds:.1f}")


class Flights:
    def __init__(self, table, bootstrap, expected, keyed, readers, suffix):
        self.table, self.bootstrap, self.expected, self.keyed = table, bootstrap, expected, keyed
        self.readers, self._suffix = readers, suffix

    def name(self, label):
        return f"flights-{label}{self._suffix}"

    def produce(self, when, label, codec):
        """Creates the topic, produces every row; returns whether that worked."""
        with self._step(when, label, "kcat -P") as step:
            clients.create_topic(self.bootstrap, self.name(label), PARTITIONS)
            clients.produce_with_kcat(self.bootstrap, self.name(label), self.keyed, codec)
            step.note = "acknowledged"
        return step.good

    def check_codec(self, when, label, codec):
        port = int(self.bootstrap.rpartition(":")[2])
        with self._step(when, label, "raw fetch") as step:
            found = stored.codec_bytes(port, self.name(label), PARTITIONS)
            share = found[codec] / max(1, found.total())
            step.good = share >= CODEC_SHARE_MIN
            step.note = f"{codec} {share:.0%}"

    def read(self, when, label):
        for by, reader in self.readers.items():
            begin = time.monotonic()
            try:
                sums = reader(self.bootstrap, self.name(label))
            except Exception:  # whatever a client throws is its verdict; the others still get their turn
                traceback.print_exc()
                self.table.step(when, label, by, False, "no answer", time.monotonic() - begin)
            else:
                self.table.read(when, label, by, sums, self.expected, time.monotonic() - begin)

    def _step(self, when, label, by):
        return Step(self.table, when, label, by)


class Step:
    """A check that fails by raising or by setting `good` to False."""

    def __init__(self, table, *columns):
        self._table, self._columns, self.good, self.note = table, columns, True, ""

    def __enter__(self):
        self._begin = time.monotonic()
        return self

    def __exit__(self, kind, error, trace):
        seconds = time.monotonic() - self._begin
        if kind is not None:
            if not issubclass(kind, Exception):
                return False
            traceback.print_exception(kind, error, trace)
            self.good, self.note = False, kind.__name__
        self._table.step(*self._columns, self.good, self.note, seconds)
        return True


def available_readers():
    readers = dict(clients.READERS)
    if not clients.pelton_can_consume():
        print("!" * 100)
        print(f"!!! SKIPPED: `pelton consume` reads nothing in this run: {brokers.PELTON} lacks it")
        print("!" * 100)
        del readers["pelton consume"]
    return readers


def started(table, server):
    if server is None:
        return True
    with Step(table, "start", "", server.kind) as step:
        step.note = f"up in {server.start():.2f} s"
    return step.good


def check(table, flights, server, codecs):
    """`server` is None for a broker that is not ours to kill."""
    written = []
    for codec in codecs:
        if flights.produce("first", codec, codec):
            written.append(codec)
            flights.check_codec("first", codec, codec)
            flights.read("first", codec)
    if server is None:
        return
    # Killed right behind the last acknowledgement, before anybody has read: nothing may hang on a clean stop.
    if flights.produce("before kill", "killed", "none"):
        written.append("killed")
    with Step(table, "kill -9", "", server.kind) as step:
        server.kill()
        step.note = f"up in {server.start():.2f} s"
    for label in written:
        flights.read("after kill -9", label)
    with Step(table, "stop", "", server.kind) as step:
        server.stop()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--broker", choices=["pelton", "kafka"], default="pelton")
    options.add_argument("--bootstrap", metavar="HOST:PORT", help="use this running broker, and kill nothing")
    options.add_argument("--codecs", default=",".join(stored.CODECS), help="%(default)s")
    options = options.parse_args()

    begin = time.monotonic()
    workspace = Path(tempfile.mkdtemp(prefix="flights-", dir=brokers.TARGET / "compat"))
    keyed = workspace / "flights.keyed"
    expected = dataset.prepare(brokers.TARGET / "compat" / "flights" / "flights.csv", keyed)

    server, suffix, bootstrap = None, "", options.bootstrap
    if bootstrap:
        suffix = f"-{int(time.time())}"  # topics of an earlier try may still be there
    else:
        if options.broker == "pelton" and not brokers.PELTON.exists():
            subprocess.run(["cargo", "build", "--release"], cwd=brokers.ROOT, check=True)
        server = brokers.Broker(options.broker, workspace / "broker", brokers.free_port())
        bootstrap = server.bootstrap

    readers = available_readers()
    print(f"expected: {expected.count} rows, {len(expected.keys)} keys, sha256 {expected.combined}")
    table = FlightsTable()
    try:
        if started(table, server):
            check(table, Flights(table, bootstrap, expected, keyed, readers, suffix), server, options.codecs.split(","))
    finally:
        if server is not None:
            server.kill()
    tidy(workspace, table.failed)
    return ended(table, begin)


if __name__ == "__main__":
    sys.exit(main())
