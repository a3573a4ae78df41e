"""What groups have committed and where partitions end, asked by hand (OffsetFetch v1, ListOffsets v1), so that no client
stands between."""

import socket
import struct

LIST_OFFSETS, OFFSET_FETCH, VERSION = 2, 9, 1
LATEST = -1
SECONDS_MAX = 5
# The partition or the coordinator loads, is not there yet, or was here.
RETRIABLE = {3, 5, 6, 14, 15, 16}


class NotYet(Exception):
    """The broker cannot answer at the moment."""


def committed(port, group, topic, partitions):
    """The committed offset of each partition, -1 for none."""
    body = _text(group) + struct.pack(">i", 1) + _text(topic)
    body += struct.pack(f">i{partitions}i", partitions, *range(partitions))
    answer = _ask(port, OFFSET_FETCH, body)

    def read(at):
        partition, offset, length = struct.unpack_from(">iqh", answer, at)
        at += 14 + max(0, length)
        (error,) = struct.unpack_from(">h", answer, at)
        return at + 2, partition, error, offset

    return _partitions(answer, topic, read)


def log_ends(port, topic, partitions):
    """The offset behind the last record of each partition."""
    body = struct.pack(">ii", -1, 1) + _text(topic) + struct.pack(">i", partitions)
    body += b"".join(struct.pack(">iq", partition, LATEST) for partition in range(partitions))
    answer = _ask(port, LIST_OFFSETS, body)

    def read(at):
        partition, error, _, offset = struct.unpack_from(">ihqq", answer, at)
        return at + 22, partition, error, offset

    return _partitions(answer, topic, read)


def _ask(port, api_key, body):
    header = struct.pack(">hhih", api_key, VERSION, 1, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as link:
            link.sendall(struct.pack(">i", len(header + body)) + header + body)
            answer = link.makefile("rb")
            (length,) = struct.unpack(">i", answer.read(4))
            return answer.read(length)
    except (OSError, struct.error) as error:
        raise NotYet(str(error)) from None


def _partitions(answer, topic, read):
    """The offsets by partition, of an answer about one topic."""
    at = 4 + 4 + 2 + len(topic)  # correlation, topics, the topic's name
    (count,) = struct.unpack_from(">i", answer, at)
    at += 4
    offsets = {}
    for _ in range(count):
        at, partition, error, offset = read(at)
        if error in RETRIABLE:
            raise NotYet(f"error {error}")
        if error:
            raise ValueError(f"partition {partition}: error {error}")
        offsets[partition] = offset
    return [offsets[p] for p in sorted(offsets)]


def _text(text):
    return struct.pack(">h", len(text)) + text.encode()
