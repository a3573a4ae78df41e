"""What a scenario holds in its hand: one broker, asked and remembered."""

import base64
import struct
import time

import batch
from normalise import ZERO_ID, Normaliser
from wire import Closed, CodecError, Link, Silent

WAIT_SECONDS_MAX = 20
LEADER_NOT_READY = {3, 5, 6, 100}  # unknown topic, leader not available, not leader, unknown topic id


class Probe:
    """Sends requests, and keeps every answer, normalised, in `exchanges` as (label, request, answer, body asked)."""

    def __init__(self, codec, host, port, clock_ms):
        self.codec, self.clock_ms = codec, clock_ms
        self.exchanges = []
        self.topic_ids = {}  # name -> the id that Metadata last gave
        self._address = (host, port)
        self._link, self._label, self._correlation = Link(host, port), "", 0
        self.node_id = self.quiet("Metadata", 9, {"topics": []})["brokers"][0]["nodeId"]
        self._normaliser = Normaliser(self.node_id)
        self._foreign = []  # topics that were there before us; see forget_what_is_there

    def new_scenario(self, label):
        """Forgets the one before, which may have gone different ways with the two brokers."""
        self.exchanges.clear()
        self._normaliser = Normaliser(self.node_id)
        self.case(label)

    def case(self, label):
        """Names what follows in reports and in known.toml."""
        self._label = label

    def versions(self, api):
        return self.codec.versions(api)

    def edges(self, api):
        """The oldest and the newest version."""
        return sorted({self.versions(api)[0], self.versions(api)[-1]})

    # -- asking, with the answer compared

    def ask(self, api, version, body):
        """Returns the decoded answer, or {} if there was none."""
        frame = self.codec.encode(api, version, self._next(), body)
        return self._remember(api, version, lambda: self._link.send(frame), body)

    def begin(self, api, version, body):
        """Sends on a connection of its own, for a request that waits for others; `finish` takes the answer."""
        link = Link(*self._address)
        link.send(self.codec.encode(api, version, self._next(), body))
        return link, api, version, body, self._correlation

    def finish(self, begun):
        link, api, version, body, correlation = begun
        answer = self._remember(api, version, lambda: None, body, link, correlation)
        link.close()
        return answer

    def ask_without_answer(self, api, version, body):
        """For acks=0: sends, then a Metadata on the same connection, whose answer shows that nothing came before it."""
        self._link.send(self.codec.encode(api, version, self._next(), body))
        return self.ask("Metadata", 9, {"topics": []})

    def ask_raw(self, api, version, body):
        """Body bytes as they are behind a sound header: for versions, keys and bodies that no codec would write.

        `api` is a name or a bare key; the answer to a bare key is not decoded.
        """
        client = b"compare"
        known = self.codec.apis.get(api)
        tags = b"\0" if known and version >= known["firstFlexible"] else b""
        key = known["key"] if known else api
        header = struct.pack(">hhih", key, version, self._next(), len(client)) + client + tags
        return self._remember(api, version, lambda: self._link.send(header + body), body.hex())

    def ask_bytes(self, note, data):
        """Bytes as they are, length prefix and all; only whether the connection is closed is compared."""
        self._link.close()
        self._link.send_raw(data)
        try:
            self._link.receive(seconds=1)
            outcome = "answered"
        except Closed:
            outcome = "closed"
        except Silent:
            outcome = "waits for more"
        self.exchanges.append((self._label, note, {"outcome": outcome}, data.hex()))
        self._link.close()

    # -- asking, for the scenario's own needs

    def batches(self, records):
        """What a `records` field of a decoded answer holds; see batch.take_apart."""
        return batch.take_apart(base64.b64decode(records or ""))

    def quiet(self, api, version, body):
        """An answer that is not compared."""
        self._link.send(self.codec.encode(api, version, self._next(), body))
        return self.codec.decode(api, version, self._link.receive())["body"]

    def until(self, what, good):
        """Polls until `good()`: brokers apply what they have acknowledged a moment later."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not good():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._label}: waited {WAIT_SECONDS_MAX} s for {what}")
            time.sleep(0.02)

    def topic(self, name, partitions=1, **configs):
        """Makes a topic, without comparing, and waits until it can be used."""
        wanted = [{"name": k.replace("_", "."), "value": str(v)} for k, v in configs.items()]
        topic = {"name": name, "numPartitions": partitions, "replicationFactor": 1, "configs": wanted}
        answer = self.quiet("CreateTopics", 7, {"topics": [topic], "timeoutMs": 30_000})["topics"][0]
        if answer["errorCode"] != 0:
            raise ValueError(f"{self._label}: cannot create {name}: {answer['errorCode']} {answer['errorMessage']}")
        self.until_there(name, partitions)
        return name

    def until_there(self, name, partitions):
        """Until Metadata shows all partitions with a leader, and the leader serves them."""
        self.until(f"{name} with {partitions} partitions", lambda: self._is_there(name, partitions))

    def until_gone(self, name):
        self.until(f"{name} to go", lambda: self._metadata(name)["errorCode"] == 3)

    def until_config(self, kind, name, key, value):
        def shown():
            resource = {"resourceType": kind, "resourceName": name, "configurationKeys": [key]}
            result = self.quiet("DescribeConfigs", 4, {"resources": [resource]})["results"][0]
            return any(c["value"] == value for c in result["configs"])

        self.until(f"{name}'s {key} to be {value}", shown)

    def forget_what_is_there(self, prefix):
        """Deletes what an earlier run left behind, and leaves topics of others out of every answer to come."""
        names = [t["name"] for t in self.quiet("Metadata", 12, {"topics": None})["topics"]]
        self._foreign = [n for n in names if not n.startswith(prefix)]
        ours = [{"name": n} for n in names if n.startswith(prefix)]
        if ours:
            self.quiet("DeleteTopics", 6, {"topics": ours, "timeoutMs": 30_000})
        for topic in ours:
            self.until_gone(topic["name"])

    def close(self):
        self._link.close()

    # -- private

    def _next(self):
        self._correlation += 1
        return self._correlation

    def _metadata(self, name):
        return self.quiet("Metadata", 12, {"topics": [{"name": name}], "allowAutoTopicCreation": False})["topics"][0]

    def _is_there(self, name, partitions):
        shown = self._metadata(name)
        if shown["errorCode"] != 0 or len(shown["partitions"]) != partitions:
            return False
        if any(p["errorCode"] != 0 or p["leaderId"] < 0 for p in shown["partitions"]):
            return False
        if shown["topicId"] != ZERO_ID:
            self.topic_ids[name] = shown["topicId"]
            self._normaliser.learn_topic(name, shown["topicId"])
        asked = [{"partitionIndex": p, "timestamp": -1} for p in range(partitions)]
        body = {"replicaId": -1, "topics": [{"name": name, "partitions": asked}]}
        answer = self.quiet("ListOffsets", 7, body)["topics"][0]
        return not any(p["errorCode"] in LEADER_NOT_READY for p in answer["partitions"])

    def _remember(self, api, version, send, body, link=None, correlation=None):
        """Sends, and keeps what comes back; gives the decoded answer, {} if there was none."""
        link, correlation = link or self._link, correlation or self._correlation

        def keep(tree):
            self.exchanges.append((self._label, f"{api} v{version}", tree, body))

        send()
        try:
            answer = link.receive()
        except (Closed, Silent) as error:
            keep({"outcome": "closed" if isinstance(error, Closed) else "no answer"})
            return {}
        if api not in self.codec.apis:
            keep({"outcome": "answered"})
            return {}
        try:
            decoded = self.codec.decode(api, version, answer)
        except CodecError as error:
            keep({"outcome": f"not decodable: {error}"})
            link.close()
            return {}
        tree = self._normaliser.answer(api, decoded["body"])
        if api == "Metadata":
            for name in self._foreign:
                tree["topics"].pop(name, None)
        good_id = decoded["correlation"] == correlation
        keep(tree | {"outcome": "answered", "bytesBehindTheBody": decoded["rest"], "correlationFits": good_id})
        return decoded["body"]


def encoded(*batches):
    """Batches as a `records` field: JSON carries bytes in base64."""
    return base64.b64encode(b"".join(batches)).decode()
