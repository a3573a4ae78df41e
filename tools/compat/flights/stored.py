"""Which codecs the batches of a topic really carry, read by a raw Fetch.

Clients hide this, and librdkafka falls back to no compression at all, without a word, when a broker's ApiVersions
does not please it (KAFKA-18659): a run "with zstd" would then prove nothing.
"""

import collections
import socket
import struct

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
FETCH, FETCH_VERSION = 1, 11  # the last one without compact encoding
PARTITION_BYTES_MAX = 1 << 20


def codec_bytes(port, topic, partitions):
    """codec name -> bytes of whole batches, over the first MiB of every partition."""
    found = collections.Counter()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        for partition in range(partitions):
            for codec, size in _batches(_fetch(link, topic, partition)):
                found[codec] += size
    return found


def _fetch(link, topic, partition):
    name = topic.encode()
    body = struct.pack(">iiiibii", -1, 0, 0, PARTITION_BYTES_MAX, 0, 0, -1)
    body += struct.pack(">ih", 1, len(name)) + name
    body += struct.pack(">iiiqqi", 1, partition, -1, 0, -1, PARTITION_BYTES_MAX)
    body += struct.pack(">ih", 0, 0)  # no forgotten topics, empty rack
    request = struct.pack(">hhih", FETCH, FETCH_VERSION, partition, -1) + body
    link.sendall(struct.pack(">i", len(request)) + request)
    answer = _exactly(link, struct.unpack(">i", _exactly(link, 4))[0])

    correlation, _throttle, error, _session, topics, name_len = struct.unpack_from(">iihiih", answer)
    at = 20 + name_len
    _count, _index, partition_error, _high, _stable, _start, aborted = struct.unpack_from(">iihqqqi", answer, at)
    if (correlation, error, topics, partition_error) != (partition, 0, 1, 0):
        raise ValueError(f"fetch of {topic}-{partition}: error {error}, partition error {partition_error}")
    at += 38 + 16 * max(aborted, 0) + 4  # then the preferred replica
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + size]


def _batches(records):
    at = 0
    while at + 61 <= len(records):
        (length,) = struct.unpack_from(">i", records, at + 8)
        (attributes,) = struct.unpack_from(">h", records, at + 21)
        if at + 12 + length > len(records):
            return  # cut by the limit
        yield CODECS[attributes & 7], 12 + length
        at += 12 + length


def _exactly(link, count):
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise ConnectionError("the broker closed the connection")
        data += part
    return data
