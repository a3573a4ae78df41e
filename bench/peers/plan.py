"""What is measured: systems, workloads, and the order in which they take their turns. No side effects."""

import math
from dataclasses import dataclass, replace

GB = 10**9
# From so many on, what the first batch of each partition costs would be most of a window of seconds.
MANY_PARTITIONS = 100


@dataclass(frozen=True)
class System:
    """A broker in one configuration. Its arguments go to `pelton start` or to Kafka's server.properties."""

    name: str
    kind: str
    is_durable: bool
    says: str
    args: tuple = ()


PELTON = System("pelton", "pelton", True, "Pelton as shipped: acknowledged means on stable storage")
KAFKA = System("kafka", "kafka", False, "Apache Kafka 4.4 as shipped: acknowledged means in the page cache")
# The broker's name for the topics' flush.messages.
KAFKA_DURABLE = System(
    "kafka-durable", "kafka", True, "Apache Kafka 4.4 with flush.messages=1", ("log.flush.interval.messages=1",)
)
BROKERS = (PELTON, KAFKA, KAFKA_DURABLE)
# Has its turn where a workload says what the device is to be compared by.
DISK = System("disk", "disk", True, "the device alone, written and synced by `pelton bench disk`")
# Has its turn where it is asked what a second core brings.
PELTON_ONE_SHARD = System("pelton-1-shard", "pelton", True, "Pelton on one core", ("--cores", "1"))
SYSTEMS = (DISK, PELTON_ONE_SHARD, *BROKERS)


@dataclass(frozen=True)
class Pace:
    """How much time a run of all is given."""

    name: str
    # Of a load as fast as it goes, and of one at a rate, which for the sake of its percentiles has more.
    seconds_max: float
    rate_seconds_max: float
    # Of what goes through a broker before it is measured.
    warm_share: float
    groups_members: int
    disk_seconds: float
    # No turn begins later than this.
    seconds_in_all: float


FULL = Pace("full", math.inf, math.inf, 1, 1000, 3, math.inf)
# All goals in two rounds, in 25 minutes.
GOALS = Pace("goals", 3, 6, 0.5, 1000, 1, 24 * 60)
QUICK = Pace("quick", 2, 2, 0.25, 100, 1, 270)


@dataclass(frozen=True)
class Workload:
    """One `pelton bench` command. `warm_bytes` is what goes through the broker, both ways, before it.

    `disk` is what `pelton bench disk` does in the device's turn: none if it has none. `partitions` is told where there
    are many: then what goes before goes to the topic that is measured, a batch of `batch_bytes` to each at least.
    """

    name: str
    command: str
    args: tuple
    warm_bytes: int
    seconds: float
    rate: str = ""
    systems: tuple = BROKERS
    settings: tuple = ()
    disk: tuple = ()
    partitions: int = 0
    batch_bytes: int = 0
    warm_up_seconds = 1
    disk_bytes_max = 10 << 30

    @property
    def is_filled_first(self):
        """Whether files and logs of all partitions are there before the clock starts, whichever the broker."""
        return self.partitions >= MANY_PARTITIONS

    def bench_args(self, pace):
        seconds = min(self.seconds, pace.rate_seconds_max if self.rate else pace.seconds_max)
        paced = ["--rate", self.rate] if self.rate else []
        return [self.command, *self.args, *paced, "--warm-up", f"{self.warm_up_seconds:g}", "--duration", f"{seconds:g}"]

    def warm_args(self, pace):
        """The same shape of load, bounded by bytes: a JVM compiles what it will need, on either path."""
        shape = list(self.args)
        for only_measured in ("--backlog", "--newcomers", "--newcomers-at-once"):
            if only_measured in shape:
                at = shape.index(only_measured)
                del shape[at : at + 2]
        warm_bytes = max(int(self.warm_bytes * pace.warm_share), 1)
        if not self.is_filled_first:
            return ["catch-up", *shape, "--backlog", str(warm_bytes)]
        return ["catch-up", *shape, "--backlog", str(max(warm_bytes, self.partitions * self.batch_bytes)), "--keep-topic"]

    def disk_args(self, pace):
        return ["disk", *self.disk, "--seconds", f"{pace.disk_seconds:g}"]


@dataclass(frozen=True)
class Groups:
    """`pelton bench groups` by one protocol: how long a rebalance takes, and what it costs the broker."""

    name: str
    protocol: str
    members: int
    partitions: int
    rounds: int = 3
    systems: tuple = (PELTON, KAFKA)
    # Kafka's defaults, and ours. Given to all brokers: most of the time is these, so they must be the same.
    settings: tuple = (
        "group.initial.rebalance.delay.ms=3000",
        "group.consumer.heartbeat.interval.ms=5000",
        "group.consumer.session.timeout.ms=45000",
        "group.consumer.assignment.interval.ms=1000",
    )
    command = "groups"
    disk_bytes_max = 10 << 30
    is_filled_first = False

    def _args(self, members, rounds, rest=10):
        # A consumer's heartbeat.interval.ms and session.timeout.ms, as clients have them by default. A death takes its
        # session, and tells of little else.
        sizes = {"--members": members, "--partitions": self.partitions, "--rounds": rounds, "--deaths": 0, "--rest": rest}
        times = {"--protocol": self.protocol, "--heartbeat": 3, "--session": 45}
        return [self.command, *(str(each) for pair in (sizes | times).items() for each in pair)]

    def bench_args(self, pace):
        is_short = pace.groups_members < self.members
        return self._args(min(self.members, pace.groups_members), 1 if is_short else self.rounds)

    def warm_args(self, pace):
        """A smaller group lives before: it makes the offsets topic, and a JVM compile what it will need."""
        return self._args(min(self.members, pace.groups_members // 10), 1, rest=0)


@dataclass(frozen=True)
class Compaction:
    """`pelton bench compaction`: what a load notices of it, and what it costs."""

    name: str = "compaction"
    systems: tuple = (PELTON, KAFKA)
    # Or Kafka would look every 15 s.
    settings: tuple = ("log.cleaner.backoff.ms=500",)
    command = "compaction"
    disk_bytes_max = 10 << 30
    is_filled_first = False

    def bench_args(self, pace):
        records = {"full": 10_000_000, "goals": 10_000_000}.get(pace.name, 1_000_000)
        return [self.command, "--records", str(records), "--keys", str(records // 10), "--within", "200"]

    def warm_args(self, pace):
        return None


@dataclass(frozen=True)
class Start:
    """How long a broker takes to start on what it has: after it was stopped, and after kill -9 under load."""

    name: str
    partitions: int
    # What is produced before; `rate` is what all brokers can take, so that they have as much.
    rate: str
    seconds: float
    load: tuple
    systems: tuple = (PELTON, KAFKA)
    settings: tuple = ()
    command = "start"
    disk_bytes_max = 15 << 30

    def fill_args(self, pace):
        seconds = self.seconds / 10 if pace.name == "quick" else self.seconds
        return ["produce", *self.load, "--rate", self.rate, "--warm-up", "0", "--duration", f"{seconds:g}"]

    def bench_args(self, pace):
        return self.fill_args(pace)

    def load_args(self):
        """What is going on when it is killed."""
        return ["produce", *self.load, "--rate", self.rate, "--warm-up", "0", "--duration", "20"]


# Written and synced: a file that was written through before, one that is allocated only, as segments are, and one
# that grows; in blocks of 512 KiB unless something else is said.
SYNCED = ("write-dsync", "write-allocated-dsync", "write-growing-dsync")
DISK_AS_FAST_AS_IT_GOES = ("--only", ",".join(SYNCED))
DISK_ONE_AT_A_TIME = ("--only", "latency-dsync")


def disk_at(rate, block):
    """The same bytes as a load at this rate, written and synced in pieces of a batch's size."""
    return (*DISK_AS_FAST_AS_IT_GOES, "--rate", rate, "--block", block)


def produce(
    name, records, record_bytes, partitions, warm_bytes, seconds, connections=8, in_flight=5, request=0, **more
):
    batch = records * record_bytes
    args = ["--records", records, "--record-bytes", record_bytes, "--partitions", partitions]
    args += ["--connections", connections, "--in-flight", in_flight]
    if request:
        # As a producer does: what is ready for a broker goes in one request.
        per_request = max(1, min(request // batch, partitions // connections))
        args += ["--batches-per-request", per_request]
    of_all = {"partitions": partitions, "batch_bytes": batch}
    return Workload(name, "produce", tuple(map(str, args)), warm_bytes, seconds, **of_all, **more)


def shards(workload):
    """The same with one shard and with as many as there are cores."""
    return replace(workload, name=f"shards-{workload.name}", systems=(PELTON_ONE_SHARD, PELTON), disk=())


def workloads():
    """Seconds are few where the rate is high: what one broker writes in its life stays below the disk's share."""
    found = []
    for partitions in (1, 8, 100, 1000, 10_000):
        of = f"{partitions}p"
        fast = {"disk": DISK_AS_FAST_AS_IT_GOES, "systems": (DISK, *BROKERS)}
        alone = {"disk": DISK_ONE_AT_A_TIME, "systems": (DISK, *BROKERS)}
        found.append(produce(f"16x1000-{of}", 16, 1000, partitions, GB // 4, 4, request=1 << 20, **fast))
        if partitions == 10_000:
            break
        found += [
            produce(f"1000x1000-{of}", 1000, 1000, partitions, GB, 3, **fast),
            produce(f"1000x100-{of}", 1000, 100, partitions, GB // 2, 5, **fast),
            produce(f"single-{of}", 1, 1000, partitions, GB // 50, 10, in_flight=1, **alone),
        ]
    found.append(produce("single-8p-64", 1, 1000, 8, GB // 50, 10, in_flight=64))
    # One batch a request, whatever the partitions: what tells how their number matters by itself.
    for partitions in (8, 10_000):
        found.append(produce(f"density-16x1000-{partitions}p", 16, 1000, partitions, GB // 4, 5, systems=(PELTON,)))
    fetch = ("--records", "1000", "--record-bytes", "1000", "--partitions", "8", "--in-flight", "1")
    fetch += ("--backlog", str(2 * GB))
    found.append(Workload("fetch-1000x1000-8p", "fetch", fetch, GB, 8))
    newcomers = ("--newcomers", "64", "--newcomers-at-once", "64")
    found.append(Workload("fairness-fetch-1000x1000-8p", "fetch", (*fetch, *newcomers), GB, 8))
    for name, records, partitions, rate, block in (
        ("rate-450MB-1000x1000-8p", 1000, 8, "450MB/s", "1MiB"),
        ("rate-200MB-100x1000-16p", 100, 16, "200MB/s", "100KiB"),
    ):
        of = {"rate": rate, "disk": disk_at(rate, block), "systems": (DISK, *BROKERS)}
        found.append(produce(name, records, 1000, partitions, GB, 8, **of))
    by_name = {workload.name: workload for workload in found}
    found += [shards(by_name[name]) for name in ("1000x1000-8p", "1000x100-8p", "single-8p-64")]
    small = ("--records", "16", "--record-bytes", "1000", "--connections", "8")
    large = ("--records", "1000", "--record-bytes", "1000", "--connections", "8")
    found.append(Start("start-10GB", 8, "700MB/s", 14.5, large))
    found.append(Start("start-10000p", 10_000, "50MB/s", 4, (*small, "--batches-per-request", "65")))
    found += [Groups(f"groups-{protocol}", protocol, 1000, 1000) for protocol in ("classic", "consumer")]
    found.append(Compaction())
    return found


NAMES_OF_QUICK = ("1000x1000-8p", "16x1000-1000p", "single-8p")

_P, _K, _KD, _D, _P1 = "pelton", "kafka", "kafka-durable", "disk", "pelton-1-shard"
# What the goals are about: by whom, and in how many rounds if not in all.
OF_GOALS = {
    "1000x1000-8p": ((_D, _P, _K, _KD), None),
    "fetch-1000x1000-8p": ((_P, _K), None),
    "1000x100-8p": ((_P, _K, _KD), None),
    "single-8p": ((_D, _P, _K, _KD), None),
    "single-8p-64": ((_P, _K, _KD), None),
    "rate-450MB-1000x1000-8p": ((_D, _P, _K, _KD), None),
    "16x1000-1000p": ((_D, _P, _K, _KD), None),
    "fairness-fetch-1000x1000-8p": ((_P, _K), None),
    "shards-1000x1000-8p": ((_P1, _P), None),
    "shards-1000x100-8p": ((_P1, _P), None),
    "rate-200MB-100x1000-16p": ((_D, _P, _KD), None),
    "16x1000-1p": ((_D, _P), None),
    "16x1000-8p": ((_D, _P, _KD), None),
    "16x1000-100p": ((_D, _P), None),
    "16x1000-10000p": ((_D, _P), None),
    "density-16x1000-8p": ((_P,), None),
    "density-16x1000-10000p": ((_P,), None),
    "start-10GB": ((_P, _K), 1),
    "start-10000p": ((_P,), None),
    "compaction": ((_P,), None),
    "groups-classic": ((_P, _K), 1),
    "groups-consumer": ((_P, _K), 1),
}


def chosen(pace, only):
    """What is measured, in order: all whose names contain one of `only`, or what the pace has."""
    all_workloads = workloads()
    if pace is GOALS:
        by_name = {workload.name: workload for workload in all_workloads}
        all_workloads = [by_name[name] for name in OF_GOALS]
    elif pace is QUICK and not only:
        all_workloads = [workload for workload in all_workloads if workload.name in NAMES_OF_QUICK]
    if only:
        return [workload for workload in all_workloads if any(name in workload.name for name in only)]
    return all_workloads


# Latency at half the load that the slower of two can take, in the shape of these.
HALF_LOAD = ("1000x1000-8p", "16x1000-8p")
PAIRS = ((PELTON, KAFKA), (PELTON, KAFKA_DURABLE))
HALF_LOAD_OF_GOALS = {"1000x1000-8p": (PAIRS[0],), "16x1000-8p": (PAIRS[1],)}


def pairs_at_half_load(workload, pace):
    """Who is compared at half load, once the workload was measured as fast as it goes."""
    if pace is GOALS:
        return HALF_LOAD_OF_GOALS.get(workload.name, ())
    return PAIRS if workload.name in HALF_LOAD else ()


def half_load(workload, pair, throughputs):
    """A workload at half the rate of the pair's slower one; none if one of them has no figure.

    `throughputs`: bytes a second by (workload, system).
    """
    rates = [throughputs.get((workload.name, system.name)) for system in pair]
    if not all(rates):
        return None
    megabytes = max(min(rates) / 2 / 1e6, 0.001)
    return Workload(
        f"half-load-{workload.name}-{pair[1].name}",
        workload.command,
        workload.args,
        workload.warm_bytes,
        max(workload.seconds, 10),
        rate=f"{megabytes:.3f}MB/s",
        systems=pair,
        partitions=workload.partitions,
        batch_bytes=workload.batch_bytes,
    )


def broker_args(system, workload):
    """What a broker is started with: its own arguments, and Kafka's settings that the workload wants the same."""
    if system.kind == "kafka":
        return (*system.args, *workload.settings)
    return (*system.args, *(each for setting in workload.settings for each in ("--set", setting)))


def turns(workload, rounds, names, pace):
    """A B A B: who is measured after whom, so that what changes on the machine meanwhile meets all of them."""
    if pace is GOALS and workload.name in OF_GOALS:
        of_goals, rounds_max = OF_GOALS[workload.name]
        names = [name for name in names if name in of_goals]
        rounds = min(rounds, rounds_max or rounds)
    systems = [system for system in workload.systems if system.name in names]
    return [(system, round_) for round_ in range(1, rounds + 1) for system in systems]
