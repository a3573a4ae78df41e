"""Random sequences of requests: topics come and go, batches good and bad, fetches, offsets, configs.

A seed always gives the same sequence, and a shorter one is the beginning of a longer one. What is decided depends on
the seed and on answers alone, so two brokers that answer alike are asked alike. What the two may time differently is
left out: sizes that cut a batch, timestamps of now as something to search for, and retention.
"""

import random

import batch
from scenarios.cluster import UNKNOWN_ID
from scenarios.produce import request

HOUR_MS = 3_600_000
TOPIC = 2
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3
BIG = 1 << 20
SESSIONS_MAX = 3
FETCHES_AT_THE_END_MAX = 200

CONFIGS = [
    *(("max.message.bytes", value) for value in ("300", "2000", "-1", "x")),
    *(("cleanup.policy", value) for value in ("compact", "delete", "compact,delete", "shred")),
    *(("message.timestamp.type", value) for value in ("CreateTime", "LogAppendTime", "Now")),
    *(("message.timestamp.before.max.ms", value) for value in ("1000", str(2 * HOUR_MS), "-1")),
    *(("message.timestamp.after.max.ms", value) for value in ("1000", str(HOUR_MS))),
    *(("compression.type", value) for value in ("producer", "uncompressed", "brotli")),
    *(("min.insync.replicas", value) for value in ("1", "2", "0")),
    *(("flush.ms", "1000"), ("retention.ms", str(24 * HOUR_MS)), ("segment.bytes", "1"), ("unknown.key", "1")),
]


class Sequence:
    """A scenario of so many steps and a look at what is there in the end."""

    def __init__(self, seed, steps):
        self.seed, self.steps = seed, steps
        self.label = f"random.{seed}"

    def __call__(self, probe):
        walk = _Walk(probe, self.seed)
        for number in range(self.steps):
            probe.case(f"{self.label} #{number}")
            walk.step()
        probe.case(f"{self.label} end")
        walk.end()


class _Walk:
    def __init__(self, probe, seed):
        self.p, self.random = probe, random.Random(seed)
        prefix = f"cmp-random-{seed}"
        self.names = [f"{prefix}-{rest}" for rest in ("a", "b", "c", "d.x", "d_x")]
        self.marker = probe.topic(f"{prefix}-marker")
        self.settled = 0
        self.partitions = {}  # of the topics that are there
        self.ends = {}  # (topic, partition) -> the end of what was acknowledged
        self.vague = set()  # topics in which the greatest timestamp depends on the clock, or on what was deleted
        self.producers, self.sessions = [], []
        verbs = (
            (self._create, 7), (self._delete, 3), (self._grow, 2), (self._configure, 6), (self._reconfigure, 1),
            (self._describe, 3), (self._metadata, 3), (self._new_producer, 2), (self._producers_there, 2),
            (self._produce, 25), (self._produce_in_sequence, 12), (self._fetch, 12), (self._session, 18),
            (self._list_offsets, 10), (self._epochs, 3), (self._delete_records, 3),
        )  # fmt: skip
        self.verbs, self.weights = zip(*verbs)

    def step(self):
        self.random.choices(self.verbs, self.weights)[0]()

    def end(self):
        """Everything that can be seen of every topic."""
        self.p.ask("Metadata", 12, {"topics": None})
        for name, count in sorted(self.partitions.items()):
            rows = [{"resourceType": TOPIC, "resourceName": name, "configurationKeys": None}]
            self.p.ask("DescribeConfigs", 4, {"resources": rows, "includeSynonyms": True})
            self.p.ask("DescribeProducers", 0, {"topics": [{"name": name, "partitionIndexes": list(range(count))}]})
            for partition in range(count):
                self._list(7, name, partition, -1)
                start = self._list(7, name, partition, -2)
                self._read_all(name, partition, start)
        everything = [{"name": name} for name in [*self.partitions, self.marker]]
        self.p.quiet("DeleteTopics", 6, {"topics": everything, "timeoutMs": 30_000})
        for name in [*self.partitions, self.marker]:
            self.p.until_gone(name)

    def _read_all(self, name, partition, offset):
        for _ in range(FETCHES_AT_THE_END_MAX):
            rows = [{"partition": partition, "fetchOffset": offset, "partitionMaxBytes": BIG}]
            answer = self._ask_fetch(12, [(name, rows)], sessionEpoch=-1, maxWaitMs=0)
            data = answer["responses"][0]["partitions"][0]
            batches = [b for b in self.p.batches(data["records"]) if "baseOffset" in b]
            if not batches:
                return
            offset = batches[-1]["baseOffset"] + batches[-1]["lastOffsetDelta"] + 1

    # -- what is chosen from

    def _chance(self, percent):
        return self.random.randrange(100) < percent

    def _topic(self):
        """One that is there, mostly."""
        if self.partitions and self._chance(90):
            return self.random.choice(list(self.partitions))
        return self.random.choice([*self.names, *self.names, "cmp-random-none", "not valid", ""])

    def _partition(self, name):
        count = self.partitions.get(name, 1)
        return self.random.choice([-1, count]) if self._chance(5) else self.random.randrange(count)

    def _offset(self, name, partition):
        end = self.ends.get((name, partition), 0)
        return self.random.choice([-1, -2, end + 1, 2**62]) if self._chance(8) else self.random.randint(0, end)

    def _version(self, api, oldest=0):
        versions = self.p.versions(api)
        return self.random.randint(max(oldest, versions[0]), versions[-1])

    def _configs(self):
        return [self.random.choice(CONFIGS) for _ in range(self.random.randint(0, 2))]

    # -- topics and configs

    def _create(self):
        topics = []
        for name in self.random.sample(self.names, self.random.choice([1, 1, 1, 2])):
            count = self.random.choice([1, 1, 2, 2, 3, 5, -1, 0])
            configs = [{"name": key, "value": value} for key, value in self._configs()] if self._chance(40) else []
            factor = self.random.choice([1, 1, 1, 1, -1, 2])
            topics.append({"name": name, "numPartitions": count, "replicationFactor": factor, "configs": configs})
        # Before 4 the counts have no defaults, and -1 is as wrong as 0.
        only = self._chance(10)
        body = {"topics": topics, "timeoutMs": 30_000, "validateOnly": only}
        answer = self.p.ask("CreateTopics", self._version("CreateTopics"), body)
        codes = {topic["name"]: topic["errorCode"] for topic in answer.get("topics", [])}
        for topic in topics:
            name, count = topic["name"], topic["numPartitions"]
            if only or codes.get(name) != 0:
                continue
            self.partitions[name] = 1 if count == -1 else count
            self.p.until_there(name, self.partitions[name])
            if any(row["value"] == "LogAppendTime" for row in topic["configs"]):
                self.vague.add(name)
        self._settle()

    def _delete(self):
        name, version = self._topic(), self._version("DeleteTopics")
        if version < 6:
            body = {"topicNames": [name]}
        elif self._chance(50):
            body = {"topics": [{"name": name}]}
        else:
            body = {"topics": [{"name": None, "topicId": self._id(name)}]}
        answer = self.p.ask("DeleteTopics", version, body | {"timeoutMs": 30_000})
        if any(row["errorCode"] == 0 for row in answer.get("responses", [])):
            self.p.until_gone(name)
            self._settle()
            self.partitions.pop(name)
            self.vague.discard(name)
            self.ends = {place: end for place, end in self.ends.items() if place[0] != name}

    def _grow(self):
        name = self._topic()
        count = self.partitions.get(name, 1) + self.random.choice([-1, 0, 1, 1, 2])
        body = {"topics": [{"name": name, "count": count, "assignments": None}], "timeoutMs": 30_000}
        answer = self.p.ask("CreatePartitions", self._version("CreatePartitions"), body)
        if any(row["errorCode"] == 0 for row in answer.get("results", [])):
            self.partitions[name] = count
            self.p.until_there(name, count)
            self._settle()

    def _configure(self):
        name = self._topic()
        changes = []
        for key, value in self._configs():
            operation = self.random.choice([SET, SET, SET, DELETE, APPEND, SUBTRACT])
            changes.append({"name": key, "configOperation": operation, "value": value})
        row = {"resourceType": TOPIC, "resourceName": name, "configs": changes}
        body = {"resources": [row], "validateOnly": self._chance(10)}
        self.p.ask("IncrementalAlterConfigs", self._version("IncrementalAlterConfigs"), body)
        self._configured(name, changes)

    def _reconfigure(self):
        name = self._topic()
        configs = [{"name": key, "value": value} for key, value in self._configs()]
        row = {"resourceType": TOPIC, "resourceName": name, "configs": configs}
        self.p.ask("AlterConfigs", self._version("AlterConfigs"), {"resources": [row]})
        self._configured(name, configs)

    def _configured(self, name, rows):
        if any(row["value"] == "LogAppendTime" for row in rows):
            self.vague.add(name)
        self._settle()

    def _settle(self):
        """Until everything acknowledged so far is in force: what a broker applies later shows that."""
        self.settled += 1
        row = {"name": "flush.ms", "configOperation": SET, "value": str(1000 + self.settled)}
        resource = {"resourceType": TOPIC, "resourceName": self.marker, "configs": [row]}
        self.p.quiet("IncrementalAlterConfigs", 1, {"resources": [resource]})
        self.p.until_config(TOPIC, self.marker, row["name"], row["value"])

    def _describe(self):
        rows = [{"resourceType": TOPIC, "resourceName": self._topic(), "configurationKeys": None}]
        body = {"resources": rows, "includeSynonyms": self._chance(50)}
        self.p.ask("DescribeConfigs", self._version("DescribeConfigs"), body)

    def _metadata(self):
        names = [self._topic() for _ in range(self.random.randint(1, 3))]
        if self._chance(30):
            self.p.ask("DescribeTopicPartitions", 0, {"topics": [{"name": name} for name in names]})
            return
        version = self._version("Metadata", oldest=4)  # older ones create what they are asked for
        topics = None if self._chance(20) else [{"name": name} for name in names]
        if topics and version >= 12 and self._chance(30):
            topics = [{"name": None, "topicId": self._id(name)} for name in names]
        self.p.ask("Metadata", version, {"topics": topics, "allowAutoTopicCreation": False})

    def _id(self, name):
        """That of the topic, or of one that was called so before."""
        return self.p.topic_ids.get(name, UNKNOWN_ID)

    # -- batches

    def _produce(self):
        name, batches = self._topic(), {}  # each partition once: of two Kafka writes one and answers the other
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            batches[self._partition(name)] = self._batch()
        rows = [(partition, data) for partition, (data, _) in batches.items()]
        counts = {partition: count for partition, (_, count) in batches.items()}
        acks = self.random.choice([-1] * 8 + [1] * 4 + [0, 2])
        version = self._version("Produce")
        body = request(self.p, name, *rows, acks=acks)
        if acks:
            self._acknowledged(name, self.p.ask("Produce", version, body), counts)
            return
        if not self.p.ask_without_answer("Produce", version, body):
            self.sessions.clear()  # the connection was closed; the next one may be served elsewhere
        # Nothing tells when a batch is there that nobody acknowledges, but for one behind it.
        for partition in batches:
            data, _ = self._sound()
            answer = self.p.ask("Produce", version, request(self.p, name, (partition, data)))
            self._acknowledged(name, answer, {partition: 1})

    def _acknowledged(self, name, answer, counts):
        for topic in answer.get("responses", []):
            for row in topic["partitionResponses"]:
                if row["errorCode"] == 0:
                    self.ends[name, row["index"]] = row["baseOffset"] + counts[row["index"]]

    def _batch(self):
        return self._sound() if self._chance(60) else self._odd()

    def _values(self):
        values = [self.random.randbytes(self.random.choice([0, 3, 30, 300])) for _ in range(self.random.randint(1, 4))]
        key = self.random.choice([None, b"", b"k", b"key"])
        timestamp = self.p.clock_ms + self.random.randrange(1000)
        return values, {"key": key, "timestamp": timestamp}

    def _sound(self):
        values, more = self._values()
        return batch.batch(values, **more, codec=self.random.choice([0, 0, 0, batch.GZIP])), len(values)

    def _odd(self):
        """Batches that Kafka takes as they are, that it mends, and that it refuses."""
        values, more = self._values()
        size = len(values)
        change = self.random.choice([
            {"bad_crc": True}, {"magic": 0}, {"magic": 1}, {"magic": 3}, {"count": size + 1}, {"count": 0},
            {"last_delta": size + 2}, {"base_offset": 7}, {"epoch": 5}, {"attributes": batch.CONTROL},
            {"attributes": batch.TRANSACTIONAL}, {"attributes": batch.LOG_APPEND_TIME}, {"attributes": 0x100},
            {"max_timestamp": 1}, {"records": b""}, {"records": b"\xff\xff\xff\xff\x0f"}, {"length": 10},
            {"timestamp": self.p.clock_ms + 3 * HOUR_MS}, {},
        ])  # fmt: skip
        data = batch.batch(values, **(more | change))
        if not change:
            data = self.random.choice([data + data, data[:-1], data[:30], data + b"\0\0", b"", b"\0"])
        return data, size

    # -- idempotent producers

    def _new_producer(self):
        body = {"transactionalId": None, "transactionTimeoutMs": 60_000}
        self.p.until("producer ids", lambda: self.p.quiet("InitProducerId", 4, body)["errorCode"] == 0)
        answer = self.p.ask("InitProducerId", self._version("InitProducerId"), body)
        self.producers.append({"id": answer.get("producerId", 1), "epoch": 0, "next": {}})

    def _produce_in_sequence(self):
        if not self.producers:
            return self._new_producer()
        producer, name = self.random.choice(self.producers), self._topic()
        partition = self._partition(name)
        values, more = self._values()
        if self._chance(10):
            producer["epoch"], producer["next"] = producer["epoch"] + 1, {}
        due = producer["next"].get((name, partition), 0)
        sequence = due if self._chance(70) else due + self.random.choice([-len(values), -1, 1, -6, 5, -due])
        epoch = producer["epoch"] - self._chance(5)
        if sequence < -1:
            sequence += 2**31
        data = batch.batch(values, **more, producer=(producer["id"], epoch, sequence))
        answer = self.p.ask("Produce", self._version("Produce"), request(self.p, name, (partition, data)))
        for topic in answer.get("responses", []):
            for row in topic["partitionResponses"]:
                if row["errorCode"] == 0:
                    behind = (sequence + len(values)) % 2**31
                    producer["next"][name, partition] = max(due, behind)
                    end = row["baseOffset"] + len(values)
                    self.ends[name, partition] = max(end, self.ends.get((name, partition), 0))

    def _producers_there(self):
        name = self._topic()
        rows = [{"name": name, "partitionIndexes": [self._partition(name)]}]
        self.p.ask("DescribeProducers", 0, {"topics": rows})

    # -- fetching

    def _rows(self, version):
        """Topics, each with some partitions."""
        topics = []
        for _ in range(self.random.randint(1, 3)):
            name = self._topic()
            rows = []
            for _ in range(self.random.randint(1, 3)):
                partition = self._partition(name)
                rows.append({
                    "partition": partition,
                    "fetchOffset": self._offset(name, partition),
                    "partitionMaxBytes": self.random.choice([BIG, BIG, 1, 0]),
                    "currentLeaderEpoch": self.random.choice([-1] * 8 + [0, 1]),
                    "lastFetchedEpoch": self.random.choice([-1] * 8 + [0, 1]) if version >= 12 else -1,
                })  # fmt: skip
            topics.append((name, rows))
        return topics

    def _ask_fetch(self, version, topics, **more):
        rows = [{"topic": name, "topicId": self._id(name), "partitions": rows} for name, rows in topics]
        head = {"maxWaitMs": 5, "minBytes": 1, "maxBytes": BIG}
        return self.p.ask("Fetch", version, head | {"topics": rows} | more)

    def _limits(self):
        return {
            "maxWaitMs": self.random.choice([0, 5, 20]),
            "minBytes": self.random.choice([0, 1, 1, 100]),
            "maxBytes": self.random.choice([BIG, BIG, BIG, 1]),
            "isolationLevel": self.random.choice([0, 0, 1]),
        }

    def _fetch(self):
        version = self._version("Fetch")
        self._ask_fetch(version, self._rows(version), sessionEpoch=-1, **self._limits())

    def _session(self):
        if len(self.sessions) < SESSIONS_MAX and self._chance(30) or not self.sessions:
            return self._begin_session(0)
        session = self.random.choice(self.sessions)
        kind = self.random.randrange(20)
        if kind == 0:
            self.sessions.remove(session)
            return self._begin_session(session["id"])
        if kind == 1:
            self.sessions.remove(session)
            version = session["version"]
            return self._ask_fetch(version, self._rows(version), sessionId=session["id"], sessionEpoch=-1)
        epoch, version = session["epoch"], session["version"]
        if kind == 2:
            epoch += self.random.choice([-1, 1])
        if kind == 3:
            version = 12 if version > 12 else 13
        topics = [] if self._chance(50) else self._rows(version)
        forgotten = []
        if self._chance(20):
            for name, rows in self._rows(version):
                indices = [row["partition"] for row in rows]
                forgotten.append({"topic": name, "topicId": self._id(name), "partitions": indices})
        answer = self._ask_fetch(
            version, topics, sessionId=session["id"], sessionEpoch=epoch, forgottenTopicsData=forgotten, **self._limits()
        )
        if answer.get("sessionId") == session["id"] and answer["errorCode"] == 0:
            session["epoch"] = epoch + 1
        elif answer.get("errorCode") == 0:
            self.sessions.remove(session)

    def _begin_session(self, replaced):
        version = self._version("Fetch", oldest=7)
        answer = self._ask_fetch(version, self._rows(version), sessionId=replaced, sessionEpoch=0, **self._limits())
        if answer.get("sessionId"):
            self.sessions.append({"id": answer["sessionId"], "epoch": 1, "version": version})

    # -- offsets

    def _list_offsets(self):
        name = self._topic()
        timestamps = [-1, -1, -2, -4, -5, -6, -7, 0, self.p.clock_ms + self.random.randrange(1000), 2**50]
        if name not in self.vague:
            timestamps.append(-3)
        version = self._version("ListOffsets")
        more = {"isolationLevel": self.random.choice([0, 1]) if version >= 2 else 0}
        epoch = self.random.choice([-1] * 5 + [0, 1, -2])
        self._list(version, name, self._partition(name), self.random.choice(timestamps), epoch, **more)

    def _list(self, version, name, partition, timestamp, epoch=-1, **more):
        rows = [{"partitionIndex": partition, "timestamp": timestamp, "currentLeaderEpoch": epoch}]
        body = {"replicaId": -1, "topics": [{"name": name, "partitions": rows}]}
        answer = self.p.ask("ListOffsets", version, body | more)
        return next((row["offset"] for topic in answer.get("topics", []) for row in topic["partitions"]), -1)

    def _epochs(self):
        name = self._topic()
        row = {
            "partition": self._partition(name),
            "currentLeaderEpoch": self.random.choice([-1, -1, 0, 1, -2]),
            "leaderEpoch": self.random.choice([0, 0, 1, -1, -5]),
        }
        body = {"replicaId": -1, "topics": [{"topic": name, "partitions": [row]}]}
        self.p.ask("OffsetForLeaderEpoch", self._version("OffsetForLeaderEpoch"), body)

    def _delete_records(self):
        name = self._topic()
        partition = self._partition(name)
        row = {"partitionIndex": partition, "offset": self._offset(name, partition)}
        body = {"topics": [{"name": name, "partitions": [row]}], "timeoutMs": 5000}
        self.p.ask("DeleteRecords", self._version("DeleteRecords"), body)
        self.vague.add(name)
