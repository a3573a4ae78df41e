"""Makes the answers of two brokers comparable: what must differ between them gets a name.

Ids that a broker draws (topic ids, producer ids, session ids) are named by the order in which they were met, so that
"the id of the second topic called x" still has to be that on both sides.
"""

import base64
import re
import time

import batch

ZERO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
NOW_WINDOW_MS = 10 * 60 * 1000

NODE_FIELDS = {"nodeId", "brokerId", "leaderId", "controllerId"}
NODE_LIST_FIELDS = {"replicaNodes", "isrNodes", "offlineReplicas", "eligibleLeaderReplicas", "lastKnownElr"}
TIME_FIELDS = {"logAppendTimeMs", "timestamp", "lastTimestamp", "baseTimestamp", "maxTimestamp"}
TEXT_FIELDS = {"errorMessage", "batchIndexErrorMessage"}
MEMBER_FIELDS = {"memberId", "leader"}
BASE64_ID = re.compile(r"[A-Za-z0-9_-]{22}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
BYTE_COUNT_FIELDS = {"totalBytes", "usableBytes"}

# Lists without an order of their own, and the field that tells their entries apart. Where a schema says nothing,
# Kafka answers these from hash maps.
KEYED_LISTS = {
    ("ApiVersions", "apiKeys"): "apiKey",
    ("ApiVersions", "supportedFeatures"): "name",
    ("ApiVersions", "finalizedFeatures"): "name",
    ("Metadata", "brokers"): "nodeId",
    ("Metadata", "topics"): "name",
    ("Metadata", "partitions"): "partitionIndex",
    ("CreateTopics", "topics"): "name",
    ("CreateTopics", "configs"): "name",
    ("DeleteTopics", "responses"): "name",
    ("CreatePartitions", "results"): "name",
    ("DescribeConfigs", "configs"): "name",
    ("AlterConfigs", "responses"): "resourceName",
    ("IncrementalAlterConfigs", "responses"): "resourceName",
    ("Produce", "partitionResponses"): "index",
    ("ListOffsets", "topics"): "name",
    ("ListOffsets", "partitions"): "partitionIndex",
    ("DeleteRecords", "topics"): "name",
    ("DeleteRecords", "partitions"): "partitionIndex",
    ("OffsetForLeaderEpoch", "topics"): "topic",
    ("OffsetForLeaderEpoch", "partitions"): "partition",
    ("DescribeCluster", "brokers"): "brokerId",
    ("DescribeLogDirs", "topics"): "name",
    ("DescribeLogDirs", "partitions"): "partitionIndex",
    ("DescribeProducers", "activeProducers"): "producerId",
    ("ListConfigResources", "configResources"): "resourceName",
    ("FindCoordinator", "coordinators"): "key",
    ("JoinGroup", "members"): "memberId",
    ("DescribeGroups", "groups"): "groupId",
    ("DescribeGroups", "members"): "memberId",
    ("ConsumerGroupHeartbeat", "topicPartitions"): "topicId",
    ("ConsumerGroupDescribe", "groups"): "groupId",
    ("ConsumerGroupDescribe", "members"): "memberId",
    ("ConsumerGroupDescribe", "topicPartitions"): "topicId",
    ("ListGroups", "groups"): "groupId",
    ("DeleteGroups", "results"): "groupId",
    ("OffsetCommit", "topics"): "name",
    ("OffsetFetch", "topics"): "name",
    ("OffsetFetch", "partitions"): "partitionIndex",
    ("OffsetDelete", "topics"): "name",
    ("OffsetDelete", "partitions"): "partitionIndex",
}


class Normaliser:
    def __init__(self, node_id):
        self._node_id = node_id
        self._topic_ids = {}  # id -> "<id 2 of name>"
        self._ids_of_name = {}
        self._drawn = {"producer": {}, "session": {}, "member": {}}

    def learn_topic(self, name, topic_id):
        if topic_id != ZERO_ID and topic_id not in self._topic_ids:
            count = self._ids_of_name[name] = self._ids_of_name.get(name, 0) + 1
            self._topic_ids[topic_id] = f"<id {count} of {name}>"

    def answer(self, api, body):
        self._learn(body)
        return self._tree(api, "", body)

    def _learn(self, value):
        if isinstance(value, list):
            for item in value:
                self._learn(item)
        elif isinstance(value, dict):
            if value.get("name") and "topicId" in value:
                self.learn_topic(value["name"], value["topicId"])
            for item in value.values():
                self._learn(item)

    def _tree(self, api, field, value):
        if isinstance(value, dict):
            return {k: self._tree(api, k, v) for k, v in value.items() if k != "throttleTimeMs"}
        if field == "records" and api == "Fetch" and value is not None:
            return [self._tree(api, "batch", t) for t in batch.take_apart(base64.b64decode(value))]
        if isinstance(value, list):
            if field in NODE_LIST_FIELDS:
                return ["<node>" if n == self._node_id else n for n in value]
            items = [self._tree(api, field, item) for item in value]
            key = KEYED_LISTS.get((api, field))
            return _keyed(items, key) if key else items
        return self._leaf(api, field, value)

    def _leaf(self, api, field, value):
        if value is None or isinstance(value, bool):
            return value
        if field == "topicId":
            return self._topic_ids.get(value, value)
        if field in NODE_FIELDS:
            return "<node>" if value == self._node_id else value
        if field == "resourceName" and value == str(self._node_id):
            return "<node>"
        if field in TIME_FIELDS:
            return "<now>" if abs(value - time.time() * 1000) < NOW_WINDOW_MS else value
        if field in TEXT_FIELDS:
            return "<text>" if value else value
        if field in BYTE_COUNT_FIELDS:
            return "<bytes>" if value > 0 else value
        if field in MEMBER_FIELDS:
            if BASE64_ID.fullmatch(value):
                return self._name_of("member", value)
            return UUID.sub(lambda uuid: self._name_of("member", uuid[0]), value)
        if field == "producerId" and value >= 0:
            return self._name_of("producer", value)
        if field == "sessionId" and value > 0:
            return self._name_of("session", value)
        if field == "finalizedFeaturesEpoch":
            return "<epoch>" if value >= 0 else value
        if field == "clusterId":
            return "<cluster>" if value else value
        return {"host": "<host>", "port": "<port>", "logDir": "<directory>"}.get(field, value)

    def _name_of(self, kind, value):
        names = self._drawn[kind]
        return names.setdefault(value, f"<{kind} {len(names) + 1}>")


def _keyed(items, key):
    """A list as a dictionary; a second entry of one key gets `key#2`."""
    out = {}
    for item in items:
        name, number = str(item.get(key)), 1
        unique = name
        while unique in out:
            number += 1
            unique = f"{name}#{number}"
        out[unique] = item
    return out
