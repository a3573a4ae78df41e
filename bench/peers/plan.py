"""What is measured: systems, workloads, and the order in which they take their turns. No side effects."""

from dataclasses import dataclass, field

GB = 10**9


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
SYSTEMS = (PELTON, KAFKA, KAFKA_DURABLE)
# What a second core brings; measured only when it is named.
PELTON_ONE_SHARD = System("pelton-1-shard", "pelton", True, "Pelton on one core", ("--cores", "1"))
ALL_SYSTEMS = (*SYSTEMS, PELTON_ONE_SHARD)


@dataclass(frozen=True)
class Workload:
    """One `pelton bench` command. `warm_bytes` is what goes through the broker, both ways, before it."""

    name: str
    command: str
    args: tuple
    warm_bytes: int
    seconds: float
    rate: str = ""
    systems: tuple = field(default=ALL_SYSTEMS)
    settings: tuple = ()

    def bench_args(self, quick):
        seconds = min(self.seconds, 2) if quick else self.seconds
        paced = ["--rate", self.rate] if self.rate else []
        return [self.command, *self.args, *paced, "--warm-up", "1", "--duration", f"{seconds:g}"]

    def warm_args(self, quick):
        """The same shape of load, bounded by bytes: a JVM compiles what it will need, on either path."""
        backlog = self.warm_bytes // 4 if quick else self.warm_bytes
        shape = list(self.args)
        if "--backlog" in shape:
            at = shape.index("--backlog")
            del shape[at : at + 2]
        return ["catch-up", *shape, "--backlog", str(max(backlog, 1))]


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

    def _args(self, members, rounds, rest=10):
        # A consumer's heartbeat.interval.ms and session.timeout.ms, as clients have them by default. A death takes its
        # session, and tells of little else.
        sizes = {"--members": members, "--partitions": self.partitions, "--rounds": rounds, "--deaths": 0, "--rest": rest}
        times = {"--protocol": self.protocol, "--heartbeat": 3, "--session": 45}
        return [self.command, *(str(each) for pair in (sizes | times).items() for each in pair)]

    def bench_args(self, quick):
        return self._args(min(self.members, 100), 1) if quick else self._args(self.members, self.rounds)

    def warm_args(self, quick):
        """A smaller group lives before: it makes the offsets topic, and a JVM compile what it will need."""
        return self._args(min(self.members, 10 if quick else 100), 1, rest=0)


def produce(name, records, record_bytes, partitions, warm_bytes, seconds, connections=8, in_flight=5, request=0):
    batch = records * record_bytes
    args = ["--records", records, "--record-bytes", record_bytes, "--partitions", partitions]
    args += ["--connections", connections, "--in-flight", in_flight]
    if request:
        # As a producer does: what is ready for a broker goes in one request.
        per_request = max(1, min(request // batch, partitions // connections))
        args += ["--batches-per-request", per_request]
    return Workload(name, "produce", tuple(map(str, args)), warm_bytes, seconds)


def workloads():
    """Seconds are few where the rate is high: what one broker writes in its life stays below the disk's share."""
    found = []
    for partitions in (1, 8, 100, 1000):
        of = f"{partitions}p"
        found += [
            produce(f"1000x1000-{of}", 1000, 1000, partitions, GB, 3),
            produce(f"1000x100-{of}", 1000, 100, partitions, GB // 2, 5),
            produce(f"16x1000-{of}", 16, 1000, partitions, GB // 4, 5, request=1 << 20),
            produce(f"single-{of}", 1, 1000, partitions, GB // 50, 10, in_flight=1),
        ]
    found.append(produce("single-8p-64", 1, 1000, 8, GB // 50, 10, in_flight=64))
    fetch = ("--records", "1000", "--record-bytes", "1000", "--partitions", "8", "--in-flight", "1")
    found.append(Workload("fetch-1000x1000-8p", "fetch", (*fetch, "--backlog", str(2 * GB)), GB, 8))
    found += [Groups(f"groups-{protocol}", protocol, 1000, 1000) for protocol in ("classic", "consumer")]
    return found


QUICK = ("1000x1000-8p", "16x1000-1000p", "single-8p")

# Latency at half the load that the slower of two can take, in the shape of these.
HALF_LOAD = ("1000x1000-8p", "16x1000-8p")
PAIRS = ((PELTON, KAFKA), (PELTON, KAFKA_DURABLE))


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
    )


def broker_args(system, workload):
    """What a broker is started with: its own arguments, and Kafka's settings that the workload wants the same."""
    if system.kind == "kafka":
        return (*system.args, *workload.settings)
    return (*system.args, *(each for setting in workload.settings for each in ("--set", setting)))


def turns(workload, rounds, names):
    """A B A B: who is measured after whom, so that what changes on the machine meanwhile meets all of them."""
    systems = [system for system in workload.systems if system.name in names]
    return [(system, round_) for round_ in range(1, rounds + 1) for system in systems]
