"""Frames and headers, and ApiVersions, which stands closest to them."""

import struct


def api_versions(p):
    for version in p.versions("ApiVersions"):
        p.ask("ApiVersions", version, {"clientSoftwareName": "compare", "clientSoftwareVersion": "1.0"})


def api_versions_unknown(p):
    for version in (6, 99, 32767, -1):
        p.ask_raw("ApiVersions", version, b"")
    p.ask("ApiVersions", 3, {"clientSoftwareName": "still", "clientSoftwareVersion": "1"})


def api_versions_bad_names(p):
    for name, version in (("", "1"), ("a b", "1"), ("-a", "1"), ("a", ""), ("a" * 300, "1"), ("a", "1.0-x")):
        for api_version in (3, 4):
            p.ask("ApiVersions", api_version, {"clientSoftwareName": name, "clientSoftwareVersion": version})


def api_versions_other_cluster(p):
    name = {"clientSoftwareName": "compare", "clientSoftwareVersion": "1"}
    cluster = p.quiet("Metadata", 9, {"topics": []})["clusterId"]
    p.ask("ApiVersions", 5, name | {"clusterId": cluster, "nodeId": p.node_id})
    p.ask("ApiVersions", 5, name | {"clusterId": "another", "nodeId": p.node_id})
    p.ask("ApiVersions", 5, name | {"clusterId": cluster, "nodeId": 77})
    p.ask("ApiVersions", 5, name | {"clusterId": cluster})
    p.ask("ApiVersions", 5, name | {"nodeId": p.node_id})


def unsupported_versions(p):
    for api in ("Produce", "Fetch", "ListOffsets", "Metadata", "CreateTopics", "DeleteTopics", "DescribeConfigs",
                "OffsetForLeaderEpoch", "InitProducerId", "DescribeCluster"):  # fmt: skip
        p.ask_raw(api, p.versions(api)[-1] + 1 + (api == "InitProducerId"), bytes(40))
    for api in ("Produce", "Fetch", "ListOffsets", "CreateTopics"):
        p.ask_raw(api, p.versions(api)[0] - 1, bytes(40))


def unknown_keys(p):
    for key in (-1, 4, 7, 52, 58, 62, 67, 95, 999, 32767):
        p.ask_raw(key, 0, bytes(8))


def lengths(p):
    for note, length in (("zero", 0), ("minus one", -1), ("above the limit", 104857601), ("huge", 2**31 - 1)):
        p.ask_bytes(f"length {note}", struct.pack(">i", length) + bytes(16))
    p.ask_bytes("length at the limit", struct.pack(">i", 104857600) + bytes(16))
    p.ask_bytes("half a length", b"\0\0")


def headers(p):
    def frame(head):
        return struct.pack(">i", len(head)) + head

    p.ask_bytes("header of 2 bytes", frame(struct.pack(">h", 3)))
    p.ask_bytes("header without a client id", frame(struct.pack(">hhi", 3, 1, 7)))
    p.ask_bytes("null client id", frame(struct.pack(">hhih", 18, 0, 7, -1)))
    p.ask_bytes("empty client id", frame(struct.pack(">hhih", 18, 0, 7, 0)))
    p.ask_bytes("negative correlation id", frame(struct.pack(">hhih", 18, 0, -7, -1)))
    p.ask_bytes("client id of 5,000 bytes", frame(struct.pack(">hhih", 18, 0, 7, 5000) + b"x" * 5000))
    p.ask_bytes("client id longer than the frame", frame(struct.pack(">hhih", 18, 0, 7, 100) + b"x"))
    p.ask_bytes("tags cut short", frame(struct.pack(">hhih", 18, 3, 7, -1) + b"\x01"))


def bodies(p):
    p.ask_raw("Metadata", 1, struct.pack(">i", -1) + b"behind the body")
    p.ask_raw("Metadata", 9, b"\x01\x00\x00\x00\x00" + b"behind the body")
    p.ask_raw("Metadata", 1, struct.pack(">i", -2))
    p.ask_raw("Metadata", 1, struct.pack(">i", 1000) + b"x")
    p.ask_raw("Metadata", 1, struct.pack(">i", 2**31 - 1))
    p.ask_raw("Metadata", 9, b"\xff\xff\xff\xff\xff\xff\x01")
    p.ask_raw("Metadata", 9, b"")
    # One tagged field of four bytes that nobody knows, then the same tag again.
    p.ask_raw("Metadata", 9, b"\x01\x00\x00\x00\x02\xb9\x60\x04\xde\xad\xbe\xef\xb9\x60\x00")
    p.ask_raw("Metadata", 9, b"\x01\x07\x07\x07\x00")  # booleans of 7
    p.ask_raw("Metadata", 1, struct.pack(">ih", 1, -1))  # a null name before names may be null


SCENARIOS = [
    *(api_versions, api_versions_unknown, api_versions_bad_names, api_versions_other_cluster),
    *(unsupported_versions, unknown_keys, lengths, headers, bodies),
]
